"""Faults of the service: the end state is exact, the counts are true, nothing is doubled."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

import tailrace
from tailrace_notion._api import refused
from tailrace_sandbox.quotas import Quota

from .conftest import asked, held, refusals, statuses, writes

ROWS = [{"Key": f"k{n}", "Name": f"n{n}", "Number": n + 1} for n in range(150)]
LOSSES = ("lose", "reset_after", "truncate", "garbage")
NOT_DONE = ("reset_before", "answer")


def by_key(rows):
    return {each["Key"]: each for each in rows}


@pytest.mark.parametrize("kind", [*LOSSES, *NOT_DONE])
@pytest.mark.parametrize("mode", ["upsert", "insert", "append"])
def test_a_page_that_may_have_been_made_is_looked_for_and_never_doubled(
    deliver, sandbox, source, kind, mode
):
    sandbox.faults.add("notion", kind, method="POST", path="/v1/pages", skip=5, times=4)
    report = deliver(ROWS, mode=mode)

    assert {"delivered": 150} == statuses(report)
    assert by_key(ROWS) == held(sandbox, source)


@pytest.mark.parametrize("kind", [*LOSSES, *NOT_DONE])
@pytest.mark.parametrize("path", ["/v1/pages/", "/query", "/v1/users", "/v1/data_sources"])
def test_a_repeat_of_what_else_was_lost_does_no_harm(deliver, sandbox, source, kind, path):
    deliver(ROWS, mode="mirror")
    sandbox.faults.add("notion", kind, path=path, times=3)
    rows = [*({**each, "Name": "new"} for each in ROWS[:5]), *ROWS[5:140], {"Key": "new"}]
    report = deliver(rows, mode="mirror")

    assert {"delivered": 16, "skipped": 135} == statuses(report)
    assert by_key(rows) == held(sandbox, source)


@pytest.mark.parametrize("kind", [*LOSSES, *NOT_DONE])
def test_what_was_put_into_the_trash_without_an_answer_counts_as_delivered(
    deliver, sandbox, source, kind
):
    deliver(ROWS, mode="mirror")
    sandbox.faults.add("notion", kind, method="PATCH", times=3)
    report = deliver(ROWS[:140], mode="mirror")

    assert {"delivered": 10, "skipped": 140} == statuses(report)
    assert by_key(ROWS[:140]) == held(sandbox, source)


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_of_faults_loses_and_doubles_nothing(deliver, sandbox, source, seed):
    kinds = [*LOSSES, *NOT_DONE]
    for n, kind in enumerate(kinds):
        sandbox.faults.add("notion", kind, times=None, rate=0.02, seed=10 * seed + n)
    sandbox.faults.add("notion", "answer", status=429, retry_after=2, times=None, rate=0.05, seed=7)
    first = deliver(ROWS, mode="mirror")
    rows = [{**each, "Name": "new"} for each in ROWS[:100]]
    second = deliver(rows, mode="mirror")
    sandbox.faults.clear()
    third = deliver(rows, mode="mirror")

    assert {"delivered": 150} == statuses(first)
    assert 150 == second.delivered + second.skipped + second.failed
    assert third.ok
    assert by_key(rows) == held(sandbox, source)


@pytest.mark.parametrize("status", [429, 529, 409])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/pages"), ("PATCH", ""), ("POST", "query")]
)
def test_limits_overload_and_conflicts_are_waited_out(
    deliver, sandbox, source, clock, status, method, path
):
    deliver(ROWS[:5], state=True)
    sandbox.faults.add(
        "notion", "answer", status=status, retry_after=40, method=method, path=path, times=2
    )
    began = clock.now
    rows = [{**each, "Name": "new"} for each in ROWS[:10]]
    report = deliver(rows, state=True)

    assert {"delivered": 10} == statuses(report)
    assert by_key(rows) == held(sandbox, source)
    if status != 409:
        assert 40 <= clock.now - began
    assert (2 if status == 429 else 0) == report.throttled


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_of_the_edge_which_are_html_are_no_answer(deliver, sandbox, source, status):
    sandbox.faults.add("notion", "lose", status=status, method="POST", path="/v1/pages", times=2)
    sandbox.faults.add("notion", "answer", status=status, method="POST", skip=9, times=2)
    report = deliver(ROWS)

    assert {"delivered": 150} == statuses(report)
    assert by_key(ROWS) == held(sandbox, source)


def test_a_refusal_of_the_edge_is_left_to_the_engine_unless_it_ends_the_run():
    html = b"<html>no</html>"
    refused(tailrace.Answer(400, {}, html))
    refused(tailrace.Answer(429, {}, html))
    with pytest.raises(tailrace.FatalError) as told:
        refused(tailrace.Answer(403, {}, html))

    assert str(told.value).endswith("(Notion says: 403)")


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_taken_back_in_mid_run_ends_it(deliver, sandbox, source, status):
    fault = {"method": "POST", "path": "/v1/pages", "skip": 70, "times": None}
    sandbox.faults.add("notion", "answer", status=status, **fault)
    report = deliver(ROWS, state=True, limits={"max_in_flight": 1})
    sandbox.faults.clear()
    made = writes(sandbox)
    again = deliver(ROWS, state=True)

    assert 9 == report.exit_code
    assert {401: "Notion does not take this token", 403: "the integration may not do this"}[
        status
    ] in report.problem
    assert {"delivered": 70, "failed": 80} == statuses(report)
    assert again.ok
    assert made + 80 == writes(sandbox)
    assert by_key(ROWS) == held(sandbox, source)


@pytest.mark.parametrize("new", [True, False])
def test_a_data_source_that_is_shared_no_more_ends_the_run_and_refuses_nothing(
    deliver, sandbox, source, new
):
    created = []

    def hide():
        created.append(1)
        if len(created) == 20:
            sandbox.notion.hide(source)
        return datetime.now(UTC)

    sandbox.notion.now = hide
    mode = {"mode": "append", "key": None} if new else {}
    report = deliver(ROWS, limits={"max_in_flight": 1}, **mode)

    assert 9 == report.exit_code
    assert "the data source is not there any more, or not shared" in report.problem
    assert {"delivered": len(sandbox.notion.pages(source)), "failed": report.failed} == statuses(
        report
    )


def test_a_secret_is_in_no_message(deliver, sandbox):
    sandbox.faults.add("notion", "answer", status=401)
    report = deliver(ROWS, token=tailrace.Secret("ntn_s3cret"))

    assert 3 == report.exit_code
    assert "s3cret" not in report.problem


def test_in_an_outage_few_pages_are_tried_and_none_is_in_doubt(deliver, sandbox, source):
    sandbox.faults.add("notion", "answer", status=500, method="POST", path="/v1/pages", times=None)
    report = deliver(ROWS, state=True)
    tried = writes(sandbox)
    sandbox.faults.clear()
    again = deliver(ROWS, state=True)

    assert {"failed": 150} == statuses(report)
    assert tried <= 3 * 8 * 3
    assert {"delivered": 150} == statuses(again)
    assert by_key(ROWS) == held(sandbox, source)


def test_an_outage_that_ends_costs_nothing(deliver, sandbox, source):
    sandbox.faults.add("notion", "answer", status=500, method="POST", path="/v1/pages", times=9)
    report = deliver(ROWS[:50])

    assert {"delivered": 50} == statuses(report)
    assert 9 + 50 == writes(sandbox)
    assert by_key(ROWS[:50]) == held(sandbox, source)


@pytest.mark.parametrize("kind", LOSSES)
def test_an_append_without_a_key_stays_in_doubt_and_is_never_sent_twice(
    deliver, sandbox, source, kind
):
    sandbox.faults.add("notion", kind, method="POST", path="/v1/pages")
    report = deliver(ROWS[:20], mode="append", key=None, state=True)
    again = deliver(ROWS[:20], mode="append", key=None, state=True)

    assert {"delivered": 19, "in_doubt": 1} == statuses(report)
    assert 4 == again.exit_code
    assert 20 == len(sandbox.notion.pages(source))


@pytest.mark.parametrize("kind", ["lose", "answer"])
def test_an_append_is_not_taken_for_an_older_page_or_that_of_another(
    deliver, sandbox, source, make, kind
):
    make({"Key": "k0", "Name": "n0"})
    sandbox.notion.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    deliver([{"Key": "k0", "Name": "n0"}], mode="append")
    sandbox.notion.now = lambda: datetime.now(UTC)
    sandbox.faults.add("notion", kind, method="POST", path="/v1/pages")
    report = deliver([{"Key": "k0", "Name": "n0"}], mode="append")

    assert {"delivered": 1} == statuses(report)
    assert 3 == len(sandbox.notion.pages(source))


@pytest.mark.parametrize("kind", ["lose", "answer"])
def test_an_append_that_may_be_a_page_that_says_something_else_stays_in_doubt(
    deliver, sandbox, source, kind
):
    sandbox.notion.now = lambda: datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)
    deliver([{"Key": "k0", "Name": "first"}], mode="append")
    sandbox.notion.lag = 1
    sandbox.faults.add("notion", kind, method="POST", path="/v1/pages")
    report = deliver([{"Key": "k0", "Name": "second"}], mode="append")

    assert {"in_doubt": 1} == statuses(report)
    assert (2 if kind == "lose" else 1) == len(sandbox.notion.pages(source))


def test_pages_that_queries_do_not_find_at_once_are_not_doubled(deliver, sandbox, source):
    sandbox.notion.lag = 1
    sandbox.faults.add("notion", "lose", method="POST", path="/v1/pages", times=3, skip=2)
    report = deliver(ROWS)

    assert {"delivered": 150} == statuses(report)
    assert by_key(ROWS) == held(sandbox, source)


def test_a_page_that_is_made_late_is_told_by_the_next_run_that_looks(deliver, sandbox, source):
    sandbox.faults.add("notion", "late", method="POST", path="/v1/pages")
    report = deliver(ROWS[:3])
    sandbox.faults.release()
    again = deliver([{**each, "Name": "new"} for each in ROWS[:3]])

    assert {"delivered": 3} == statuses(report)
    assert {"delivered": 2, "rejected": 1} == statuses(again)
    assert {"several"} == set(refusals(again).values())


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_a_run_that_was_stopped_goes_on_where_it_was(deliver, sandbox, source, clock, mode):
    stopped = []

    def stop():
        stopped.append(1)
        if len(stopped) == 40:
            clock.stop()
        return datetime.now(UTC)

    sandbox.notion.now = stop
    first = deliver(ROWS, mode=mode, state=True)
    clock._stopping = False
    deliver(ROWS, mode=mode, state=True)

    assert 0 < first.delivered < 150
    assert 0 == first.in_doubt
    assert 150 == writes(sandbox)
    assert by_key(ROWS) == held(sandbox, source)


def test_the_pace_meets_the_services_limit_without_a_refusal(deliver, sandbox, clock):
    sandbox.notion._connection = Quota(3, 1.0, clock=clock.monotonic)
    began = clock.now
    report = deliver(ROWS, per_second=3.0, limits={"max_in_flight": 1})

    assert {"delivered": 150} == statuses(report)
    assert 0 == report.throttled
    assert 49 <= clock.now - began <= 60
    assert 155 == len(asked(sandbox))


def test_limits_of_the_workspace_are_waited_for(deliver, sandbox, source, clock):
    sandbox.notion._workspace_quota = Quota(50, 60.0, clock=clock.monotonic)
    began = clock.now
    report = deliver(ROWS, limits={"max_in_flight": 1})

    assert {"delivered": 150} == statuses(report)
    assert by_key(ROWS) == held(sandbox, source)
    assert 120 <= clock.now - began


RUN = """
import sys
import tailrace
url, source, state = sys.argv[1:]
rows = [{"Key": f"k{n}", "Name": f"n{n}", "Number": n + 1} for n in range(150)]
options = {"base_url": url, "data_source": source}
tailrace.run(rows, "notion", name="it", mode="upsert", key="Key", options=options, state=state)
"""


@pytest.mark.parametrize("at", [4, 60, 153])
def test_what_a_run_that_was_killed_has_made_is_found_and_not_made_again(
    deliver, sandbox, source, tmp_path, at
):
    asked_for = []

    def kill():
        asked_for.append(1)
        if len(asked_for) == at:
            process.kill()
        return datetime.now(UTC)

    sandbox.notion.now = kill
    given = [sandbox.url("notion"), source, str(tmp_path / "state")]
    with subprocess.Popen([sys.executable, "-c", RUN, *given]) as process:
        assert 0 != process.wait(60)
    sandbox.notion.now = lambda: datetime.now(UTC)
    report = deliver(ROWS, state=True)

    assert report.ok
    assert 150 == report.skipped + report.delivered
    assert by_key(ROWS) == held(sandbox, source)
