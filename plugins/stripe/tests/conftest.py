"""A sandbox with a Stripe account in it, and whole runs from it into memory."""

import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination
from tailrace_sandbox import Sandbox

MODES = {"modes": ["append", "upsert", "mirror"], "delivery": "idempotent"}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        running.stripe.clock = lambda: 1_000_000
        yield running


@pytest.fixture
def at(sandbox):
    """Set the twin's clock."""

    def set_to(seconds):
        sandbox.stripe.clock = lambda: seconds

    return set_to


@pytest.fixture
def read(sandbox, tmp_path):
    """Run a sync of a list into memory, with no real waits; give its report and rows."""

    def run(object="customers", *, into=None, mode="append", cursor=None, restart=False, **options):
        memory = into or MemoryDestination(**MODES)
        sync = tailrace.Sync(
            source="stripe",
            source_options={"object": object, "base_url": sandbox.url("stripe"), **options},
            destination=memory.spec,
            name="it",
            mode=mode,
            cursor=cursor,
            key="id" if mode != "append" else None,
            state=tmp_path / "state",
        )
        if restart:
            return sync.run(restart=True), memory.rows
        return execute(prepare(sync), FakeClock()), memory.rows

    return run


def ids(rows):
    return [row["id"] for row in rows]
