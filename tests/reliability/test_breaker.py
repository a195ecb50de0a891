"""A mirror deletes what it wrote and the source no longer has, and not more than may be meant."""

import logging
import os
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.components import Page
from tailrace.errors import ConfigError
from tailrace.testing import FakeClock, MemoryDestination

from .states import DIED, FULL, MANY, Scene, in_child

UNLIMITED = {"percent": 100, "rows": None}


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@pytest.fixture
def mirror(tmp_path):
    return Mirror(Scene(tmp_path / "scene", "idempotent", "mirror"))


@attrs.frozen
class Mirror:
    """Be a mirror into a service that remembers all it was asked for."""

    scene: Scene

    def sync(self, rows, desk=None, **told):
        return self.scene.sync(rows, desk or self.desk(), **told)

    def desk(self, **told):
        return self.scene.desk(**{"remote": False, "batch_size": 1000, **told})

    def run(self, rows, *, accept=False, desk=None, **told):
        return self.sync(rows, desk, **told).run(accept=accept)

    def apply(self, hash_, **told):
        return self.sync([], **told).apply(hash_)

    @property
    def deleted(self):
        return [key for action, key, _ in self.desk().taken() if action == "delete"]

    @property
    def held(self):
        return set(self.desk().held())


def rows(*keys, text="same"):
    return [{"id": key, "text": text, "mail": f"{key}@example.com"} for key in keys]


def run_quickly(sync):
    """Run with a clock that only pretends to wait."""
    return execute(prepare(sync), FakeClock())


def hash_of(report):
    return report.problem.rpartition(" ")[2]


def survivors(owned, gone):
    """Give a source that has lost so many records, changed one that stayed, and has a new one."""
    return rows(*range(gone, owned - 1)) + rows(owned - 1, text="new") + rows(owned, text="new")


def loses(mirror, owned, gone, **told):
    """Have a source lose records; check that what is new arrived, and give the report."""
    mirror.run(rows(*range(owned)))
    report = mirror.run(survivors(owned, gone), **told)

    held = mirror.desk().held()
    assert {held[owned]["text"], held[owned - 1]["text"]} == {"new"}
    assert (report.read, report.removed) == (owned - gone + 1, gone)
    return report


def check(mirror, report, owned, gone, passes):
    """Check that all that is gone was deleted, or that the run stopped and nothing was."""
    assert sorted(mirror.deleted) == (list(range(gone)) if passes else [])
    assert report.exit_code == (0 if passes else 5)
    assert report.failed == (0 if passes else gone)
    assert report.delivered == (gone if passes else 0) + 2
    assert len(mirror.held) == owned + 1 - (gone if passes else 0)


# How much may go


@pytest.mark.parametrize(
    ("owned", "gone", "passes"),
    [
        *[(2, 1, True), (5, 4, True), (10, 9, True), (11, 10, True), (12, 11, False)],
        *[(20, 10, True), (20, 11, False), (99, 10, True), (99, 11, False), (100, 11, False)],
        *[(109, 11, False), (110, 11, True), (200, 20, True), (200, 21, False)],
        *[(1000, 99, True), (1000, 100, True), (1000, 101, False), (1000, 990, False)],
        *[(2000, 198, True), (2000, 202, False), (5000, 495, True), (5000, 505, False)],
        *[(5500, 500, True), (5500, 501, False)],
    ],
)
def test_a_tenth_or_ten_rows_or_at_most_500(mirror, owned, gone, passes):
    report = loses(mirror, owned, gone)

    check(mirror, report, owned, gone, passes)


@pytest.mark.parametrize(
    ("gone", "max_delete", "passes"),
    [
        *[(1, 0, False), (5, 5, True), (6, 5, False), (60, 60, True), (99, 200, True)],
        *[(50, {"percent": 50}, True), (51, {"percent": 50}, False)],
        *[(3, {"rows": 3}, True), (4, {"rows": 3}, False), (99, {"rows": 99}, True)],
        *[(1, {"percent": 0}, False), (10, {"percent": 0.5}, True), (11, {"percent": 5}, False)],
        *[(99, UNLIMITED, True), (99, {"percent": 100, "rows": 98}, False)],
        *[(29, {"percent": 29.5}, True), (30, {"percent": 29.5}, False)],
        *[(2, {"percent": 50, "rows": 1}, False), (9, {"percent": 5, "rows": 9}, True)],
        *[(99, {"rows": None, "percent": None}, True), (99, {"percent": None, "rows": 98}, False)],
    ],
)
def test_max_delete(mirror, gone, max_delete, passes):
    report = loses(mirror, 100, gone, max_delete=max_delete)

    check(mirror, report, 100, gone, passes)


@pytest.mark.parametrize("owned", [1, 5, 10, 11, 600])
@pytest.mark.parametrize("max_delete", [None, 10_000, UNLIMITED, {"rows": None, "percent": None}])
def test_an_empty_source_always_stops(mirror, owned, max_delete):
    mirror.run(rows(*range(owned)))
    report = mirror.run([], max_delete=max_delete)

    assert (report.exit_code, report.failed, mirror.deleted) == (5, owned, [])
    assert "empty" in report.problem


def test_a_large_table_is_judged_alike(mirror):
    mirror.run(rows(*range(MANY)))
    stopped = mirror.run(rows(*range(501, MANY)))
    before = mirror.deleted
    passed = mirror.run(rows(*range(500, MANY)))

    assert (stopped.exit_code, before) == (5, [])
    assert (passed.exit_code, sorted(mirror.deleted)) == (0, list(range(500)))


# What was read only in part, or is not what was read before


class Paged:
    """Give pages of ten rows; fail at one of them, or end before the last."""

    def __init__(self, count, fails=None, complete=True):
        self.count, self.fails, self.complete = count, fails, complete

    def read(self, position):
        for at in range(0, self.count, 10):
            if at == self.fails:
                raise OSError("the source broke off")
            yield Page(rows(*range(at, at + 10)))


def breaking(count):
    """Give a source that breaks off after so many rows."""

    def source():
        yield from rows(*range(count))
        raise OSError("the source broke off")

    return source


@pytest.mark.parametrize(
    "source",
    [
        *[breaking(count) for count in (0, 1, 20, 35, 39, 40)],
        *[Paged(40, fails=at) for at in (0, 10, 30)],
        *[Paged(count, complete=False) for count in (30, 40)],
    ],
)
def test_a_source_that_was_not_read_to_its_end_changes_nothing(mirror, source):
    mirror.run(rows(*range(40)))
    before = mirror.desk().lines()
    report = mirror.run(source, max_delete=UNLIMITED)
    after = mirror.desk().lines()
    healed = mirror.run(rows(*range(1, 40)))

    assert report.exit_code in (3, 9)
    assert before == after
    assert (healed.exit_code, mirror.deleted) == (0, [0])


@tailrace.source
def shop(*, query: str = "all", below: int = 50):
    """Give rows below a number."""
    return rows(*range(below))


@pytest.mark.parametrize("owned", [5, 50])
@pytest.mark.parametrize(
    "told",
    [
        {"source_options": {"query": "other", "below": 4}},
        {"source_options": {"below": 4}},
        {"key": "mail"},
    ],
)
def test_another_query_filter_or_key_stops_until_somebody_says_so(mirror, told, owned):
    options = {"source_options": {"below": owned}}
    mirror.run(shop, **options)
    first = mirror.run(shop, max_delete=UNLIMITED, **options | told)
    second = mirror.run(shop, max_delete=UNLIMITED, **options | told)
    before = mirror.deleted
    released = mirror.sync(shop, **options | told).apply(hash_of(second))
    after = mirror.run(shop, **options | told)

    assert (first.exit_code, second.exit_code, before) == (5, 5, [])
    assert "changed" in second.problem
    assert (released.exit_code, after.exit_code) == (0, 0)
    assert len(mirror.deleted) == second.removed == released.delivered


@pytest.mark.parametrize("owned", [5, 50])
def test_a_key_column_that_is_named_otherwise_deletes_nothing(mirror, owned):
    mirror.run(rows(*range(owned)))
    renamed = [{"number": each.pop("id"), **each} for each in rows(*range(owned))]
    lost = mirror.run(renamed)
    other = mirror.run(renamed, key="number")
    mapping = {"id": "number", "text": "text", "mail": "mail"}
    mapped = mirror.run(renamed, mapping=mapping, accept=True)

    assert (lost.exit_code, lost.delivered) == (3, 0)
    assert (other.exit_code, other.delivered) == (3, 0)
    assert (mapped.exit_code, mapped.skipped, mirror.deleted) == (0, owned, [])


@pytest.mark.parametrize("owned", [5, 50])
@pytest.mark.parametrize("kind", [str, lambda key: key + 0.25, lambda key: key % 2 == 0])
def test_keys_of_another_type_delete_nothing(mirror, owned, kind):
    mirror.run(rows(*range(owned)))
    report = mirror.run([row | {"id": kind(row["id"])} for row in rows(*range(owned))])

    assert report.exit_code in (3, 5, 8)
    assert mirror.deleted == []


@pytest.mark.parametrize("owned", [5, 50])
def test_keys_of_another_type_that_were_accepted_still_delete_nothing_by_themselves(mirror, owned):
    mirror.run(rows(*range(owned)))
    report = mirror.run([row | {"id": f"k{row['id']}"} for row in rows(*range(owned))], accept=True)

    assert (report.exit_code, mirror.deleted) == (5, [])
    assert mirror.held >= {f"k{each}" for each in range(owned)}


def test_a_whole_number_that_is_written_as_a_fraction_is_the_same_key(mirror):
    mirror.run(rows(*range(40)))
    report = mirror.run([row | {"id": float(row["id"])} for row in rows(*range(40))], accept=True)

    assert (report.exit_code, report.removed, mirror.deleted) == (0, 0, [])


# What else keeps a record


def test_records_without_a_key_may_be_those_that_seem_to_be_gone(mirror):
    mirror.run(rows(*range(200)))
    nameless = [{"id": None, "text": "who?", "mail": "?"}]
    report = mirror.run(rows(*range(2, 200)) + nameless)

    assert (report.rejected, report.removed, mirror.deleted) == (1, 0, [])
    assert report.warnings


def test_a_record_that_was_read_and_refused_is_not_gone(mirror):
    mirror.run(rows(*range(40)))
    report = mirror.run(rows(*range(1, 40)) + rows(3, text="another"))

    assert (report.rejected, mirror.deleted) == (2, [0])


@pytest.mark.parametrize(
    ("delivery", "trouble", "code"),
    [
        ("idempotent", {"refuses": (77,)}, 8),
        ("at_most_once", {"silent": (77,)}, 4),
        ("idempotent", {"silent": (77,)}, 10),
    ],
)
def test_deletions_wait_until_all_that_is_new_has_arrived(tmp_path, delivery, trouble, code):
    mirror = Mirror(Scene(tmp_path / "scene", delivery, "mirror"))
    mirror.run(rows(*range(40)))
    prepared = mirror.sync(rows(*range(1, 40), 77), mirror.desk(**trouble))
    report = run_quickly(prepared)
    waits = code != 8

    assert (report.exit_code, report.removed) == (code, 1)
    assert mirror.deleted == ([] if waits else [0])


def test_what_was_there_before_and_never_written_is_never_deleted(mirror):
    answers = [lambda batch: [batch.outcome(each, skipped="it exists") for each in batch]]
    shelf = MemoryDestination(answers, modes={"insert", "mirror"}, delivery="idempotent")
    told = {"name": "shelf", "key": "id", "destination": shelf.spec, "state": mirror.scene.root}
    tailrace.Sync(source=rows(*range(20)), mode="insert", **told).run()
    tailrace.Sync(source=rows(*range(10, 30)), mode="mirror", **told).run()
    last = tailrace.Sync(source=rows(29), mode="mirror", **told, max_delete=UNLIMITED).run()

    deleted = [each.key for batch in shelf.writes if batch.action == "delete" for each in batch]
    assert (last.exit_code, last.removed) == (0, 19)
    assert sorted(deleted) == list(range(10, 29))


def test_a_restart_forgets_what_was_written_and_deletes_none_of_it(mirror):
    mirror.run(rows(*range(40)))
    report = mirror.sync(rows(*range(20))).run(restart=True)

    assert (report.exit_code, report.removed, mirror.deleted) == (0, 0, [])


# A person's word


@pytest.fixture
def stopped(mirror):
    """Give a mirror whose last run was stopped, with that run's hash."""
    report = loses(mirror, 40, 20)
    return SimpleNamespace(mirror=mirror, hash=hash_of(report), source=survivors(40, 20))


def test_the_hash_releases_what_was_planned_then_and_nothing_else(stopped):
    mirror = stopped.mirror
    report = mirror.apply(stopped.hash)
    again = mirror.run(stopped.source)

    assert (report.exit_code, report.removed, report.delivered) == (0, 20, 20)
    assert sorted(mirror.deleted) == list(range(20))
    assert (again.exit_code, again.skipped, again.removed) == (0, 21, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        *[lambda hash_: "", lambda hash_: hash_[:-1], lambda hash_: hash_[:8]],
        *[lambda hash_: hash_ + "0", lambda hash_: hash_[::-1], lambda hash_: f"{hash_} "],
        *[lambda hash_: "0" * len(hash_), lambda hash_: "%", lambda hash_: "*"],
    ],
)
def test_another_hash_releases_nothing(stopped, wrong):
    with pytest.raises(ConfigError):
        stopped.mirror.apply(wrong(stopped.hash))

    assert stopped.mirror.deleted == []
    assert stopped.mirror.apply(stopped.hash).removed == 20


def test_a_hash_releases_once(stopped):
    stopped.mirror.apply(stopped.hash)
    with pytest.raises(ConfigError):
        stopped.mirror.apply(stopped.hash)

    assert len(stopped.mirror.deleted) == 20


@pytest.mark.parametrize(
    "between",
    [
        lambda mirror, source: mirror.run(source),
        lambda mirror, source: mirror.run(source[1:]),
        lambda mirror, source: mirror.run(rows(*range(40))),
        lambda mirror, source: mirror.sync(source).retry(),
        lambda mirror, source: mirror.sync(source).run(restart=True),
    ],
)
def test_the_hash_is_void_once_the_sync_has_run_again(stopped, between):
    between(stopped.mirror, stopped.source)
    before = stopped.mirror.deleted
    with pytest.raises(ConfigError):
        stopped.mirror.apply(stopped.hash)

    assert stopped.mirror.deleted == before
    assert set(before) <= {40}


def test_the_hash_of_an_older_plan_is_void_and_that_of_the_newest_is_not(stopped):
    later = stopped.mirror.run(stopped.source[1:])
    with pytest.raises(ConfigError):
        stopped.mirror.apply(stopped.hash)
    before = stopped.mirror.deleted
    report = stopped.mirror.apply(hash_of(later))

    assert (before, report.delivered) == ([], 21)
    assert sorted(stopped.mirror.deleted) == list(range(21))


def test_a_word_on_doubts_moves_the_state_on_as_a_run_does(tmp_path):
    mirror = Mirror(Scene(tmp_path / "scene", "at_most_once", "mirror"))
    mirror.run(rows(*range(40)))
    report = run_quickly(mirror.sync(rows(*range(20), 77), mirror.desk(silent=(77,))))
    mirror.sync([]).resolve(assume="delivered")
    void = mirror.apply(hash_of(report))

    assert (report.exit_code, void.exit_code) == (4, 3)
    assert mirror.deleted == []


def test_a_look_at_the_plan_deletes_nothing_and_takes_nothing_back(stopped):
    plan = stopped.mirror.sync(stopped.source).plan()
    before = stopped.mirror.deleted

    assert (plan.exit_code, before) == (5, [])
    assert stopped.mirror.apply(stopped.hash).delivered == 20


def test_a_run_that_read_nothing_whole_deletes_nothing_before_or_after_the_word(stopped):
    broken = stopped.mirror.run(breaking(5))
    before = stopped.mirror.deleted

    assert (broken.exit_code, before) == (3, [])
    assert stopped.mirror.apply(stopped.hash).delivered == 20


# Where the process dies


def dies(mirror, work, at):
    """Do something in a process that dies at its n-th batch, after the service took it."""

    def hook(moment, batch):
        if moment == "after" and desk.asked == at:
            os._exit(DIED)

    desk = mirror.desk(hook=hook)
    assert in_child(lambda: work(desk)) == DIED


def test_a_stopped_run_that_died_deletes_nothing_when_it_is_finished(mirror):
    mirror.run(rows(*range(40)))
    source = survivors(40, 20)
    dies(mirror, lambda desk: mirror.run(source, desk=desk), 1)
    report = mirror.run(source)

    assert (report.exit_code, mirror.deleted) == (5, [])
    assert mirror.apply(hash_of(report)).delivered == 20


def test_a_release_that_died_is_finished_with_what_it_had_planned(stopped):
    mirror = stopped.mirror
    small = {"limits": {"batch_size": 5}}
    dies(mirror, lambda desk: mirror.sync([], desk, **small).apply(stopped.hash), 2)
    report = mirror.run(stopped.source)

    assert (report.exit_code, report.removed) == (0, 0)
    assert set(mirror.deleted) == set(range(20))


# Any course of things


@settings(max_examples=400 if FULL else 20)
@given(
    courses=st.lists(
        st.tuples(
            st.integers(0, 45),
            st.integers(0, 45),
            st.sampled_from(["run", "run", "apply", "apply the first"]),
        ),
        max_size=5,
    ),
    breaker=st.sampled_from([None, 3, {"percent": 30}, {"percent": 60, "rows": 12}]),
)
def test_whatever_happens_only_what_may_go_was_deleted(tmp_path_factory, courses, breaker):
    mirror = Mirror(Scene(tmp_path_factory.mktemp("mirror") / "scene", "idempotent", "mirror"))
    written, hashes = set(range(40)), []
    mirror.run(rows(*written), max_delete=breaker)
    for low, high, what in courses:
        before, source = len(mirror.deleted), set(range(low, high))
        gone = written - source
        report = mirror.run(rows(*source), max_delete=breaker)
        passes = not gone or (source and len(gone) <= limit(len(written), breaker))
        written = source if passes else written | source
        hashes += [] if passes else [hash_of(report)]
        deleted = mirror.deleted[before:]
        assert report.exit_code == (0 if passes else 5)
        assert sorted(deleted) == (sorted(gone) if passes else [])
        if what == "apply" and not passes:
            mirror.apply(hashes[-1], max_delete=breaker)
            written = source
        elif what == "apply the first" and hashes and (passes or len(hashes) > 1):
            with pytest.raises(ConfigError):
                mirror.apply(hashes[0], max_delete=breaker)
        assert mirror.held == written


def limit(owned, breaker):
    """Say how many may go, in the words of the README's table."""
    if isinstance(breaker, int):
        return breaker
    told = breaker or {"percent": 10, "rows": 500}
    return min(max(10, owned * told["percent"] // 100), told.get("rows", owned))
