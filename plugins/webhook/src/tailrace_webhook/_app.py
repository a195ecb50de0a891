"""The application: bounds, order of looks, and answers; a 2xx only after the commit."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from logging import Logger
from typing import Any

import attrs

from tailrace_webhook._bodies import kind_of
from tailrace_webhook._endpoint import Endpoint
from tailrace_webhook._inbox import Full, Inbox, Kept
from tailrace_webhook._schemes import Refused, Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_TOGETHER = 256
"""Requests of one commit, at most."""
_LATER = {"retry-after": "30"}
_HEAD_BYTES, _HEADERS = 32 << 10, 100
"""Bytes of a request's line and headers, and headers, at most."""
_LINGER, _LINGER_BYTES = 1.0, 8 << 20
"""Seconds and bytes for which a refused body is still read, so that its sender sees the answer."""
_TELL = 60.0
"""Seconds between two lines of the log about the same."""


@attrs.define
class Commits:
    """Keep requests that come at the same time in one commit."""

    inbox: Inbox
    remember: float
    most: int
    _waiting: list[tuple[Kept, "asyncio.Future[int]"]] = attrs.field(factory=list)
    _task: "asyncio.Task[None] | None" = None

    async def keep(self, request: Kept) -> int:
        """Keep a request; tell, once it lasts, how many of its rows are new."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit())
        return await future

    async def _commit(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            requests = [request for request, _ in taken]
            told: Sequence[int | Exception]
            try:
                told = await asyncio.to_thread(self.inbox.store, requests, self.remember, self.most)
            except Exception as error:  # noqa: BLE001  # raised where each waits
                told = [error] * len(taken)
            for (_, future), each in zip(taken, told, strict=True):
                if future.done():
                    continue
                if isinstance(each, Exception):
                    future.set_exception(each)
                else:
                    future.set_result(each)


@attrs.frozen
class Gate:
    """Put an endpoint, where its requests are kept, and who is told that they came together."""

    endpoint: Endpoint
    commits: Commits
    arrived: Callable[[int], None]


@attrs.define
class _Incoming:
    """Read a body piece by piece, and know whether it has ended."""

    receive: Receive
    ended: bool = False

    async def _piece(self) -> bytes:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.ended = True
            raise Refused(400, "the body broke off")
        self.ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def read(self, most: int, seconds: float) -> bytes:
        """Give the body; refuses one that is too large or takes too long before reading on."""
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while not self.ended:
                    body += await self._piece()
                    if len(body) > most:
                        raise Refused(413, f"the body is larger than {most:,} bytes")
        except TimeoutError:
            raise Refused(408, f"the body did not come within {seconds:g} seconds") from None
        return bytes(body)

    async def drop(self) -> None:
        """Read on for a moment: a connection that is closed upon unread bytes loses the answer."""
        size = 0
        try:
            async with asyncio.timeout(_LINGER):
                while not self.ended and size < _LINGER_BYTES:
                    size += len(await self._piece())
        except (TimeoutError, Refused):
            return


@attrs.define(eq=False)
class App:
    """Answer the requests of one server, by their paths."""

    gates: Mapping[str, Gate]
    log: Logger
    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    _told: dict[str, tuple[float, int]] = attrs.field(factory=dict)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        incoming, text = _Incoming(receive), ""
        status, headers = 200, {}
        try:
            text = await self._taken(scope, incoming)
        except Refused as refused:
            status, text, headers = refused.status, f"{refused.why}\n", dict(refused.headers)
            if status != 503:  # which is told with more than the sender is to know
                self._note(scope["path"], status, refused.why)
        except Exception:
            self.log.exception("a request could not be answered")
            status, text = 500, "tailrace failed\n"
        await _answer(send, incoming, status, text, headers)

    async def _taken(self, scope: Message, incoming: _Incoming) -> str:
        """Keep a request; give the text to answer with."""
        gate = self.gates.get(scope["path"])
        if gate is None:
            raise Refused(404, "there is no such path")
        if scope["method"] != "POST":
            raise Refused(405, "only POST is taken", {"allow": "POST"})
        request = _request(scope)
        options = gate.endpoint.options
        _look(request, options.max_body)
        kind_of(options.scheme, request.find("content-type"))
        body = await incoming.read(options.max_body, options.read_timeout)
        taken = gate.endpoint.take(attrs.evolve(request, body=body), self.now())
        if isinstance(taken, str):
            return taken
        if taken.rows:
            gate.arrived(await self._kept(gate.commits, taken))
        return ""

    async def _kept(self, commits: Commits, request: Kept) -> int:
        try:
            return await commits.keep(request)
        except (Full, sqlite3.Error) as error:
            self._note(request.endpoint, 503, f"the inbox cannot take it: {error}")
            raise Refused(503, "the inbox can take nothing now", _LATER) from None

    def crowded(self) -> None:
        """Tell that a connection was turned away."""
        self._tell("connections are turned away: there are max_connections of them")

    def _note(self, path: str, status: int, why: str) -> None:
        """Tell of a refusal, but not of what is looked for where nothing is."""
        if path in self.gates:
            self._tell(f"{path}: refused with {status}: {why}")

    def _tell(self, what: str) -> None:
        """Tell of something once, and then once a minute how often it came again."""
        now = self.elapsed()
        since, count = self._told.get(what, (-_TELL, 0))
        if now - since < _TELL:
            self._told[what] = since, count + 1
            return
        self._told[what] = now, 0
        more = f" ({count} more since the last such line)" if count else ""
        self.log.warning("%s%s", what, more)


def _request(scope: Message) -> Request:
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    headers = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]]
    return Request(scope["method"], target, headers)


def _look(request: Request, most: int) -> None:
    """Refuse by a request's head what need not be read."""
    size = len(request.target) + sum(len(name) + len(text) + 4 for name, text in request.headers)
    if size > _HEAD_BYTES or len(request.headers) > _HEADERS:
        raise Refused(431, "the head is too large")
    names = {name for name, _ in request.headers}
    if {"content-length", "transfer-encoding"} <= names:
        raise Refused(400, "the body's length is told in two ways")
    if request.find("content-encoding") not in (None, "identity"):
        raise Refused(415, "the body is compressed")
    length = request.find("content-length")
    if length is not None and int(length) > most:
        raise Refused(413, f"the body is larger than {most:,} bytes")


async def _answer(
    send: Send, incoming: _Incoming, status: int, text: str, headers: Mapping[str, str]
) -> None:
    body = text.encode()
    told = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))}
    if not incoming.ended and status != 200:
        told["connection"] = "close"
    named = [(name.encode(), value.encode()) for name, value in {**told, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if "connection" in told:
        await incoming.drop()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
