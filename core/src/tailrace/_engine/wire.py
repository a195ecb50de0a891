"""Bytes to a service and back, through urllib3: no retries, no redirects, no proxies, all capped."""

import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPResponse, IncompleteRead
from typing import Any

import attrs
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tailrace._engine.losses import Barred, Lost, Unsent
from tailrace.http import Answer

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer, decompressed, that are taken in."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
"""Seconds without a byte; Google cuts long requests at about 180."""
TOTAL_SECONDS = 300.0
"""Seconds for a whole answer, however slowly it drips; then its next byte is the last."""
MAX_READ = 2 * MAX_ANSWER
"""Bytes that are read for one answer: its head, its chunks and what stands between them."""

_progress = threading.local()


class _Head:
    """Read the lines before a body, and note whether the last one came whole."""

    def __init__(self, lines: Any) -> None:
        self.lines = lines
        self.cut = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self.lines.readline(limit)
        self.cut = not line.endswith(b"\n")
        return line

    def close(self) -> None:
        self.lines.close()


class _EnoughError(OSError):
    """Say that no more of an answer is taken in."""


class _Bounded(io.RawIOBase):
    """Read from a connection as long as an answer may take, and as much as it may have."""

    def __init__(self, connection: Any) -> None:
        self.raw = connection.makefile("rb", buffering=0)
        self.until = time.monotonic() + TOTAL_SECONDS
        self.left = MAX_READ

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.left < 0 or time.monotonic() > self.until:
            raise _EnoughError(
                "the answer is too long" if self.left < 0 else "the answer took too long"
            )
        count: int = self.raw.readinto(buffer)
        self.left -= count
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Response(HTTPResponse):
    """Read no more than an answer may have, and refuse one that ends within its headers.

    What http.client and urllib3 read by themselves would have no end: heads of 100 without one,
    trailers, a byte now and then; and a cut head they take for a whole one.
    """

    def __init__(self, sock: Any, *args: Any, **how: Any) -> None:
        super().__init__(sock, *args, **how)
        self.fp.close()
        self.fp = io.BufferedReader(_Bounded(sock))

    def begin(self) -> None:
        whole = self.fp
        self.fp = head = _Head(whole)  # type: ignore[assignment]  # of which only lines are asked
        try:
            super().begin()
        finally:
            self.fp = whole if self.fp is head else None  # type: ignore[assignment,comparison-overlap]  # as http.client leaves it
        if head.cut:
            raise IncompleteRead(b"")


class _Noting:
    """Note when the first byte of a request is about to leave this thread's connection."""

    sock: Any
    response_class: Any = _Response

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # given by the class it is mixed into
        if not _progress.begun:
            _progress.begun, _progress.left = True, time.monotonic()
        super().send(data)  # type: ignore[misc]  # likewise


class _Connection(_Noting, HTTPConnection):
    pass


class _SecureConnection(_Noting, HTTPSConnection):
    pass


class _Public:
    """Connect to public addresses only; what a name stands for may change between two looks."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        with suppress(OSError):  # which connecting tells
            for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                _admit(self.host, str(found[4][0]))
        made: socket.socket = super()._new_conn()  # type: ignore[misc]  # given by the class it is mixed into
        try:
            _admit(self.host, str(made.getpeername()[0]))
        except BaseException:
            made.close()
            raise
        return made


def _admit(host: str, address: str) -> None:
    if not is_public(address):
        stands = "" if address == host else f" of {host}"
        raise Barred(f"the address {address}{stands} is not a public one")


class _PublicConnection(_Public, _Connection):
    pass


class _PublicSecureConnection(_Public, _SecureConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicSecurePool(HTTPSConnectionPool):
    ConnectionCls = _PublicSecureConnection


def _public() -> urllib3.PoolManager:
    manager = _manager()
    manager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicSecurePool}
    return manager


def _manager() -> urllib3.PoolManager:
    manager = urllib3.PoolManager(
        num_pools=16,
        maxsize=256,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
    )
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager


@attrs.frozen
class Wire:
    """Send single requests; connections are kept and shared by threads."""

    _manager: urllib3.PoolManager = attrs.field(factory=_manager)
    _guarded: urllib3.PoolManager = attrs.field(factory=_public)

    def close(self) -> None:
        """Close all connections."""
        self._manager.clear()
        self._guarded.clear()

    @property
    def late(self) -> float:
        """Give the seconds that this thread's last request took to leave, to connect among them."""
        called = getattr(_progress, "called", 0.0)
        return max(0.0, getattr(_progress, "left", called) - called)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        private: bool = True,
    ) -> Answer:
        """Send one request and read its answer, or raise Barred, Unsent or Lost."""
        _progress.begun, _progress.called = False, time.monotonic()
        try:
            response = (self._manager if private else self._guarded).urlopen(
                method,
                url,
                body=body,
                headers=dict(_DEFAULTS) | dict(headers),
                redirect=False,
                preload_content=False,
            )
            try:
                content = _read(response)
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            kind = Lost if _progress.begun else Unsent
            raise kind(_say(error)) from None
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, content)


_HIDING = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 networks whose addresses end in an IPv4 one: that of NAT64, and one of old."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, also where IPv6 hides an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if any(ip in network for network in _HIDING):
            hidden = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if hidden is not None:
            ip = hidden
    return ip.is_global and not ip.is_multicast


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    until = time.monotonic() + TOTAL_SECONDS
    found = bytearray()  # and no list, in which many small chunks would take more room
    for part in response.stream(1 << 16, decode_content=True):
        found += part
        size = len(found)
        if size > MAX_ANSWER or time.monotonic() > until:
            response.close()
            what = "is too long" if size > MAX_ANSWER else "took too long"
            raise urllib3.exceptions.ProtocolError(f"the answer {what}")
    return bytes(found)


_DEFAULTS = {"User-Agent": "tailrace", "Accept-Encoding": "gzip", "Accept": "*/*"}

_SAYINGS: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.NameResolutionError, "the host's name is not known"),
    (urllib3.exceptions.NewConnectionError, "no connection"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection within 10 s"),
    (urllib3.exceptions.ReadTimeoutError, "no answer within 120 s"),
    (urllib3.exceptions.SSLError, "the secure connection failed"),
    (urllib3.exceptions.IncompleteRead, "the answer was cut short"),
    (urllib3.exceptions.DecodeError, "the answer cannot be decompressed"),
)


def _say(error: Exception) -> str:
    for kind, text in _SAYINGS:
        if isinstance(error, kind):
            detail = _of_tls(error) if kind is urllib3.exceptions.SSLError else ""
            return f"{text}: {detail}" if detail else text
    inner = error.args[-1] if error.args else error
    if isinstance(inner, _EnoughError):
        return str(inner)
    if isinstance(error, urllib3.exceptions.ProtocolError) and isinstance(inner, Exception):
        return f"the connection broke off ({type(inner).__name__})"
    return str(inner) or type(error).__name__


def _of_tls(error: Exception) -> str:
    """Say what is wrong with a secure connection: what the certificate lacks, for one."""
    inner = error.args[0] if error.args else error.__cause__
    if isinstance(inner, ssl.SSLCertVerificationError):
        return str(inner.verify_message)
    return str(inner or "")
