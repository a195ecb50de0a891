"""HTTP/1.1 on a raw socket: requests in, answers out, and the ways to break off."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

import attrs

MAX_LINE = 65_536
MAX_HEADERS = 200
MAX_BODY = 1 << 30


class BadRequestError(Exception):
    """Say that what arrived is no HTTP/1.1 request."""


@attrs.frozen(kw_only=True)
class Request:
    """Hold one request as it arrived.

    `raw_path` is the path as it was sent; `path` is decoded. Header names are lower-case.
    """

    method: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    def parameter(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def below(self, mount: str) -> Request:
        """Return the same request as the service at a mount point sees it."""
        return attrs.evolve(self, raw_path=self.raw_path[len(mount) :] or "/")


@attrs.frozen(kw_only=True)
class Answer:
    """Hold one answer; the length and the date are added on the wire."""

    status: int = 200
    body: bytes = attrs.field(default=b"", repr=False)
    content_type: str = "application/json; charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *, close: bool = False) -> bytes:
        """Return the status line and the headers."""
        reason = HTTPStatus(self.status).phrase if self.status in _KNOWN else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Type: {self.content_type}")
            lines.append(f"Content-Length: {len(self.body)}")
        lines.extend(f"{name}: {value}" for name, value in self.headers)
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_KNOWN = frozenset(int(status) for status in HTTPStatus)


class Connection:
    """Read requests from one client's socket and answer them, or break off."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._input = sock.makefile("rb", 1 << 16)
        self.open = True

    def read(self) -> Request | None:
        """Read the next request; None means that the client has hung up."""
        line = self._input.readline(MAX_LINE + 1)
        while line in (b"\r\n", b"\n"):
            line = self._input.readline(MAX_LINE + 1)
        if not line:
            return None
        try:
            method, target, version = line.decode("latin-1").split()
        except ValueError:
            raise BadRequestError("the request line is not METHOD TARGET HTTP/1.1") from None
        if not version.startswith("HTTP/1.") or len(line) > MAX_LINE:
            raise BadRequestError("the request line is not METHOD TARGET HTTP/1.1")
        headers = self._read_headers()
        if "close" in headers.get("connection", "").lower() or version == "HTTP/1.0":
            self.open = False
        if headers.get("expect", "").lower() == "100-continue":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read_body(headers)
        raw_path, _, query = target.partition("?")
        return Request(
            method=method,
            raw_path=raw_path,
            query=parse_qs(query, keep_blank_values=True) if query else {},
            headers=headers,
            body=body,
        )

    def _read_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(MAX_HEADERS):
            line = self._input.readline(MAX_LINE + 1)
            if line in (b"\r\n", b"\n"):
                return headers
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequestError("a header line has no name and colon")
            key = name.lower()
            if key == "content-length" and key in headers:
                raise BadRequestError("two Content-Length headers")
            headers[key] = value.strip()
        raise BadRequestError("too many headers")

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        text = headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()) or int(text) > MAX_BODY:
            raise BadRequestError(f"Content-Length {text!r} is not a length that is served here")
        return self._read_exactly(int(text))

    def _read_chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            try:
                size = int(self._input.readline(MAX_LINE).split(b";")[0], 16)
            except ValueError:
                raise BadRequestError("a chunk has no size") from None
            total += size
            if size < 0 or total > MAX_BODY:
                raise BadRequestError("the body is larger than what is served here")
            if size == 0:
                while self._input.readline(MAX_LINE) not in (b"\r\n", b"\n", b""):
                    pass
                return b"".join(parts)
            parts.append(self._read_exactly(size))
            self._input.readline(MAX_LINE)

    def _read_exactly(self, size: int) -> bytes:
        body = self._input.read(size) if size else b""
        if len(body) < size:
            raise ConnectionResetError("the client hung up in its body")
        return body

    def send(self, answer: Answer, *, bodiless: bool = False) -> None:
        """Send an answer; `bodiless` is for HEAD."""
        head = answer.head(close=not self.open)
        body = b"" if bodiless else answer.body
        if len(body) < MAX_LINE:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def cut(self, answer: Answer) -> None:
        """Send half of an answer under its full length, and hang up."""
        self.open = False
        self._socket.sendall(answer.head() + answer.body[: len(answer.body) // 2])

    def hang_up(self) -> None:
        """Close without a word."""
        self.open = False

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.open = False
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def interrupt(self) -> None:
        """Wake whoever reads from or writes to this connection, from another thread."""
        self.open = False
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Give the socket back."""
        self.open = False
        self._input.close()
        self._socket.close()
