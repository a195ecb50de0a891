"""Values as cells."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace import FieldType
from tailrace_sheets._cells import EXACT, Cells, Unfit, same, weigh

CELLS = Cells(ZoneInfo("Asia/Tokyo"))
NULLDAY = datetime(1899, 12, 30)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


def cell(value, kind=FieldType.ANY):
    return CELLS.of(value, kind)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=A1", "=A1"),
        ("0123", "0123"),
        ("", ""),
        (True, True),
        (7, 7),
        (EXACT, EXACT),
        (EXACT + 1, "9007199254740993"),
        (-EXACT - 1, "-9007199254740993"),
        (0.5, 0.5),
        (Decimal("1.10"), 1.1),
        (Decimal(3), 3),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"),
        (Decimal("1E+999999"), "1E+999999"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, {"ä": Decimal("1.5")}], '[1,{"ä":1.5}]'),
        ({"on": date(2026, 1, 2)}, '{"on":"2026-01-02"}'),
        (Colour.RED, "red"),
        (Size.BIG, 3),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02 03:04:00"),
        (time(3, 4), "03:04:00"),
    ],
)
def test_values_in_a_column_of_any_type(value, expected):
    found = cell(value)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (date(1899, 12, 30), FieldType.DATE, 0),
        (date(2020, 1, 1), FieldType.DATE, 43831),
        (date(1899, 12, 29), FieldType.DATE, "1899-12-29"),
        (datetime(2020, 1, 1, 12), FieldType.DATETIME, 43831.5),
        (datetime(2020, 1, 1, 3, tzinfo=UTC), FieldType.DATETIME, 43831.5),
        (datetime(1066, 10, 14), FieldType.DATETIME, "1066-10-14 00:00:00"),
        (datetime.max.replace(tzinfo=UTC), FieldType.DATETIME, "9999-12-31 23:59:59.999999+00:00"),
        (time(18), FieldType.TIME, 0.75),
        (time(18, tzinfo=UTC), FieldType.TIME, "18:00:00+00:00"),
        (datetime(2020, 1, 1), FieldType.DATE, "2020-01-01 00:00:00"),
    ],
)
def test_moments_in_columns_of_their_type_are_serial_numbers(value, kind, expected):
    assert cell(value, kind) == expected


def test_a_moment_with_a_zone_keeps_it_where_the_sheets_clock_is_unknown():
    found = Cells(None).of(datetime(2020, 1, 1, tzinfo=UTC), FieldType.DATETIME)

    assert found == "2020-01-01 00:00:00+00:00"


@given(st.datetimes(min_value=NULLDAY))
def test_the_serial_number_of_a_moment_gives_it_back(moment):
    found = NULLDAY + timedelta(days=cell(moment, FieldType.DATETIME))

    assert abs(found - moment) < timedelta(milliseconds=1)


@given(st.integers())
def test_no_integer_loses_a_digit(value):
    found = cell(value)

    assert int(found) == value
    assert isinstance(found, str) == (abs(value) > EXACT)
    assert isinstance(found, str) or float(found) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_decimal_loses_a_digit(value):
    found = cell(value)

    assert Decimal(found if isinstance(found, str) else repr(found)) == value


@pytest.mark.parametrize(
    ("value", "reason", "told"),
    [
        ("x" * 50_001, "too_long", "50,001 characters, and a cell may hold 50,000"),
        (["x" * 50_001], "too_long", "50,005 characters, and a cell may hold 50,000"),
        (float("nan"), "value", "NaN is no value that a cell can hold"),
        (float("-inf"), "value", "-Infinity is no value that a cell can hold"),
        (Decimal("NaN"), "value", "NaN is no value that a cell can hold"),
        (pandas.NaT, "value", "NaT is no value that a cell can hold"),
        (b"\x00", "value", "a value of type bytes has no place in a cell"),
        (timedelta(1), "value", "a value of type timedelta has no place in a cell"),
        ("\ud800", "value", "half of a surrogate pair, which is no text"),
        (["\ud800"], "value", "half of a surrogate pair, which is no text"),
        (10**5000, "value", "an integer of more digits than a cell can hold"),
    ],
    ids=lambda value: "" if isinstance(value, (int, list, str)) else None,
)
def test_what_no_cell_holds_is_named(value, reason, told):
    with pytest.raises(Unfit) as raised:
        cell(value)

    assert (raised.value.reason, str(raised.value)) == (reason, told)


def test_json_holds_no_nan():
    with pytest.raises(Unfit, match="JSON cannot hold it"):
        cell({"a": float("nan")})


def test_fifty_thousand_characters_fit():
    assert cell("x" * 50_000) == "x" * 50_000


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-EXACT, EXACT), st.floats(allow_nan=False), st.text()
)


@given(st.lists(PLAIN, min_size=1))
def test_a_row_weighs_what_is_sent(values):
    row = dict(enumerate(values))

    assert weigh(row) == len(json.dumps(values)) + 2


def test_weighing_never_fails():
    endless = []
    endless.append(endless)

    assert weigh({"a": endless, "b": {(1, 2): object()}, "c": 10**5000}) == 0


@pytest.mark.parametrize(
    ("there", "ours", "expected"),
    [
        (None, "", True),
        ("", "", True),
        (None, None, True),
        ("x", None, True),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (0, "", False),
        (None, 0, False),
        (None, False, False),
    ],
)
def test_when_a_cell_holds_what_would_be_written(there, ours, expected):
    assert same(there, ours) is expected
