"""What the laws ask of a destination: how it is described, run, looked at, and led into trouble.

A destination joins with a class in a module of its own, and its entry in `conftest.py`.
"""

import os

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock

FULL = os.environ.get("TAILRACE_SIZE") == "full"
"""Whether all is tried, or as much of it as an ordinary run has time for."""

COUNTS = ("delivered", "skipped", "rejected", "failed", "in_doubt")


def statuses(report):
    """Give the counts that are not 0."""
    return {name: getattr(report, name) for name in COUNTS if getattr(report, name)}


class Place:
    """One destination, with the service behind it as its twin shows it.

    count: rows of the large run. many: rows of a run that takes several batches. bad: for each kind
    of bad row, what makes a row bad, and the reason, and a part of the message, with which it is
    refused. small: limits with which that run takes several batches, one after the other. troubles: what the service can do to a run, of `pace`, `day`, `login`, `lost` and `order`.
    losses: how an answer gets lost. finds: whether it can be told then what became of the records.
    """

    plugin = twin = ""
    key = "id"
    mode = "mirror"
    count, many = 10_000, 250
    batch = 100
    small = {"max_in_flight": 1}
    few = {"batch_size": 3, "max_in_flight": 1}
    bad = {}
    troubles = frozenset()
    losses = ("lose", "reset_after", "truncate", "garbage", "reset_before")
    finds = True

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder, self.runs = sandbox, folder, 0
        self.options = {"base_url": sandbox.url(self.twin)} if self.twin else {}

    def row(self, n, version=0):
        """Give a good row, another for each version."""
        return {"id": n, "name": f"name {n}", "score": version}

    def rows(self, count, version=0):
        """Give good rows."""
        return [self.row(n, version) for n in range(count)]

    def held(self):
        """Give what the service holds, by key, as `shown` gives rows; fails where a key is twice."""
        raise NotImplementedError

    def shown(self, row):
        """Give what the service shows of a row."""
        return {name: value for name, value in row.items() if name != self.key}

    def wanted(self, rows):
        """Give what the service should hold."""
        return {row[self.key]: self.shown(row) for row in rows}

    def empty(self):
        """Let the service hold nothing again."""
        self.sandbox.reset()

    def asked(self):
        """Count what the service was asked so far."""
        return len(self.sandbox.requests(self.twin))

    def optimum(self, written, removed):
        """Count the requests that a run needs for so many records, at the very least."""
        return -(-written // self.batch) + -(-removed // self.batch)

    def sync(self, rows, *, mode=None, limits=None, state=True, **options):
        """Give a sync of rows into it."""
        return tailrace.Sync(
            source=rows,
            destination=self.plugin,
            name="it",
            mode=mode or self.mode,
            key=self.key,
            limits=limits,
            options={**self.options, **options},
            state=str(self.folder / "state") if state else None,
        )

    def run(self, rows, **how):
        """Run a sync without real waits; its counts add up, whatever happens."""
        self.runs += 1
        clock = FakeClock(chance=self.runs / 100)  # by which runs are named
        report = execute(prepare(self.sync(rows, **how)), clock)
        told = sum(getattr(report, name) for name in COUNTS)
        assert report.read + report.removed == told
        return report

    # Troubles

    writes = {}
    """What the requests that write have, as faults choose them."""

    def strike(self, kind, *, skip=0, times=1, **how):
        """Let something go wrong with requests that write."""
        self.sandbox.faults.add(self.twin, kind, skip=skip, times=times, **self.writes, **how)

    def lose(self, kind, monkeypatch):
        """Lose the answer to the second request that writes."""
        self.strike(kind, skip=1)

    def shut_out(self, monkeypatch):
        """Take the login back after the first request that writes."""
        self.strike("answer", skip=1, times=None, status=401)

    def end_day(self):
        """Let the service say that it is enough until tomorrow; give what is told of it."""
        self.strike("answer", skip=1, times=None, status=429, retry_after=36_000)
        return "it asks to wait 600 minutes"

    def let_in(self):
        """End all troubles."""
        self.sandbox.faults.clear()

    def writes_seen(self):
        """Count the requests that wrote something."""
        words, method = self.writes.get("path", ""), self.writes.get("method")
        seen = self.sandbox.requests(self.twin)
        return sum(words in each.path and method in (None, each.method) for each in seen)

    def swap(self):
        """Put another account in this one's place; give options that change with it."""
        raise NotImplementedError

    def turn_round(self, monkeypatch):
        """Let the service tell of the records of a request in another order than they came."""
        raise NotImplementedError
