import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.codec import decode, digest, encode, encode_all, name_of
from tailrace.testing.strategies import rows, values


def exact(value):
    """Spell a value so that two are equal only with the same types, signs, zones and NaNs."""
    if isinstance(value, dict):
        pairs = [(exact(name), exact(each)) for name, each in value.items()]
        return ("dict", sorted(pairs, key=repr))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [exact(each) for each in value])
    if isinstance(value, (datetime, time)):
        value = value.replace(fold=0)  # which makes no difference between two that are equal
    return (type(value).__name__, hex(value) if isinstance(value, int) else repr(value))


@given(rows())
def test_a_row_comes_back_exactly(row):
    assert exact(row) == exact(decode(encode(row)))


@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_names_makes_no_difference(row, random):
    names = list(row)
    random.shuffle(names)

    assert encode(row) == encode({name: row[name] for name in names})


@given(rows())
def test_a_line_is_one_line(row):
    assert b"\n" not in encode(row)


@given(rows(), rows())
def test_different_rows_give_different_lines(one, other):
    assert (exact(one) == exact(other)) == (encode(one) == encode(other))


@given(st.dictionaries(st.sampled_from(["\0", "\0row", "\0pairs", "\0decimal", "a", ""]), values()))
def test_names_that_look_like_marks_are_names(row):
    assert exact({"outer": row, **row}) == exact(decode(encode({"outer": row, **row})))


@pytest.mark.parametrize(
    "value",
    [
        UUID(int=5),
        (1, (2, [3])),
        2**63,
        -(2**63) - 1,
        10**5000,
        float("inf"),
        -0.0,
        Decimal("-0.00"),
        Decimal("sNaN"),
        Decimal("1E+999999"),
        date(1, 1, 1),
        datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        time(1, 2, 3, 4, tzinfo=UTC),
        timedelta(days=-1, microseconds=1),
        b"\0\xff",
        "\ud800",
        {"\ud800": 1},
        {1: "a", "1": "b", None: "c"},
        {"\0decimal": "1"},
        [None, {"a": float("nan")}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hard_value_comes_back_exactly(value):
    assert exact({"value": value}) == exact(decode(encode({"value": value})))


def test_a_plain_row_is_plain_json():
    assert {"a": 1, "b": [None, "x"]} == json.loads(encode({"a": 1, "b": [None, "x"]}))


class Colour(Enum):
    RED = "red"


class Size(StrEnum):
    SMALL = "small"


def test_a_subclass_is_kept_as_what_it_is_a_kind_of():
    assert {"a": "small", "small": True} == decode(encode({"a": Size.SMALL, Size.SMALL: True}))


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "object"),
        (Colour.RED, "Colour"),
        ({1, 2}, "set"),
        ([bytearray(b"x")], "bytearray"),
        (nested(100_000), "nested too deep"),
        (nested(300), "nested too deep"),
    ],
    ids=["object", "enum", "set", "bytearray", "very deep", "deep"],
)
def test_what_no_row_can_hold_is_named(value, said):
    with pytest.raises(TypeError, match=said):
        encode({"value": value})


def test_a_digest_stands_for_a_line():
    one, other = digest(encode({"a": 1})), digest(encode({"a": 1.0}))

    assert (16, 16, False) == (len(one), len(other), one == other)


NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.booleans(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, places=2),
    st.sampled_from([10**4999, 10**9000, Decimal("1e4999"), Decimal("10e4998")]),
    st.sampled_from(["1e5001", "10e5000", "-1e5001", "1e-5001", "0e9999", "0"]).map(Decimal),
)


@given(NUMBERS, NUMBERS)
def test_two_keys_have_one_name_if_they_are_one_key_of_a_dict(one, other):
    assert (name_of(one) == name_of(other)) == (one == other)


def test_a_key_whose_digits_could_fill_memory_has_a_short_name():
    assert len(name_of(Decimal("1e999999999"))) < 100
    assert name_of(Decimal("1e999999999")) != name_of(Decimal("1e999999998"))


@given(st.lists(rows(), max_size=6))
def test_rows_that_are_written_together_are_written_as_each_by_itself(given_rows):
    try:
        expected = [encode(row) for row in given_rows]
    except TypeError:
        with pytest.raises(TypeError):
            encode_all(given_rows)
        return

    assert expected == encode_all(given_rows)


@pytest.mark.parametrize(
    "given_rows",
    [
        [{"a": '},{"'}, {"a": '"},{"b'}, {"b": "},{"}],
        [{}, {"a": 1}],
        [{}],
        [],
        [{"a": 1.5}, {"a": float("nan")}, {"a": None}],
        [{"a": 1e308}, {"a": 1e308}],
        [{"\0row": 1}, {"a": 2}],
        [{"a": Decimal("1.10"), "b": date(2024, 2, 29)}, {"a": [1, {"x": 2}, {"y": 3}]}],
        [{"a": "\ud800"}, {"a": "x"}],
        [{"a": 2**70}, {"a": 1}],
    ],
)
def test_traps_of_rows_that_are_written_together(given_rows):
    assert [encode(row) for row in given_rows] == encode_all(given_rows)
