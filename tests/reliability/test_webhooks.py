"""Webhooks in a burst: what got a 2xx arrives, once, though the receiver is killed twice.

What is forged or sent again never does. TAILRACE_SIZE=full sends 10,000.
"""

import base64
import http.client
import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

import pytest
from standardwebhooks import Webhook

SECRET, OTHER = ("whsec_" + base64.b64encode(bytes([n] * 32)).decode() for n in (7, 8))
COUNT = 10_000 if os.environ.get("TAILRACE_SIZE") == "full" else 600
LINES = 8
"""Connections that send at the same time."""

PROJECT = """
[source.form]
plugin = "webhook"
path = "/form"
port = {port}
secret = {{ env = "FORM_SECRET" }}
max_wait = 0.05

[sync.kept]
source = "form"
mode = "upsert"
key = "id"
destination = {{ plugin = "sql", url = "sqlite:///{folder}/kept.db", table = "kept", create = true }}

[sync.told]
source = "form"

[sync.told.destination]
plugin = "http"
url = "{url}"
rows = 50
idempotency_header = "Idempotency-Key"
allow_private = ["127.0.0.1"]
"""


class Collector(ThreadingHTTPServer):
    """A service that knows a request again by its key, and counts what it was told."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Collecting)
        self.seen, self.keys, self.lock = Counter(), set(), threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Collecting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            if self.headers["Idempotency-Key"] not in self.server.keys:
                self.server.keys.add(self.headers["Idempotency-Key"])
                self.server.seen.update(row["id"] for row in json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def port():
    with create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Serving:
    """`tailrace serve`, that can be killed and started again."""

    def __init__(self, folder):
        self.folder = folder
        self.running = None
        self.said = []

    def start(self):
        with (self.folder / "out").open("a") as out:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "tailrace", "serve"],
                cwd=self.folder,
                env={**os.environ, "FORM_SECRET": SECRET},
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )
        while "listening on" not in (line := self.running.stderr.readline()):
            assert line, self.said
            self.said.append(line)
        self._draining = threading.Thread(target=self.said.extend, args=(self.running.stderr,))
        self._draining.start()

    def end(self, number):
        self.running.send_signal(number)
        code = self.running.wait(120)
        self._draining.join(30)
        self.running.stderr.close()
        return code


@contextmanager
def served(folder):
    serving = Serving(folder)
    try:
        serving.start()
        yield serving
    finally:
        if serving.running.poll() is None:
            serving.running.kill()
            serving.running.wait()


def signed(name, body, secret):
    now = datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body.decode()),
    }


class Senders:
    """Connections that send what is to be sent until each has had its answer, as services do."""

    def __init__(self, port):
        self.port = port
        self.work = queue.Queue()
        self.up = threading.Event()
        self.up.set()
        self.changed = threading.Condition()
        self.accepted, self.refused, self.again = {}, Counter(), 0

    def send_all(self):
        """Start, and give the threads."""
        threads = [threading.Thread(target=self._send) for _ in range(LINES)]
        for each in threads:
            each.start()
        return threads

    def _send(self):
        line = None
        while (piece := self._next()) is not None:
            kind, name, body = piece
            headers = signed(name, body, OTHER if kind == "forged" else SECRET)
            while True:
                try:
                    line = line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                    line.request("POST", "/form", body, {"content-type": "text/json", **headers})
                    answer = line.getresponse()
                    answer.read()
                    break
                except (OSError, http.client.HTTPException):
                    if line is not None:
                        line.close()
                    line = None
                    self.up.wait(30)
                    with self.changed:
                        self.again += 1
            self._told(kind, name, body, answer.status)
        if line is not None:
            line.close()

    def _next(self):
        try:
            return self.work.get_nowait()
        except queue.Empty:
            return None

    def _told(self, kind, name, body, status):
        with self.changed:
            if status == 200:
                self.accepted[name] = body
                if kind == "replayed":
                    self.work.put(("again", name, body))
            else:
                self.refused[kind, status] += 1
            self.changed.notify_all()

    def until(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.accepted) >= count, 300)


def test_a_burst_arrives_once_though_the_receiver_is_killed_twice(tmp_path, collector, port):
    project = PROJECT.format(port=port, folder=tmp_path, url=collector.url)
    (tmp_path / "tailrace.toml").write_text(project)
    senders = Senders(port)
    for n in range(COUNT):
        body = json.dumps({"id": n, "email": f"p{n}@example.com"}).encode()
        kind = {0: "forged", 50: "replayed"}.get(n % 100, "plain")
        senders.work.put((kind, f"msg_{n}", body))
    honest = {n for n in range(COUNT) if n % 100}
    began = time.monotonic()

    with served(tmp_path) as serving:
        threads = senders.send_all()
        for share in (1, 2):
            senders.until(len(honest) * share // 3)
            senders.up.clear()
            serving.end(signal.SIGKILL)
            serving.start()
            senders.up.set()
        for each in threads:
            each.join(300)
        took = time.monotonic() - began
        code = serving.end(signal.SIGTERM)

    with closing(sqlite3.connect(tmp_path / "kept.db")) as database:
        kept = Counter(n for (n,) in database.execute("SELECT id FROM kept"))
    print(
        f"\n{COUNT:,} in {took:.1f} s ({COUNT / took:,.0f}/s) with two kills; {senders.again} broke off"
    )
    assert (code, collector.seen) == (0, Counter(honest)), serving.said
    assert kept == Counter(honest)
    assert senders.accepted.keys() == {f"msg_{n}" for n in honest}
    assert senders.refused == {("forged", 401): COUNT // 100}
