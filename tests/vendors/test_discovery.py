"""What clients say to the Sheets twin, and what it answers, is as Google's documents say."""

from types import SimpleNamespace

import httplib2
import pytest
import requests
from googleapiclient.discovery import build

from tailrace_sandbox import Sandbox


class Redirected(requests.Session):
    """Send what is meant for Google to the sandbox."""

    def __init__(self, base):
        super().__init__()
        self.trust_env = False
        self.base = base

    def request(self, method, url, *args, **kwargs):
        for host in ("https://sheets.googleapis.com", "https://www.googleapis.com"):
            url = url.replace(host, self.base)
        return super().request(method, url, *args, **kwargs)


@pytest.fixture
def sandbox():
    with Sandbox() as box:
        yield box


def problems(discovery, sandbox):
    exchanges = sandbox.requests("sheets")
    assert len(exchanges) > 3
    return [problem for exchange in exchanges for problem in discovery.check(exchange)]


def test_gspreads_traffic_is_valid(discovery, sandbox):
    import gspread

    with Redirected(sandbox.url("sheets")) as session:
        client = gspread.Client(auth=None, session=session)
        book = client.create("Traffic")
        sheet = book.sheet1
        sheet.update(
            [["id", "when"], [1, "2026-01-02"], [2, "=A2*2"]], value_input_option="USER_ENTERED"
        )
        sheet.append_rows([[3, "x"]])
        sheet.format("A1:B1", {"textFormat": {"bold": True}, "horizontalAlignment": "CENTER"})
        sheet.freeze(rows=1)
        sheet.set_basic_filter("A1:B4")
        sheet.add_protected_range("D1:D2", warning_only=True)
        sheet.define_named_range("A1:B4", "Everything")
        sheet.merge_cells("F1:G1")
        sheet.insert_note("A1", "note")
        sheet.insert_cols([["n"]], col=1)
        sheet.sort((2, "des"), range="A2:C4")
        sheet.batch_get(["A1:B2", "C1"])
        sheet.get_all_records(head=1, expected_headers=[])
        sheet.duplicate(new_sheet_name="Copy")
        book.fetch_sheet_metadata({"includeGridData": True})
        client.list_spreadsheet_files()
        client.copy(book.id, title="Twin", copy_permissions=True)
        client.del_spreadsheet(book.id)

    assert problems(discovery, sandbox) == []


def test_the_official_clients_traffic_is_valid(discovery, sandbox):
    service = build(
        "sheets",
        "v4",
        http=httplib2.Http(timeout=10, proxy_info=None),
        client_options={"api_endpoint": sandbox.url("sheets")},
        cache_discovery=False,
    )
    api = service.spreadsheets()
    book = api.create(body={"properties": {"title": "T", "locale": "de_DE"}}).execute()[
        "spreadsheetId"
    ]
    rows = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}
    cells = [
        {
            "values": [
                {"userEnteredValue": {"numberValue": 1}, "note": "n"},
                {"userEnteredValue": {"formulaValue": "=1/0"}},
            ]
        }
    ]
    mark = {"metadataKey": "k", "location": {"dimensionRange": rows}, "visibility": "DOCUMENT"}
    wanted = [
        {"appendCells": {"sheetId": 0, "rows": cells, "fields": "*"}},
        {"insertDimension": {"range": rows}},
        {"createDeveloperMetadata": {"developerMetadata": mark}},
        {"addSheet": {"properties": {"title": "U", "tabColorStyle": {"rgbColor": {"red": 1}}}}},
        {"findReplace": {"find": "1", "replacement": "2", "sheetId": 0}},
        {
            "addProtectedRange": {
                "protectedRange": {"range": {"sheetId": 0, "endRowIndex": 1}, "warningOnly": True}
            }
        },
    ]
    lookup = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "k"}}]}
    api.batchUpdate(
        spreadsheetId=book,
        body={
            "requests": wanted,
            "includeSpreadsheetInResponse": True,
            "responseIncludeGridData": True,
        },
    ).execute()
    api.get(spreadsheetId=book, includeGridData=True).execute()
    api.getByDataFilter(spreadsheetId=book, body=lookup).execute()
    api.developerMetadata().search(spreadsheetId=book, body=lookup).execute()
    api.values().batchGetByDataFilter(spreadsheetId=book, body=lookup).execute()
    api.values().append(
        spreadsheetId=book,
        range="U",
        valueInputOption="RAW",
        insertDataOption="INSERT_ROWS",
        body={"values": [[1]]},
    ).execute()
    api.values().clear(spreadsheetId=book, range="U", body={}).execute()
    api.sheets().copyTo(
        spreadsheetId=book, sheetId=0, body={"destinationSpreadsheetId": book}
    ).execute()
    service.close()

    assert problems(discovery, sandbox) == []


def exchange(**changes):
    usual = {
        "method": "PUT",
        "target": "/v4/spreadsheets/x/values/A1",
        "query": {"valueInputOption": ["RAW"]},
        "body": b'{"values": [[1, null]]}',
        "status": 200,
        "answer": b'{"spreadsheetId": "x", "updatedCells": 1}',
    }
    return SimpleNamespace(**usual | changes)


def test_the_checker_finds_nothing_wrong_with_what_is_right(discovery):
    assert discovery.check(exchange()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"target": "/v5/nothing"}, "no API has the path"),
        ({"target": "/v4/nothing"}, "no method is PUT"),
        ({"query": {"valueInput": ["RAW"]}}, "has no parameter valueInput"),
        ({"query": {"valueInputOption": ["RAWER"]}}, "not one of"),
        ({"query": {"valueInputOption": ["RAW", "RAW"]}}, "comes 2 times"),
        ({"body": b'{"rows": []}'}, "request: $: Additional properties"),
        ({"body": b'{"values": 1}'}, "request: $.values"),
        ({"answer": b'{"updatedCells": "1"}'}, "answer: $.updatedCells"),
        ({"answer": b'{"extra": 1}'}, "answer: $: Additional properties"),
        ({"status": 400, "answer": b'{"message": "no"}'}, "an error of another shape"),
    ],
)
def test_the_checker_finds_what_is_wrong(discovery, changes, problem):
    assert problem in discovery.check(exchange(**changes))[0]
