"""A sandbox with an endpoint in it, and whole runs."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def deliver(sandbox, tmp_path):
    """Run a sync into the sandbox, with no real waits."""

    def run(source, *, mode="append", key=None, state=None, mapping=None, **options):
        given = {"base_url": sandbox.url("http"), "allow_private": ["127.0.0.1"], **options}
        sync = tailrace.Sync(
            source=source,
            destination="http",
            name="it",
            mode=mode,
            key=key,
            mapping=mapping,
            options=given,
            state=state if state is None or state is not True else str(tmp_path / "state"),
        )
        return execute(prepare(sync), FakeClock())

    return run


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


class Endpoint(ThreadingHTTPServer):
    """A service that answers as told, and shows what it got with all its headers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answering)
        self.seen, self.statuses, self.tokens = [], [], []
        self.refused, self.echoes = set(), False
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server = self.server
        with server.lock:
            server.seen.append(SimpleNamespace(path=self.path, headers=headers, body=body))
            status = server.statuses.pop(0) if server.statuses else 200
            answer = {}
            if self.path == "/token":
                answer = {"access_token": server.tokens.pop(0), "expires_in": 3600}
            elif headers.get("authorization") in server.refused:
                status = 401
        text = json.dumps({**answer, **({"headers": headers} if server.echoes else {})}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == 307:
            self.send_header("Location", f"{server.url}/elsewhere")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
