"""S5: no value of a row mentions, calls, links or previews anything in Slack."""

import json
import re
import unicodedata

import pytest

from ..destinations.on_slack import Slack, Webhook
from .corpus import FORMULAS, HEADERS, MARKUP, MENTIONS

TEXTS = [*MENTIONS, *MARKUP, *HEADERS, *FORMULAS]
BLOCKS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*{name}*"}},
    {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": "<https://a.example/{name}|{name}>"}],
    },
    {"type": "context", "elements": [{"type": "plain_text", "text": "{name}"}]},
]
WAYS = {
    "text": {"text": "a {name} b"},
    "all fields": {"text": ""},
    "a label": {"text": "<https://a.example/x|{name}>"},
    "a part of an address": {"text": "<https://a.example/{name}?q={name}|open>"},
    "blocks": {"text": "{name}", "blocks": BLOCKS},
    "a thread": {"text": "x", "thread": "Thread of {name}"},
    "a digest": {"text": "- {name}", "rows": 1_000, "title": "All:"},
}
ALLOWED = re.compile(r"<https://a\.example/[\w%.~?=-]*\|[^<>]*>")
"""What stands in the templates themselves."""


@pytest.mark.parametrize(
    ("kind", "way"),
    [(Slack, way) for way in WAYS] + [(Webhook, way) for way in WAYS if way != "a thread"],
)
def test_nothing_comes_out_of_a_value_but_its_text(kind, way, sandbox, tmp_path):
    place = kind(sandbox, tmp_path)
    place.options |= {"rows": 1, **WAYS[way]}
    place.options.pop("history", None)
    rows = [{"id": n, "name": text} for n, text in enumerate(TEXTS)]
    report = place.run(rows, mode="append")
    bodies = [json.loads(each.body) for each in sandbox.requests("slack") if b"{" in each.body]
    said = [text for body in bodies for text in spoken(body)]

    assert len(TEXTS) == report.delivered + report.rejected
    assert report.rejected <= 2
    assert said
    assert [] == [each for each in said if "<" in ALLOWED.sub("", each)]
    assert [] == [each for each in said if ">" in ALLOWED.sub("", each)]
    assert [] == [each for each in said for letter in each if steers(letter)]
    assert [] == [body for body in bodies if body.get("unfurl_links") or body.get("unfurl_media")]
    assert [] == [
        body for body in bodies if body.get("link_names") or body.get("parse", "none") != "none"
    ]


def test_what_stands_in_the_template_works(sandbox, tmp_path):
    place = Slack(sandbox, tmp_path)
    place.run([{"id": 1, "name": "<!channel>", "score": ""}], text="<!here> {name}")

    assert "<!here> &lt;!channel&gt;" == sandbox.slack.messages("general")[0]["text"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "!channel", "@U1", "data:x", "mailto:a", "x"]
)
def test_an_address_that_is_all_a_rows_is_of_the_web_or_refused(url, sandbox, tmp_path):
    place = Slack(sandbox, tmp_path)
    report = place.run([{"id": 1, "name": url}], text="<{name}|open>")

    assert (0, 1) == (report.delivered, report.rejected)
    assert [] == sandbox.slack.messages("general")


def test_a_row_cannot_fill_a_channel(sandbox, tmp_path):
    place = Slack(sandbox, tmp_path)
    report = place.run([{"id": 1, "name": "x" * 40_001}], text="{name}")

    assert {1: "too_long"} == {each.key: each.reason for each in report.rejections}
    assert [] == sandbox.slack.messages("general")


def test_a_row_names_a_channel_and_no_more(sandbox, tmp_path):
    rows = [{"id": n, "name": text} for n, text in enumerate([*MENTIONS, *HEADERS])]
    report = Slack(sandbox, tmp_path).run(rows, mode="append", channel="{name}", text="x {id}")
    there = sandbox.slack.messages("general")

    assert len(rows) == report.rejected + len(there)
    assert {"x"} >= {each["text"].split()[0] for each in there}
    assert report.delivered <= 1  # that of `#general`, which is its name


def spoken(value, at=""):
    """Give the texts of a message that Slack parses, wherever they stand."""
    if isinstance(value, dict):
        return [text for name, each in value.items() for text in spoken(each, name)]
    if isinstance(value, list):
        return [text for each in value for text in spoken(each, at)]
    return [value] if at == "text" and isinstance(value, str) else []


def steers(letter):
    """Tell whether a character turns a line round, or is no text."""
    return (
        letter != "\n"
        and letter != "\t"
        and (unicodedata.category(letter) == "Cc" or unicodedata.bidirectional(letter) in TURNING)
    )


TURNING = {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
