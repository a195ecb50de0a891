"""S13: whatever a service answers, it ends, in bounded memory, and tells nothing that is not so."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import suppress

import pytest

from tailrace._engine import wire
from tailrace._engine.losses import Lost

from ..core.conftest import Say
from .endpoint import send

OK = b"HTTP/1.1 200 OK\r\n"
JSON = {"Content-Type": "application/json"}
SPARE = 64 << 20
"""Bytes of memory that an answer may take beside what is let in."""


def drip(head, byte=b"x"):
    """Give a byte now and then, and never an end."""
    yield head
    while True:
        yield byte
        yield None


def flood(head, part):
    """Give as much as is taken."""
    yield head
    while True:
        yield part


def bombed(level):
    """Give 256 MiB of nothing, packed so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(1 << 24)) for _ in range(16)]
    packed = b"".join([*parts, packer.flush()])
    for _ in range(level - 1):
        packed = gzip.compress(packed)
    coding = ", ".join(["gzip"] * level).encode()
    yield OK + b"Content-Encoding: " + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(packed)
    yield packed


SLOW = {
    "body": lambda: drip(OK + b"Content-Length: 60000\r\n\r\n"),
    "body without a length": lambda: drip(OK + b"\r\n"),
    "chunk": lambda: drip(OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"),
    "length of a chunk": lambda: drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "status": lambda: drip(b"HTTP/1.1 200 "),
    "header": lambda: drip(OK + b"X-A: "),
    "packed body": lambda: drip(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10]),
}
ENDLESS = {
    "chunk": lambda: flood(
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n", bytes(1 << 16)
    ),
    "chunks": lambda: flood(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nxy\r\n" * 10_000),
    "body": lambda: flood(OK + b"\r\n", bytes(1 << 16)),
    "length that is a lie": lambda: flood(OK + b"Content-Length: 9\r\n\r\n", bytes(1 << 16)),
    "header": lambda: flood(OK + b"X-A: ", bytes(1 << 16)),
    "headers": lambda: flood(OK, b"X-A: b\r\n" * 1_000),
    "trailers": lambda: flood(
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 1_000
    ),
    "heads of 100": lambda: flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
    "line of a chunk": lambda: flood(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", bytes(1 << 16)),
    "bomb": lambda: bombed(1),
    "bomb in a bomb": lambda: bombed(2),
}


@pytest.fixture
def hostile():
    """Give a function that serves an answer's parts; None among them is a short pause."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    threads = []

    def serve(parts):
        def answer():
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65_536)
                    for part in parts:
                        if over.is_set():
                            return
                        if part is None:
                            over.wait(0.02)
                        else:
                            connection.sendall(part)

        threads.append(threading.Thread(target=answer, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/in"

    yield serve
    over.set()
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for each in threads:
        each.join(10)


@pytest.fixture
def sent():
    """Give a function that sends a request, and says what came of it, and the most it took."""
    made = wire.Wire()

    def send(url):
        tracemalloc.start()
        try:
            with pytest.raises(Lost) as told:
                made.send("POST", url, {}, b"{}")
            return str(told.value), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    yield send
    made.close()


@pytest.mark.parametrize("what", SLOW)
def test_an_answer_that_drips_ends_when_its_time_is_up(what, hostile, sent, monkeypatch):
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 0.2)
    began = time.monotonic()
    told, _ = sent(hostile(SLOW[what]()))

    assert "the answer took too long" == told
    assert 0.2 <= time.monotonic() - began < 10


@pytest.mark.parametrize("what", [each for each in ENDLESS if each != "length that is a lie"])
def test_an_answer_without_an_end_ends_in_bounded_memory(what, hostile, sent, monkeypatch):
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 2.0)  # of which only tiny chunks need more
    told, most = sent(hostile(ENDLESS[what]()))

    assert told != ""
    assert most < wire.MAX_ANSWER + SPARE


def test_what_comes_after_an_answer_is_no_part_of_it(hostile):
    parts = ENDLESS["length that is a lie"]()
    report = send(hostile(parts), results={"items": "results"})

    assert {"in_doubt": 1} == {"in_doubt": report.in_doubt}


DEEP = {
    "lists": b"[" * 100_000,
    "lists that end": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "digits": b'{"results":' + b"1" * 1_000_000 + b"}",
    "an exponent": b'{"results":1e' + b"9" * 1_000 + b"}",
    "no text": b'{"results":"\xff\xfe"}',
    "half a character": b'{"results":"\\ud800"}',
    "nothing": b"",
    "a name a million times": b"{" + b",".join([b'"a":1'] * 1_000_000) + b"}",
}


@pytest.mark.parametrize("what", DEEP)
@pytest.mark.parametrize("status", [200, 422])
def test_json_of_any_depth_and_length_ends_and_tells_nothing_that_is_not_so(what, status, service):
    service.usual = Say(status, DEEP[what], JSON)
    report = send(f"{service.url}/in", results={"items": "results", "ok": "ok"})

    assert 1 == len(service.seen)
    assert 0 == report.delivered
    assert (status == 200) == (report.in_doubt == 1)
    assert (status == 422) == (report.rejected == 1)
    assert all(len(each.message) < 700 for each in report.rejections)


@pytest.mark.parametrize("header", ["Retry-After", "RateLimit", "RateLimit-Policy", "Date"])
@pytest.mark.parametrize("value", ["-1", "1e999", "9" * 5_000, "nan", "\x0b", "Thu, 99 Foo 9999"])
def test_headers_without_sense_hold_nothing_up(header, value, service):
    service.say(Say(429, "{}", {header: value, **JSON}))
    report = send(f"{service.url}/in")

    assert 1 == report.delivered or "it asks to wait" in report.problem
    assert report.seconds < 4_000
