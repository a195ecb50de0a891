"""A service over real HTTP that keeps what it is sent, with faults by chance."""

import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = (
    ("slow_down", 0.02),
    ("broken_before", 0.02),
    ("broken_after", 0.02),
    ("reset_before", 0.02),
    ("reset_after", 0.02),
    ("garbage", 0.01),
)


class Collector(ThreadingHTTPServer):
    """Hold what arrived; `heard` is called with the number of each request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, seed, faults=True):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.chance = random.Random(seed)
        self.faults = FAULTS if faults else ()
        self.lock = threading.Lock()
        self.applied = []
        self.answers = {}
        self.count = 0
        self.heard = lambda count: None

    @property
    def url(self):
        """Say where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Keep quiet about clients that were killed."""

    def draw(self):
        """Draw a fault, and how long the answer takes."""
        with self.lock:
            self.count += 1
            count, at = self.count, self.chance.random()
            seconds = self.chance.uniform(0.001, 0.012)
        self.heard(count)
        for fault, share in self.faults:
            if at < share:
                return fault, seconds
            at -= share
        return None, seconds

    def take(self, body, key):
        """Apply a batch; one that came under the same key before is answered and not applied."""
        with self.lock:
            if key is not None and key in self.answers:
                return
            if key is not None:
                self.answers[key] = True
            for entry in body["records"]:
                self.applied.append((body["action"], entry["key"], entry["row"], body["batch"]))

    def held(self):
        """Give what it holds by key."""
        held = {}
        for action, key, row, _ in self.applied:
            if action == "delete":
                held.pop(key, None)
            else:
                held[key] = row
        return held

    def times(self):
        """Count how often each key was applied."""
        return Counter(key for action, key, _, _ in self.applied if action != "delete")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        if self.path == "/lookup":
            with server.lock:
                marks = {(batch, key) for _, key, _, batch in server.applied}
            there = [each for each in body["keys"] if (body["batch"], each) in marks]
            self._answer(200, {"there": there})
            return
        fault, seconds = server.draw()
        if fault == "slow_down":
            self._answer(429, {"message": "slow down"}, {"Retry-After": "0"})
            return
        if fault == "broken_before":
            self._answer(500, {"message": "broken"})
            return
        if fault == "reset_before":
            self._reset()
            return
        time.sleep(seconds / 2)
        server.take(body, self.headers.get("Idempotency-Key"))
        time.sleep(seconds / 2)
        if fault == "broken_after":
            self._answer(500, {"message": "broken"})
        elif fault == "reset_after":
            self._reset()
        elif fault == "garbage":
            self._answer(200, b'{"taken": tr')
        else:
            self._answer(200, {"taken": len(body["records"])})

    def _reset(self):
        self.close_connection = True
        self.connection.close()

    def _answer(self, status, body, headers=None):
        told = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told)
