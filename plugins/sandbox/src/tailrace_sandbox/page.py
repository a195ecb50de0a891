"""The web page: static files, what the twins hold as JSON, and a stream of changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any
from urllib.parse import unquote

import attrs
import orjson

from tailrace_sandbox.log import Exchange, Feed, Log
from tailrace_sandbox.twin import Twin
from tailrace_sandbox.wire import Answer, Connection, Request

FILES = {
    "/": ("index.html", "text/html; charset=UTF-8"),
    "/page.css": ("page.css", "text/css; charset=UTF-8"),
    "/page.js": ("page.js", "text/javascript; charset=UTF-8"),
    "/grid.js": ("grid.js", "text/javascript; charset=UTF-8"),
    "/messages.js": ("messages.js", "text/javascript; charset=UTF-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
SAFETY = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
HEARTBEAT = 10.0
PAUSE = 0.1
MOST_ROWS = 500
MOST_LINES = 200
MOST_TEXT = 20_000


class Page:
    """Answer what a browser asks of the sandbox itself; it can only look."""

    def __init__(self, twins: Mapping[str, Twin], log: Log, feed: Feed) -> None:
        self._twins = twins
        self._log = log
        self._feed = feed

    def respond(self, request: Request, connection: Connection, stopping: threading.Event) -> None:
        """Answer one request, or stream changes until the browser or the sandbox ends."""
        if request.method not in ("GET", "HEAD"):
            answer = _text(HTTPStatus.METHOD_NOT_ALLOWED, "This page can only be read.\n")
        elif request.raw_path == "/page/events":
            self._stream(connection, stopping)
            return
        else:
            answer = self._find(request)
        connection.send(attrs.evolve(answer, headers=SAFETY), bodiless=request.method == "HEAD")

    def _find(self, request: Request) -> Answer:
        path = request.raw_path
        if path in FILES:
            name, kind = FILES[path]
            return Answer(body=_file(name), content_type=kind)
        if path == "/page/state":
            return _json(self._state(request))
        parts = path.split("/")[1:]
        if parts[:2] == ["page", "look"] and len(parts) == 5:
            return self._look(request, *(unquote(part) for part in parts[2:]))
        if parts[:2] == ["page", "exchange"] and len(parts) == 3:
            return self._exchange(parts[2])
        twins = ", ".join(f"/{name}" for name in self._twins)
        return _text(HTTPStatus.NOT_FOUND, f"Nothing here. There are: / (the page), {twins}\n")

    def _state(self, request: Request) -> dict[str, Any]:
        since = _number(request.parameter("since"), 0)
        return {
            "version": self._feed.version,
            "counts": self._log.counts,
            "twins": [
                {
                    "name": twin.name,
                    "title": twin.title,
                    "things": [attrs.asdict(thing) for thing in twin.things()],
                }
                for twin in self._twins.values()
            ],
            "log": [_line(exchange) for exchange in self._log.since(since, MOST_LINES)],
        }

    def _look(self, request: Request, twin: str, thing: str, part: str) -> Answer:
        first = max(0, _number(request.parameter("first"), 0))
        count = min(MOST_ROWS, max(1, _number(request.parameter("count"), 100)))
        found = self._twins.get(twin)
        seen = None if found is None else found.look(thing, part, first, count)
        if seen is None:
            # No failure of the page, which may ask for what was there a moment ago.
            return _json({"kind": "gone"})
        return _json(seen)

    def _exchange(self, number: str) -> Answer:
        wanted = _number(number, 0)
        for exchange in self._log.since(wanted - 1, 1 << 30):
            if exchange.number == wanted:
                return _json(_detail(exchange))
        return _json({}, HTTPStatus.NOT_FOUND)

    def _stream(self, connection: Connection, stopping: threading.Event) -> None:
        head = Answer(content_type="text/event-stream", headers=SAFETY)
        lines = head.head(close=True).split(b"\r\n")
        kept = [line for line in lines if not line.startswith(b"Content-Length")]
        connection.send_raw(b"\r\n".join(kept))
        seen = -1
        while not stopping.is_set():
            version = self._feed.wait(seen, HEARTBEAT)
            fresh = version != seen
            seen = version
            connection.send_raw(b"data: %d\n\n" % version if fresh else b": still here\n\n")
            stopping.wait(PAUSE)
        connection.hang_up()


def _line(exchange: Exchange) -> dict[str, Any]:
    return {
        "number": exchange.number,
        "twin": exchange.twin,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "fault": exchange.fault,
        "at": exchange.at,
        "seconds": exchange.seconds,
        "bytes": len(exchange.body),
    }


def _detail(exchange: Exchange) -> dict[str, Any]:
    return _line(exchange) | {
        "query": exchange.query,
        "headers": exchange.headers,
        "body": exchange.body[:MOST_TEXT].decode("utf-8", "replace"),
        "answer": exchange.answer[:MOST_TEXT].decode("utf-8", "replace"),
        "answer_bytes": len(exchange.answer),
    }


@cache
def _file(name: str) -> bytes:
    return resources.files("tailrace_sandbox").joinpath("web", name).read_bytes()


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else default


def _json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status=status, body=orjson.dumps(value))


def _text(status: int, text: str) -> Answer:
    return Answer(status=status, body=text.encode(), content_type="text/plain; charset=UTF-8")
