"""Google Sheets as a tailrace destination."""
