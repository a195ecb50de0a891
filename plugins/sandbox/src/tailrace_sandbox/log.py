"""The request log: what arrived, what became of it, and when."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping

import attrs

from tailrace_sandbox.wire import Request

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
SECRET_PARAMETERS = frozenset({"access_token", "key", "oauth_token"})


@attrs.frozen(kw_only=True)
class Exchange:
    """Hold one request and what became of it.

    `path` is decoded and as the service sees it, without the twin's mount; `target` is what was
    sent. `status` is what went out on the wire: None when the client got no status at all.
    `answer` is the body that the twin made, also when a fault kept it from the client. `applied`
    tells whether the twin acted on the request. Credentials are masked.
    """

    number: int
    twin: str
    method: str
    path: str
    target: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    status: int | None
    answer: bytes = attrs.field(repr=False)
    fault: str | None
    applied: bool
    at: float
    seconds: float


class Feed:
    """Count the changes, and let the page wait for the next."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0

    @property
    def version(self) -> int:
        return self._version

    def touch(self) -> None:
        """Tell whoever waits that something changed."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Wait until the version is another than `seen`, at most `seconds`; return it."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, seconds)
            return self._version


class Log:
    """Keep the exchanges of all twins: the newest, and the bodies of the newest of those."""

    def __init__(self, feed: Feed, *, entries: int = 100_000, body_bytes: int = 1 << 28) -> None:
        self._feed = feed
        self._lock = threading.Lock()
        self._entries = entries
        self._body_bytes = body_bytes
        self._exchanges: deque[Exchange] = deque()
        self._held = 0
        self._number = 0
        self.counts: Counter[str] = Counter()

    def record(
        self,
        twin: str,
        request: Request,
        *,
        status: int | None,
        answer: bytes = b"",
        fault: str | None = None,
        applied: bool = True,
        began: float,
    ) -> None:
        """Write down one exchange."""
        seconds = time.perf_counter() - began
        with self._lock:
            self._number += 1
            exchange = Exchange(
                number=self._number,
                twin=twin,
                method=request.method,
                path=request.path,
                target=request.raw_path,
                query={k: _mask(k, SECRET_PARAMETERS, v) for k, v in request.query.items()},
                headers={
                    k: "***" if k in SECRET_HEADERS else v for k, v in request.headers.items()
                },
                body=request.body,
                status=status,
                answer=answer,
                fault=fault,
                applied=applied,
                at=time.time() - seconds,
                seconds=seconds,
            )
            self._exchanges.append(exchange)
            self._count(exchange)
            self._trim()
        self._feed.touch()

    def _count(self, exchange: Exchange) -> None:
        self.counts["requests"] += 1
        self.counts["faults"] += exchange.fault is not None
        self.counts["refused"] += exchange.status is not None and exchange.status >= 400
        self.counts["bytes"] += len(exchange.body)

    def _trim(self) -> None:
        newest = self._exchanges[-1]
        self._held += len(newest.body) + len(newest.answer)
        while len(self._exchanges) > self._entries:
            gone = self._exchanges.popleft()
            self._held -= len(gone.body) + len(gone.answer)
        if self._held > self._body_bytes:
            self._forget_bodies()

    def _forget_bodies(self) -> None:
        kept: deque[Exchange] = deque()
        for exchange in self._exchanges:
            size = len(exchange.body) + len(exchange.answer)
            if size and self._held > self._body_bytes // 2:
                self._held -= size
                kept.append(attrs.evolve(exchange, body=b"", answer=b""))
            else:
                kept.append(exchange)
        self._exchanges = kept

    def of(self, twin: str) -> list[Exchange]:
        """Return the exchanges of one twin, oldest first."""
        with self._lock:
            return [exchange for exchange in self._exchanges if exchange.twin == twin]

    def since(self, number: int, most: int) -> list[Exchange]:
        """Return the exchanges after a number, the newest `most` of them, oldest first."""
        found: list[Exchange] = []
        with self._lock:
            for exchange in reversed(self._exchanges):
                if exchange.number <= number or len(found) == most:
                    break
                found.append(exchange)
        found.reverse()
        return found

    def clear(self) -> None:
        """Forget everything but the numbering."""
        with self._lock:
            self._exchanges.clear()
            self.counts.clear()
            self._held = 0
        self._feed.touch()


def _mask(name: str, secrets: frozenset[str], values: list[str]) -> list[str]:
    return ["***"] * len(values) if name in secrets else values
