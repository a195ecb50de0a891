"""Versions of one key arrive in the order of the read, however many batches are in flight."""

import random
import threading
from contextlib import contextmanager

import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.errors import RetryableError, UnansweredError
from tailrace.outcomes import Outcome
from tailrace.testing import FakeClock

from .states import FULL

KEYS, VERSIONS = (1000, 200) if FULL else (200, 20)


class Log:
    """Be a service that keeps all it takes, and that is slow, busy or silent by chance."""

    def __init__(self, seed, clock):
        self.chance, self.clock = random.Random(seed), clock
        self.lock = threading.RLock()
        self.company = threading.Condition(self.lock)
        self.taken = {}
        self.inside = self.most = 0

    def write(self, batch):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            fault = self.chance.random()
            # Wait a moment for company, so that batches do overlap.
            self.company.notify_all()
            self.company.wait_for(lambda: self.inside > 3, 0.002)
        try:
            self.clock.sleep(0.01)
            if fault < 0.05:
                raise RetryableError("slow down", 0.5)
            if fault < 0.08:
                raise UnansweredError("no answer")
            return [self._take(each, fault) for each in batch]
        finally:
            with self.lock:
                self.inside -= 1

    def _take(self, record, fault):
        with self.lock:
            if fault < 0.15 and self.chance.random() < 0.1:
                return Outcome(record.key, "failed", message="not now")
            self.taken.setdefault(record.key, []).append(record.values["version"])
            return Outcome(record.key, "delivered")

    @contextmanager
    def open(self, options):
        yield self


@pytest.mark.parametrize("seed", range(3))
def test_no_version_overtakes_an_older_one_of_its_key(seed, tmp_path):
    clock = FakeClock()
    log = Log(seed, clock)
    versions = [key for key in range(KEYS) for _ in range(VERSIONS)]
    random.Random(seed).shuffle(versions)
    count = dict.fromkeys(range(KEYS), 0)
    rows = []
    for key in versions:
        count[key] += 1
        rows.append({"id": key, "version": count[key]})
    sync = tailrace.Sync(
        source=rows,
        destination=tailrace.DestinationSpec(
            open=log.open,
            modes={"append"},
            delivery="idempotent",
            batch_size=3,
            max_in_flight=8,
        ),
        name="versions",
        mode="append",
        key="id",
        state=tmp_path,
    )
    report = execute(prepare(sync), clock)

    assert report.delivered == KEYS * VERSIONS
    assert {key: sorted(taken) for key, taken in log.taken.items()} == log.taken
    assert all(set(taken) == set(range(1, VERSIONS + 1)) for taken in log.taken.values())
    assert log.most > 2
