"""Strangers: whatever comes over a connection, memory stays flat, it ends, and others are served."""

import json
import select
import socket
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from .senders import sign

HEAD = b"POST /in HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
SOON = 0.3
"""Seconds that an endpoint of these tests waits for a request."""


@contextmanager
def connected(endpoint):
    with socket.create_connection(endpoint.place, timeout=20) as line:
        yield line


def answered(line):
    """Give all that is answered until the other side closes."""
    told = b""
    try:
        while piece := line.recv(65_536):
            told += piece
    except ConnectionResetError:
        pass
    return told


def dripped(line, piece, *, every=0.02):
    """Send a piece again and again, slowly, until the other side has had enough; give its answer."""
    began = time.monotonic()
    told = b""
    while time.monotonic() - began < 20:
        if select.select([line], [], [], every)[0]:
            try:
                part = line.recv(65_536)
            except ConnectionResetError:
                part = b""
            if not part:
                return told, time.monotonic() - began
            told += part
            continue
        try:
            line.sendall(piece)
        except OSError:
            continue
    raise AssertionError("it is still listened to")


def statuses(told):
    return [
        int(each.split(b" ")[1]) for each in told.split(b"\r\n") if each.startswith(b"HTTP/1.1 ")
    ]


def flood(line, piece, most):
    """Send a piece again and again until the other side closes; give what was sent and answered."""
    sent = 0
    line.setblocking(False)
    told = b""
    while sent < most:
        readable, writable, _ = select.select([line], [line], [], 20)
        try:
            if readable:
                part = line.recv(65_536)
                if not part:
                    break
                told += part
            if writable:
                sent += line.send(piece)
        except (ConnectionError, TimeoutError):
            break
    return sent, told


@pytest.mark.parametrize("start", [b"", b"POST", HEAD, HEAD + b"x-slow: "])
def test_a_head_that_comes_too_slowly_ends_the_connection_however_it_drips(listen, start):
    with listen(scheme="none", read_timeout=SOON) as endpoint, connected(endpoint) as line:
        line.sendall(start)
        told, seconds = dripped(line, b"a")

        assert statuses(told) in ([], [400])
        assert seconds < 10
        assert endpoint.post(b"{}")[0] == 200


def test_a_second_request_on_a_connection_has_no_more_time_than_the_first(listen):
    with listen(scheme="none", read_timeout=SOON) as endpoint, connected(endpoint) as line:
        line.sendall(HEAD + b"content-length: 2\r\n\r\n{}" + b"POST /in HT")
        told, seconds = dripped(line, b"")

        assert statuses(told) == [200]
        assert seconds < 10


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD + b"content-length: 100000\r\n\r\n", b"1"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
    ],
)
def test_a_body_that_comes_too_slowly_is_refused_though_it_never_stops(listen, start, piece):
    with listen(scheme="none", read_timeout=SOON) as endpoint, connected(endpoint) as line:
        line.sendall(start)
        told, seconds = dripped(line, piece)

        assert statuses(told) == [408]
        assert seconds < 10
        assert endpoint.rows == []


@pytest.mark.parametrize(
    "lengths",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        b"content-length: 5\r\ntransfer-encoding:\x0bchunked\r\n",
        b"content-length: 5\r\ntransfer-encoding: identity\r\n",
        b"content-length: 5\r\ncontent-length: 50\r\n",
        b"content-length: 5, 50\r\n",
        b"content-length: +5\r\n",
        b"transfer-encoding: chunked, chunked\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"content-length : 5\r\n",
        b" content-length: 5\r\n",
    ],
)
def test_a_body_whose_length_can_be_read_in_two_ways_is_refused_and_so_is_what_hides_in_it(
    listen, lengths
):
    hidden = HEAD + b"content-length: 14\r\n\r\n" + b'{"hidden": 1} '
    with listen(scheme="none") as endpoint, connected(endpoint) as line:
        line.sendall(HEAD + lengths + b"\r\n0\r\n\r\n" + hidden)
        told = answered(line)

        assert len(statuses(told)) == 1
        assert statuses(told)[0] in (400, 415)
        assert endpoint.rows == []


def test_a_body_that_is_announced_too_large_is_refused_before_a_byte_of_it_is_sent(listen):
    with listen(scheme="none", max_body=1_000) as endpoint, connected(endpoint) as line:
        line.sendall(HEAD + b"content-length: 1001\r\nexpect: 100-continue\r\n\r\n")
        told = answered(line)

        assert statuses(told) == [413]
    with listen(scheme="none", max_body=1_000) as endpoint:
        body = b'{"a":"' + b"x" * 992 + b'"}'
        assert len(body) == 1_000
        assert endpoint.post(body)[0] == 200


def test_the_answer_reaches_who_sends_all_of_too_large_a_body_before_listening(listen):
    with listen(scheme="none", max_body=1_000) as endpoint:
        for _ in range(5):
            assert endpoint.post(b"x" * (6 << 20))[0] == 413


def test_a_body_without_an_end_is_refused_and_no_memory_goes_with_it(listen):
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with listen(scheme="none") as endpoint:
        endpoint.post(b"{}")
        before = psutil.Process().memory_info().rss
        for _ in range(20):
            with connected(endpoint) as line:
                line.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
                sent, told = flood(line, piece, 10 << 30)

                assert statuses(told) == [413]
                assert sent < 100 << 20
        grown = psutil.Process().memory_info().rss - before

        assert grown < 64 << 20
        assert endpoint.rows == [{}]


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
        HEAD + b"".join(b"x-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
        HEAD + b"".join(b"x-%d: y\r\n" % n for n in range(101)) + b"\r\n",
        b"POST /in?" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /in FTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"GET\r\n\r\n",
    ],
)
def test_heads_that_are_too_large_or_no_http_are_refused(listen, head):
    with listen(scheme="none") as endpoint, connected(endpoint) as line:
        _, told = flood(line, head, len(head))
        line.setblocking(True)
        line.settimeout(20)
        told += answered(line)

        assert statuses(told) in ([], [400], [431])
        assert endpoint.rows == []
        assert endpoint.post(b"{}")[0] == 200


def test_more_connections_than_there_may_be_are_told_to_come_again_and_the_others_go_on(listen):
    with (
        listen(scheme="none", max_connections=5, read_timeout=2.0) as endpoint,
        ExitStack() as stack,
    ):
        lines = [stack.enter_context(connected(endpoint)) for _ in range(5)]
        for line in lines:
            line.sendall(HEAD + b"content-length: 2\r\n\r\n")
        with connected(endpoint) as late:
            assert b"retry-after: 1" in (told := answered(late))
            assert statuses(told) == [503]
        lines[0].sendall(b"{}")

        assert statuses(lines[0].recv(65_536)) == [200]
        assert statuses(answered(lines[1])) == [408]
        assert endpoint.rows == [{}]
        assert endpoint.log[0].startswith("connections are turned away")


def test_a_connection_that_is_idle_gives_way_to_a_new_one_and_one_at_work_does_not(listen):
    request = HEAD + b"content-length: 2\r\n\r\n"
    with listen(scheme="none", max_connections=3) as endpoint, ExitStack() as stack:
        busy, *idle = (stack.enter_context(connected(endpoint)) for _ in range(3))
        busy.sendall(request)
        for line in idle:
            line.sendall(request + b"{}")
            assert statuses(line.recv(65_536)) == [200]

        assert [endpoint.post(b"{}")[0] for _ in range(3)] == [200] * 3
        busy.sendall(b"{}")
        assert statuses(busy.recv(65_536)) == [200]


def test_a_request_that_breaks_off_leaves_nothing(listen):
    with listen(scheme="none") as endpoint:
        with connected(endpoint) as line:
            line.sendall(HEAD + b'content-length: 100\r\n\r\n{"a": 1}')
        with connected(endpoint) as line:
            line.sendall(HEAD + b'transfer-encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n')

        assert endpoint.post(b'{"b": 2}')[0] == 200
        assert endpoint.rows == [{"b": 2}]


def test_requests_in_a_row_on_one_connection_are_answered_in_a_row(listen):
    one = HEAD + b'content-length: 8\r\n\r\n{"n": 1}'
    chunked = HEAD + b'transfer-encoding: chunked\r\n\r\n4\r\n{"n"\r\n4\r\n: 2}\r\n0\r\n\r\n'
    last = HEAD + b'connection: close\r\ncontent-length: 8\r\n\r\n{"n": 3}'
    with listen(scheme="none") as endpoint, connected(endpoint) as line:
        line.sendall(one + chunked + last)

        assert statuses(answered(line)) == [200, 200, 200]
        assert endpoint.rows == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_two_signature_headers_are_refused_though_one_fits(listen):
    body = json.dumps({"n": 1}).encode()
    good = sign("standard", body)
    for name, text in good.items():
        lines = [*good.items(), (name, text if name != "webhook-signature" else "v1,AAAA")]
        told = "".join(f"{each}: {value}\r\n" for each, value in lines).encode()
        with listen() as endpoint, connected(endpoint) as line:
            line.sendall(HEAD + told + b"connection: close\r\ncontent-length: 8\r\n\r\n" + body)

            assert statuses(answered(line)) == [401]
            assert endpoint.rows == []


def test_an_end_does_not_wait_for_who_is_slow(listen):
    with listen(scheme="none", read_timeout=SOON) as endpoint, ExitStack() as stack:
        for start in (b"", HEAD, HEAD + b"content-length: 9\r\n\r\n"):
            stack.enter_context(connected(endpoint)).sendall(start)
        assert endpoint.post(b"{}")[0] == 200
        began = time.monotonic()

    assert time.monotonic() - began < 15
