"""Clients that others wrote read and write the twin as they do the real service."""

import gspread
import pytest
from googleapiclient.errors import HttpError


def test_gspread_makes_fills_and_reads_a_spreadsheet(gs):
    made = gs.create("People")
    sheet = made.sheet1
    sheet.update([["id", "name"], [1, "Ada"], [2, "Grace"]])

    assert gs.open("People").sheet1.get_all_records() == [
        {"id": 1, "name": "Ada"},
        {"id": 2, "name": "Grace"},
    ]


def test_gspread_works_through_its_everyday_calls(gs):
    made = gs.create("Everyday")
    sheet = made.add_worksheet("It's a tab!", rows=10, cols=5)
    sheet.append_row(["a", 1])
    sheet.append_rows([["b", 2], ["c", 3]])
    sheet.update_cell(1, 3, "=SUM(B1:B3)")
    sheet.format("A1:B1", {"textFormat": {"bold": True}})
    sheet.freeze(rows=1)
    sheet.insert_row(["top"], index=1)
    sheet.sort((1, "des"), range="A2:C4")
    sheet.batch_update([{"range": "E1", "values": [["x"]]}, {"range": "E2", "values": [["y"]]}])
    sheet.batch_clear(["E2"])
    sheet.delete_rows(4)
    sheet.resize(rows=30, cols=6)

    assert sheet.get_all_values() == [
        ["top", "", "", "", "x"],
        ["c", "3", "", "", ""],
        ["b", "2", "", "", ""],
    ]
    assert sheet.find("b").address == "A3"
    assert sheet.row_values(2) == ["c", "3"]
    assert sheet.col_values(1) == ["top", "c", "b"]
    assert (sheet.row_count, sheet.col_count, sheet.frozen_row_count) == (30, 6, 1)
    assert [tab.title for tab in made.worksheets()] == ["Sheet1", "It's a tab!"]


def test_gspread_copies_renames_and_deletes(gs):
    made = gs.create("First")
    tab = made.sheet1
    tab.update([["kept"]])
    tab.update_title("Renamed")
    copied = tab.duplicate(new_sheet_name="Again")
    twin = gs.copy(made.id, title="Second")

    assert copied.get("A1") == [["kept"]]
    assert gs.open("Second").worksheet("Renamed").acell("A1").value == "kept"
    made.share("ada@example.com", perm_type="user", role="writer", notify=False)
    assert [p["role"] for p in made.list_permissions()] == ["owner", "writer"]
    made.del_worksheet(copied)
    gs.del_spreadsheet(twin.id)
    assert [entry["name"] for entry in gs.list_spreadsheet_files()] == ["First"]


def test_gspread_reads_errors(gs):
    made = gs.create("Errors")

    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        gs.open_by_key("nothing")
    with pytest.raises(gspread.exceptions.APIError, match="exceeds grid limits"):
        made.sheet1.update([["x"]], "A1001")
    with pytest.raises(gspread.exceptions.WorksheetNotFound):
        made.worksheet("Nope")


def test_gspread_reads_cell_objects_named_ranges_and_notes(gs):
    made = gs.create("Objects")
    sheet = made.sheet1
    cells = sheet.range("A1:B2")
    for i, cell in enumerate(cells):
        cell.value = i
    sheet.update_cells(cells)
    sheet.define_named_range("A1:B2", "Block")
    sheet.insert_note("A1", "mind this")
    sheet.merge_cells("D1:E1")
    sheet.copy_range("A1:B2", "A5")
    sheet.cut_range("A5:B6", "C5")

    assert sheet.get("Block") == [["0", "1"], ["2", "3"]]
    assert sheet.get("C5:D6") == [["0", "1"], ["2", "3"]]
    assert sheet.get_note("A1") == "mind this"
    assert made.list_named_ranges()[0]["name"] == "Block"


def test_the_official_client_round_trips(api):
    made = api.create(
        body={"properties": {"title": "P"}, "sheets": [{"properties": {"title": "My Tab"}}]}
    ).execute()
    values = api.values()
    wrote = values.update(
        spreadsheetId=made["spreadsheetId"],
        range="'My Tab'!B2",
        valueInputOption="RAW",
        body={"values": [[1, 2.5, "x", True, None, ""]]},
    ).execute()
    read = values.get(
        spreadsheetId=made["spreadsheetId"],
        range="'My Tab'!A1:G3",
        valueRenderOption="UNFORMATTED_VALUE",
    ).execute()

    assert wrote["updatedRange"] == "'My Tab'!B2:G2"
    assert (wrote["updatedCells"], wrote["updatedColumns"]) == (5, 6)
    assert read["values"] == [[], ["", 1, 2.5, "x", True]]


def test_the_official_client_batches(api):
    made = api.create(body={}).execute()["spreadsheetId"]
    data = [{"range": "A1:B1", "values": [[1, 2]]}, {"range": "Sheet1!A3", "values": [["z"]]}]
    wrote = (
        api.values()
        .batchUpdate(spreadsheetId=made, body={"valueInputOption": "RAW", "data": data})
        .execute()
    )
    read = api.values().batchGet(spreadsheetId=made, ranges=["A1:B1", "Sheet1!A3"]).execute()
    cleared = (
        api.values().batchClear(spreadsheetId=made, body={"ranges": ["A1", "B5:C6"]}).execute()
    )

    assert (wrote["totalUpdatedCells"], wrote["totalUpdatedRows"]) == (3, 2)
    assert [part["values"] for part in read["valueRanges"]] == [[["1", "2"]], [["z"]]]
    assert cleared["clearedRanges"] == ["Sheet1!A1", "Sheet1!B5:C6"]


def test_the_official_client_gets_metadata_and_cells(api):
    made = api.create(body={"properties": {"title": "M"}}).execute()["spreadsheetId"]
    api.values().update(
        spreadsheetId=made,
        range="A1",
        valueInputOption="USER_ENTERED",
        body={"values": [["=1+1", "2026-02-03"]]},
    ).execute()
    full = api.get(spreadsheetId=made, includeGridData=True, ranges="Sheet1!A1:B2").execute()
    cells = full["sheets"][0]["data"][0]["rowData"][0]["values"]

    assert cells[0]["userEnteredValue"] == {"formulaValue": "=1+1"}
    assert cells[0]["effectiveValue"] == {"numberValue": 2}
    assert cells[1]["formattedValue"] == "2026-02-03"
    assert cells[1]["userEnteredFormat"]["numberFormat"]["type"] == "DATE"


def test_the_official_client_reads_errors(api, sandbox):
    with pytest.raises(HttpError) as missing:
        api.get(spreadsheetId="nothing").execute()
    made = api.create(body={}).execute()["spreadsheetId"]
    sandbox.sheets.forbid(made)
    with pytest.raises(HttpError) as forbidden:
        api.get(spreadsheetId=made).execute()
    sandbox.sheets.allow(made)

    assert (missing.value.status_code, missing.value.reason) == (
        404,
        "Requested entity was not found.",
    )
    assert (forbidden.value.status_code, forbidden.value.reason) == (
        403,
        "The caller does not have permission",
    )
    assert api.get(spreadsheetId=made, fields="spreadsheetId").execute() == {"spreadsheetId": made}


def test_the_official_drive_client_keeps_files(drive):
    kind = "application/vnd.google-apps.spreadsheet"
    made = drive.files().create(body={"name": "It's", "mimeType": kind}).execute()
    drive.files().update(fileId=made["id"], body={"name": "It is"}).execute()
    found = (
        drive.files().list(q=f"name = 'It is' and mimeType='{kind}' and trashed=false").execute()
    )
    drive.files().delete(fileId=made["id"]).execute()

    assert [file["id"] for file in found["files"]] == [made["id"]]
    with pytest.raises(HttpError, match="File not found"):
        drive.files().get(fileId=made["id"]).execute()


def test_a_service_account_gets_its_token_here(sandbox):
    import google.auth.transport.requests
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from google.oauth2 import service_account

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = service_account.Credentials.from_service_account_info(
        {
            "client_email": "robot@example.com",
            "private_key": key.decode(),
            "token_uri": sandbox.url("sheets") + "/token",
        },
        scopes=["https://www.googleapis.com/auth/spreadsheets"],
    )
    with google.auth.transport.requests.AuthorizedSession(account) as session:
        session.trust_env = False
        answer = session.post(sandbox.url("sheets") + "/v4/spreadsheets", json={})

    assert answer.status_code == 200
    assert sandbox.requests("sheets")[-1].headers["authorization"] == "***"
