from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine import staging
from tailrace._engine.codec import digest, encode, name_of
from tailrace._engine.diff import Diff
from tailrace._engine.flow import Records
from tailrace._engine.known import Known, Refused
from tailrace._engine.snapshot import ABSENT, EXISTS, Held, Segment, Snapshot, write_held
from tailrace.records import Mode

from .conftest import schema_of

NAMES = ("id",)


class Verdicts:
    """Take note of the answers for what is not sent."""

    def __init__(self):
        self.refused, self.skipped, self.doubted, self.unlisted = [], [], [], 0
        self.skips = None

    def refuse(self, *told):
        self.refused.append(told)

    def skip(self, *told):
        self.skipped.append(told)

    def skip_many(self, count, reason):
        self.unlisted += count

    def doubt(self, *told):
        self.doubted.append(told)


class Fields(dict):
    """Number fields as they come."""

    def number(self, name):
        found = {known: at for at, known in self.items()}
        return found.get(name, self.setdefault(len(self), name) and len(self) - 1)


class Planned:
    """A read that was compared: what is sent, what was refused and what was skipped."""

    def __init__(
        self,
        given_rows,
        in_memory,
        names=NAMES,
        page=3,
        *,
        mode=Mode.UPSERT,
        held=(),
        folder=None,
        doubts=(),
        refusals=None,
    ):
        verdicts = Verdicts()
        schema = schema_of(given_rows, names)
        pages = []
        for start in range(0, len(given_rows), page):
            part = given_rows[start : start + page]
            keys = [tuple(row[name] for name in names) for row in part]
            numbers = range(start + 1, start + 1 + len(part))
            keys = [key if len(key) > 1 else key[0] for key in keys]
            pages.append(Records(keys, part, schema, numbers))
        fields = Fields()
        known = Known(
            fields.number, fields, {name_of(key): "doubtful" for key in doubts}, refusals or {}
        )
        segments = []
        if held:
            path = folder / "held.lines"
            path.write_bytes(b"".join(map(write_held, held)))
            segments = [Segment(path, len(held))]
        with Diff(mode, Snapshot(segments, folder), known, verdicts, in_memory, key=names) as diff:
            diff.read(iter(pages))
            self.changes = list(diff.changes())
            self.removed = list(diff.removed())
        self.kept = [(change.key, change.values) for change in self.changes]
        self.refused, self.skipped = verdicts.refused, verdicts.skipped
        self.doubted, self.unlisted = verdicts.doubted, verdicts.unlisted


def both(given_rows, names=NAMES):
    return Planned(given_rows, 10_000, names), Planned(given_rows, 2, names)


def told(notes):
    return sorted((repr(key), reason) for key, reason, _ in notes)


KEYS = st.one_of(
    st.integers(0, 3),
    st.sampled_from(["a", "", "1", "\n", ",", "é", "\ud800"]),
    st.sampled_from([b"a", UUID(int=1), date(2024, 1, 1), True, False]),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, 1e300, float("inf"), float("-inf")]),
    st.sampled_from(["1", "1.0", "1.5", "0", "-0", "1E+300", "Infinity"]).map(Decimal),
    st.sampled_from(
        [
            datetime(2024, 1, 1),
            datetime(2024, 1, 1, 10, tzinfo=UTC),
            datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            time(10),
            time(10, tzinfo=UTC),
            time(12, tzinfo=timezone(timedelta(hours=2))),
            time(0, tzinfo=timezone(timedelta(hours=2))),
        ]
    ),
)
READS = st.lists(
    st.builds(lambda key, value: {"v": value, "id": key}, KEYS, st.integers(0, 1)), max_size=12
)
PAIRS = st.lists(
    st.builds(lambda a, b, v: {"b": b, "v": v, "a": a}, KEYS, KEYS, st.integers(0, 1)), max_size=9
)


@given(READS)
def test_every_record_is_kept_refused_or_skipped(given_rows):
    for planned in both(given_rows):
        assert len(given_rows) == (len(planned.kept) + len(planned.refused) + len(planned.skipped))


@given(READS)
def test_a_read_on_disk_is_planned_like_one_in_memory(given_rows):
    small, large = both(given_rows)

    assert repr(small.kept) == repr(large.kept)
    assert repr(small.refused) == repr(large.refused)
    assert repr(small.skipped) == repr(large.skipped)


@given(READS)
def test_what_stands_has_each_key_once_and_keeps_its_order(given_rows):
    planned, _ = both(given_rows)
    rows = [row for _, row in planned.kept]

    assert len(rows) == len({row["id"] for row in rows})
    places = [change.number for change in planned.changes]
    assert places == sorted(places)


@given(PAIRS)
def test_a_key_of_several_fields_is_told_apart_by_all_of_them(given_rows):
    small, large = both(given_rows, ("a", "b"))

    assert repr(small.kept) == repr(large.kept)
    assert told(small.refused) == told(large.refused)


@pytest.mark.parametrize("in_memory", [100, 2], ids=["memory", "disk"])
def test_equal_records_count_once_and_differing_ones_are_all_refused(in_memory):
    planned = Planned(
        [
            {"id": 1, "v": "a"},
            {"id": 2, "v": "b"},
            {"id": 1, "v": "a"},
            {"id": 2, "v": "c"},
            {"id": 3, "v": "d"},
            {"id": 2, "v": "b"},
        ],
        in_memory,
    )

    assert [(1, {"id": 1, "v": "a"}), (3, {"id": 3, "v": "d"})] == planned.kept
    assert [(2, "double_key")] * 3 == [each[:2] for each in planned.refused]
    assert [(1, "double")] == [each[:2] for each in planned.skipped]


@pytest.mark.parametrize("in_memory", [100, 2], ids=["memory", "disk"])
def test_what_cannot_be_kept_is_refused_alone(in_memory):
    rows = [{"id": 1}, {"id": 2, "v": object()}, {"id": 3}, {"id": 4, "v": {1}}, {"id": 5}]
    planned = Planned(rows, in_memory)

    assert [1, 3, 5] == [key for key, _ in planned.kept]
    assert [(2, "value"), (4, "value")] == [each[:2] for each in planned.refused]


@pytest.mark.parametrize("in_memory", [100, 2], ids=["memory", "disk"])
def test_values_come_through_a_plan_as_they_are(in_memory):
    values = [1, (1, 2), Decimal("1.10"), UUID(int=3), {"\0row": 1}, {1: 2}, "\ud800", 2**70]
    planned = Planned([{"id": at, "v": value} for at, value in enumerate(values)], in_memory)

    assert values == [row["v"] for _, row in planned.kept]


def test_an_empty_read_gives_nothing():
    planned = Planned([], 2)

    assert ([], [], []) == (planned.kept, planned.refused, planned.skipped)


def test_a_comparison_leaves_no_file_behind(tmp_path):
    rows = [{"id": 1}, {"id": 2}]
    planned = Planned(rows, 0, folder=tmp_path)

    assert 2 == len(planned.changes)
    assert [] == list(tmp_path.iterdir())


TABLES = st.dictionaries(st.integers(0, 12), st.integers(0, 2), max_size=10)


def rows_of(table):
    return [{"id": key, "v": value} for key, value in table.items()]


def held_of(table, **facts):
    """Give what a snapshot says after a table was delivered."""
    return [
        Held(name_of(row["id"]), row["id"], digest(encode(row)).hex(), owned=True, **facts)
        for row in rows_of(table)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("held")


def compared(before, after, folder, **facts):
    """Compare in memory and with DuckDB."""
    return [
        Planned(rows_of(after), size, held=held_of(before), folder=folder, **facts)
        for size in (1000, 0)
    ]


@given(TABLES)
def test_a_table_compared_with_itself_gives_nothing(table):
    with TemporaryDirectory() as folder:
        for planned in compared(table, table, Path(folder)):
            assert ([], []) == (planned.changes, planned.removed)
            assert len(table) == len(planned.skipped) + planned.unlisted


@given(TABLES, TABLES)
def test_what_differs_applied_to_the_one_gives_the_other(before, after):
    with TemporaryDirectory() as folder:
        for planned in compared(before, after, Path(folder), mode=Mode.MIRROR):
            made = dict(before)
            made.update((change.key, change.values["v"]) for change in planned.changes)
            for change in planned.removed:
                del made[change.key]

            assert after == made
            answered = len(planned.changes) + len(planned.skipped) + planned.unlisted
            assert len(after) == answered


@given(
    TABLES,
    TABLES,
    st.sampled_from([Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR]),
    st.sampled_from([1, 2, 1_000]),
)
def test_both_ways_of_comparing_give_the_same(before, after, mode, part):
    doubts = [key for key in after if key % 5 == 0]
    refusals = {
        name_of(row["id"]): Refused(digest(encode(row)).hex(), "upsert", "", row["v"] == 1, "no")
        for row in rows_of(after)
        if row["id"] % 3 == 1
    }
    with TemporaryDirectory() as folder, patch.object(staging, "_PART", part):
        small, large = compared(
            before, after, Path(folder), mode=mode, doubts=doubts, refusals=refusals
        )

        assert small.changes == large.changes
        assert small.doubted == large.doubted
        assert sorted(map(repr, small.removed)) == sorted(map(repr, large.removed)) or (
            {change.key for change in small.removed} == {change.key for change in large.removed}
        )
        assert len(small.skipped) == len(large.skipped) + large.unlisted


@pytest.mark.parametrize("in_memory", [100, 0], ids=["memory", "disk"])
@pytest.mark.parametrize(
    ("mode", "state", "sent"),
    [
        (Mode.UPSERT, "held", 0),
        (Mode.UPSERT, EXISTS, 1),
        (Mode.UPSERT, ABSENT, 1),
        (Mode.INSERT, "held", 0),
        (Mode.INSERT, EXISTS, 0),
        (Mode.INSERT, ABSENT, 1),
        (Mode.UPDATE, "held", 0),
        (Mode.UPDATE, EXISTS, 1),
        (Mode.UPDATE, ABSENT, 0),
    ],
)
def test_what_is_there_already_depends_on_the_mode(mode, state, sent, in_memory, tmp_path):
    held = held_of({1: 1}, state=state)
    planned = Planned([{"id": 1, "v": 1}], in_memory, mode=mode, held=held, folder=tmp_path)

    assert sent == len(planned.changes)


@pytest.mark.parametrize("in_memory", [100, 0], ids=["memory", "disk"])
def test_what_is_not_known_any_more_is_sent(in_memory, tmp_path):
    held = [Held("1", 1, "", owned=True)]
    planned = Planned([{"id": 1, "v": 1}], in_memory, held=held, folder=tmp_path)

    assert [1] == [change.key for change in planned.changes]


@pytest.mark.parametrize(
    ("hash_", "action", "config", "due", "sent"),
    [
        (None, "upsert", "", False, 0),
        ("other", "upsert", "", False, 1),
        (None, "insert", "", False, 1),
        (None, "upsert", "other", False, 1),
        (None, "upsert", "", True, 1),
    ],
)
def test_a_refused_record_is_offered_again_only_when_something_changes(
    hash_, action, config, due, sent
):
    row = {"id": 1, "v": 1}
    refused = Refused(hash_ or digest(encode(row)).hex(), action, config, due, "no")
    planned = Planned([row], 100, refusals={"1": refused})

    assert sent == len(planned.changes)
    assert 1 - sent == len(planned.skipped)


def test_only_what_was_delivered_once_is_removed(folder):
    held = [
        Held("1", 1, "x", owned=True),
        Held("2", 2, "x"),
        Held("3", 3, "x", state=EXISTS, owned=True),
        Held("4", 4, "", owned=True),
    ]
    planned = Planned([], 100, mode=Mode.MIRROR, held=held, folder=folder)

    assert [1, 4] == [change.key for change in planned.removed]
    assert [{"id": 1}, {"id": 4}] == [change.values for change in planned.removed]
