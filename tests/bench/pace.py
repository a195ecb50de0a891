"""Measure pace over real HTTP on loopback: `python tests/bench/pace.py --requests 500 --only told`.

The service is another process (limited.py). Ideal is what the limit allows, or, where there is
none, what a bare loop of as many threads with the same HTTP client takes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import urllib3

import tailrace

HERE = Path(__file__).parent


@contextmanager
def service(*told):
    """Start the service; give its address."""
    command = [sys.executable, str(HERE / "limited.py"), *map(str, told)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def counts(url):
    return json.loads(urllib3.request("GET", f"{url}/counts").data)


def rows(requests, size):
    return ({"id": number, "name": "a name"} for number in range(requests * size))


def deliver(url, requests, size, state=None, name=None, **limits):
    """Deliver that many batches; give the seconds and the report."""

    @tailrace.destination(batch_size=size, delivery="idempotent", **limits)
    def limited(batch: tailrace.Batch, http: tailrace.Http, *, base_url: str) -> None:
        http.post(base_url, json=batch.rows())

    began = time.monotonic()
    report = tailrace.run(
        rows(requests, size), limited, name=name, options={"base_url": url}, state=state
    )
    return time.monotonic() - began, report


def bare(url, requests, size, threads):
    """Post as much with threads and urllib3 alone; give the seconds."""
    pool = urllib3.PoolManager(maxsize=threads)

    def post(number):
        body = json.dumps([{"id": number, "name": "a name"}] * size).encode()
        pool.request("POST", url, body=body, headers={"Content-Type": "application/json"})

    began = time.monotonic()
    with ThreadPoolExecutor(threads) as threads_of:
        list(threads_of.map(post, range(requests)))
    return time.monotonic() - began


def told(name, seconds, ideal, seen, delivered):
    share = 100 * seen["refused"] / max(seen["requests"], 1)
    print(
        f"| {name} | {seconds:.2f} | {seconds / ideal:.3f} | {seen['requests']:,} |"
        f" {seen['refused']} ({share:.2f} %) | {delivered:,} |",
        flush=True,
    )


def measure_free(asked):
    for threads in (None, 200):
        with service() as url:
            seconds, report = deliver(url, asked.requests, asked.size, max_in_flight=threads)
            seen = counts(url)
            hand = bare(url, asked.requests, asked.size, threads or 200)
        name = f"no limit, max_in_flight={threads}; bare loop of 200 threads {hand:.2f} s"
        told(name, seconds, hand, seen, report.delivered)


def measure_limited(asked, which):
    for kind in asked.kinds:
        for how in {"guessed": ([], ["--asks"]), "told": ([], ["--tells"])}[which]:
            rate = tailrace.Rate(50) if which == "told" and not how else None
            with service("--kind", kind, *how) as url:
                seconds, report = deliver(url, asked.requests, asked.size, rate=rate)
                seen = counts(url)
            way = {"--asks": "Retry-After", "--tells": "in headers"}.get("".join(how))
            way = way or ("no Retry-After" if which == "guessed" else "declared")
            told(
                f"50/s {which}, {kind}, {way}", seconds, asked.requests / 50, seen, report.delivered
            )


def measure_two(asked):
    """Share 300 requests a second between two processes."""
    for kind in asked.kinds:
        with service("--kind", kind, "--rate", 300) as url, tempfile.TemporaryDirectory() as state:
            command = [sys.executable, __file__, "--child", url, "--state", state]
            began = time.monotonic()
            children = [
                subprocess.Popen(
                    [*command, "--name", f"sync-{number}", "--requests", str(asked.requests)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for number in range(2)
            ]
            said = [json.loads(child.communicate()[0]) for child in children]
            seen = counts(url)
        assert time.monotonic() > began
        first, last = min(each["began"] for each in said), seen["last"]
        delivered = sum(each["delivered"] for each in said)
        # Until one of them is done; the other then goes on alone, at the same rate together.
        name = f"two processes, 300/s together, {kind}: {seen['passed'] / (last - first):.0f}/s"
        told(name, last - first, seen["passed"] / 300, seen, delivered)


def child(asked):
    began = time.monotonic()
    _, report = deliver(
        asked.child, asked.requests, 10, asked.state, asked.name, rate=tailrace.Rate(300)
    )
    print(json.dumps({"began": began, "delivered": report.delivered}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--size", type=int, default=100, help="rows of a batch")
    parser.add_argument("--kinds", nargs="+", default=["sliding", "fixed", "bucket"])
    parser.add_argument("--only", nargs="+", default=["free", "guessed", "told", "two"])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--state", help=argparse.SUPPRESS)
    parser.add_argument("--name", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked)
        return
    print("| | wall s | to ideal | requests | 429s | rows delivered |\n|---|---|---|---|---|---|")
    if "free" in asked.only:
        measure_free(asked)
    for which in ("guessed", "told"):
        if which in asked.only:
            measure_limited(asked, which)
    if "two" in asked.only:
        measure_two(asked)


if __name__ == "__main__":
    main()
