"""What is told before anything is sent."""

import re

import pytest

import tailrace
from tailrace_salesforce import Options, tailrace_destination

from .conftest import KEY, asked, held, people


def test_the_size_of_batches_goes_by_the_jobs():
    assert 10_000 == tailrace_destination(None).batch_size
    assert 200 == tailrace_destination(Options(object="A", bulk=False)).batch_size
    assert 777 == tailrace_destination(Options(object="A", job_rows=777)).batch_size


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"object": "Contact; drop"}, "object: 'Contact; drop' is no API name"),
        ({"object": "Contact/describe"}, "is no API name"),
        ({"object": ""}, "is no API name"),
        ({"api_version": "../../x"}, "api_version: '../../x' is no version"),
        ({"keep_calls": 101}, "keep_calls: is not between 0 and 100"),
        ({"job_rows": 0}, "job_rows: is not between 1 and 1,000,000"),
        ({"bulk": -1}, "bulk: is below 0"),
    ],
)
def test_options_that_cannot_be_meant_are_told_at_once(given, told):
    with pytest.raises(tailrace.ConfigError, match=re.escape(told)):
        tailrace_destination(Options(**{"object": "Contact", **given}))


def test_an_object_that_is_not_there_is_named(deliver, sandbox):
    with pytest.raises(tailrace.ConfigError, match="this user sees no object 'Invoice__c'"):
        deliver(people(1), object="Invoice__c")


@pytest.mark.parametrize("mode", ["insert", "update", "upsert", "mirror"])
@pytest.mark.parametrize("key", ["LastName", "Id", "Nope__c", ("LastName", "Email")])
def test_a_key_that_is_no_external_id_is_told_with_those_that_are(deliver, sandbox, mode, key):
    if (mode, key) == ("update", "Id"):
        return
    report = deliver(
        [{"Id": "x", "LastName": "x", "Email": "x", "Nope__c": "x"}], mode=mode, key=key
    )

    assert 3 == report.exit_code
    assert f"{KEY}" in report.problem
    assert ("Email" in report.problem.partition(");")[0]) == (mode != "insert")
    assert [] == asked(sandbox, "POST")


def test_the_external_id_is_the_key_where_there_is_one(deliver, sandbox):
    assert deliver(people(1), external_id=KEY).ok
    with pytest.raises(tailrace.ConfigError, match=r"external_id: is 'Email', and the sync's key"):
        deliver(people(1), external_id="Email")
    with pytest.raises(tailrace.ConfigError, match="external_id"):
        deliver(people(1), external_id="Email", mode="mirror")


def test_an_append_may_name_no_external_id_that_is_none(deliver):
    report = deliver(people(1), external_id="LastName", mode="append", key=None)

    assert 3 == report.exit_code


def test_a_run_without_changes_costs_two_calls(deliver, sandbox):
    deliver(people(10), state=True)
    before = len(asked(sandbox))
    report = deliver(people(10), state=True)

    assert report.ok
    assert 2 == len(asked(sandbox)) - before == report.requests
    assert 10 == len(held(sandbox))


def test_an_object_of_ones_own_is_one_like_any_other(deliver, sandbox):
    from tailrace_sandbox.salesforce.fields import Field

    number = Field(name="Number__c", external=True, unique=True, case_sensitive=True)
    sandbox.salesforce.add_object(
        "Invoice__c", number, Field(name="Total__c", type="currency", scale=2)
    )
    rows = [{"Number__c": "a", "Total__c": 1.5}, {"Number__c": "A", "Total__c": 2}]
    report = deliver(rows, object="Invoice__c", key="Number__c")

    assert report.ok
    assert {"a": 1.5, "A": 2.0} == {
        each["Number__c"]: each["Total__c"] for each in sandbox.salesforce.records("Invoice__c")
    }
