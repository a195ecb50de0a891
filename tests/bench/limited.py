"""A service on loopback that answers late and takes only so many requests; `python limited.py`.

It prints its port, then answers POSTs; GET /counts tells what it has seen, as JSON.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "core"))
from limiters import Bucket, Fixed, Sliding, whole

KINDS = {"sliding": Sliding, "fixed": Fixed, "bucket": Bucket}


class Service(asyncio.Protocol):
    """Serve one connection; requests come one after the other."""

    def __init__(self, told, limiter, counts):
        self.told, self.limiter, self.counts = told, limiter, counts
        self.held = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.held += data
        head, found, rest = self.held.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return
        self.held = rest[length:]
        if head.startswith(b"GET"):
            self.answer(200, json.dumps(self.counts).encode())
            return
        now = time.monotonic()
        self.counts["requests"] += 1
        self.counts["early"] += now < self.counts["barred"]
        wait = self.limiter.take(now) if self.limiter else None
        if wait is None:
            self.counts["passed"] += 1
            self.counts["last"] = now
            asyncio.get_running_loop().call_later(self.told.latency, self.answer, 200, b"{}")
            return
        self.counts["refused"] += 1
        if self.told.asks:
            self.answer(429, b"{}", b"Retry-After: %d\r\n" % whole(wait))
        else:
            self.answer(429, b"{}")

    def answer(self, status, body, more=b""):
        if self.told.tells:
            more += b"RateLimit-Policy: %d;w=1\r\n" % self.told.rate
        self.transport.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
            % (status, len(body), more, body)
        )


async def serve(told):
    limiter = KINDS[told.kind](told.rate) if told.kind else None
    counts = {"requests": 0, "passed": 0, "refused": 0, "early": 0, "barred": 0.0, "last": 0.0}
    server = await asyncio.get_running_loop().create_server(
        lambda: Service(told, limiter, counts), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--asks", action="store_true", help="tell Retry-After")
    parser.add_argument("--tells", action="store_true", help="tell the limit in headers")
    asyncio.run(serve(parser.parse_args()))
