"""Incoming webhooks: they post, say ok or a word, and tell nothing of what they posted."""

import json

import pytest

from tailrace.errors import ConfigError
from tailrace_slack import Options, tailrace_destination

from .conftest import statuses, texts

ROWS = [{"id": n, "name": f"name {n}"} for n in range(4)]


@pytest.fixture
def hook(sandbox):
    return f"{sandbox.url('slack')}/services/T0/B0/very-secret"


def test_rows_arrive_alone_or_together(deliver, sandbox, hook):
    report = deliver(ROWS, webhook_url=hook, text="{name}")
    deliver(ROWS[:2], webhook_url=hook, text="{name} & {id}", rows=10, title="Two <new>")
    [*_, last] = sandbox.requests("slack")

    assert ({"delivered": 4}, 4) == (statuses(report), report.requests)
    assert [*(each["name"] for each in ROWS), "Two <new>\nname 0 & 0\nname 1 & 1"] == texts(sandbox)
    assert {"text", "unfurl_links", "unfurl_media"} == json.loads(last.body).keys()


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "lose", "garbage"])
def test_a_post_without_an_answer_is_in_doubt_and_never_sent_again(deliver, sandbox, hook, kind):
    sandbox.faults.add("slack", kind, skip=1)
    report = deliver(ROWS, webhook_url=hook, text="{name}")

    assert {"delivered": 3, "in_doubt": 1} == statuses(report)
    assert 4 == report.requests


def test_a_429_waits(deliver, sandbox, hook):
    sandbox.faults.add("slack", "answer", status=429, retry_after=3)
    report = deliver(ROWS, webhook_url=hook, text="{name}")

    assert {"delivered": 4} == statuses(report)


def test_a_refused_message_is_named(deliver, hook):
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "{name}"}}
    rows = [{"name": "x" * 3_001}, {"name": "fine"}]
    report = deliver(rows, webhook_url=hook, text="t", blocks=[section])

    assert {"delivered": 1, "rejected": 1} == statuses(report)
    assert "invalid_blocks" in report.rejections[0].message


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_webhook_that_is_gone_stops_the_run(deliver, sandbox, hook, status):
    sandbox.faults.add("slack", "answer", status=status)
    report = deliver(ROWS, webhook_url=hook, text="{name}")

    assert ({"failed": 4}, 9) == (statuses(report), report.exit_code)


def test_its_address_is_told_nowhere(deliver, sandbox, hook, caplog):
    caplog.set_level("DEBUG", logger="tailrace")
    for kind in ("answer", "reset_before", "garbage"):
        sandbox.faults.add("slack", kind, status=400)
    report = deliver(ROWS, webhook_url=hook, text="{name}")

    assert {"delivered": 1, "rejected": 1, "in_doubt": 2} == statuses(report)
    assert "very-secret" not in caplog.text + report.summary() + str(list(report.outcomes()))


def test_it_is_paced_and_only_appends():
    spec = tailrace_destination(Options(webhook_url=secret("https://hooks.slack.com/services/a")))

    assert {"append"} == {str(mode) for mode in spec.modes}
    assert "at_most_once" == spec.delivery["append"]
    assert [(1, 1.0, "webhook")] == [(each.count, each.per, each.scope) for each in spec.rate]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"webhook_url": "http://hooks.slack.com/services/a"}, "webhook_url"),
        ({"webhook_url": "https://a.example", "history": True}, "history"),
        ({"webhook_url": "https://a.example", "thread": "{a}"}, "thread"),
    ],
)
def test_what_a_webhook_cannot_do_is_named(options, named):
    options["webhook_url"] = secret(options["webhook_url"])
    with pytest.raises(ConfigError) as caught:
        tailrace_destination(Options(**options))

    assert [named] == [each.path for each in caught.value.problems]


def secret(text):
    from tailrace import Secret

    return Secret(text)
