"""What goes wrong at Slack, and what becomes of each record."""

import pytest

from tailrace.testing import FakeClock

from .conftest import calls, statuses, texts

ROWS = [{"id": n, "name": f"name {n}"} for n in range(5)]
NAMES = [each["name"] for each in ROWS]
UPSERT = {"mode": "upsert", "key": "id", "text": "{name}"}


def test_a_429_waits_as_long_as_it_says(deliver, sandbox):
    clock = FakeClock()
    sandbox.faults.add("slack", "answer", status=429, retry_after=30, path="postMessage")
    report = deliver(ROWS, text="{name}", clock=clock)

    assert {"delivered": 5} == statuses(report)
    assert NAMES == texts(sandbox)
    assert max(clock.sleeps) >= 30


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited", "message_limit_exceeded"])
def test_being_asked_too_much_in_a_200_is_tried_again(deliver, sandbox, code):
    sandbox.slack.fail("chat.postMessage", code, times=2)
    report = deliver(ROWS, text="{name}")

    assert {"delivered": 5} == statuses(report)
    assert NAMES == texts(sandbox)


def test_a_retry_after_in_a_200_is_kept_to(deliver, sandbox):
    clock = FakeClock()
    sandbox.faults.add("slack", "answer", status=200, retry_after=40, path="postMessage")
    report = deliver(ROWS, text="{name}", clock=clock)

    assert {"delivered": 5} == statuses(report)
    assert max(clock.sleeps) >= 40


@pytest.mark.parametrize("code", ["invalid_auth", "missing_scope", "is_archived"])
def test_what_every_message_would_meet_stops_the_run(deliver, sandbox, code):
    sandbox.slack.fail("chat.postMessage", code)
    report = deliver(ROWS, text="{name}")

    assert ({"failed": 5}, 9) == (statuses(report), report.exit_code)
    assert 1 == len(calls(sandbox, "chat.postMessage"))
    assert [] == texts(sandbox)


def test_a_bad_token_is_found_before_anything_is_sent(deliver, sandbox):
    sandbox.slack.fail("auth.test", "invalid_auth")
    report = deliver(ROWS, text="{name}", token="xoxb-secret")

    assert (3, True) == (report.exit_code, "auth.test: invalid_auth" in report.summary())
    assert 1 == len(sandbox.requests("slack"))


def test_a_401_stops_the_run(deliver, sandbox):
    sandbox.faults.add("slack", "answer", status=401, path="postMessage", skip=2)
    report = deliver(ROWS, text="{name}")

    assert ({"delivered": 2, "failed": 3}, 9) == (statuses(report), report.exit_code)


def test_a_reset_before_the_answer_leaves_one_record_in_doubt(deliver, sandbox):
    sandbox.faults.add("slack", "reset_before", path="postMessage", skip=1)
    report = deliver(ROWS, text="{name}")

    assert {"delivered": 4, "in_doubt": 1} == statuses(report)
    assert [NAMES[0], *NAMES[2:]] == texts(sandbox)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "garbage", "truncate", "lose"])
def test_a_message_in_doubt_is_looked_up_and_never_sent_twice(deliver, sandbox, kind):
    sandbox.faults.add("slack", kind, path="postMessage", skip=1)
    report = deliver(ROWS, text="{name}", history=True)

    assert {"delivered": 5} == statuses(report)
    assert sorted(NAMES) == sorted(texts(sandbox))


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_digest_and_a_reply_in_doubt_are_looked_up(deliver, sandbox, kind):
    sandbox.faults.add("slack", kind, path="postMessage", skip=1)
    report = deliver(ROWS, text="{name}", history=True, thread="People", rows=2)

    assert {"delivered": 5} == statuses(report)
    assert ["People", "name 0\nname 1", "name 2\nname 3", "name 4"] == texts(sandbox)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_the_beginning_of_a_thread_in_doubt_is_looked_up(deliver, sandbox, kind):
    sandbox.faults.add("slack", kind, path="postMessage")
    report = deliver(ROWS, text="{name}", history=True, thread="People")

    assert {"delivered": 5} == statuses(report)
    assert ["People", *NAMES] == texts(sandbox)


@pytest.mark.parametrize("done", [True, False])
def test_an_internal_error_may_have_posted(deliver, sandbox, done):
    sandbox.slack.fail("chat.postMessage", "internal_error", done=done)
    report = deliver(ROWS, text="{name}")

    assert {"delivered": 4, "in_doubt": 1} == statuses(report)


def test_a_lookup_that_fails_leaves_the_record_in_doubt(deliver, sandbox):
    sandbox.faults.add("slack", "reset_after", path="postMessage", skip=1)
    sandbox.slack.fail("conversations.history", "missing_scope")
    report = deliver(ROWS[:2], text="{name}", history=True)

    assert {"delivered": 1, "in_doubt": 1} == statuses(report)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "garbage", "lose"])
def test_a_change_without_an_answer_is_made_again(deliver, sandbox, kind):
    deliver(ROWS, **UPSERT)
    sandbox.faults.add("slack", kind, path="chat.update")
    report = deliver([{**ROWS[0], "name": "new"}, *ROWS[1:]], **UPSERT)

    assert {"delivered": 1, "skipped": 4} == statuses(report)
    assert ["new", *NAMES[1:]] == texts(sandbox)


@pytest.mark.parametrize("history", [True, False])
def test_a_change_that_never_gets_an_answer_comes_back_with_the_next_run(deliver, sandbox, history):
    how = {**UPSERT, "history": history}
    deliver(ROWS, **how)
    changed = [{**ROWS[0], "name": "new"}, *ROWS[1:]]
    sandbox.faults.add("slack", "lose", path="chat.update", times=None)
    first = deliver(changed, **how)
    sandbox.faults.clear()
    clock = FakeClock()
    clock.now += 1_000
    second = deliver(changed, **how, clock=clock)

    assert ({"failed": 1, "skipped": 4}, {"delivered": 1, "skipped": 4}) == (
        statuses(first),
        statuses(second),
    )
    assert ["new", *NAMES[1:]] == texts(sandbox)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_deletion_without_an_answer_is_made_again(deliver, sandbox, kind):
    how = {**UPSERT, "mode": "mirror"}
    deliver(ROWS, **how)
    sandbox.faults.add("slack", kind, path="chat.delete")
    report = deliver(ROWS[1:], **how)

    assert 5 == report.delivered + report.skipped
    assert NAMES[1:] == texts(sandbox)


def test_a_message_that_cannot_be_deleted_is_named(deliver, sandbox):
    how = {**UPSERT, "mode": "mirror"}
    deliver(ROWS, **how)
    sandbox.slack.fail("chat.delete", "cant_delete_message")
    report = deliver(ROWS[1:], **how)

    assert [(0, "cant_delete_message")] == [each[:2] for each in report.rejections]


def test_a_message_that_slack_cuts_all_the_same_is_taken_away_and_refused(
    deliver, sandbox, monkeypatch
):
    monkeypatch.setattr("tailrace_sandbox.slack.content.MAX_TEXT", 3)
    report = deliver(ROWS[:1], **UPSERT)

    assert [(0, "message_truncated")] == [each[:2] for each in report.rejections]
    assert [] == texts(sandbox)


def test_a_token_is_told_nowhere(deliver, sandbox, caplog):
    caplog.set_level("DEBUG", logger="tailrace")
    sandbox.faults.add("slack", "answer", status=403, path="postMessage")
    report = deliver(ROWS, text="{name}", token="xoxb-very-secret")

    assert 9 == report.exit_code
    assert "very-secret" not in caplog.text + report.summary() + str(list(report.outcomes()))
