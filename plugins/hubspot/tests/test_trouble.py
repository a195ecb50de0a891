"""Faults of the service: the end state is exact, the counts are true, nothing is doubled."""

import pytest

import tailrace

from .conftest import held, paths, statuses

PEOPLE = [{"email": f"p{n}@x.example", "firstname": f"n{n}"} for n in range(250)]
DEALS = [{"dealname": f"d{n}"} for n in range(20)]
LOSSES = ("lose", "reset_after", "truncate", "garbage")


def by_email(rows):
    return {each["email"]: each for each in rows}


@pytest.mark.parametrize("kind", [*LOSSES, "reset_before", "answer"])
@pytest.mark.parametrize("path", ["upsert", "archive", "batch/read"])
def test_a_repeat_of_what_was_lost_does_no_harm(deliver, sandbox, kind, path):
    deliver(PEOPLE, mode="mirror")
    sandbox.faults.add("hubspot", kind, path=path, times=3)
    rows = [{**PEOPLE[0], "firstname": "new"}, *PEOPLE[1:240]]
    report = deliver(rows, mode="mirror")

    assert {"delivered": 11, "skipped": 239} == statuses(report)
    assert by_email(rows) == held(sandbox)


@pytest.mark.parametrize("kind", LOSSES)
def test_what_may_have_been_created_is_looked_up_by_its_key(deliver, sandbox, kind):
    sandbox.faults.add("hubspot", kind, path="create")
    report = deliver(PEOPLE, mode="append")

    assert {"delivered": 250} == statuses(report)
    assert by_email(PEOPLE) == held(sandbox)


def test_what_was_not_created_is_sent_again(deliver, sandbox):
    sandbox.faults.add("hubspot", "answer", status=502, path="create")
    report = deliver(PEOPLE, mode="insert")

    assert {"delivered": 250} == statuses(report)
    assert by_email(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("kind", LOSSES)
def test_what_has_no_unique_key_stays_in_doubt_and_is_never_sent_twice(deliver, sandbox, kind):
    sandbox.faults.add("hubspot", kind, path="create")
    report = deliver(DEALS, mode="append", key=None, object="deals", state=True)
    again = deliver(DEALS, mode="append", key=None, object="deals", state=True)

    assert {"in_doubt": 20} == statuses(report)
    assert 4 == again.exit_code
    assert 20 == len(sandbox.hubspot.records("deals"))


def test_the_ten_second_limit_is_waited_for(deliver, sandbox):
    sandbox.faults.add("hubspot", "answer", status=429, path="upsert", times=3)
    report = deliver(PEOPLE)

    assert {"delivered": 250} == statuses(report)
    assert 3 == report.throttled
    assert by_email(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_the_daily_limit_ends_the_run_at_once_and_says_until_when(deliver, sandbox, left):
    sandbox.hubspot.spend_day(left=left)
    limits = {"max_in_flight": 1}
    report = deliver(PEOPLE, state=True, limits=limits)
    asked = len(paths(sandbox))
    sandbox.hubspot.spend_day(left=100)
    again = deliver(PEOPLE, state=True, limits=limits)

    assert (9 if left > 2 else 3) == report.exit_code
    assert "daily limit of calls is used up; it starts anew at midnight in" in report.problem
    assert left == 0 or "midnight in Europe/Berlin, which is 20" in report.problem
    assert 0 == report.throttled + report.retries
    assert left + 1 == asked
    assert report.delivered + again.delivered + sum(e.delivered for e in again.earlier) >= 250
    assert by_email(PEOPLE) == held(sandbox)


def test_a_token_that_is_taken_back_in_mid_run_ends_it(deliver, sandbox):
    fault = {"path": "upsert", "skip": 1, "times": None}
    sandbox.faults.add("hubspot", "answer", status=401, **fault)
    report = deliver(PEOPLE, state=True, limits={"max_in_flight": 1})
    sandbox.faults.clear()
    again = deliver(PEOPLE, state=True)

    assert 9 == report.exit_code
    assert "HubSpot does not take this token" in report.problem
    assert {"delivered": 100, "failed": 150} == {
        name: getattr(report, name) for name in ("delivered", "failed")
    }
    assert again.ok
    assert by_email(PEOPLE) == held(sandbox)


def test_a_scope_that_is_missing_is_named(deliver, sandbox):
    sandbox.hubspot.forbid("/batch/upsert", "crm.objects.contacts.write")
    report = deliver(PEOPLE, token=tailrace.Secret("pat-eu1-s3cret"))

    assert 9 == report.exit_code
    assert "the token lacks the scope crm.objects.contacts.write" in report.problem
    assert "s3cret" not in report.problem
    assert {} == held(sandbox)


def test_a_custom_object_does_without_a_scope_for_schemas(deliver, sandbox, pets):
    sandbox.hubspot.forbid("/crm-object-schemas", "crm.schemas.custom.read")

    assert {"delivered": 1} == statuses(deliver([{"tag": "t"}], object=pets, key="tag"))


@pytest.mark.parametrize("status", [423, 477])
def test_a_lock_is_waited_for_and_refuses_nothing(deliver, sandbox, status):
    sandbox.faults.add("hubspot", "answer", status=status, path="upsert", times=2)
    report = deliver(PEOPLE[:1])

    assert {"delivered": 1} == statuses(report)


def test_another_account_is_noticed_before_anything_is_sent(deliver, sandbox):
    deliver(PEOPLE, state=True)
    sandbox.hubspot.portal = 4711
    report = deliver([{**each, "firstname": "new"} for each in PEOPLE], state=True)

    assert 3 == report.exit_code
    assert "HubSpot account 62515, contacts, and this is HubSpot account 4711" in report.problem
    assert by_email(PEOPLE) == held(sandbox)


def test_a_late_write_changes_nothing_that_was_sent_again(deliver, sandbox):
    sandbox.faults.add("hubspot", "late", path="upsert")
    report = deliver(PEOPLE)
    sandbox.faults.release()

    assert {"delivered": 250} == statuses(report)
    assert by_email(PEOPLE) == held(sandbox)


def test_the_enforced_limit_costs_no_refusals_after_it_is_known(tmp_path):
    from tailrace._engine.preparing import prepare
    from tailrace._engine.runner import execute
    from tailrace.testing import FakeClock
    from tailrace_sandbox import Sandbox

    rows = [{"email": f"p{n}@x.example"} for n in range(5_000)]
    with Sandbox(quotas=True) as sandbox:
        options = {"object": "contacts", "base_url": sandbox.url("hubspot")}
        given = {"name": "it", "mode": "upsert", "key": "email", "options": options, "state": None}
        report = execute(
            prepare(tailrace.Sync(source=rows, destination="hubspot", **given)), FakeClock()
        )

        assert {"delivered": 5_000} == statuses(report)
        assert 0 == report.throttled
        assert 5_000 == len(sandbox.hubspot.records("contacts"))
