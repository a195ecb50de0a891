"""Logins: tokens through the engine's client, once for all threads, and anew after a 401."""

import json
import threading

import attrs
import pytest

import tailrace
from tailrace_sheets._login import Login, find_login, is_loopback


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/x", True),
        ("http://127.3.2.1", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("https://localhost.example.com", False),
        ("https://sheets.googleapis.com", False),
        ("http://0.0.0.0", False),
    ],
)
def test_what_is_loopback(url, expected):
    assert is_loopback(url) is expected


def test_a_loopback_address_needs_no_login():
    assert find_login(None, "http://127.0.0.1:1/sheets", None) is None


def test_a_service_account_fetches_one_token(sheet, service_account):
    report = sheet.deliver(
        [{"id": n} for n in range(100)],
        options={"credentials": json.dumps(service_account)},
        limits={"batch_size": 10},
    )
    tokens = [each for each in sheet.sandbox.requests("sheets") if each.path == "/token"]
    signed = [each for each in sheet.requests() if "authorization" in each.headers]

    assert sheet.counts(report) == {"read": 100, "delivered": 100}
    assert len(tokens) == 1
    assert len(signed) == len(sheet.requests()) - 1


def test_a_token_is_asked_for_again_after_a_reset(sheet, service_account):
    sheet.sandbox.faults.add("sheets", "reset_before", path="/token", times=2)
    report = sheet.deliver([{"id": 1}], options={"credentials": json.dumps(service_account)})

    assert sheet.counts(report) == {"read": 1, "delivered": 1}


def test_credentials_can_be_the_path_of_a_file(sheet, service_account, tmp_path):
    path = tmp_path / "service-account.json"
    path.write_text(json.dumps(service_account))
    report = sheet.deliver([{"id": 1}], options={"credentials": str(path)})

    assert report.ok
    assert "authorization" in sheet.requests()[-1].headers


def test_an_authorized_user_signs_in_with_google_itself():
    seen = []

    def lost(request, judged):
        seen.append((request.url, request.safe, judged))
        raise tailrace.UnsentError("no connection")

    user = {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "secret",
        "refresh_token": "token",
    }
    given = tailrace.Secret(json.dumps(user))
    login = find_login(given, "https://sheets.googleapis.com", tailrace.Http(lost))
    with pytest.raises(tailrace.RetryableError):
        login.headers()

    assert seen == [("https://oauth2.googleapis.com/token", True, False)] * 3
    assert login.email is None


def test_a_401_is_answered_with_a_new_token_once(sheet, service_account):
    sheet.sandbox.faults.add("sheets", "answer", status=401, path="values:batchUpdate")
    report = sheet.deliver([{"id": 1}], options={"credentials": json.dumps(service_account)})
    tokens = [each for each in sheet.sandbox.requests("sheets") if each.path == "/token"]

    assert report.ok
    assert len(tokens) == 2


def test_credentials_that_are_refused_stop_the_run(sheet, service_account):
    sheet.sandbox.faults.add("sheets", "answer", status=401, times=None, path="v4")
    report = sheet.deliver([{"id": 1}], options={"credentials": json.dumps(service_account)})

    assert report.exit_code == 3
    assert report.problem.startswith("Google does not accept these credentials")


def test_a_token_that_is_refused_stops_the_run_and_shows_no_key(sheet, service_account):
    sheet.sandbox.faults.add("sheets", "answer", status=400, times=None, path="token")
    report = sheet.deliver([{"id": 1}], options={"credentials": json.dumps(service_account)})

    assert report.exit_code == 3
    assert report.problem.startswith("Google gives no token for these credentials")
    assert "PRIVATE" not in report.problem


@attrs.define
class Credentials:
    """Credentials whose tokens are numbers."""

    token: int | None = None
    fetched: int = 0

    @property
    def valid(self):
        return self.token is not None

    def refresh(self, request):
        self.fetched += 1
        self.token = self.fetched

    def apply(self, headers):
        headers["Authorization"] = f"Bearer {self.token}"


def test_threads_that_meet_the_same_401_fetch_one_token():
    login = Login(Credentials(), None)
    ready = threading.Barrier(8)

    def meet():
        login.headers()
        ready.wait()
        login.refresh()

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert login.credentials.fetched == 2


def test_no_answer_of_the_token_server_is_worth_another_try(service_account):
    def lost(request, judged):
        raise tailrace.UnansweredError("no answer")

    given = tailrace.Secret(json.dumps(service_account))
    login = find_login(given, "https://sheets.googleapis.com", tailrace.Http(lost))

    with pytest.raises(tailrace.RetryableError, match="Google gave no token: no answer"):
        login.headers()
