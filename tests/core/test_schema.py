from collections import OrderedDict
from datetime import date, datetime, time
from decimal import Decimal
from enum import IntEnum
from itertools import permutations, product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.schema import Field, FieldType, Schema, type_of, wider
from tailrace.testing.strategies import rows, schemas

from .conftest import schema_of

kinds = st.sampled_from(FieldType)
seen = st.dictionaries(st.sampled_from("abc"), kinds)


def types(schema):
    return {field.name: field.type for field in schema}


def test_widening_is_commutative_and_idempotent():
    pairs = list(product(FieldType, repeat=2))

    assert [wider(a, b) for a, b in pairs] == [wider(b, a) for a, b in pairs]
    assert list(FieldType) == [wider(kind, kind) for kind in FieldType]


def test_widening_is_associative():
    wrong = [
        (a, b, c)
        for a, b, c in product(FieldType, repeat=3)
        if wider(wider(a, b), c) is not wider(a, wider(b, c))
    ]

    assert [] == wrong


def test_nothing_is_wider_than_any_and_nothing_narrower_than_null():
    assert {FieldType.ANY} == {wider(kind, FieldType.ANY) for kind in FieldType}
    assert list(FieldType) == [wider(kind, FieldType.NULL) for kind in FieldType]


def test_digits_are_not_lost_between_decimals_and_doubles():
    assert FieldType.ANY is wider(FieldType.DECIMAL, FieldType.NUMBER)


@given(st.lists(seen, max_size=3))
def test_the_order_in_which_rows_are_seen_changes_no_type(observed):
    found = []
    for order in permutations(observed):
        schema = Schema()
        for each in order:
            schema = schema.widen(each)
        found.append(types(schema))

    assert [found[0]] * len(found) == found


@given(schemas(), seen)
def test_a_schema_that_learns_nothing_is_itself(schema, observed):
    wide = schema.widen(observed)

    assert wide is wide.widen(observed)


@given(schemas(), seen)
def test_a_schema_only_widens(schema, observed):
    wide = schema.widen(observed)

    assert [*schema.names] == [*wide.names][: len(schema)]
    assert all(
        wider(wide[name].type, field.type) is wide[name].type
        for name, field in ((each.name, each) for each in schema)
    )


def test_what_a_destination_says_of_a_field_survives_widening():
    schema = Schema([Field("a", "integer", nullable=False, max_length=3)], ["a"])

    assert Schema([Field("a", "number", nullable=False, max_length=3)], ["a"]) == schema.widen(
        {"a": FieldType.NUMBER}
    )


class Level(IntEnum):
    HIGH = 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "integer"),
        (Level.HIGH, "integer"),
        (1.5, "number"),
        (Decimal(1), "decimal"),
        ("x", "string"),
        (UUID(int=7), "string"),
        (date(2024, 1, 1), "date"),
        (datetime(2024, 1, 1), "datetime"),
        (time(1), "time"),
        (b"", "bytes"),
        ([], "json"),
        ((), "json"),
        (OrderedDict(), "json"),
        ({1}, "any"),
    ],
    ids=repr,
)
def test_a_value_tells_its_type(value, kind):
    assert kind == type_of(value)


@given(st.lists(rows(), max_size=4))
def test_the_schema_of_rows_holds_all_of_their_fields(some):
    assert {name for row in some for name in row} == set(schema_of(some).names)


def test_a_schema_is_looked_into_by_name():
    schema = Schema([Field("a"), Field("b", "string")], ["a"])

    assert ("b" in schema, "c" in schema, len(schema)) == (True, False, 2)
    assert (schema["b"], schema.get("c"), schema.names) == (Field("b", "string"), None, ("a", "b"))
    assert [Field("a"), Field("b", "string")] == list(schema)
