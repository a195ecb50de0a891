"""The Sheets twin where Google's client, which carries the API's description, is not installed."""

from tailrace_sandbox.sheets import shapes


def test_the_twin_takes_requests_as_they_come(sandbox, session, monkeypatch):
    monkeypatch.setattr(shapes, "shapes", lambda api: None)
    base = "https://sheets.googleapis.com/v4/spreadsheets"
    made = session.post(base, json={"properties": {"title": "Plain"}}).json()["spreadsheetId"]
    session.put(
        f"{base}/{made}/values/Sheet1!A1",
        params={"valueInputOption": "RAW"},
        json={"values": [["a", 1], ["b", 2]]},
    )
    found = session.get(
        f"{base}/{made}",
        params={"ranges": ["Sheet1!A1:B1"], "includeGridData": "true", "fields": "sheets.data"},
    ).json()

    cells = found["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [cell["formattedValue"] for cell in cells] == ["a", "1"]
