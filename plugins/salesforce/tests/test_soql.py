"""A value in a query is never anything but that value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace_salesforce._fields import Column
from tailrace_salesforce._soql import _fitting, is_quotable, literal
from tailrace_sandbox.salesforce import soql

from .conftest import KEY, held, people, refusals, statuses

HOSTILE = [
    "' OR Id != null",
    "' OR Id != null --",
    "') OR (Id != null",
    "\\' OR Id != null",
    "\\\\' OR Id != null",
    "x' OR External_Id__c LIKE '%",
    "\\u0027 OR Id != null",
    "a\\",
    "\\",
    "'",
    "''",
    "\\'",
    '" OR "" = "',
    "x') LIMIT 0",
    "%_",
    "\u2019 OR Id != null",
    "\uff07 OR Id != null",
]


@given(st.text())
def test_a_literal_is_read_as_the_text_that_it_was_made_of(text):
    if not is_quotable(text):
        with pytest.raises(ValueError, match="control"):
            literal(text)
        return
    made = literal(text)

    assert text == soql.literal(made)
    # One literal and no more: by the twin's grammar, and by the simplest one there is.
    assert [("text", made)] == soql._tokens(made)
    assert re.fullmatch(r"'(?:[^'\\]|\\[\\'])*'", made, re.DOTALL)


@given(st.lists(st.text().filter(is_quotable), min_size=1, max_size=50))
def test_several_literals_stay_several(texts):
    every = [each for several in _fitting([literal(each) for each in texts]) for each in several]
    tokens = soql._tokens(",".join(every))

    assert texts == [soql.literal(made) for kind, made in tokens if kind == "text"]


@given(st.lists(st.text(max_size=255).filter(is_quotable), min_size=1, max_size=300))
def test_no_query_is_longer_than_an_address_may_be(texts):
    from urllib.parse import quote_plus

    for several in _fitting([literal(each) for each in texts]):
        assert len(several) == 1 or len(quote_plus(",".join(several))) <= 12_000


@pytest.mark.parametrize("mode", ["mirror", "update"])
def test_hostile_keys_find_nothing_but_their_own_records(deliver, sandbox, mode):
    deliver(people(20))
    rows = [{KEY: each, "LastName": "evil"} for each in HOSTILE]
    report = deliver(rows, mode=mode)
    if mode == "mirror":
        gone = deliver(rows[:1], mode="mirror", max_delete=100)
        assert {"delivered": len(HOSTILE) - 1, "skipped": 1} == statuses(gone)
        assert {*(each[KEY] for each in people(20)), HOSTILE[0]} == set(held(sandbox))
    else:
        assert {"skipped": len(HOSTILE)} == statuses(report)

    assert {f"name {n}" for n in range(20)} <= {each["LastName"] for each in held(sandbox).values()}


@pytest.mark.parametrize("key", ["a\0b", "a\nb", "a\x7f", "\u2028", "\x85"])
def test_a_key_with_a_control_character_is_refused(deliver, sandbox, key):
    report = deliver([{KEY: key, "LastName": "x"}, {KEY: "b", "LastName": "y"}])

    assert {key: "value"} == refusals(report)
    assert ["b"] == list(held(sandbox))


def test_names_that_are_none_are_never_asked_for(sandbox):
    import tailrace
    from tailrace_salesforce._soql import named

    for of, by in [("Contact WHERE", "Id"), ("Contact", "Id != null"), ("Contact", "a.b")]:
        with pytest.raises(tailrace.FatalError, match="no name of a field"):
            named(None, of, Column(by, "text"), ["x"])
