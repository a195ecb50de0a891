"""Values: each of Salesforce's types, and what it cannot hold."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace_salesforce._fields import Column
from tailrace_salesforce._jobs import write_file
from tailrace_salesforce._values import UnfitError, cell, encode, weigh

from .conftest import KEY, held, people, refusals, statuses

MOMENT = datetime(2026, 1, 31, 13, 5, 7, 123456, timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("text", "Ada", "Ada"),
        ("text", "", None),
        ("text", None, None),
        ("text", 7, "7"),
        ("text", 1e21, "1000000000000000000000"),
        ("text", Decimal("1.50"), "1.50"),
        ("text", True, "true"),
        ("text", date(2026, 1, 31), "2026-01-31"),
        ("text", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("boolean", "true", True),
        ("boolean", False, False),
        ("number", "12.5", Decimal("12.5")),
        ("number", 0.1, Decimal("0.1")),
        ("number", 10**18, Decimal(10**18)),
        ("int", 5.0, 5),
        ("int", "5", 5),
        ("date", date(2026, 1, 31), "2026-01-31"),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", datetime(2026, 1, 31), "2026-01-31"),
        ("datetime", MOMENT, "2026-01-31T12:05:07.123Z"),
        ("datetime", "2026-01-31T13:05:07+01:00", "2026-01-31T12:05:07.000Z"),
        ("datetime", datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000Z"),
        ("datetime", date(2026, 1, 31), "2026-01-31T00:00:00.000Z"),
        ("time", time(12, 30), "12:30:00.000Z"),
        ("time", "12:30", "12:30:00.000Z"),
        ("bytes", b"\0\1", "AAE="),
        ("choices", ["a", "b", "a", ""], "a;b"),
        ("choices", "a;b", "a;b"),
        ("choices", [], None),
        ("choices", "a", "a"),
    ],
)
def test_a_value_is_written_as_salesforce_reads_it(kind, value, made):
    encoded = encode(Column("x", kind, options=("a", "b") if kind == "choices" else ()), value)

    assert (made, type(made)) == (encoded, type(encoded))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "\ud800"),
        ("text", b"x"),
        ("text", {"a": 1}),
        ("text", float("nan")),
        ("boolean", 1),
        ("boolean", "yes"),
        ("number", True),
        ("number", "abc"),
        ("number", float("inf")),
        ("number", Decimal("NaN")),
        ("number", Decimal("1e999999")),
        ("int", 5.5),
        ("date", "31.1.2026"),
        ("date", datetime(2026, 1, 31, 12)),
        ("date", 20260131),
        ("datetime", "yesterday"),
        ("datetime", 7),
        ("time", "25:00"),
        ("time", 7),
        ("choices", ["c"]),
        ("choices", ["a;b"]),
        ("choices", [{}]),
    ],
)
def test_what_a_field_cannot_hold_is_refused_with_a_reason(kind, value):
    column = Column("x", kind, options=("a", "b") if kind == "choices" else ())

    with pytest.raises(UnfitError, match=r"^(is|has|holds) "):
        encode(column, value)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KINDS = ["text", "boolean", "number", "int", "date", "datetime", "time", "bytes", "choices"]


@given(st.sampled_from(KINDS), ANYTHING)
def test_any_value_is_written_or_refused(kind, value):
    column = Column("x", kind)
    try:
        made = encode(column, value)
    except UnfitError:
        return

    assert made is None or isinstance(made, (str, int, bool, Decimal))
    assert isinstance(cell(made), str)
    # What was written once is written the same again.
    assert made == encode(column, made)


@given(st.lists(st.tuples(st.sampled_from(KINDS), ANYTHING), max_size=5))
def test_no_row_of_a_jobs_results_is_longer_than_it_was_weighed(fields):
    row, cells = {}, []
    for at, (kind, value) in enumerate(fields):
        try:
            cells.append(cell(encode(Column("x", kind), value)))
            row[f"f{at}"] = value
        except UnfitError:
            continue
    line = write_file(["003xx0000000001AAA", "false", *cells], [])

    assert len(line) <= weigh(row)


def test_every_type_arrives(deliver, sandbox):
    row = {
        KEY: "a",
        "LastName": "Lovelace",
        "Birthdate": date(1815, 12, 10),
        "Seen__c": MOMENT,
        "Score__c": Decimal("12.25"),
        "Active__c": True,
        "Tier__c": "Gold",
        "Segments__c": ["web", "b2b"],
    }
    report = deliver([row])

    assert {"delivered": 1} == statuses(report)
    [kept] = sandbox.salesforce.records("Contact")
    assert {
        "Birthdate": "1815-12-10",
        "Seen__c": "2026-01-31T12:05:07.000+0000",
        "Score__c": 12.25,
        "Active__c": True,
        "Tier__c": "Gold",
        "Segments__c": "web;b2b",
    } == {name: kept[name] for name in list(row)[2:]}


@pytest.mark.parametrize("bulk", [False, True])
def test_records_are_linked_by_ids_and_by_external_ids_and_unlinked(deliver, sandbox, bulk):
    deliver([{KEY: "acme", "Name": "Acme"}], object="Account")
    [account] = sandbox.salesforce.records("Account")
    name = "Account.External_Id__c"
    first = [
        {KEY: "a", "LastName": "a", name: "acme"},
        {KEY: "b", "LastName": "b", name: None},
        {KEY: "c", "LastName": "c", name: "nobody"},
    ]
    report = deliver(first, bulk=bulk)
    linked = {
        each[KEY]: each["AccountId"]
        for each in sandbox.salesforce.records("Contact")
        if each.get("AccountId")
    }
    by_id = deliver([{KEY: "d", "LastName": "d", "AccountId": account["Id"]}], bulk=bulk)
    cleared = deliver([{KEY: "a", "LastName": "a", name: None}], bulk=bulk)

    assert {"c": "invalid_field"} == refusals(report)
    assert "Foreign key external ID: nobody not found" in report.rejections[0].message
    assert ({"a": account["Id"]}, {"delivered": 1}) == (linked, statuses(by_id))
    assert {"delivered": 1} == statuses(cleared)
    assert {"d"} == {
        each[KEY] for each in sandbox.salesforce.records("Contact") if each.get("AccountId")
    }


def test_an_unknown_field_of_a_related_record_stops_the_run_before_anything_is_sent(
    deliver, sandbox
):
    for name in ("Account.Nope__c", "Account.Name", "Nobody.External_Id__c", "Account."):
        report = deliver([{KEY: "a", "LastName": "a", name: "x"}])
        assert 3 == report.exit_code
        assert f"{name}: the destination has no such field" in report.problem

    assert {} == held(sandbox)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"Shoe__c": 41}, "the destination has no such field"),
        ({"CreatedDate": "2026-01-31T00:00:00Z"}, "does not let this field be written"),
        ({"Name": "Ada"}, "does not let this field be written"),
    ],
)
def test_a_field_that_cannot_be_written_stops_the_run(deliver, sandbox, row, told):
    report = deliver([{KEY: "a", "LastName": "a", **row}])

    assert (3, True) == (report.exit_code, told in report.problem)
    assert {} == held(sandbox)


def test_a_field_that_new_records_need_is_asked_for_unless_nothing_is_made(deliver, sandbox):
    report = deliver([{KEY: "a", "FirstName": "Ada"}])
    deliver([{KEY: "a", "LastName": "x"}])
    update = deliver([{KEY: "a", "FirstName": "Ada"}], mode="update")

    assert (3, "LastName: the destination needs this field") == (report.exit_code, report.problem)
    assert {"delivered": 1} == statuses(update)


BAD = {
    "no_option": {"Tier__c": "Platinum"},
    "too_long": {"FirstName": "x" * 41},
    "null": {"LastName": None},
    "value": {"Score__c": "many"},
    "invalid_email_address": {"Email": "nobody"},
    "malformed_id": {"AccountId": "001xx0000000001AAA"},
    "required_field_missing": {"LastName": ...},
}


@pytest.mark.parametrize("bulk", [False, 100])
def test_one_bad_row_in_a_hundred_is_refused_by_name_and_the_rest_arrives(deliver, sandbox, bulk):
    rows, wanted, kinds = [], {}, list(BAD)
    for n, each in enumerate(people(1_000)):
        row = {**each, "FirstName": "Ada"}
        if n % 100 == 7:
            reason = kinds[n // 100 % len(kinds)]
            row |= BAD[reason]
            row = {name: value for name, value in row.items() if value is not ...}
            wanted[row[KEY]] = reason
        rows.append(row)
    report = deliver(rows, bulk=bulk)

    assert {"delivered": 990, "rejected": 10} == statuses(report)
    assert wanted == refusals(report)
    assert {each[KEY] for each in rows} - set(wanted) == set(held(sandbox))
    assert all(each.message for each in report.rejections)
