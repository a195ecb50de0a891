"""The README says what the code does."""

import re
from pathlib import Path

import pytest

from tailrace.options import definitions
from tailrace_http import OAuth, Options, Results, Signature, tailrace_destination

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TABLES = {
    "## Options": Options,
    "`signature`:": Signature,
    "`oauth`:": OAuth,
    "`results`:": Results,
}


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


@pytest.mark.parametrize("title", TABLES)
def test_the_tables_of_options_are_the_options(title):
    table = TEXT.partition(f"\n{title}\n")[2].lstrip().partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", table, re.MULTILINE)

    assert described(TABLES[title]) == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_modes_are_the_specs():
    table = TEXT.partition("## Modes")[2].partition("##")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {
        str(mode) for mode in tailrace_destination(None).modes
    }


@pytest.mark.parametrize(
    ("said", "delivery"),
    [
        ({"idempotent": True}, "idempotent"),
        ({"idempotency_header": "Idempotency-Key"}, "keyed"),
        ({"lookup_url": "https://a.example/{id}"}, "probe"),
        ({}, "at_most_once"),
    ],
)
def test_the_delivery_classes_are_the_specs(said, delivery):
    spec = tailrace_destination(Options(url="https://a.example", **said))
    table = TEXT.partition("## What a repeat does")[2].partition("##")[0]
    word = next(iter(said), "nothing")

    assert delivery == spec.delivery["append"] == spec.delivery["upsert"]
    assert re.search(rf"^\| `?{word}.*\| `{delivery}` \|", table, re.MULTILINE)
    assert "idempotent" == spec.delivery["delete"]
