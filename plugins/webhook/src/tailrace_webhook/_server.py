"""The server: uvicorn on a thread, with a bound for whatever a stranger can make it hold or wait for."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import attrs
import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

import tailrace

_HEAD_BYTES = 32 << 10
"""Bytes of a head that has not ended after which its connection is closed."""
_IDLE = 5
"""Seconds that a connection may stay open between two requests."""
_BACKLOG = 128
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


@attrs.frozen(kw_only=True)
class Bounds:
    """Say how many connections there may be at once, and the seconds that a request's head may take.

    crowded: told of each connection that is turned away.
    """

    connections: int
    seconds: float
    crowded: Callable[[], None]


class _Bounded(H11Protocol):
    """Keep a connection within the bounds that a subclass has.

    uvicorn itself lets a head take as long as it likes, and counts connections only afterwards.
    """

    bounds: ClassVar[Bounds]
    late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) <= self.bounds.connections or self._one_gives_way():
            self._expect()
            return
        self.bounds.crowded()
        transport.write(_BUSY)
        transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect()
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        """Give a request's head its time, from now on."""
        if self.late is None:
            self.late = self.loop.call_later(self.bounds.seconds, self.transport.abort)

    def _forget(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None

    def _one_gives_way(self) -> bool:
        """Close a connection that is idle between two requests, if there is one."""
        for each in self.connections:
            if (
                isinstance(each, _Bounded)
                and each.timeout_keep_alive_task is not None
                and not each.transport.is_closing()
            ):
                each.timeout_keep_alive_handler()
                return True
        return False


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; whoever connects waits until a server takes it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        told = f"{host}:{port} cannot be listened on: {error.strerror or error}"
        raise tailrace.ConfigError(tailrace.Problem("port", told)) from None


@contextmanager
def running(
    app: Callable[..., Any],
    listening: socket.socket,
    bounds: Bounds,
    *,
    failed: Callable[[BaseException], None],
) -> Iterator[None]:
    """Serve for the time of a `with` block; what is being answered at its end is answered."""
    config = uvicorn.Config(
        app,
        http=type("Bounded", (_Bounded,), {"bounds": bounds}),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=int(bounds.seconds) + 1,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        backlog=_BACKLOG,
    )
    server = uvicorn.Server(config)

    def serve() -> None:
        try:
            server.run(sockets=[listening])
        except BaseException as error:  # noqa: BLE001  # raised where the receiver is asked
            failed(error)

    thread = threading.Thread(target=serve, name="tailrace-webhook", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
