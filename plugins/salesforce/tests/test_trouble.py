"""Faults of the service: the end state is exact, the counts are true, nothing is doubled."""

import json
import random

import pytest

from .conftest import KEY, asked, by_key, held, people, refusals, statuses

PEOPLE = people(500)
DEALS = [
    {"Name": f"d{n}", "StageName": "Prospecting", "CloseDate": "2026-01-31"} for n in range(20)
]
LOSSES = ("lose", "reset_after", "truncate", "garbage")
NO_JOBS = {"bulk": False}


@pytest.mark.parametrize("kind", [*LOSSES, "reset_before", "answer"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "GET"])
def test_a_repeat_of_what_was_lost_does_no_harm(deliver, sandbox, kind, method):
    deliver(PEOPLE, mode="mirror")
    sandbox.faults.add("salesforce", kind, method=method, times=3)
    rows = [{**PEOPLE[0], "LastName": "new"}, *PEOPLE[1:490]]
    report = deliver(rows, mode="mirror")

    assert {"delivered": 11, "skipped": 489} == statuses(report)
    assert by_key(rows) == held(sandbox)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_what_may_have_been_created_is_looked_up_by_its_key(deliver, sandbox, kind, skip):
    sandbox.faults.add("salesforce", kind, method="POST", path="composite", skip=skip)
    report = deliver(PEOPLE, mode="append")

    assert {"delivered": 500} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("mode", ["append", "insert"])
def test_what_was_not_created_is_sent_again(deliver, sandbox, mode):
    sandbox.faults.add("salesforce", "answer", status=502, path="composite", skip=1)
    report = deliver(PEOPLE, mode=mode)

    assert {"delivered": 500} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("kind", LOSSES)
def test_what_has_no_unique_key_stays_in_doubt_and_is_never_sent_twice(deliver, sandbox, kind):
    sandbox.faults.add("salesforce", kind, path="composite")
    how = {"mode": "append", "key": None, "object": "Opportunity", "state": True}
    report = deliver(DEALS, **how)
    again = deliver(DEALS, **how)

    assert {"in_doubt": 20} == statuses(report)
    assert 4 == again.exit_code
    assert 20 == len(sandbox.salesforce.records("Opportunity"))


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_only_the_call_that_was_lost_is_in_doubt(deliver, sandbox, skip):
    sandbox.faults.add("salesforce", "lose", path="composite", skip=skip)
    deals = [{**DEALS[0], "Name": f"d{n}"} for n in range(600)]
    report = deliver(deals, mode="append", key=None, object="Opportunity")

    assert {"delivered": 400, "in_doubt": 200} == statuses(report)
    assert 600 == len(sandbox.salesforce.records("Opportunity"))


def test_a_value_that_need_not_be_unique_finds_nothing_that_was_created(deliver, sandbox):
    sandbox.faults.add("salesforce", "reset_after", path="composite")
    rows = [{"Email": f"p{n}@x.example", "LastName": "x"} for n in range(20)]
    report = deliver(rows, mode="append", key="Email")

    assert {"in_doubt": 20} == statuses(report)
    assert 20 == len(sandbox.salesforce.records("Contact"))


def test_an_external_id_finds_what_an_append_without_a_key_has_created(deliver, sandbox):
    sandbox.faults.add("salesforce", "reset_after", path="composite")
    rows = [{**each, KEY: f"x{n}"} for n, each in enumerate(DEALS)]
    how = {"mode": "append", "key": None, "object": "Opportunity", "external_id": KEY}
    report = deliver(rows, **how)

    assert {"delivered": 20} == statuses(report)
    assert by_key(rows) == held(sandbox, "Opportunity", KEY, *rows[0])


def test_a_429_at_the_edge_is_waited_for(deliver, sandbox):
    sandbox.faults.add("salesforce", "answer", status=429, retry_after=7, path="composite", times=3)
    report = deliver(PEOPLE)

    assert {"delivered": 500} == statuses(report)
    assert 3 == report.throttled
    assert by_key(PEOPLE) == held(sandbox)


def test_too_many_long_requests_are_waited_for(deliver, sandbox, clock):
    def rows():
        sandbox.salesforce.crowd(3)
        yield from PEOPLE

    report = deliver(rows)

    assert {"delivered": 500} == statuses(report)
    assert [5.0] * 3 == clock.sleeps
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("left", [2, 3, 4])
def test_the_days_calls_end_the_run_and_the_next_one_goes_on(deliver, sandbox, left):
    sandbox.salesforce.spend_day(left=left)
    how = {"state": True, "limits": {"max_in_flight": 1}, "keep_calls": 0, **NO_JOBS}
    report = deliver(PEOPLE, **how)
    used = len(asked(sandbox))
    sandbox.salesforce.spend_day(left=100)
    again = deliver(PEOPLE, **how)

    assert 9 == report.exit_code
    assert "the org's calls are used up" in report.problem
    assert (left + 1, (left - 2) * 200) == (used, report.delivered)
    assert 0 == report.throttled + report.retries
    assert again.ok
    assert by_key(PEOPLE) == held(sandbox)


def test_calls_that_end_before_a_taken_key_is_looked_up_cost_no_record_its_answer(
    deliver, sandbox, call
):
    call("POST", "sobjects/Contact/", PEOPLE[7])
    sandbox.salesforce.spend_day(left=3)
    how = {"mode": "insert", "state": True, "keep_calls": 0}
    report = deliver(PEOPLE[:20], **how)
    sandbox.salesforce.spend_day(left=100)
    again = deliver(PEOPLE[:20], **how)

    assert (9, {"delivered": 19, "failed": 1}) == (report.exit_code, statuses(report))
    assert {"skipped": 20} == statuses(again)
    assert 20 == len(held(sandbox))


def test_calls_that_belong_to_others_are_left(deliver, sandbox):
    sandbox.salesforce.spend_day(left=10_003)
    how = {"state": True, "limits": {"max_in_flight": 1}, **NO_JOBS}
    report = deliver(PEOPLE, **how)

    assert (9, 400) == (report.exit_code, report.delivered)
    assert "keep_calls leaves 10 % of them to others" in report.problem
    assert 4 == len(asked(sandbox))
    assert deliver(PEOPLE, **how, keep_calls=5).ok
    assert by_key(PEOPLE) == held(sandbox)


def test_a_floor_lets_a_job_come_to_its_end_and_no_other_begin(deliver, sandbox):
    sandbox.salesforce.spend_day(left=10_003)
    how = {"state": True, "bulk": 100, "job_rows": 300, "limits": {"max_in_flight": 1}}
    report = deliver(PEOPLE, **how)

    assert (9, 300) == (report.exit_code, report.delivered)
    assert "keep_calls" in report.problem
    assert ["JobComplete"] == [each["state"] for each in sandbox.salesforce.jobs()]
    assert deliver(PEOPLE, **how, keep_calls=0).ok
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("mode", ["append", "insert", "upsert"])
def test_a_floor_that_is_met_within_a_batch_costs_no_record_its_answer(deliver, sandbox, mode):
    sandbox.salesforce.spend_day(left=10_003)
    report = deliver(PEOPLE, mode=mode)

    assert {"delivered": 400, "failed": 100} == statuses(report)
    assert 400 == len(held(sandbox))


def test_rows_that_are_locked_are_tried_again_alone(deliver, sandbox):
    for at in (7, 250, 251):
        sandbox.salesforce.fail("Contact", "UNABLE_TO_LOCK_ROW", times=2, value=f"p-{at}")
    report = deliver(PEOPLE)
    sent = [
        len(json.loads(each.body)["records"])
        for each in sandbox.requests("salesforce")
        if each.method == "PATCH"
    ]

    assert {"delivered": 500} == statuses(report)
    assert [200, 200, 100, 3, 3] == sent
    assert by_key(PEOPLE) == held(sandbox)


def test_rows_that_stay_locked_come_back_with_the_next_run(deliver, sandbox):
    sandbox.salesforce.fail("Contact", "UNABLE_TO_LOCK_ROW", times=8, value="p-7")
    first = deliver(PEOPLE, state=True)
    second = deliver(PEOPLE, state=True)

    assert {"delivered": 499, "failed": 1} == statuses(first)
    assert {"delivered": 1, "skipped": 499} == statuses(second)


def test_a_record_that_somebody_creates_in_the_same_moment_is_changed(deliver, sandbox):
    sandbox.salesforce.fail("Contact", "DUPLICATE_VALUE", value="p-7")
    report = deliver(PEOPLE)

    assert {"delivered": 500} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


def test_a_unique_value_that_is_taken_refuses_its_record_after_one_more_try(deliver, sandbox):
    sandbox.salesforce.fail("Contact", "DUPLICATE_VALUE", value="p-7", times=9)
    report = deliver(PEOPLE, **NO_JOBS)

    assert {"p-7": "duplicate_value"} == refusals(report)
    assert 4 == len(asked(sandbox, "PATCH"))


def test_a_trigger_that_fails_for_all_is_split_until_the_cause_is_alone(deliver, sandbox):
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    sandbox.salesforce.fail_calls("Contact", code, value="p-123")
    report = deliver(PEOPLE)

    assert {"delivered": 499, "rejected": 1} == statuses(report)
    assert {"p-123": code.lower()} == refusals(report)
    assert by_key(each for each in PEOPLE if each[KEY] != "p-123") == held(sandbox)


def test_a_duplicate_rule_refuses_unless_duplicates_are_allowed(deliver, sandbox):
    sandbox.salesforce.add_rule("Contact", "Email")
    rows = people(3, Email="a@x.example")
    first = deliver(rows)
    second = deliver(rows, allow_duplicates=True)

    assert {"p-1": "duplicates_detected", "p-2": "duplicates_detected"} == refusals(first)
    assert {"delivered": 3} == statuses(second)


def test_another_org_is_noticed_before_anything_is_sent(deliver, sandbox):
    deliver(PEOPLE, state=True)
    sandbox.salesforce.org = "00D7Q00000ZzZzZUAS"
    report = deliver([{**each, "LastName": "new"} for each in PEOPLE], state=True)

    assert 3 == report.exit_code
    assert "Salesforce org 00D5g000004xXxX, Contact, and this is Salesforce org 00D7Q0" in (
        report.problem
    )
    assert by_key(PEOPLE) == held(sandbox)


def test_a_late_write_changes_nothing_that_was_sent_again(deliver, sandbox):
    sandbox.faults.add("salesforce", "late", method="PATCH")
    report = deliver(PEOPLE)
    sandbox.faults.release()

    assert {"delivered": 500} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


def test_a_call_that_is_forbidden_stops_the_run_and_says_why(deliver, sandbox):
    sandbox.salesforce.forbid("composite", "API_DISABLED_FOR_ORG", "API is not enabled")
    report = deliver(PEOPLE, state=True)

    assert 9 == report.exit_code
    assert "API is not enabled" in report.problem
    assert {} == held(sandbox)


@pytest.mark.parametrize("at", ["describe", "query"])
def test_an_org_that_is_down_at_the_start_ends_the_run_before_anything_is_sent(
    deliver, sandbox, at
):
    sandbox.faults.add("salesforce", "answer", status=503, path=at, times=None)
    report = deliver(PEOPLE)

    assert 9 == report.exit_code
    assert "503" in report.problem
    assert {} == held(sandbox)


KINDS = ("answer", "lose", "reset_before", "reset_after", "truncate", "garbage")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bulk", [False, 20])
def test_whatever_goes_wrong_a_mirror_ends_as_the_source_is(deliver, sandbox, seed, bulk):
    dice = random.Random(seed)
    for _ in range(3):
        names = dice.sample(range(400), dice.randrange(200, 400))
        rows = [{KEY: f"p{n}", "LastName": dice.choice("abc")} for n in names]
        for kind in KINDS:
            rate, status = dice.random() * 0.2, dice.choice([500, 502, 503, 504])
            sandbox.faults.add(
                "salesforce", kind, times=None, rate=rate, seed=seed, status=status, path="v62"
            )
        for key in dice.sample(names, 5):
            sandbox.salesforce.fail("Contact", "UNABLE_TO_LOCK_ROW", times=3, value=f"p{key}")
        how = {"mode": "mirror", "limits": {"batch_size": 50}, "max_delete": 400, "bulk": bulk}
        first = deliver(rows, **how)
        sandbox.faults.clear()
        last = first if first.ok else deliver(rows, **how)
        assert last.ok, last.summary()

        assert by_key(rows) == held(sandbox)
