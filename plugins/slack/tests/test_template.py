"""Values of rows stay values: no mention, broadcast or link comes out of them."""

import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import RejectedError
from tailrace_slack._template import Text, Values, build, escaped, spelled

HOSTILE = [
    "<!channel>",
    "<!here|here>",
    "<!everyone>",
    "<@U00000001>",
    "<!subteam^S1>",
    "<#C00000000|general>",
    "<http://evil.example|bank.example>",
    "&lt;!channel&gt;",
    "|<!here>",
    "> <!here> <",
    "\u202e<!here>\u2066",
    "{name}{rows}",
    "!here",
    "@U00000001",
    "http://evil.example|bank.example",
    "http://evil.example><!here",
]
TEMPLATES = [
    "{name}",
    "*{name}* & more {name}",
    "<https://a.example/{name}|{name}>",
    "<https://a.example/?q={name}>",
    "<{name}>",
    "<{name}|bank>",
    "<{name}{name}|{name}>",
    "<@{name}>",
    "<!{name}> {name}",
    "<https://a.example|a {name} b>{name}",
]
hostile = st.sampled_from(HOSTILE) | st.text() | st.text("<>|&!@#{}/:h \n\u202e")


def commands(text):
    """Give what Slack would take for a mention, a broadcast or a link."""
    return re.findall(r"<([^<>]*)>", text)


@given(st.sampled_from(TEMPLATES), hostile)
def test_a_row_adds_no_bracket_to_a_text(template, value):
    try:
        made = Text(template).fill(row(value))
    except RejectedError:
        return

    assert template.count("<") == made.count("<")
    assert template.count(">") == made.count(">")


@given(hostile)
def test_a_row_changes_neither_the_kind_nor_the_host_of_a_link(value):
    made = Text("<https://a.example/{name}|{name}> <@{name}>").fill(row(value))
    link, person = commands(made)

    assert link.startswith("https://a.example/")
    assert 1 == link.count("|")
    assert re.fullmatch(r"@[\w%.~-]*", person)


@given(hostile)
def test_an_address_that_is_all_a_rows_is_a_web_address(value):
    for fill in (Text("<{name}|bank>").fill, Text("{name}").url):
        try:
            made = fill(row(value))
        except RejectedError:
            continue

        assert re.fullmatch(r"<?https?://[^\s<>|\"]+(\|bank>)?", made, re.IGNORECASE)


@given(hostile)
def test_blocks_keep_their_shape(value):
    shape = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "{name}", "n": 1}},
        {"type": "context", "elements": [{"type": "plain_text", "text": "a {name}"}]},
    ]
    try:
        made = build(shape, row(value))
    except RejectedError:
        return

    assert escaped(spelled(value)) == made[0]["text"]["text"]
    assert {"type": "mrkdwn", "n": 1, "verbatim": True} == {
        name: each for name, each in made[0]["text"].items() if name != "text"
    }
    assert ("plain_text", f"a {escaped(spelled(value))}") == (
        made[1]["elements"][0]["type"],
        made[1]["elements"][0]["text"],
    )


@given(st.text())
def test_what_is_shown_is_what_the_row_holds(value):
    try:
        made = Text("{name}").fill(row(value))
    except RejectedError:
        return
    read = made.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

    assert spelled(value) == read


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (Decimal("1.10"), "1.10"),
        (date(2026, 11, 25), "2026-11-25"),
        (datetime(2026, 11, 25, 7), "2026-11-25T07:00:00"),
        (["a", {"b": 1}], '["a",{"b":1}]'),
        ("a\r\nb\x00\x1b\u202ec", "a\nbc"),
    ],
)
def test_each_kind_of_value_has_a_spelling(value, shown):
    assert shown == Values({"name": value}, ("name",)).text("name")


def test_what_no_text_can_hold_is_refused():
    for value in (10**5_000, "\ud800"):
        with pytest.raises(RejectedError):
            spelled(value)


def test_two_braces_are_one():
    assert "{a} Ada" == Text("{{a}} {name}").fill(row("Ada"))


def row(value):
    return Values({"name": value}, ("name",))
