"""The service that all contenders write to: it counts, per key, what it was sent.

A process of its own on loopback, so that its CPU is nobody's. `PUT /behaviour` makes it forget all
and behave anew, `GET /counts` tells what it has seen; rows are POSTed to `/rows` as a JSON array of
objects with an `id`, and `POST /held` tells which of a JSON array of ids it holds.

Faults are drawn from the seed, the first id of a batch and how often that batch came: all
contenders meet the same ones, in whatever order they send.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from array import array
from collections import Counter

try:
    from orjson import loads
except ImportError:
    from json import loads

DEFAULTS = {
    "rows": 0,  # ids 0 to rows - 1 are expected
    "every": 1,  # of them each that this divides
    "latency": 0.0,  # seconds from a request to its answer
    "faults": 0.0,  # share of requests that meet one
    "seed": 1,
    "poison": 0,  # one id in so many gets its whole batch refused with 400
    "rate": 0.0,  # requests a second, as a bucket that holds `burst`
    "burst": 1.0,
    "retry_after": None,  # seconds that a 429 tells to wait
    "headers": False,  # whether answers tell the limit
    "keys": False,  # whether an Idempotency-Key is kept to
}
FAULTS = ("500", "503", "reset before", "reset after")
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}
REASONS |= {500: "Internal Server Error", 503: "Service Unavailable"}


class Service:
    """Hold what arrived since the last `PUT /behaviour`."""

    def __init__(self):
        self.behave({})

    def behave(self, behaviour):
        self.how = {**DEFAULTS, **behaviour}
        self.seen = bytearray(max(self.how["rows"], 1))
        self.statuses, self.faults, self.came = Counter(), Counter(), Counter()
        self.keys = set()
        self.strange = self.stored = self.open = self.most_open = self.lookups = 0
        self.arrived = array("d")
        self.tokens, self.filled = self.how["burst"], time.monotonic()

    def answer(self, path, headers, body):
        """Give status, headers, body and how long the answer takes; a status of 0 is a reset."""
        if path == "/held":
            self.lookups += 1
            held = [each for each in loads(body) if self.seen[each]]
            return 200, {}, json.dumps(held).encode(), self.how["latency"]
        if path != "/rows":
            return 404, {}, b"", 0.0
        told = self.pace()
        if self.tokens < 0:
            self.tokens += 1
            if self.how["retry_after"] is not None:
                told["Retry-After"] = str(self.how["retry_after"])
            return 429, told, b'{"error":"slow down"}', 0.0
        self.arrived.append(time.monotonic())
        return *self.take(headers, loads(body), told), self.how["latency"]

    def pace(self):
        """Take a token; below zero there was none."""
        rate, burst = self.how["rate"], self.how["burst"]
        if not rate:
            return {}
        now = time.monotonic()
        self.tokens = min(burst, self.tokens + (now - self.filled) * rate) - 1
        self.filled = now
        if not self.how["headers"]:
            return {}
        left = max(0, int(self.tokens))
        return {
            "X-RateLimit-Limit": f"{rate:g}",
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": "1",
            "RateLimit-Policy": f'"second";q={rate:g};w=1',
            "RateLimit": f'"second";r={left};t=1',
        }

    def take(self, headers, rows, told):
        """Store a batch, or do what the seed says instead."""
        ids = [row["id"] for row in rows]
        key = headers.get(b"idempotency-key") if self.how["keys"] else None
        if key is not None and key in self.keys:
            return 200, told, b'{"stored":true}'
        every = self.how["poison"]
        if every and any(each % every == every // 2 for each in ids):
            return 400, told, b'{"error":"a row is invalid"}'
        fault = self.draw(ids[0])
        if fault in ("500", "503"):
            return int(fault), told, b'{"error":"try later"}'
        if fault != "reset before":
            self.store(ids)
            self.keys.add(key)
        return (0 if fault else 200), told, b'{"stored":true}'

    def draw(self, first):
        self.came[first] += 1
        chance = random.Random(f"{self.how['seed']} {first} {self.came[first]}")
        if chance.random() >= self.how["faults"]:
            return None
        fault = chance.choice(FAULTS)
        self.faults[fault] += 1
        return fault

    def store(self, ids):
        self.stored += len(ids)
        for each in ids:
            if 0 <= each < len(self.seen) and self.seen[each] < 255:
                self.seen[each] += 1
            else:
                self.strange += 1

    def counts(self):
        """Compare what is held with what was to come, once each."""
        rows, every, poison = self.how["rows"], self.how["every"], self.how["poison"]
        wanted = bytearray(rows)
        wanted[::every] = bytes([1]) * len(range(0, rows, every))
        if poison:
            wanted[poison // 2 :: poison] = bytes(len(range(poison // 2, rows, poison)))
        found = Counter(zip(wanted, self.seen[:rows], strict=True))
        return {
            "requests": sum(self.statuses.values()),
            "throttled": self.statuses[429],
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(self.faults),
            "lookups": self.lookups,
            "stored": self.stored,
            "lost": sum(count for (want, seen), count in found.items() if want and not seen),
            "doubled": sum(count * (seen - 1) for (_, seen), count in found.items() if seen > 1),
            "uncalled": self.strange
            + sum(count for (want, seen), count in found.items() if seen and not want),
            "in_flight": self.most_open,
            "rate": self.rate(),
        }

    def rate(self):
        """Count what came a second and was not turned away.

        Whole seconds only, and from the second one on where there are several: not all senders
        begin at once.
        """
        if not self.arrived:
            return 0.0
        first, last = self.arrived[0], self.arrived[-1]
        whole, begun = int(last - first), int(last - first >= 3)
        if not whole:
            return len(self.arrived) / max(last - first, 1e-3)
        counted = sum(first + begun <= each < first + whole for each in self.arrived)
        return counted / (whole - begun)


class Connection(asyncio.Protocol):
    """Speak just as much HTTP/1.1 as the contenders' clients do."""

    def __init__(self, service):
        self.service = service
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.buffer += data
        self.go_on()

    def go_on(self):
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found or self.busy:
            return
        first, *lines = head.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines if b": " in line)
        if headers.get(b"expect") == b"100-continue":
            raise ValueError("no contender asks before it sends")
        size = int(headers.get(b"content-length", 0))
        if headers.get(b"transfer-encoding") == b"chunked":
            whole, size, rest = unchunk(rest)
            if not whole:
                return
        elif len(rest) < size:
            return
        self.buffer = rest[size:]
        method, path, _ = first.split(b" ", 2)
        self.serve(method.decode(), path.decode(), headers, rest[:size])

    def serve(self, method, path, headers, body):
        service = self.service
        if path == "/behaviour":
            service.behave(json.loads(body))
            self.write(200, {}, b"{}")
        elif path == "/counts":
            self.write(200, {}, json.dumps(service.counts()).encode())
        else:
            self.busy = True
            service.open += 1
            service.most_open = max(service.most_open, service.open)
            status, told, text, seconds = service.answer(path, headers, body)
            if path == "/rows":
                service.statuses[status] += 1
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self.end, status, told, text)
            else:
                self.end(status, told, text)

    def end(self, status, headers, body):
        self.service.open -= 1
        self.busy = False
        if self.transport.is_closing():
            return
        if status:
            self.write(status, headers, body)
            self.go_on()
        else:
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self.transport.abort()

    def write(self, status, headers, body):
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json", *(f"{k}: {v}" for k, v in headers.items())]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def unchunk(rest):
    """Give whether all is there, how many bytes that is, and the bytes put together first."""
    parts, at = [], 0
    while (end := rest.find(b"\r\n", at)) >= 0:
        size = int(rest[at:end], 16)
        if len(rest) < end + 2 + size + 2:
            return False, 0, rest
        parts.append(rest[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
        if size == 0:
            body = b"".join(parts)
            return True, len(body), body + rest[at:]
    return False, 0, rest


async def main():
    """Serve until standard input is closed; the address goes to standard output."""
    service = Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
