"""Whole runs into the sandbox's workspace: messages, changes, threads, people, channels."""

import pytest

from tailrace.errors import ConfigError
from tailrace_slack import Options, tailrace_destination

from .conftest import calls, given, statuses, texts

PEOPLE = [{"id": n, "name": f"name {n}", "plan": "team" if n % 2 else "free"} for n in range(6)]


def test_a_row_is_a_message_in_the_order_of_the_rows(deliver, sandbox):
    report = deliver(PEOPLE, text="{name} is on {plan}")

    assert {"delivered": 6} == statuses(report)
    assert [f"{each['name']} is on {each['plan']}" for each in PEOPLE] == texts(sandbox)
    assert 7 == report.requests


def test_without_a_text_all_fields_are_told(deliver, sandbox):
    deliver([{"id": 1, "name": "Ada & Co", "none": None}])

    assert ["id: 1\nname: Ada &amp; Co\nnone: "] == texts(sandbox)


def test_a_message_makes_no_links_mentions_and_previews_of_words(deliver, sandbox):
    deliver([{"name": "@here #general http://a.example"}], text="{name}")
    [sent] = calls(sandbox, "chat.postMessage")
    asked, _ = given(sent)

    assert (False, "none", False, False) == (
        asked["link_names"],
        asked["parse"],
        asked["unfurl_links"],
        asked["unfurl_media"],
    )


def test_blocks_are_filled_and_their_markup_is_verbatim(deliver, sandbox):
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "{name}"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*{plan}* <{url}|{name}>"}},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "{url}"}
            ],
        },
    ]
    row = {"name": "A<b>", "plan": "team", "url": "https://a.example/?a=1&b=2"}
    report = deliver([row], text="{name}", blocks=blocks)
    [message] = sandbox.slack.messages("general")

    assert {"delivered": 1} == statuses(report)
    assert "A&lt;b&gt;" == message["blocks"][0]["text"]["text"]
    assert {
        "type": "mrkdwn",
        "text": "*team* <https://a.example/?a=1&b=2|A&lt;b&gt;>",
        "verbatim": True,
    } == message["blocks"][1]["text"]
    assert row["url"] == message["blocks"][2]["elements"][0]["url"]


def test_a_digest_holds_many_rows(deliver, sandbox):
    report = deliver(PEOPLE, text="\u2022 {name}", rows=4, title="*New people*")

    assert {"delivered": 6} == statuses(report)
    assert 3 == report.requests
    assert [
        "*New people*\n" + "\n".join(f"\u2022 name {n}" for n in range(4)),
        "*New people*\n\u2022 name 4\n\u2022 name 5",
    ] == texts(sandbox)


def test_a_digest_begins_a_new_message_before_it_is_too_long(deliver, sandbox):
    rows = [{"text": "x" * 30} for _ in range(10)]
    report = deliver(rows, text="{text}", rows=100, title="T", max_chars=100)

    assert {"delivered": 10} == statuses(report)
    assert 10 * 30 == "".join(texts(sandbox)).count("x")
    assert all(len(each) <= 100 for each in texts(sandbox))


def test_a_digest_has_its_lines_in_blocks(deliver, sandbox):
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "{rows}"}}
    deliver(PEOPLE[:2], text="{name} <", rows=10, blocks=[section])
    [message] = sandbox.slack.messages("general")

    assert "name 0 <\nname 1 <" == message["blocks"][0]["text"]["text"]


def test_a_digest_with_blocks_keeps_to_what_a_section_holds(deliver, sandbox):
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "{rows}"}}
    rows = [{"name": "x" * 900} for _ in range(9)]
    report = deliver(rows, text="{name}", rows=100, blocks=[section])

    assert {"delivered": 9} == statuses(report)
    assert [3, 3, 3] == [each.count("\n") + 1 for each in texts(sandbox)]
    assert 1 + 3 == report.requests


def test_upserts_change_messages_and_mirrors_delete_them(deliver, sandbox):
    rows = [{"id": n, "name": f"name {n}"} for n in range(1_000)]
    first = deliver(rows, mode="upsert", key="id", text="{id}: {name}")
    changed = [{**each, "name": "new"} if each["id"] % 200 == 0 else each for each in rows]
    second = deliver(changed[:-5], mode="mirror", key="id", text="{id}: {name}")
    held = texts(sandbox)

    assert ({"delivered": 1_000}, {"delivered": 10, "skipped": 990}) == (
        statuses(first),
        statuses(second),
    )
    assert first.requests <= 1_000 + 10
    assert second.requests <= 10 + 10
    assert [f"{each['id']}: {each['name']}" for each in changed[:-5]] == held


def test_a_change_that_the_message_says_nothing_of_sends_nothing(deliver, sandbox):
    how = {"mode": "upsert", "key": "id", "text": "{name}"}
    deliver(PEOPLE, **how)
    report = deliver([{**each, "plan": "new"} for each in PEOPLE], **how)

    assert {"delivered": 6} == statuses(report)
    assert [] == calls(sandbox, "chat.update")


def test_a_message_that_somebody_deleted_is_posted_anew(deliver, sandbox):
    how = {"mode": "upsert", "key": "id", "text": "{name}"}
    deliver(PEOPLE, **how)
    sandbox.slack.reset()
    report = deliver([{**PEOPLE[0], "name": "new"}, *PEOPLE[1:]], **how)

    assert {"delivered": 1, "skipped": 5} == statuses(report)
    assert ["new"] == texts(sandbox)


def test_an_update_of_a_message_that_is_gone_is_skipped(deliver, sandbox):
    how = {"key": "id", "text": "{name}"}
    deliver(PEOPLE, mode="upsert", **how)
    sandbox.slack.reset()
    report = deliver([{**PEOPLE[0], "name": "new"}, *PEOPLE[1:]], mode="update", **how)

    assert {"skipped": 6} == statuses(report)
    assert [] == texts(sandbox)


def test_a_deletion_of_what_is_gone_is_skipped(deliver, sandbox):
    how = {"mode": "mirror", "key": "id", "text": "{name}"}
    deliver(PEOPLE, **how)
    sandbox.slack.reset()
    report = deliver(PEOPLE[1:], **how)

    assert {"skipped": 6} == statuses(report)


def test_a_mirror_may_strike_through_what_is_gone(deliver, sandbox):
    how = {
        "mode": "mirror",
        "key": "id",
        "text": "{name}\n{plan} &amp; more",
        "thread": "People",
        "gone": "strike",
        "history": True,
    }
    deliver(PEOPLE[:3], **how)
    report = deliver(PEOPLE[:2], **how)

    assert {"delivered": 1, "skipped": 2} == statuses(report)
    assert "~name 2~\n~free &amp; more~" == texts(sandbox)[-1]
    assert "name 1\nteam &amp; more" == texts(sandbox)[-2]


def test_rows_of_one_group_go_into_one_thread(deliver, sandbox):
    sandbox.slack.add_channel("other")
    report = deliver(PEOPLE, text="{name}", thread="Plan {plan}")
    messages = sandbox.slack.messages("general")
    heads = {each["text"]: each["ts"] for each in messages if each["text"].startswith("Plan")}

    assert {"delivered": 6} == statuses(report)
    assert {"Plan free", "Plan team"} == heads.keys()
    assert len(messages) == 8
    assert {f"name {n}": heads[f"Plan {PEOPLE[n]['plan']}"] for n in range(6)} == {
        each["text"]: each["thread_ts"] for each in messages if each["ts"] not in heads.values()
    }


@pytest.mark.parametrize(("history", "heads"), [(True, 1), (False, 2)])
def test_a_later_run_finds_its_threads_where_it_may_read(deliver, sandbox, history, heads):
    deliver(PEOPLE[:1], text="{name}", thread="People", history=history)
    deliver(PEOPLE[1:2] * 2, text="{name}", thread="People", history=history)

    assert heads == texts(sandbox).count("People")


def test_a_row_may_name_its_channel(deliver, sandbox):
    sandbox.slack.add_channel("sales")
    rows = [{"to": "sales", "n": 1}, {"to": "#general", "n": 2}, {"to": "sales", "n": 3}]
    report = deliver(rows, channel="{to}", text="{n}", limits={"max_in_flight": 1})

    assert {"delivered": 3} == statuses(report)
    assert (["1", "3"], ["2"]) == (texts(sandbox, "sales"), texts(sandbox))


def test_a_row_that_names_no_channel_is_refused_alone(deliver, sandbox):
    rows = [{"to": "general", "n": 1}, {"to": "nowhere", "n": 2}, {"to": "a b", "n": 3}]
    report = deliver([*rows, {"to": None, "n": 4}], channel="{to}", text="{n}")

    assert {"delivered": 1, "rejected": 3} == statuses(report)
    assert {"channel_not_found": 1, "channel": 2} == reasons(report)


def test_a_changed_channel_moves_the_message(deliver, sandbox):
    sandbox.slack.add_channel("sales")
    how = {"mode": "upsert", "key": "id", "channel": "{to}", "text": "{name}"}
    deliver([{"id": 1, "to": "general", "name": "Ada"}], **how)
    report = deliver([{"id": 1, "to": "sales", "name": "Ada"}], **how)

    assert {"delivered": 1} == statuses(report)
    assert ([], ["Ada"]) == (texts(sandbox), texts(sandbox, "sales"))


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_move_whose_deletion_got_no_answer_is_made_again(deliver, sandbox, kind):
    sandbox.slack.add_channel("sales")
    how = {"mode": "upsert", "key": "id", "channel": "{to}", "text": "{name}"}
    deliver([{"id": 1, "to": "general", "name": "Ada"}], **how)
    sandbox.faults.add("slack", kind, path="chat.delete")
    report = deliver([{"id": 1, "to": "sales", "name": "Ada"}], **how)

    assert {"delivered": 1} == statuses(report)
    assert ([], ["Ada"]) == (texts(sandbox), texts(sandbox, "sales"))


def test_a_move_of_a_row_that_is_refused_takes_nothing_away(deliver, sandbox):
    sandbox.slack.add_channel("sales")
    how = {"mode": "upsert", "key": "id", "channel": "{to}", "text": "{name}"}
    deliver([{"id": 1, "to": "general", "name": "Ada"}], **how)
    report = deliver([{"id": 1, "to": "sales", "name": "x" * 40_001}], **how)

    assert ({1: "too_long"}, ["Ada"]) == (by_key(report), texts(sandbox))


def test_people_are_written_to_by_their_address_which_is_looked_up_once(deliver, sandbox):
    rows = [{"to": f"{name}@example.com", "n": n} for n, name in enumerate(["ada", "Grace"] * 3)]
    how = {"email": "{to}", "text": "{n}", "limits": {"max_in_flight": 1}}
    report = deliver([*rows, {"to": "who@example.com", "n": 7}, {"to": "x", "n": 8}], **how)
    ada, grace = (sandbox.slack.add_person(f"{name}@example.com") for name in ("ada", "grace"))

    assert {"delivered": 6, "rejected": 2} == statuses(report)
    assert (["0", "2", "4"], ["1", "3", "5"]) == (texts(sandbox, ada), texts(sandbox, grace))
    assert 3 == len(calls(sandbox, "users.lookupByEmail"))
    assert 2 == len(calls(sandbox, "conversations.open"))
    assert {"users_not_found": 1, "email": 1} == reasons(report)
    assert not any("example.com" in each.target for each in sandbox.requests("slack"))


def test_the_app_joins_a_channel_where_it_is_told_to(deliver, sandbox):
    sandbox.slack.add_channel("sales", member=False)
    report = deliver(PEOPLE, channel="sales", text="{name}", join=True)

    assert {"delivered": 6} == statuses(report)
    assert 1 == len(calls(sandbox, "conversations.join"))


def test_a_channel_without_the_app_stops_the_run_with_nothing_in_doubt(deliver, sandbox):
    sandbox.slack.add_channel("sales", member=False)
    report = deliver(PEOPLE, channel="sales", text="{name}")

    assert {"failed": 6} == statuses(report)
    assert 9 == report.exit_code
    assert 1 == len(calls(sandbox, "chat.postMessage"))


def test_records_that_cannot_be_messages_are_refused_by_name(deliver, sandbox):
    rows = [
        {"id": 1, "text": "fine"},
        {"id": 2, "text": "x" * 40_001},
        {"id": 3, "text": "  "},
        {"id": 4, "text": "\ud800"},
        {"id": 5},
    ]
    report = deliver(rows, mode="upsert", key="id", text="{text}")

    assert {"delivered": 1, "rejected": 4} == statuses(report)
    assert {2: "too_long", 3: "no_text", 5: "no_text"}.items() <= by_key(report).items()
    assert ["fine"] == texts(sandbox)


def test_blocks_that_slack_refuses_are_refused_with_the_place(deliver, sandbox):
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "{text}"}}
    rows = [{"id": 1, "text": "x" * 3_001}, {"id": 2, "text": "fine"}]
    report = deliver(rows, mode="upsert", key="id", text="{id}", blocks=[section])
    [refused] = report.rejections

    assert {"delivered": 1, "rejected": 1} == statuses(report)
    assert (1, "invalid_blocks") == (refused.key, refused.reason)
    assert "/blocks/0/text/text" in refused.message


def test_a_field_that_no_row_has_is_named(deliver):
    report = deliver(PEOPLE[:1], text="{nme}")
    [refused] = report.rejections

    assert ("field", True) == (refused.reason, "'nme'" in refused.message)


def test_a_change_is_refused_where_slack_takes_no_text_that_long(deliver):
    how = {"mode": "upsert", "key": "id", "text": "{text}"}
    deliver([{"id": 1, "text": "a"}], **how)
    report = deliver([{"id": 1, "text": "a" * 4_001}], **how)

    assert {1: "too_long"} == by_key(report)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "channel"),
        ({"channel": "a", "email": "b@c.d"}, "channel"),
        ({"channel": " "}, "channel"),
        ({"channel": "a", "base_url": "http://slack.example"}, "base_url"),
        ({"channel": "a", "rows": 0}, "rows"),
        ({"channel": "a", "max_chars": 40_001}, "max_chars"),
        ({"channel": "a", "blocks": [{"type": "divider"}]}, "text"),
        ({"channel": "a", "text": "b", "blocks": [{"text": "c"}]}, "blocks"),
        ({"channel": "a", "gone": "strike"}, "gone"),
        ({"channel": "{a}", "rows": 2}, "channel"),
        ({"channel": "a", "rows": 2, "thread": "{a}"}, "thread"),
        (
            {"channel": "a", "rows": 2, "text": "b", "blocks": [{"type": "x", "text": "{a}"}]},
            "blocks",
        ),
    ],
)
def test_options_that_do_not_go_together_are_named(options, named):
    with pytest.raises(ConfigError) as caught:
        tailrace_destination(Options(**options))

    assert [named] == [each.path for each in caught.value.problems]


def test_a_token_is_needed_for_slack_itself(deliver):
    with pytest.raises(ConfigError, match="token"):
        deliver(PEOPLE, base_url="https://slack.com")


def test_slack_is_paced_by_the_channel_the_method_and_the_workspace():
    spec = tailrace_destination(Options(channel="#general"))
    rates = {each.scope: (each.count, each.per) for each in spec.rate}

    assert (1, 1.0) == rates["chat.postMessage general"]
    assert (50, 60.0) == rates["chat.update"]
    assert (240, 60.0) == rates["*"]


def test_a_loopback_address_is_not_paced():
    spec = tailrace_destination(Options(channel="general", base_url="http://127.0.0.1:8765/slack"))

    assert () == spec.rate


def reasons(report):
    found = {}
    for each in report.rejections:
        found[each.reason] = found.get(each.reason, 0) + 1
    return found


def by_key(report):
    return {each.key: each.reason for each in report.rejections}
