"""The twin of Google Sheets v4 and of the few Drive v3 calls that its clients need."""
