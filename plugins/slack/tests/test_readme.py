"""The README says what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from tailrace.options import definitions
from tailrace_slack import Options, tailrace_destination

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def described(options):
    return [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(options)
    ]


def section(title):
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_options_is_the_options():
    shown = re.findall(
        r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", section("Options"), re.MULTILINE
    )

    assert described(Options) == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_modes_are_the_specs():
    assert set(re.findall(r"^\| `(\w+)` \|", section("Modes"), re.MULTILINE)) == {
        str(mode) for mode in tailrace_destination(None).modes
    }


@pytest.mark.parametrize(("history", "word"), [(True, "posts, with"), (False, "posts, else")])
def test_the_delivery_classes_are_the_specs(history, word):
    spec = tailrace_destination(Options(channel="general", history=history))
    table = section("What a repeat does")

    for action in ("append", "insert", "upsert"):
        assert re.search(rf"^\| {word}.*\| `{spec.delivery[action]}` \|", table, re.MULTILINE)
    for action, row in (("update", "`update`"), ("delete", "deletions")):
        assert re.search(rf"^\| {row}.*\| `{spec.delivery[action]}` \|", table, re.MULTILINE)


def test_the_examples_are_options():
    examples = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    destinations = [tomllib.loads(each)["sync"]["deals"]["destination"] for each in examples]
    for options in destinations:
        assert "slack" == options.pop("plugin")
        del options["token"]
        tailrace_destination(Options(**options))
