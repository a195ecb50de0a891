"""Sources with positions: the next run reads on from where all was settled, and from nowhere else."""

from contextlib import contextmanager

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tailrace
from tailrace._engine.fanout import execute_all
from tailrace._engine.preparing import prepare, prepare_all
from tailrace._engine.runner import execute, resolve
from tailrace.components import Page
from tailrace.testing import FakeClock, MemoryDestination

KEYED = {"modes": ["append", "upsert", "mirror"], "delivery": "idempotent"}


@attrs.define(eq=False)
class Log:
    """A log of events, read page by page; the position is the number of events before it."""

    events: list = attrs.field(factory=list)
    size: int = 3
    breaks_at: int | None = None
    asked: list = attrs.field(factory=list)
    settled_at: list = attrs.field(factory=list)

    def add(self, *numbers):
        self.events += [{"id": n} for n in numbers]

    @property
    def spec(self):
        log = self

        class Reader:
            def read(self, position):
                log.asked.append(position)
                at = position or 0
                while at < len(log.events):
                    page = log.events[at : at + log.size]
                    if log.breaks_at is not None and at + len(page) > log.breaks_at:
                        yield Page(page[: log.breaks_at - at], None)
                        raise OSError("the log broke")
                    at += len(page)
                    yield Page(page, at)

            def settled(self, position):
                log.settled_at.append(position)

        @contextmanager
        def opened(options):
            yield Reader()

        return tailrace.SourceSpec(open=opened)


def sync(log, destination, tmp_path, mode="append", name="it"):
    return tailrace.Sync(
        source=log.spec,
        destination=destination.spec,
        name=name,
        mode=mode,
        key="id" if mode != "append" else None,
        state=tmp_path / "state",
    )


def run(log, destination, tmp_path, mode="append"):
    return execute(prepare(sync(log, destination, tmp_path, mode)), FakeClock())


def ids(destination):
    return [row["id"] for row in destination.rows]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_the_next_run_reads_on_from_where_the_last_one_came_to(tmp_path, mode):
    log, destination = Log(), MemoryDestination(**KEYED)
    log.add(*range(7))
    first = run(log, destination, tmp_path, mode)
    log.add(7, 8)
    second, third = (run(log, destination, tmp_path, mode) for _ in range(2))

    assert log.asked == [None, 7, 9]
    assert log.settled_at == [7, 9]
    assert [each.read for each in (first, second, third)] == [7, 2, 0]
    assert ids(destination) == list(range(9))


def test_equal_events_of_an_append_are_each_an_event(tmp_path):
    log, destination = Log(), MemoryDestination()
    for _ in range(3):
        log.add(1, 1)
        run(log, destination, tmp_path)

    assert ids(destination) == [1] * 6


@pytest.mark.parametrize("mode", ["mirror"])
def test_a_mirror_reads_all_each_time(tmp_path, mode):
    log, destination = Log(), MemoryDestination(**KEYED)
    log.add(1, 2)
    run(log, destination, tmp_path, mode)
    report = run(log, destination, tmp_path, mode)

    assert log.asked == [None, None]
    assert (report.read, report.removed) == (2, 0)


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_source_that_breaks_off_is_read_again_from_where_it_was(tmp_path, mode):
    log, destination = Log(), MemoryDestination(**KEYED)
    log.add(*range(3))
    run(log, destination, tmp_path, mode)
    log.add(*range(3, 12))
    log.breaks_at = 8
    broken = run(log, destination, tmp_path, mode)
    log.breaks_at = None
    whole = run(log, destination, tmp_path, mode)

    assert "the log broke" in broken.problem
    assert log.asked == [None, 3, 3]
    assert whole.exit_code == 0
    assert ids(destination) == list(range(12))


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_what_failed_holds_the_position_and_is_sent_once_it_can_be(tmp_path, mode):
    def fail(batch):
        return [batch.outcome(each, failed="busy") for each in batch]

    log = Log()
    destination = MemoryDestination([None, *[fail] * 20], batch_size=2, max_in_flight=1, **KEYED)
    log.add(*range(4))
    failed = run(log, destination, tmp_path, mode)
    assert (failed.delivered, failed.failed) == (2, 2)

    destination._script.clear()
    log.add(4)
    report = run(log, destination, tmp_path, mode)
    assert report.exit_code == 0
    assert sorted(ids(destination)) == list(range(5))
    run(log, destination, tmp_path, mode)

    assert log.asked == [None, None, 5]
    assert sorted(ids(destination)) == list(range(5))


@pytest.mark.parametrize("assumed", ["delivered", "lost"])
def test_doubts_of_an_append_do_not_hold_the_position_since_the_ledger_has_them(tmp_path, assumed):
    log = Log()
    destination = MemoryDestination([None, ConnectionResetError()], batch_size=2, max_in_flight=1)
    log.add(*range(6))
    report = run(log, destination, tmp_path)
    assert report.in_doubt == 2
    log.add(6)
    run(log, destination, tmp_path)
    assert log.asked == [None, 6]

    resolve(prepare(sync(log, destination, tmp_path)), assumed, ())
    run(log, destination, tmp_path)

    lost = [2, 3] if assumed == "lost" else []
    assert sorted(ids(destination)) == sorted([0, 1, 4, 5, 6, *lost])


def test_doubts_of_an_upsert_hold_the_position_until_they_are_resolved(tmp_path):
    log = Log()
    destination = MemoryDestination(
        [None, ConnectionResetError()], batch_size=2, max_in_flight=1, modes=["upsert"]
    )
    log.add(*range(6))
    report = run(log, destination, tmp_path, "upsert")
    assert report.in_doubt == 2
    run(log, destination, tmp_path, "upsert")
    resolve(prepare(sync(log, destination, tmp_path, "upsert")), "lost", ())
    again = run(log, destination, tmp_path, "upsert")
    run(log, destination, tmp_path, "upsert")

    assert again.delivered == 2
    assert log.asked == [None, None, None, 6]
    assert sorted(ids(destination)) == list(range(6))


def test_a_restart_reads_from_the_start(tmp_path):
    log, destination = Log(), MemoryDestination()
    log.add(1)
    run(log, destination, tmp_path)
    sync(log, destination, tmp_path).run(restart=True)

    assert log.asked == [None, None]


def test_a_position_that_cannot_be_kept_is_told_before_it_counts(tmp_path):
    class Reader:
        def read(self, position):
            yield Page([{"id": 1}], {1, 2})

    @contextmanager
    def opened(options):
        yield Reader()

    log = attrs.make_class("Odd", {"spec": attrs.field(default=tailrace.SourceSpec(open=opened))})()
    report = run(log, MemoryDestination(**KEYED), tmp_path, "upsert")

    assert "the source's position cannot be kept: it has a value of type set" in report.problem


def test_syncs_of_one_source_that_are_at_one_position_share_it_and_others_read_for_themselves(
    tmp_path,
):
    log = Log()
    one, two = MemoryDestination(), MemoryDestination(**KEYED)
    spec = log.spec

    def both():
        syncs = [
            attrs.evolve(sync(log, one, tmp_path, "append", "one"), source=spec),
            attrs.evolve(sync(log, two, tmp_path, "upsert", "two"), source=spec),
        ]
        reports = {}
        execute_all(prepare_all(syncs), FakeClock(), told=reports.__setitem__)
        return [reports[0], reports[1]]

    log.add(1, 2)
    both()
    assert log.asked == [None]
    log.add(3)
    sync(log, one, tmp_path, "append", "one").run()
    assert log.asked == [None, 2]
    log.add(4)
    reports = both()

    assert sorted(log.asked[2:]) == [2, 3]
    assert [each.delivered for each in reports] == [1, 2]
    assert ids(one) == ids(two) == [1, 2, 3, 4]


STEPS = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.one_of(st.none(), st.integers(0, 30)),
        st.lists(st.sampled_from(["ok", "failed", "fatal"]), max_size=4),
    ),
    min_size=1,
    max_size=6,
)


@given(steps=STEPS, mode=st.sampled_from(["append", "upsert"]), size=st.integers(1, 4))
@settings(deadline=None)
def test_whatever_fails_each_event_arrives_once(tmp_path_factory, steps, mode, size):
    folder = tmp_path_factory.mktemp("it")
    log, arrived = Log(size=size), []

    def failing(batch):
        return [batch.outcome(each, failed="busy") for each in batch]

    for count, breaks_at, fates in steps:
        log.add(*range(len(log.events), len(log.events) + count))
        log.breaks_at = breaks_at
        doing = {"ok": None, "failed": failing, "fatal": tailrace.FatalError("shut")}
        script = [doing[fate] for fate in fates for _ in range(9 if fate == "failed" else 1)]
        destination = MemoryDestination(script, batch_size=2, max_in_flight=1, **KEYED)
        run(log, destination, folder, mode)
        arrived += ids(destination)
    log.breaks_at = None
    destination = MemoryDestination(**KEYED)
    report = run(log, destination, folder, mode)
    arrived += ids(destination)

    assert report.exit_code == 0
    assert sorted(arrived) == list(range(len(log.events)))
