"""A fake service on loopback that goes wrong on demand, and a gate of the same kind before another one."""

import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from http.client import HTTPConnection, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, get_args
from urllib.parse import parse_qs, urlsplit

import attrs

Kind = Literal[
    "answer", "reset_before", "reset_after", "error_after", "truncate", "garbage", "endless", "bomb",
    "late",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
APPLIED: frozenset[str] = frozenset(
    {"reset_after", "error_after", "truncate", "garbage", "endless", "bomb"}
)
"""Faults behind which the service has done what it was asked to do."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BY_HOP = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "host"})
_BLOCK = b"0" * 65_536
_MOST = 64 << 20
"""Bytes of an endless answer, and of what is packed into a bomb."""
_MOMENT = 0.1
"""Seconds for which requests wait for each other."""


@attrs.frozen
class Request:
    """Hold a request; `at` is the moment it came, by the clock that the service was given."""

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    at: float = 0.0

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        """Give what is asked for behind the question mark."""
        return parse_qs(urlsplit(self.path).query)

    def json(self) -> Any:
        """Give the body as JSON."""
        return json.loads(self.body)


@attrs.frozen
class Answer:
    """Hold an answer, of which the body may be bytes or what JSON can hold."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def raw(self) -> bytes:
        """Give the body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@attrs.define
class _Fault:
    kind: Kind
    times: int | None
    skip: int
    answer: Answer
    reads: bool

    def strikes(self, request: Request) -> bool:
        if self.times == 0 or (request.method in _SAFE and not self.reads):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FakeService:
    """Serve HTTP on loopback from `with`, or from `start` until `stop`.

    answer: takes a Request and gives an Answer, a status, what JSON can hold, or a status and that.
    It is called by several threads at once. `requests` holds all that came.
    """

    def __init__(
        self, answer: Callable[[Request], Any], now: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.requests: list[Request] = []
        self.striking: Callable[[], bool] = lambda: True
        self._answer = answer
        self._now = now
        self._faults: list[_Fault] = []
        self._late: list[Request] = []
        self._barrier: threading.Barrier | None = None
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Take a free port and begin to serve."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return partial(service._serve, self)
                raise AttributeError(name)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        """Give its address."""
        if self._server is None:
            raise RuntimeError("the service is not running: use it in a with block")
        return f"http://127.0.0.1:{self._server.server_port}"

    def fault(
        self,
        kind: Kind,
        *,
        times: int | None = 1,
        skip: int = 0,
        status: int = 503,
        headers: Mapping[str, str] | None = None,
        body: Any = b"",
        reads: bool = False,
    ) -> None:
        """Let requests go wrong, `times` of them (None: all), after `skip` that pass.

        Only those that write, unless `reads`. status, headers, body: of `answer`, which the service
        does not see; `error_after` answers 500 once the service has done it. `late` closes the
        connection, and `release` lets the service have it then.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are: {', '.join(KINDS)}")
        answer = Answer(status, body, headers or {})
        with self._lock:
            self._faults.append(_Fault(kind, times, skip, answer, reads))

    def together(self, count: int) -> None:
        """Hold requests back until so many are there at once, or none has come for a moment."""
        self._barrier = threading.Barrier(count)

    def clear(self) -> None:
        """Let nothing go wrong any more, and forget what was held back and what came."""
        with self._lock:
            self._faults.clear()
            self._late.clear()
            self.requests.clear()

    def release(self) -> int:
        """Let the service have what was held back; give how many requests that were."""
        with self._lock:
            late, self._late = self._late, []
        for request in late:
            self._answer(request)
        return len(late)

    def _serve(self, handler: Any) -> None:
        request = Request(
            handler.command,
            handler.path,
            {name.lower(): value for name, value in handler.headers.items()},
            _body(handler.rfile, handler.headers),
            self._now(),
        )
        with self._lock:
            self.requests.append(request)
            armed = self._faults if self.striking() else []
            fault = next((each for each in armed if each.strikes(request)), None)
        if self._barrier is not None and self.striking():
            with suppress(threading.BrokenBarrierError):
                self._barrier.wait(_MOMENT)
            if self._barrier.broken:
                self._barrier.reset()
        if fault is None:
            _send(handler, _answer_of(self._answer(request)))
            return
        if fault.kind == "late":
            with self._lock:
                self._late.append(request)
        given = Answer()
        if fault.kind in APPLIED:
            given = _answer_of(self._answer(request))
        _break(handler, fault, given)


def gate(url: str, now: Callable[[], float] = lambda: 0.0) -> FakeService:
    """Give a service that hands everything on to another one, and goes wrong on demand."""
    there = urlsplit(url)
    assert there.hostname is not None

    def forward(request: Request) -> Answer:
        connection = HTTPConnection(there.hostname or "", there.port, timeout=30)
        try:
            headers = {
                name: value for name, value in request.headers.items() if name not in _BY_HOP
            }
            headers["host"] = there.netloc
            path = there.path.rstrip("/") + request.path
            connection.request(request.method, path, request.body, headers)
            answer = connection.getresponse()
            kept = {
                name: value for name, value in answer.getheaders() if name.lower() not in _BY_HOP
            }
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()

    return FakeService(forward, now)


def _answer_of(given: Any) -> Answer:
    if isinstance(given, Answer):
        return given
    if isinstance(given, int):
        return Answer(given)
    if isinstance(given, tuple):
        return Answer(*given)
    return Answer(200, given)


def _body(stream: Any, headers: HTTPMessage) -> bytes:
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return bytes(stream.read(int(headers.get("Content-Length") or 0)))
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def _send(handler: Any, answer: Answer) -> None:
    handler.send_response(answer.status)
    names = {name.lower() for name in answer.headers}
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if "content-type" not in names:
        handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(answer.raw)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer.raw)


@cache
def _bomb() -> bytes:
    packed = zlib.compressobj(wbits=31)
    raw = b"".join(packed.compress(_BLOCK) for _ in range(_MOST // len(_BLOCK)))
    return raw + packed.flush()


def _break(handler: Any, fault: _Fault, given: Answer) -> None:
    handler.close_connection = True
    match fault.kind:
        case "answer":
            handler.close_connection = False
            _send(handler, fault.answer)
        case "error_after":
            handler.close_connection = False
            _send(handler, Answer(500, b"{}"))
        case "garbage":
            handler.close_connection = False
            _send(handler, Answer(200, b"\x00<html>it is", {"Content-Type": "text/html"}))
        case "truncate":
            raw = given.raw or b"{}"
            handler.send_response(given.status)
            handler.send_header("Content-Length", str(len(raw) + 10))
            handler.end_headers()
            handler.wfile.write(raw)
        case "endless":
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            for _ in range(_MOST // len(_BLOCK)):
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK))
        case "bomb":
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
            _send(handler, Answer(200, _bomb(), headers))
        case _:
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            handler.connection.close()
