from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.diff import Plan
from tailrace._engine.flow import Records

from .conftest import schema_of

NAMES = ("id",)


class Planned:
    """A read that went through a plan: what stands, what was refused and what was skipped."""

    def __init__(self, given_rows, in_memory, names=NAMES, page=3):
        self.refused, self.skipped, self.kept = [], [], []
        schema = schema_of(given_rows, names)
        pages = []
        for start in range(0, len(given_rows), page):
            part = given_rows[start : start + page]
            keys = [tuple(row[name] for name in names) for row in part]
            pages.append(Records([key if len(key) > 1 else key[0] for key in keys], part, schema))
        with Plan(
            lambda *told: self.refused.append(told),
            lambda *told: self.skipped.append(told),
            in_memory,
        ) as plan:
            for made in plan.make(iter(pages)):
                assert schema == made.schema
                self.kept += zip(made.keys, made.rows, strict=True)


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
    places = [next(at for at, each in enumerate(given_rows) if each is row) for row in rows]
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


def test_a_plan_leaves_no_file_behind():
    with Plan(print, print, 0) as plan:
        folder = Path(plan._folder.name)
        rows = [{"id": 1}]
        assert 1 == len(list(plan.make([Records([1], rows, schema_of(rows, NAMES))])))
        assert list(folder.iterdir())
    assert not folder.exists()
