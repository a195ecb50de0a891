"""The Slack twin: a workspace that says no as Slack does."""

import re
from pathlib import Path

import pytest
import requests

from tailrace_sandbox.slack.methods import METHODS

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


@pytest.fixture
def call(sandbox):
    session = requests.Session()
    session.trust_env = False

    def send(method, *, form=False, **given):
        body = {"data": given} if form else {"json": given}
        url = f"{sandbox.url('slack')}/api/{method}"
        return session.post(url, timeout=5, **body).json()

    yield send
    session.close()


@pytest.mark.parametrize("form", [True, False])
def test_a_text_stays_as_it_was_sent(call, sandbox, form):
    text = "<!here> &lt;b&gt; *x* \u202e"
    answer = call("chat.postMessage", channel="#general", text=text, form=form)
    [message] = sandbox.slack.messages("general")

    assert (True, text, answer["ts"]) == (answer["ok"], message["text"], message["ts"])
    assert re.fullmatch(r"\d{10}\.\d{6}", answer["ts"])


def test_a_reply_to_a_reply_goes_into_the_thread(call):
    first = call("chat.postMessage", channel="general", text="first")
    channel, ts = first["channel"], first["ts"]
    reply = call("chat.postMessage", channel=channel, text="a", thread_ts=ts)
    call("chat.postMessage", channel=channel, text="b", thread_ts=reply["ts"])
    thread = call("conversations.replies", channel=channel, ts=reply["ts"], form=True)
    history = call("conversations.history", channel=channel, form=True)

    assert ["first", "a", "b"] == [each["text"] for each in thread["messages"]]
    assert [("first", 2)] == [(each["text"], each["reply_count"]) for each in history["messages"]]


def test_history_keeps_to_its_bounds(call):
    posted = [call("chat.postMessage", channel="general", text=str(n)) for n in range(4)]
    channel = posted[0]["channel"]
    bounds = {"oldest": posted[1]["ts"], "latest": posted[2]["ts"]}

    def found(**how):
        answer = call("conversations.history", channel=channel, form=True, **bounds, **how)
        return [each["text"] for each in answer["messages"]]

    assert ([], ["2", "1"]) == (found(), found(inclusive="true"))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"channel": "nowhere", "text": "a"}, "channel_not_found"),
        ({"channel": "closed", "text": "a"}, "is_archived"),
        ({"channel": "foreign", "text": "a"}, "not_in_channel"),
        ({"channel": "general", "text": " "}, "no_text"),
        ({"channel": "general", "blocks": "{}"}, "invalid_blocks_format"),
        ({"channel": "general", "blocks": [{"text": "a"}]}, "invalid_blocks"),
        ({"channel": "general", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        (
            {"channel": "general", "blocks": [{"type": "a", "b": "c" * 14_000}]},
            "msg_blocks_too_long",
        ),
        ({"channel": "general", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"channel": "general", "text": "a", "metadata": {}}, "invalid_metadata_format"),
        (
            {"channel": "general", "text": "a", "metadata": {"event_type": "b"}},
            "invalid_metadata_schema",
        ),
        (
            {
                "channel": "general",
                "text": "a",
                "metadata": {"event_type": "b", "event_payload": {"c": "d" * 8_000}},
            },
            "metadata_too_large",
        ),
    ],
)
def test_what_is_no_message_is_refused_with_a_code(call, sandbox, given, code):
    sandbox.slack.add_channel("closed", archived=True)
    sandbox.slack.add_channel("foreign", member=False)
    answer = call("chat.postMessage", **given)

    assert (False, code) == (answer["ok"], answer["error"])
    assert [] == sandbox.slack.messages("general")


def test_a_change_may_hold_less_than_a_message(call):
    posted = call("chat.postMessage", channel="general", text="a" * 5_000)
    where = {"channel": posted["channel"], "ts": posted["ts"]}

    assert "msg_too_long" == call("chat.update", text="a" * 4_001, **where)["error"]
    assert call("chat.update", text="a" * 4_000, **where)["ok"]


@pytest.mark.parametrize("done", [True, False])
def test_a_call_fails_as_it_is_told_to(call, sandbox, done):
    sandbox.slack.fail("chat.postMessage", "internal_error", done=done)
    answers = [call("chat.postMessage", channel="general", text="a") for _ in range(2)]

    assert ["internal_error", None] == [each.get("error") for each in answers]
    assert 1 + done == len(sandbox.slack.messages("general"))


def test_a_webhook_answers_with_a_word(sandbox):
    base = f"{sandbox.url('slack')}/services"
    how = {"timeout": 5, "proxies": {"no_proxy": "*"}}
    answers = [
        requests.post(f"{base}/T/B/x", json={"text": "a"}, **how),
        requests.post(f"{base}/T/B/x", data={"payload": '{"text": "b"}'}, **how),
        requests.post(f"{base}/T/B/x", data="{", **how),
        requests.post(f"{base}/T", json={"text": "a"}, **how),
    ]

    assert [(200, "ok"), (200, "ok"), (400, "invalid_payload"), (404, "no_service")] == [
        (each.status_code, each.text) for each in answers
    ]
    assert ["a", "b"] == [each["text"] for each in sandbox.slack.messages("general")]


def test_a_reset_leaves_an_empty_workspace(call, sandbox):
    sandbox.slack.add_channel("sales")
    call("chat.postMessage", channel="sales", text="a")
    sandbox.reset()

    assert ["general"] == [
        each["name"] for each in call("conversations.list", form=True)["channels"]
    ]
    assert [] == sandbox.slack.messages("general") == sandbox.slack.things()


def test_the_methods_are_those_of_the_readme():
    listed = re.search(r"as JSON or as a form: (.*?)\. Any other", README)[1]

    assert sorted(METHODS) == listed.split(", ")
