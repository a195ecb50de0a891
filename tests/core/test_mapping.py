from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.flow import Rows
from tailrace._engine.mapping import mapper, problems_of
from tailrace.errors import PreflightError
from tailrace.schema import Field, Schema
from tailrace.testing.strategies import rows

from .conftest import schema_of


class Mapped:
    """Rows that went through a mapping, and what was refused of them."""

    def __init__(self, given_rows, mapping=None, key=(), accepts=None):
        self.refused = []
        self.mapper = mapper(mapping, key, self._refuse)
        if accepts is not None:
            import attrs

            self.mapper = attrs.evolve(self.mapper, accepts=Schema(accepts))
        page = Rows(range(1, len(given_rows) + 1), given_rows, schema_of(given_rows))
        (made,) = self.mapper.map([page])
        self.keys, self.rows, self.schema = list(made.keys), made.rows, made.schema

    def _refuse(self, key, reason, message, row=None):
        self.refused.append((key, reason, message))


def check(mapping, key, source, accepts=None):
    import attrs

    made = mapper(mapping, key, print)
    if accepts is not None:
        made = attrs.evolve(made, accepts=Schema(accepts))
    made.check(source)


@given(st.lists(rows(), max_size=4))
def test_without_a_mapping_rows_go_through_and_are_named_by_their_numbers(given_rows):
    mapped = Mapped(given_rows)

    assert repr(given_rows) == repr(mapped.rows)
    assert list(range(1, len(given_rows) + 1)) == mapped.keys


def test_only_mapped_fields_go_on_in_the_mappings_order():
    mapped = Mapped([{"id": 1, "name": "a", "age": 3}], {"Age": "age", "Name": "name"})

    assert [{"Age": 3, "Name": "a"}] == mapped.rows
    assert ["Age", "Name"] == list(mapped.rows[0])
    assert (Field("Age", "integer"), Field("Name", "string")) == mapped.schema.fields


def test_unset_stays_unset_and_null_stays_null():
    mapping = {"A": "a", "B": "b"}

    assert [{"A": None}, {"B": 1}, {}] == Mapped([{"a": None}, {"b": 1}, {}], mapping).rows


def test_constants_are_put_in_whatever_they_are():
    mapping = {"n": {"constant": None}, "l": {"constant": [1]}, "t": {"constant": "{a}"}}

    assert [{"n": None, "l": [1], "t": "{a}"}] == Mapped([{"a": 1}], mapping).rows


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hello {name}, {n}!", "Hello {n}, 7!"),
        ("{none}|{missing}|{day}|{money}", "||2024-01-02|1.10"),
        ("{}{{name}}", "{}{{n}}"),
        ("no places", "no places"),
    ],
)
def test_a_template_is_filled_once_and_its_values_are_never_parsed(template, text):
    row = {"name": "{n}", "n": 7, "none": None, "day": date(2024, 1, 2), "money": Decimal("1.10")}

    assert [{"T": text}] == Mapped([row], {"T": {"template": template}}).rows


@given(st.text(), st.text())
def test_whatever_a_value_holds_it_only_replaces_its_place(one, other):
    mapped = Mapped([{"a": one, "b": other}], {"T": {"template": "<{a}|{b}>"}})

    assert [{"T": f"<{one}|{other}>"}] == mapped.rows


@pytest.mark.parametrize(
    ("mapping", "key", "names", "keys"),
    [
        (None, ("id",), ("id",), [1]),
        ({"Name": "name"}, ("id",), ("id",), [1]),
        ({"ID": "id"}, ("id",), ("ID",), [1]),
        ({"ID": "id"}, ("ID",), ("ID",), [1]),
        ({"id": "name"}, ("id",), ("id",), ["a"]),
        ({"One": "id", "Two": "id"}, ("id",), ("One",), [1]),
        ({"N": "name", "ID": "id"}, ("id", "name"), ("ID", "N"), [(1, "a")]),
        ({"k": {"template": "{id}-{name}"}}, ("k",), ("k",), ["1-a"]),
    ],
)
def test_a_key_is_a_destination_field_or_what_a_source_field_became(mapping, key, names, keys):
    mapped = Mapped([{"id": 1, "name": "a"}], mapping, key)

    assert (names, keys) == (mapped.schema.key, mapped.keys)
    assert all(name in mapped.rows[0] for name in names)


def test_a_key_that_is_not_mapped_travels_ahead():
    mapped = Mapped([{"id": 1, "name": "a"}], {"Name": "name"}, ("id",))

    assert ["id", "Name"] == list(mapped.rows[0])


@pytest.mark.parametrize(
    "value",
    ["x", 1, 1.5, True, Decimal("1.5"), date(2024, 1, 1), UUID(int=1), b"x", float("inf")],
    ids=repr,
)
def test_a_plain_value_names_a_record(value):
    assert [value] == Mapped([{"id": value}], key=("id",)).keys


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "is missing"),
        ({"id": None}, "is null"),
        ({"id": [1]}, "cannot be a list"),
        ({"id": {"a": 1}}, "cannot be a dict"),
        ({"id": float("nan")}, "cannot be a float"),
        ({"id": Decimal("NaN")}, "cannot be a Decimal"),
        ({"id": Decimal("sNaN")}, "cannot be a Decimal"),
    ],
    ids=repr,
)
def test_a_record_without_a_usable_key_is_refused_and_the_others_go_on(row, said):
    mapped = Mapped([{"id": 1}, row, {"id": 2}], key=("id",))

    assert [1, 2] == mapped.keys
    ((_, reason, message),) = mapped.refused
    assert ("no_key", True) == (reason, said in message)


@given(st.lists(st.sampled_from([{"id": 1}, {"id": None}, {}, {"id": [1]}, {"id": "x", "a": 2}])))
def test_every_record_is_mapped_or_refused(given_rows):
    mapped = Mapped(given_rows, key=("id",))

    assert len(given_rows) == len(mapped.rows) + len(mapped.refused)
    assert len(mapped.keys) == len(mapped.rows)


def test_all_that_does_not_fit_is_told_at_once():
    mapping = {"A": "nope", "B": {"template": "{nada} {a}"}, "C": "a", "D": "a"}
    accepts = [
        Field("A"),
        Field("B", read_only=True),
        Field("C"),
        Field("E", required=True),
        Field("F"),
    ]

    with pytest.raises(PreflightError) as told:
        check(mapping, ("C",), Schema([Field("a", "integer")]), accepts)
    assert [
        "mapping.A: the source has no field 'nope'",
        "mapping.B: the source has no field 'nada'",
        "B: the destination does not let this field be written",
        "D: the destination has no such field",
        "E: the destination needs this field",
    ] == str(told.value).splitlines()


def test_a_key_that_the_source_lacks_is_told_once():
    source = Schema([Field("a"), Field("b")])

    with pytest.raises(PreflightError) as told:
        check(None, ("id",), source)
    assert "key: no field 'id' (there are: a, b)" == str(told.value)
    with pytest.raises(PreflightError) as told:
        check({"A": "a"}, ("id",), source)
    assert "mapping.id: the source has no field 'id'" == str(told.value)


def test_what_fits_is_not_told_of():
    accepts = [Field("A", required=True), Field("B")]

    assert check({"A": "a"}, ("A",), Schema([Field("a")]), accepts) is None


@pytest.mark.parametrize(
    ("field", "row", "reason"),
    [
        (Field("b"), {"a": 1}, "unknown_field"),
        (Field("a", read_only=True), {"a": 1}, "read_only"),
        (Field("a", nullable=False), {"a": None}, "null"),
        (Field("a", options=("x", "y")), {"a": "z" * 1000}, "no_option"),
        (Field("a", max_length=2), {"a": "xyz"}, "too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_record_that_a_field_cannot_hold_is_refused_before_it_is_sent(field, row, reason):
    mapped = Mapped([row], accepts=[field])

    ((key, told, message),) = mapped.refused
    assert ([], 1, reason) == (mapped.rows, key, told)
    assert len(message) < 200


def test_a_record_that_fits_is_not_refused():
    accepts = [
        Field("a", options=("x", 1), nullable=True),
        Field("b", max_length=2),
        Field("c", required=True),
    ]
    given_rows = [{"a": "x", "b": "ab"}, {"a": 1}, {"a": None, "b": None}, {"b": 12345}, {}]

    assert given_rows == Mapped(given_rows, accepts=accepts).rows


def test_mapped_fields_that_no_record_had_are_named():
    mapping = {"A": "a", "B": "b", "C": {"template": "{c} {a}"}, "D": {"constant": 1}}

    assert ["b", "c"] == Mapped([{"a": 1}, {"a": 2}], mapping).mapper.unused()


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        (None, []),
        ({"a": "b", "c": {"constant": None}, "d": {"template": "{x}"}}, []),
        ({}, ["mapping"]),
        ("a", ["mapping"]),
        (["a"], ["mapping"]),
        (
            {"a": 1, "b": {}, "c": {"constant": 1, "template": "x"}, "d": {"template": 1}},
            ["mapping.a", "mapping.b", "mapping.c", "mapping.d"],
        ),
        ({1: "a", "": "b"}, ["mapping.1", "mapping."]),
    ],
    ids=repr,
)
def test_a_mapping_is_checked_as_a_person_wrote_it(mapping, paths):
    assert paths == [problem.path for problem in problems_of(mapping, "mapping")]


def test_a_value_that_no_template_can_hold_is_refused_alone():
    mapped = Mapped([{"n": 10**5000}, {"n": 1}], {"x": {"template": "no. {n}"}})

    assert [{"x": "no. 1"}] == mapped.rows
    assert [2] == mapped.keys
    assert [(1, "value")] == [told[:2] for told in mapped.refused]


def test_a_value_without_text_is_none_of_the_options_all_the_same():
    mapped = Mapped([{"n": 10**5000}], accepts=[Field("n", options=(1, 2))])

    ((key, reason, message),) = mapped.refused
    assert (1, "no_option") == (key, reason)
    assert "a value of type int is none of 1, 2" in message
