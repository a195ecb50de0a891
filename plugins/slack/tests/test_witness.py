"""Slack's own client against the twin that these tests go by."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from .conftest import texts


@pytest.fixture
def client(sandbox, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    base = f"{sandbox.url('slack')}/api/"
    return WebClient(token="xoxb-witness", base_url=base, retry_handlers=[])


def test_it_posts_threads_changes_and_deletes(client, sandbox):
    first = client.chat_postMessage(channel="#general", text="a &lt;b&gt;")
    channel, ts = first["channel"], first["ts"]
    reply = client.chat_postMessage(channel=channel, text="reply", thread_ts=ts)
    client.chat_update(channel=channel, ts=ts, text="changed")
    client.chat_delete(channel=channel, ts=reply["ts"])
    with pytest.raises(SlackApiError, match="message_not_found"):
        client.chat_delete(channel=channel, ts=reply["ts"])

    assert ["changed"] == texts(sandbox)


def test_it_pages_through_history_with_metadata(client):
    marks = {"event_type": "t", "event_payload": {"n": 1}}
    for n in range(5):
        client.chat_postMessage(channel="general", text=str(n), metadata=marks)
    [channel] = client.conversations_list()["channels"]
    pages = client.conversations_history(channel=channel["id"], limit=2, include_all_metadata=True)
    found = [[(each["text"], each["metadata"]) for each in page["messages"]] for page in pages]

    assert [
        [("4", marks), ("3", marks)],
        [("2", marks), ("1", marks)],
        [("0", marks)],
    ] == found


def test_it_finds_people_and_channels(client, sandbox):
    sales = sandbox.slack.add_channel("sales", member=False)
    ada = client.users_lookupByEmail(email="ada@example.com")["user"]["id"]
    direct = client.conversations_open(users=ada)["channel"]["id"]
    client.chat_postMessage(channel=direct, text="hello")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        client.chat_postMessage(channel=sales, text="no")
    client.conversations_join(channel=sales)
    client.chat_postMessage(channel=sales, text="yes")

    assert (["hello"], ["yes"]) == (texts(sandbox, ada), texts(sandbox, "sales"))
    assert "tailrace" == client.auth_test()["user"]
    assert 4 == len(client.users_list()["members"])
    assert client.conversations_info(channel=sales)["channel"]["is_member"]


def test_what_is_too_long_is_cut_with_a_warning(client, sandbox):
    answer = client.api_call("chat.postMessage", json={"channel": "general", "text": "x" * 40_001})

    assert "message_truncated" == answer["warning"]
    assert [40_000] == [len(each) for each in texts(sandbox)]


def test_a_webhook_says_ok(client, sandbox):
    hook = WebhookClient(f"{sandbox.url('slack')}/services/T0/B0/x", retry_handlers=[])
    answers = [hook.send(text="hello"), hook.send(text="")]

    assert [(200, "ok"), (400, "no_text")] == [(each.status_code, each.body) for each in answers]
    assert ["hello"] == texts(sandbox)


def test_slacks_pace_holds_where_quotas_are_on():
    from tailrace_sandbox import Sandbox

    with Sandbox(quotas=True) as box:
        base = f"{box.url('slack')}/api/"
        client = WebClient(token="xoxb-witness", base_url=base, retry_handlers=[])
        with pytest.raises(SlackApiError) as caught:
            for n in range(20):
                client.chat_postMessage(channel="general", text=str(n))

        assert 429 == caught.value.response.status_code
        assert ("ratelimited", "1") == (
            caught.value.response["error"],
            caught.value.response.headers["Retry-After"],
        )
