"""Opening: options, logins, and what is told about what is not there."""

import json
import subprocess
import sys

import pytest

import tailrace
from tailrace_sheets import tailrace_destination

ROWS = [{"id": 1}]


def test_importing_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, tailrace_sheets; tailrace_sheets.tailrace_destination();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"googleapiclient", "google", "httplib2", "urllib3"} & set(found.stdout.split())


def test_the_spec_declares_googles_limits():
    spec = tailrace_destination()

    assert set(spec.modes) == {"append", "insert", "update", "upsert", "mirror", "replace"}
    assert [(each.count, each.per, each.scope) for each in spec.rate] == [
        (60, 60, "read"),
        (60, 60, "write"),
    ]
    assert spec.max_bytes < 2_000_000


@pytest.mark.parametrize(
    "address",
    [
        "{}",
        " {} ",
        "https://docs.google.com/spreadsheets/d/{}/edit?gid=0#gid=0",
        "https://docs.google.com/spreadsheets/u/0/d/{}/edit",
    ],
)
def test_a_spreadsheet_is_named_by_its_id_or_its_address(address, sheet):
    report = sheet.deliver(ROWS, options={"spreadsheet": address.format(sheet.id)})

    assert report.ok
    assert sheet.values() == [["id"], [1]]


@pytest.mark.parametrize(
    "given",
    ["my sheet", "https://example.com/x", "https://docs.google.com/spreadsheets/d/e/2PACX/pub"],
)
def test_what_is_no_spreadsheet_is_told(given, sheet):
    with pytest.raises(tailrace.ConfigError) as raised:
        sheet.deliver(ROWS, options={"spreadsheet": given})

    assert str(raised.value).startswith(f"options.spreadsheet: {given!r} is no spreadsheet's id")


@pytest.mark.parametrize(
    "given", ["http://sheets.example.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "x"]
)
def test_a_login_never_goes_over_an_open_line(given, sheet):
    with pytest.raises(tailrace.ConfigError, match="neither https nor a loopback address"):
        sheet.deliver(ROWS, options={"base_url": given, "credentials": "{}"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("s3cret-token", "is neither JSON, nor the path of a file that can be read"),
        ('{"private_key": "s3cret-token"', "holds no whole JSON"),
        ('{"private_key": "s3cret-token"}', "type is neither service_account nor authorized_user"),
        (
            '{"type": "service_account", "private_key": "s3cret-token"}',
            "lacks client_email, token_uri",
        ),
        (
            '{"type": "service_account", "private_key": "s3cret-token", "client_email": "a@b",'
            ' "token_uri": "https://oauth2.googleapis.com/token"}',
            "holds a private_key that is none",
        ),
        (
            '{"type": "service_account", "private_key": "s3cret-token", "client_email": "a@b",'
            ' "token_uri": "http://example.com/token"}',
            "token_uri is neither https nor a loopback address",
        ),
    ],
)
def test_bad_credentials_are_told_without_showing_them(given, told, sheet):
    with pytest.raises(tailrace.ConfigError) as raised:
        sheet.deliver(ROWS, options={"credentials": given})

    assert told in str(raised.value)
    assert str(raised.value).startswith("options.credentials: ")
    assert "s3cret" not in str(raised.value)


def test_missing_credentials_name_the_default_ones_too(sheet, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(tailrace.ConfigError) as raised:
        sheet.deliver(ROWS, options={"base_url": "https://sheets.invalid"})

    assert "no application default credentials" in str(raised.value)
    assert "TAILRACE_" in str(raised.value)


def test_a_missing_tab_names_those_that_there_are(sheet):
    sheet.change({"addSheet": {"properties": {"title": "People"}}})
    report = sheet.deliver(ROWS, options={"tab": "Peple"})

    assert report.exit_code == 3
    assert report.problem == (
        "there is no tab 'Peple' in the spreadsheet; it has 'Sheet1', 'People'"
    )


def test_a_missing_spreadsheet_is_told(sheet):
    report = sheet.deliver(ROWS, options={"spreadsheet": "nothing"})

    assert report.exit_code == 3
    assert report.problem.startswith("there is no spreadsheet 'nothing'; its id stands in")


def test_checking_a_sync_changes_nothing(sheet):
    for mode, key in (("append", None), ("upsert", "id"), ("replace", None)):
        tailrace.Sync(
            source=ROWS, destination="sheets", mode=mode, key=key, options=sheet.options
        ).check()

    assert sheet.count() == (3, 0, 0)


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (403, "The caller does not have permission", "is not shared with the account"),
        (
            403,
            "Google Sheets API has not been used in project 1 before or it is disabled.",
            "the Google Sheets API is not enabled in the project",
        ),
        (403, "Request had insufficient authentication scopes.", "without the scope"),
        (401, "Request had invalid authentication credentials.", "does not accept these"),
        (404, "Requested entity was not found.", "there is no spreadsheet"),
        (400, "You are trying to edit a protected cell or object.", "has protected cells"),
        (
            400,
            "This action would increase the number of cells in the workbook above the limit of"
            " 10000000 cells.",
            "more than 10,000,000 cells",
        ),
    ],
)
def test_each_refusal_has_a_cure_of_its_own(status, message, told):
    from tailrace_sheets._book import Book, Transport

    error = tailrace.FatalError if status in (401, 403) else tailrace.RejectedError

    def refuse(request, judged):
        raise error(f"GET x: {status}: {message}", status=status)

    book = Book("abc", "https://example.com", None, tailrace.Http(refuse), Methods(Transport))
    with pytest.raises(tailrace.FatalError) as raised:
        book.describe("x")

    assert told in str(raised.value)
    assert message in str(raised.value)


class Methods:
    """The one method of Google's client that is needed, without the rest of it."""

    def __init__(self, transport):
        self.transport = transport

    def get(self, **_):
        return self

    def execute(self, http, num_retries):
        return http.request("https://example.com/v4/spreadsheets/abc")


def test_a_spreadsheet_that_is_not_shared_names_whom_to_share_it_with(sheet, service_account):
    sheet.sandbox.sheets.forbid(sheet.id)
    report = sheet.deliver(ROWS, options={"credentials": json.dumps(service_account)})

    assert report.exit_code == 3
    assert "not shared with writer@project.iam.gserviceaccount.com: share it as Editor" in (
        report.problem
    )


def test_one_that_is_shared_to_read_only_too(sheet, service_account):
    sheet.sandbox.sheets.forbid(sheet.id, writes_only=True)
    report = sheet.deliver(ROWS, options={"credentials": json.dumps(service_account)})

    assert "not shared with writer@project.iam.gserviceaccount.com" in report.problem
    assert sheet.counts(report) == {"read": 1, "failed": 1}


def test_protected_cells_are_told(sheet):
    protected = {"protectedRange": {"range": {"sheetId": 7}}}
    sheet.change({"addProtectedRange": protected})
    report = sheet.deliver(ROWS)

    assert "someone has protected cells of it" in report.problem
    assert sheet.values() == []
