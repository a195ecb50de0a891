"""The README says what the code does."""

import re
from pathlib import Path

import pytest

from tailrace.options import definitions
from tailrace_hubspot import Association, Options, tailrace_destination

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TABLES = {"## Options": Options, "Each of `associations`:": Association}


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


def test_the_modes_and_their_delivery_classes_are_the_specs():
    spec = tailrace_destination()
    table = TEXT.partition("## Modes")[2].partition("##")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", table, re.MULTILINE))
    actions = {"mirror": "delete"}

    assert shown == {mode: spec.delivery[actions.get(mode, mode)] for mode in map(str, spec.modes)}
    assert spec.delivery["upsert"] == spec.delivery["delete"]
    assert f"| one call | {spec.batch_size} records |" in TEXT
