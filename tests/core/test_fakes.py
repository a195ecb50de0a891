from concurrent.futures import ThreadPoolExecutor

import pytest

from tailrace.errors import FatalError, RejectedError
from tailrace.outcomes import Outcome
from tailrace.records import Action, Batch, Record
from tailrace.schema import Schema
from tailrace.testing import FakeClock, MemoryDestination


def batch(*keys):
    records = [Record(key, {"id": key}) for key in keys]
    return Batch("b", Action.APPEND, Schema(), records=records)


def test_a_clock_moves_only_when_slept_on():
    clock = FakeClock()
    clock.sleep(2.5)

    assert (1002.5, [2.5]) == (clock.monotonic(), clock.sleeps)
    assert clock.monotonic() == clock.monotonic()
    assert 1_700_001_002.5 == clock.wall()


def test_a_sleep_never_ends_where_it_began():
    clock = FakeClock(now=1e9)
    clock.sleep(1e-12)

    assert clock.monotonic() > 1e9


def test_a_clock_that_was_stopped_stands():
    clock = FakeClock()
    clock.stop()
    clock.sleep(5)

    assert (True, 1000.0, [5]) == (clock.stopping, clock.monotonic(), clock.sleeps)


def test_a_clock_is_shared_by_threads():
    clock = FakeClock()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(clock.sleep, [1.0] * 100))

    assert 1100.0 == clock.monotonic()


def test_a_destination_takes_what_it_is_given():
    destination = MemoryDestination()

    assert destination.write(batch(1, 2)) is None
    assert ([1, 2], [{"id": 1}, {"id": 2}]) == (destination.keys, destination.rows)


def test_a_destination_follows_its_script_and_then_takes_all():
    outcomes = [Outcome(1, "delivered"), Outcome(2, "failed")]
    destination = MemoryDestination([FatalError("no"), outcomes, len, None])

    with pytest.raises(FatalError, match="no"):
        destination.write(batch(1))
    assert outcomes == destination.write(batch(1, 2))
    assert 3 == destination.write(batch(3, 4, 5))
    assert destination.write(batch(6)) is None
    assert ([1, 3, 4, 5, 6], 4) == (destination.keys, len(destination.writes))


def test_a_destination_refuses_batches_with_certain_keys():
    destination = MemoryDestination(refuses={2})

    with pytest.raises(RejectedError, match="because of 2"):
        destination.write(batch(1, 2))
    assert destination.write(batch(1)) is None
    assert [1] == destination.keys


def test_a_destination_is_declared_like_any_other():
    spec = MemoryDestination(batch_size=7, delivery="idempotent").spec

    assert (7, "idempotent") == (spec.batch_size, spec.delivery[Action.APPEND])
