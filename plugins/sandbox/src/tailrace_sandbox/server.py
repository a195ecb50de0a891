"""Serve HTTP/1.1 on loopback, one thread a connection, and stop at once when asked."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus

from tailrace_sandbox.wire import Answer, BadRequestError, Connection, Request

HOST = "127.0.0.1"
BACKLOG = 1024


class Server:
    """Accept connections on 127.0.0.1 and hand their requests to one function."""

    def __init__(self, port: int, respond: Callable[[Request, Connection], None]) -> None:
        self._respond = respond
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((HOST, port))
            self._listener.listen(BACKLOG)
            self._listener.setblocking(False)
            self._wake, self._woken = socket.socketpair()
        except OSError:
            self._listener.close()
            raise
        self.port: int = self._listener.getsockname()[1]
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._acceptor = threading.Thread(
            target=self._accept, name=f"sandbox-{self.port}", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        self.stopping.set()
        if not self._acceptor.is_alive():
            return
        self._wake.send(b"x")
        self._acceptor.join()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            connection.interrupt()
        for thread in connections.values():
            if thread is not threading.current_thread():
                thread.join()
        for sock in (self._listener, self._wake, self._woken):
            sock.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                selector.select()
                if self.stopping.is_set():
                    return
                try:
                    sock, _ = self._listener.accept()
                except OSError:  # the client gave up between the two calls
                    continue
                sock.setblocking(True)
                self._start(sock)

    def _start(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        thread = threading.Thread(
            target=self._converse, args=(connection,), name=f"sandbox-{self.port}-c", daemon=True
        )
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _converse(self, connection: Connection) -> None:
        try:
            while not self.stopping.is_set():
                request = connection.read()
                if request is None:
                    return
                self._respond(request, connection)
                if not connection.open:
                    return
        except BadRequestError as error:
            connection.hang_up()
            body = f"Bad request: {error}.\n".encode()
            _say_last_words(connection, body)
        except OSError:  # the client is gone; there is nobody left to tell
            return
        finally:
            connection.close()
            with self._lock:
                self._connections.pop(connection, None)


def _say_last_words(connection: Connection, body: bytes) -> None:
    answer = Answer(status=HTTPStatus.BAD_REQUEST, body=body, content_type="text/plain")
    try:
        connection.send(answer)
    except OSError:
        return
