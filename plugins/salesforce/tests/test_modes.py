"""Whole runs into the sandbox's Salesforce: what each mode does, and what it costs."""

import random

import pytest

from .conftest import KEY, asked, by_key, held, people, refusals, statuses

PEOPLE = people(10)
OPTIMUM = 50


@pytest.mark.parametrize("bulk", [False, 2_000])
def test_ten_thousand_rows_and_then_their_changes_cost_what_they_have_to(deliver, sandbox, bulk):
    rows = [
        {**each, "MailingCity": None if n % 3 else "Rome"} for n, each in enumerate(people(10_000))
    ]
    first = deliver(rows, mode="mirror", bulk=bulk)
    changed = [{**each, "LastName": "new"} if n % 100 == 0 else each for n, each in enumerate(rows)]
    left = [each for n, each in enumerate(changed) if n % 100 != 50]
    second = deliver(left, mode="mirror", bulk=bulk)

    assert {"delivered": 10_000} == statuses(first)
    assert first.requests <= 1.1 * OPTIMUM + 10
    assert {"delivered": 200, "skipped": 9_800} == statuses(second)
    assert second.requests <= 1.1 * 2 + 10
    assert by_key(left) == held(sandbox)
    assert (bulk is not False) == len(sandbox.salesforce.jobs())


def test_an_upsert_finds_what_others_have_made(deliver, sandbox, call):
    for each in PEOPLE[:3]:
        call("POST", "sobjects/Contact/", {**each, "MailingCity": "Oslo"})
    report = deliver([{**each, "LastName": "new"} for each in PEOPLE])

    assert {"delivered": 10} == statuses(report)
    assert {KEY: "p-0", "LastName": "new", "MailingCity": "Oslo"} == held(sandbox)["p-0"]
    assert 10 == len(held(sandbox))


@pytest.mark.parametrize("bulk", [False, True])
def test_the_records_ids_are_kept(deliver, sandbox, bulk):
    report = deliver(PEOPLE, state=True, bulk=bulk)

    assert {each[KEY]: each["Id"] for each in sandbox.salesforce.records("Contact")} == {
        each.key: each.remote_id for each in report.outcomes()
    }


def test_null_clears_and_what_is_unset_is_left_alone(deliver, sandbox):
    deliver([{KEY: "a", "FirstName": "Ada", "LastName": "L", "MailingCity": "London"}], state=True)
    deliver([{KEY: "a", "FirstName": None, "LastName": "K"}], state=True)

    assert {"a": {KEY: "a", "LastName": "K", "MailingCity": "London"}} == held(sandbox)


def test_an_insert_leaves_alone_what_is_there(deliver, sandbox, call):
    call("POST", "sobjects/Contact/", {**PEOPLE[0], "LastName": "old"})
    report = deliver(PEOPLE, mode="insert")

    assert {"delivered": 9, "skipped": 1} == statuses(report)
    assert "old" == held(sandbox)["p-0"]["LastName"]


def test_an_insert_tells_a_taken_key_from_another_unique_value_that_is_taken(
    deliver, sandbox, call
):
    from tailrace_sandbox.salesforce.fields import Field

    sandbox.salesforce.add_object("Contact", Field(name="Badge__c", unique=True))
    call("POST", "sobjects/Contact/", {**PEOPLE[0], "Badge__c": "7"})
    report = deliver([*PEOPLE[:2], {**PEOPLE[2], "Badge__c": "7"}], mode="insert")

    assert {"delivered": 1, "skipped": 1, "rejected": 1} == statuses(report)
    assert {"p-2": "duplicate_value"} == refusals(report)


def test_an_update_makes_nothing(deliver, sandbox):
    deliver(PEOPLE[:4])
    report = deliver([{**each, "LastName": "new"} for each in PEOPLE], mode="update", state=True)

    assert {"delivered": 4, "skipped": 6} == statuses(report)
    assert ["new"] * 4 == [each["LastName"] for each in held(sandbox).values()]


def test_an_update_may_go_by_record_ids(deliver, sandbox, call):
    deliver(PEOPLE[:3])
    ids = [each["Id"] for each in sandbox.salesforce.records("Contact")]
    call("DELETE", f"sobjects/Contact/{ids[2]}")
    rows = [{"Id": each, "LastName": "new"} for each in (*ids, "003xx0000000099AAA")]
    report = deliver(rows, mode="update", key="Id")

    assert {"delivered": 2, "skipped": 2} == statuses(report)
    assert {"new"} == {each["LastName"] for each in held(sandbox).values()}


def test_an_append_creates_and_needs_no_key(deliver, sandbox):
    rows = [
        {"Name": f"d{n}", "StageName": "Prospecting", "CloseDate": "2026-01-31"} for n in range(450)
    ]
    report = deliver(rows, mode="append", key=None, object="Opportunity")

    assert {"delivered": 450} == statuses(report)
    assert [each["Name"] for each in rows] == [
        each["Name"] for each in sandbox.salesforce.records("Opportunity")
    ]
    assert 3 == len(asked(sandbox, "POST"))


def test_a_mirror_deletes_by_the_key_and_skips_what_is_gone(deliver, sandbox, call):
    deliver(PEOPLE, mode="mirror")
    ids = {each[KEY]: each["Id"] for each in sandbox.salesforce.records("Contact")}
    call("DELETE", f"sobjects/Contact/{ids['p-8']}")
    call("PATCH", f"sobjects/Contact/{ids['p-9']}", {KEY: "another"})
    report = deliver(PEOPLE[:7], mode="mirror")

    assert {"delivered": 1, "skipped": 9} == statuses(report)
    assert {each[KEY] for each in PEOPLE[:7]} | {"another"} == set(held(sandbox))


@pytest.mark.parametrize(("length", "queries"), [(10, 3), (250, 18)])
def test_many_are_looked_up_and_deleted_in_as_few_calls_as_there_is_room_for(
    deliver, sandbox, length, queries
):
    rows = [{KEY: f"{n:0{length}}", "LastName": "x"} for n in range(500)]
    deliver(rows, mode="mirror")
    before = len(asked(sandbox))
    report = deliver(rows[:10], mode="mirror", max_delete=500)

    assert {"delivered": 490, "skipped": 10} == statuses(report)
    assert by_key(rows[:10]) == held(sandbox)
    assert 3 == len(asked(sandbox, "DELETE"))
    assert 2 + 3 + queries >= len(asked(sandbox)) - before
    assert all(len(each.target) < 16_000 for each in sandbox.requests("salesforce"))


def test_two_keys_that_are_one_to_salesforce_are_both_refused(deliver, sandbox):
    report = deliver([{KEY: key, "LastName": "x"} for key in ("a-1", "A-1", "b")])

    assert {"a-1": "same_key", "A-1": "same_key"} == refusals(report)
    assert ["b"] == list(held(sandbox))


def test_a_mirror_keeps_the_record_of_a_row_whose_key_has_only_got_other_letters(deliver, sandbox):
    deliver([{KEY: "a-1", "LastName": "x"}, {KEY: "b", "LastName": "y"}], mode="mirror")
    report = deliver([{KEY: "A-1", "LastName": "x"}], mode="mirror")

    assert {"delivered": 2, "skipped": 1} == statuses(report)
    assert ["A-1"] == list(held(sandbox))


@pytest.mark.parametrize("mode", ["append", "insert", "upsert", "update"])
def test_a_key_that_names_several_records_is_refused_where_it_has_to_be_one(
    deliver, sandbox, call, mode
):
    for name in ("one", "two"):
        call("POST", "sobjects/Contact/", {"LastName": name, "Email": "a@x.example"})
    if mode == "insert":
        report = deliver([{"Email": "a@x.example", "LastName": "x"}], mode=mode, key="Email")
        assert 3 == report.exit_code
        assert "a unique external id" in report.problem
        return
    report = deliver([{"Email": "a@x.example", "LastName": "x"}], mode=mode, key="Email")

    assert ("delivered" if mode == "append" else "rejected") in statuses(report)


def test_whole_numbers_name_records_too(deliver, sandbox):
    from tailrace_sandbox.salesforce.fields import Field

    number = Field(name="Number__c", type="double", external=True, unique=True)
    sandbox.salesforce.add_object("Account", number)
    rows = [{"Number__c": n, "Name": f"a{n}"} for n in range(5)]
    how = {"object": "Account", "key": "Number__c", "mode": "mirror"}
    first = deliver(rows, **how)
    second = deliver([{**each, "Name": "new"} for each in rows[:3]], **how)

    assert ({"delivered": 5}, {"delivered": 5}) == (statuses(first), statuses(second))
    assert {0: "new", 1: "new", 2: "new"} == {
        each["Number__c"]: each["Name"] for each in sandbox.salesforce.records("Account")
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bulk", [False, 3])
def test_whatever_changes_a_mirror_ends_as_the_source_is(deliver, sandbox, seed, bulk):
    dice = random.Random(seed)
    for _ in range(3):
        names = dice.sample(range(60), dice.randrange(5, 50))
        rows = [{KEY: f"p{n}", "LastName": dice.choice("abc")} for n in names]
        limits = {"batch_size": 7}
        report = deliver(rows, mode="mirror", limits=limits, max_delete=60, bulk=bulk)
        assert report.ok, report.summary()

        assert by_key(rows) == held(sandbox)
