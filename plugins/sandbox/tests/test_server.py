"""The server: loopback only, quick to stop, and picky about who asks."""

import socket
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from tailrace_sandbox import Sandbox
from tailrace_sandbox.quotas import Quota


def ask(sandbox, text):
    address = urlsplit(sandbox.url())
    with socket.create_connection((address.hostname, address.port), 5) as sock:
        sock.sendall(text)
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_many_requests_share_a_connection(sandbox):
    address = urlsplit(sandbox.url())
    connection = HTTPConnection(address.hostname, address.port, timeout=5)
    for _ in range(3):
        connection.request("POST", "/sheets/v4/spreadsheets", b"{}")
        answer = connection.getresponse()
        answer.read()
        opened = connection.sock
    connection.close()

    assert answer.status == 200
    assert opened is not None
    assert len(sandbox.requests("sheets")) == 3


def test_a_chunked_body_is_read(sandbox):
    answer = requests.post(
        sandbox.url("sheets") + "/v4/spreadsheets",
        data=iter([b'{"properties": ', b'{"title": "C"}}']),
        timeout=5,
    )

    assert answer.json()["properties"]["title"] == "C"


@pytest.mark.parametrize("host", [b"evil.example", b"127.0.0.1.evil.example:80", b"", b"10.0.0.1"])
def test_foreign_hosts_are_refused(sandbox, host):
    for path in (b"/", b"/sheets/v4/spreadsheets", b"/page/state"):
        answer = ask(
            sandbox, b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host)
        )

        assert answer.startswith(b"HTTP/1.1 403")
    assert sandbox.requests("sheets") == []


def test_other_web_pages_are_refused(sandbox):
    answer = requests.post(
        sandbox.url("sheets") + "/v4/spreadsheets",
        json={},
        headers={"Origin": "https://evil.example"},
        timeout=5,
    )

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert sandbox.requests("sheets") == []


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_400(sandbox, text):
    assert ask(sandbox, text).startswith(b"HTTP/1.1 400 Bad Request")


def test_it_stops_at_once_and_leaves_no_thread(sandbox):
    before = set(threading.enumerate())
    with Sandbox() as other:
        url = other.url("sheets")
        with requests.Session() as session:
            session.post(url + "/v4/spreadsheets", json={}, timeout=5)
            other.stop()

    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_taken_port_is_an_error(sandbox):
    taken = Sandbox(urlsplit(sandbox.url()).port)

    with pytest.raises(OSError, match="in use"):
        taken.start()


def test_urls_need_a_running_sandbox_and_a_known_twin(sandbox):
    with pytest.raises(RuntimeError, match="not running"):
        Sandbox().url()
    with pytest.raises(ValueError, match="no twin 'skype'"):
        sandbox.url("skype")


def test_the_log_masks_credentials_and_keeps_bodies(sandbox):
    url = sandbox.url("sheets") + "/v4/spreadsheets?key=s3cret&alt=json"
    requests.post(url, data=b"{}", headers={"Authorization": "Bearer s3cret"}, timeout=5)
    [exchange] = sandbox.requests("sheets")

    assert (exchange.method, exchange.path, exchange.status, exchange.body) == (
        "POST",
        "/v4/spreadsheets",
        200,
        b"{}",
    )
    assert exchange.answer.startswith(b'{"spreadsheetId"')
    assert "s3cret" not in repr(exchange)
    assert exchange.query == {"key": ["***"], "alt": ["json"]}


def test_reset_empties_everything(sandbox, book):
    book.put("A1", [["x"]])
    sandbox.faults.add("sheets", "answer")
    sandbox.reset()

    assert sandbox.requests("sheets") == []
    assert book.meta()["error"]["code"] == 404


def test_quotas_are_enforced_on_demand():
    with Sandbox(quotas=True) as box, requests.Session() as session:
        url = box.url("sheets") + "/v4/spreadsheets"
        made = [session.post(url, json={}, timeout=5) for _ in range(61)]
        other = session.post(url, json={}, headers={"Authorization": "Bearer other"}, timeout=5)
        read = session.get(f"{url}/{made[0].json()['spreadsheetId']}", timeout=5)

    assert [answer.status_code for answer in made] == [200] * 60 + [429]
    assert made[-1].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "Retry-After" not in made[-1].headers
    assert (other.status_code, read.status_code) == (200, 200)


def test_a_quota_fills_up_again():
    now = [0.0]
    quota = Quota(1, 60.0, clock=lambda: now[0])
    taken = [quota.take("a"), quota.take("a")]
    now[0] = 60.0

    assert taken == [True, False]
    assert quota.take("a")


def test_a_hundred_thousand_rows_go_in_one_request(new_book):
    book = new_book(rows=100_000, columns=3)
    book.put("A1", [[i, f"name {i}", i * 0.5] for i in range(100_000)])

    assert book.values("A99999:C") == [[99998, "name 99998", 49999], [99999, "name 99999", 49999.5]]
