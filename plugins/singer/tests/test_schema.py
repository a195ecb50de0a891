"""Values have the types that a schema means, or stay what they were."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace_singer._messages import parse
from tailrace_singer._schema import shape_of

NULLABLE = ["null", "string"]
TEXT = {"type": NULLABLE}
MOMENT = {"type": NULLABLE, "format": "date-time"}
PRICE = {"type": ["null", "number"], "multipleOf": 1e-05}


def fitted(told, value):
    """The value, and whether it was told of as a misfit."""
    row = {"x": value}
    misfits = list(shape_of({"x": told}).fit(row))
    return row["x"], bool(misfits)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["null", "integer", "number"]}, "number"),
        ({"type": "number"}, "number"),
        (PRICE, "decimal"),
        ({"type": ["integer", "number"], "multipleOf": 0.1}, "decimal"),
        (TEXT, "string"),
        ({"type": "string", "format": "uuid"}, "string"),
        (MOMENT, "datetime"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "time"}, "time"),
        ({"type": "string", "format": "singer.decimal"}, "decimal"),
        ({"type": "string", "x-singer.decimal": True}, "decimal"),
        ({"type": "boolean"}, "boolean"),
        ({"type": ["null", "object"], "properties": {}}, "json"),
        ({"type": "array", "items": MOMENT}, "json"),
        ({"properties": {"a": {}}}, "json"),
        ({"anyOf": [MOMENT, {"type": "null"}]}, "datetime"),
        ({"anyOf": [MOMENT, TEXT]}, "null"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"allOf": [{"type": "boolean"}]}, "boolean"),
        ({"type": ["string", "integer"]}, "null"),
        ({"type": "null"}, "null"),
        ({"type": "tuple"}, "any"),
        ({"$ref": "#/definitions/a"}, "any"),
        ({}, "any"),
        (True, "any"),
    ],
    ids=str,
)
def test_what_a_schema_means(told, kind):
    assert shape_of({"x": told}).schema["x"].type == kind


def test_the_key_is_told_where_its_fields_are_read():
    assert shape_of({"id": {}}, ("id", "other")).schema.key == ("id",)


@pytest.mark.parametrize(
    ("told", "text", "value"),
    [
        (MOMENT, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (MOMENT, "2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (MOMENT, "2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
        (MOMENT, "2026-01-02T03:04", datetime(2026, 1, 2, 3, 4)),
        (
            MOMENT,
            "2026-01-02T03:04:05.12+0100",
            datetime(2026, 1, 2, 3, 4, 5, 120_000, timezone(timedelta(hours=1))),
        ),
        (MOMENT, "2026-01-02T03:04:05.123456000Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, UTC)),
        ({"type": "string", "format": "date"}, "2026-01-02", date(2026, 1, 2)),
        ({"type": "string", "format": "date"}, "2026-01-02T00:00:00.000000Z", date(2026, 1, 2)),
        ({"type": "string", "format": "time"}, "03:04:05", time(3, 4, 5)),
        ({"type": "string", "format": "singer.decimal"}, "12.50", Decimal("12.50")),
    ],
    ids=str,
)
def test_texts_that_stand_for_something_become_it(told, text, value):
    assert (repr(value), False) == (repr(fitted(told, text)[0]), fitted(told, text)[1])


@pytest.mark.parametrize(
    ("told", "value"),
    [
        (MOMENT, "0000-00-00T00:00:00Z"),
        (MOMENT, "10000-01-01T00:00:00Z"),
        (MOMENT, "2026-02-30T00:00:00Z"),
        (MOMENT, "2026-01-02T03:04:05.1234567Z"),
        (MOMENT, "2026-01-02T23:59:60Z"),
        (MOMENT, "2026-01-02"),
        (MOMENT, "٢٠٢٦-01-02T03:04:05Z"),
        (MOMENT, "yesterday"),
        (MOMENT, 1767322800),
        ({"type": "string", "format": "date"}, "2026-01-02T03:04:05Z"),
        ({"type": "string", "format": "date"}, "2026-01-02T00:00:00+02:00"),
        ({"type": "string", "format": "singer.decimal"}, "12,5"),
        ({"type": "string", "format": "singer.decimal"}, "NaN"),
        ({"type": "integer"}, 1.5),
        ({"type": "integer"}, True),
        ({"type": "integer"}, "1"),
        ({"type": "integer"}, float("inf")),
        ({"type": "integer"}, Decimal("1e999999999")),
        ({"type": "integer"}, Decimal("1e41")),
        ({"type": "integer"}, Decimal("NaN")),
        ({"type": "number"}, "1.5"),
        (PRICE, "1.5"),
        (PRICE, float("nan")),
        ({"type": "boolean"}, 1),
        (TEXT, 5),
        (TEXT, {"a": 1}),
        ({"type": "object"}, "text"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told_and_stays(told, value):
    came, misfit = fitted(told, value)

    assert (came is value, misfit) == (True, True)


@pytest.mark.parametrize(
    ("told", "value", "given"),
    [
        ({"type": "integer"}, 5.0, "5"),
        ({"type": "integer"}, Decimal("12345678901234567890.0"), "12345678901234567890"),
        ({"type": "number"}, 5, "5"),
        (PRICE, 5, "Decimal('5')"),
        (PRICE, 0.1, "Decimal('0.1')"),
        (PRICE, 10**400, f"Decimal('1{'0' * 400}')"),
        ({"type": "string", "format": "decimal"}, Decimal("1e400"), "Decimal('1E+400')"),
        (PRICE, 1e-07, "Decimal('1E-7')"),
        ({"type": ["string", "number"], "multipleOf": 0.1}, "007", "'007'"),
        ({"anyOf": [MOMENT, TEXT]}, "no date", "'no date'"),
        ({"anyOf": [MOMENT, TEXT]}, "2026-01-02T00:00:00", "datetime.datetime(2026, 1, 2, 0, 0)"),
        (MOMENT, None, "None"),
        ({"type": "integer"}, None, "None"),
        ({}, {"a": 1}, "{'a': 1}"),
        ({"type": "array", "items": MOMENT}, ["2026-01-02T00:00:00Z"], "['2026-01-02T00:00:00Z']"),
    ],
    ids=str,
)
def test_values_keep_what_they_say(told, value, given):
    assert (given, False) == (repr(fitted(told, value)[0]), fitted(told, value)[1])


@given(
    st.datetimes(timezones=st.none() | st.timezones()).filter(
        lambda each: str(each.utcoffset()).count(":") < 3
    )
)
def test_every_moment_that_is_written_is_read(moment):
    if moment.tzinfo is not None:
        offset = moment.utcoffset()
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset // timedelta(minutes=1))))
    came, misfit = fitted(MOMENT, moment.isoformat())

    assert (came, came.utcoffset(), misfit) == (moment, moment.utcoffset(), False)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_keeps_its_digits_from_the_line_to_the_row(number):
    read = parse(b'{"x": %s}' % str(number).replace("E+", "e").encode())["x"]
    came, misfit = fitted(PRICE, read)

    assert (type(came), came, misfit) == (Decimal, number, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SCHEMAS = st.recursive(
    st.booleans()
    | st.fixed_dictionaries(
        {},
        optional={
            "type": st.lists(
                st.sampled_from(
                    ["null", "string", "integer", "number", "boolean", "object", "array", "x"]
                )
            ),
            "format": st.sampled_from(["date-time", "date", "time", "singer.decimal", "email"])
            | JSON,
            "multipleOf": JSON,
        },
    ),
    lambda inner: st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=3)}),
    max_leaves=4,
)


@given(SCHEMAS, JSON)
def test_a_value_is_told_of_and_stays_or_is_not_told_of(told, value):
    came, misfit = fitted(told, value)

    assert came is value or not misfit


@given(JSON.filter(lambda each: "Decimal" not in repr(each)))
def test_what_is_written_is_read(value):
    try:
        line = orjson.dumps(value)
    except TypeError:
        return
    assert orjson.loads(line) == parse(line)
