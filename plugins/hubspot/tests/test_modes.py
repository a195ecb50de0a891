"""Whole runs into the sandbox's HubSpot: what each mode does, and what it costs."""

import random

import pytest

from .conftest import held, paths, refusals, statuses

PEOPLE = [{"email": f"p{n}@x.example", "firstname": f"name {n}"} for n in range(10)]
OPTIMUM = 100


def by_email(rows):
    return {each["email"]: each for each in rows}


def test_ten_thousand_rows_and_then_their_changes_cost_what_they_have_to(deliver, sandbox):
    rows = [
        {"email": f"p{n}@x.example", "firstname": f"n{n}", "city": None if n % 3 else "Rome"}
        for n in range(10_000)
    ]
    first = deliver(rows, mode="mirror")
    changed = [
        {**each, "firstname": "new"} if n % 100 == 0 else each for n, each in enumerate(rows)
    ]
    left = [each for n, each in enumerate(changed) if n % 100 != 50]
    second = deliver(left, mode="mirror")
    wanted = {each["email"]: {k: v for k, v in each.items() if v} for each in left}

    assert {"delivered": 10_000} == statuses(first)
    assert first.requests <= 1.1 * OPTIMUM + 10
    assert {"delivered": 200, "skipped": 9_800} == statuses(second)
    assert second.requests <= 1.1 * 2 + 10
    assert wanted == held(sandbox)


def test_an_upsert_finds_what_others_have_made(deliver, sandbox, call):
    for each in PEOPLE[:3]:
        call("POST", "/crm/v3/objects/contacts", {"properties": {**each, "city": "Oslo"}})
    report = deliver([{**each, "firstname": "new"} for each in PEOPLE])

    assert {"delivered": 10} == statuses(report)
    assert 10 == len(sandbox.hubspot.records("contacts"))
    assert {"firstname": "new", "city": "Oslo"} == {
        name: held(sandbox)[PEOPLE[0]["email"]][name] for name in ("firstname", "city")
    }


def test_answers_in_another_order_reach_the_right_records(deliver, sandbox):
    report = deliver(PEOPLE, state=True)
    ids = {each["email"]: each["hs_object_id"] for each in sandbox.hubspot.records("contacts")}

    assert ids == {each.key: each.remote_id for each in report.outcomes()}
    assert list(range(10)) != [int(each["id"]) - 101 for each in answered(sandbox)]


def answered(sandbox):
    import json

    return json.loads(sandbox.requests("hubspot")[-1].answer)["results"]


def test_null_clears_and_what_is_unset_is_left_alone(deliver, sandbox):
    whole = {"email": "a@x.example", "firstname": "Ada", "lastname": "L", "city": "London"}
    deliver([whole], state=True)
    deliver([{"email": "a@x.example", "firstname": None, "lastname": "K"}], state=True)

    assert {"a@x.example": {"email": "a@x.example", "lastname": "K", "city": "London"}} == held(
        sandbox
    )


def test_an_insert_leaves_alone_what_is_there(deliver, sandbox, call):
    call("POST", "/crm/v3/objects/contacts", {"properties": {**PEOPLE[0], "firstname": "old"}})
    report = deliver(PEOPLE, mode="insert")

    assert {"delivered": 9, "skipped": 1} == statuses(report)
    assert "old" == held(sandbox)[PEOPLE[0]["email"]]["firstname"]
    assert 10 == len(sandbox.hubspot.records("contacts"))


@pytest.mark.parametrize("known", [1, 7, 10])
def test_an_insert_where_one_that_is_there_refuses_all(deliver, sandbox, call, known):
    sandbox.hubspot.partly = False
    for each in PEOPLE[:known]:
        call("POST", "/crm/v3/objects/contacts", {"properties": {**each, "firstname": "old"}})
    report = deliver(PEOPLE, mode="insert")
    counts = {"delivered": 10 - known, "skipped": known}

    assert {name: count for name, count in counts.items() if count} == statuses(report)
    assert known == sum(each["firstname"] == "old" for each in held(sandbox).values())


def test_an_insert_of_a_custom_object_knows_what_is_there(deliver, sandbox, pets):
    rows = [{"tag": f"t{n}", "name": f"n{n}"} for n in range(5)]
    deliver(rows[:2], object=pets, key="tag")
    report = deliver(
        [{**each, "name": "new"} for each in rows], object=pets, key="tag", mode="insert"
    )

    assert {"delivered": 3, "skipped": 2} == statuses(report)
    assert ["n0", "n1", "new", "new", "new"] == [
        each["name"] for each in held(sandbox, "pets", "tag").values()
    ]


def test_an_update_makes_nothing(deliver, sandbox):
    deliver(PEOPLE[:4])
    report = deliver([{**each, "firstname": "new"} for each in PEOPLE], mode="update", state=True)

    assert {"delivered": 4, "skipped": 6} == statuses(report)
    assert 4 == len(sandbox.hubspot.records("contacts"))
    assert {"new"} == {each["firstname"] for each in held(sandbox).values()}


def test_an_update_may_go_by_record_ids(deliver, sandbox):
    deliver(PEOPLE[:2])
    ids = [each["hs_object_id"] for each in sandbox.hubspot.records("contacts")]
    rows = [{"hs_object_id": int(each), "firstname": "new"} for each in (*ids, 999)]
    report = deliver(rows, mode="update", key="hs_object_id")

    assert {"delivered": 2, "skipped": 1} == statuses(report)
    assert {"new"} == {each["firstname"] for each in held(sandbox).values()}


def test_an_append_creates(deliver, sandbox):
    rows = [{"dealname": f"deal {n}", "amount": n / 4} for n in range(150)]
    report = deliver(rows, mode="append", key=None, object="deals")
    amounts = sorted(float(each["amount"]) for each in sandbox.hubspot.records("deals"))

    assert {"delivered": 150} == statuses(report)
    assert [each["amount"] for each in rows] == amounts
    assert 2 == paths(sandbox).count("create")


def test_a_custom_object_is_named_by_its_id_or_full_name(deliver, sandbox, pets):
    row = {"tag": "t1", "name": "Rex"}
    full = f"p{sandbox.hubspot.portal}_pets"

    assert {"delivered": 1} == statuses(deliver([row], object=pets, key="tag"))
    assert {"delivered": 1} == statuses(deliver([{**row, "name": "Bo"}], object=full, key="tag"))
    assert {"t1": {"tag": "t1", "name": "Bo"}} == held(sandbox, "pets", "tag")


def test_a_mirror_archives_by_the_key_and_skips_what_is_gone(deliver, sandbox, call):
    deliver(PEOPLE, mode="mirror")
    for_others = sandbox.hubspot.records("contacts")[9]["hs_object_id"]
    call(
        "DELETE",
        f"/crm/v3/objects/contacts/{sandbox.hubspot.records('contacts')[8]['hs_object_id']}",
    )
    other = {"properties": {"email": "other@x.example"}}
    call("PATCH", f"/crm/v3/objects/contacts/{for_others}", other)
    report = deliver(PEOPLE[:7], mode="mirror")

    assert {"delivered": 1, "skipped": 9} == statuses(report)
    assert {each["email"] for each in PEOPLE[:7]} | {"other@x.example"} == set(held(sandbox))


def test_a_mirror_takes_no_other_spelling_of_an_email(deliver, sandbox):
    report = deliver([{"email": "Ada@x.example"}, {"email": "bob@x.example"}], mode="mirror")

    assert {"Ada@x.example": "spelling"} == refusals(report)
    assert ["bob@x.example"] == list(held(sandbox))


def test_an_upsert_matches_emails_whatever_their_capitals(deliver, sandbox):
    first = deliver([{"email": "Ada@x.example", "firstname": "Ada"}])
    second = deliver([{"email": "aDa@x.example", "firstname": "Ada L"}])

    assert {"delivered": 1} == statuses(first) == statuses(second)
    assert ["Ada L"] == [each["firstname"] for each in held(sandbox).values()]


def test_two_spellings_of_one_email_in_a_batch_are_both_refused(deliver, sandbox):
    report = deliver([{"email": "a@x.example"}, {"email": "A@x.example"}, {"email": "b@x.example"}])

    assert {"delivered": 1, "rejected": 2} == statuses(report)
    assert {"a@x.example": "same_key", "A@x.example": "same_key"} == refusals(report)
    assert ["b@x.example"] == list(held(sandbox))


@pytest.mark.parametrize("seed", range(5))
def test_whatever_changes_a_mirror_ends_as_the_source_is(deliver, sandbox, seed):
    dice = random.Random(seed)
    for _ in range(3):
        names = dice.sample(range(60), dice.randrange(5, 50))
        rows = [{"email": f"p{n}@x.example", "firstname": dice.choice("abc")} for n in names]
        report = deliver(rows, mode="mirror", limits={"batch_size": 7}, max_delete=60)
        assert report.ok, report.summary()

        assert by_email(rows) == held(sandbox)
