"""A service on loopback that answers as told, down to the bytes; and the schema that rows have."""

import json
import socket
import struct
import threading
from collections import deque
from contextlib import suppress

import attrs
import pytest

from tailrace.schema import Schema, type_of


def schema_of(rows, key=()):
    """Tell the schema that rows have together, one row after the other."""
    schema = Schema(key=key)
    for row in rows:
        schema = schema.widen({name: type_of(value) for name, value in row.items()})
    return schema


@attrs.frozen
class Say:
    """Answer with a status, a body and headers."""

    status: int = 200
    body: bytes | str | dict | list = b"{}"
    headers: dict = attrs.field(factory=dict)

    def raw(self):
        body = self.body if isinstance(self.body, (bytes, str)) else json.dumps(self.body)
        body = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": "application/json", "Content-Length": len(body), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Told\r\n{lines}\r\n".encode("latin-1") + body


RESET = "reset"
"""Cut the connection off with a reset after the request was read."""
CLOSE = "close"
"""Close the connection in good order, without an answer."""


@attrs.frozen
class Seen:
    """Hold a request as it arrived."""

    method: str
    path: str
    headers: dict
    body: bytes
    connection: int


class Service:
    """Answer one request after the other with the steps of `script`, and then with `usual`."""

    def __init__(self):
        self.script = deque()
        self.usual = Say()
        self.seen = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self._threads = []
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._listen)

    def say(self, *steps):
        self.script.extend(steps)

    def refuse(self):
        """Take no new connection from now on."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def close(self):
        self.refuse()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection, number):
        with connection:
            try:
                while self._exchange(connection, number):
                    pass
            except OSError:
                return

    def _exchange(self, connection, number):
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return False
            head += part
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers.get("Content-Length", 0)):
            body += connection.recv(65536)
        method, path, _ = first.split(" ")
        self.seen.append(Seen(method, path, headers, body, number))
        step = self.script.popleft() if self.script else self.usual
        if callable(step):
            step = step(self.seen[-1])
        if step == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if step == CLOSE:
            return False
        if isinstance(step, bytes):
            connection.sendall(step)
            return False
        connection.sendall(step.raw())
        return step.headers.get("Connection") != "close"


@pytest.fixture
def service():
    running = Service()
    yield running
    running.close()


@pytest.fixture
def nobody():
    """Give an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}"
