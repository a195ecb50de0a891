"""The README says what the code does."""

import re
from pathlib import Path

from tailrace.options import definitions
from tailrace_notion import Options, tailrace_destination
from tailrace_notion._properties import _TYPES, KEYS
from tailrace_sandbox.notion.workspace import PEOPLE

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_options_is_the_options():
    table = TEXT.partition("\n## Options\n")[2].lstrip().partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", table, re.MULTILINE)

    assert [(a, b, c.strip(), d) for a, b, c, d in shown] == [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]


def test_the_modes_and_their_delivery_classes_are_the_specs():
    spec = tailrace_destination(None)
    table = TEXT.partition("## Modes")[2].partition("##")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", table, re.MULTILINE))
    actions = {"mirror": "delete"}

    assert shown == {mode: spec.delivery[actions.get(mode, mode)] for mode in map(str, spec.modes)}
    assert f"finds the pages of {spec.batch_size} rows" in TEXT


def test_every_type_that_is_written_has_its_place_among_the_values():
    names = {"rich_text": "text", "email": "e-mail", "phone_number": "telephone"}
    table = TEXT.partition("## Values")[2].partition("\n\nNull")[0]
    shown = re.findall(r"^\| ([a-z, -]+) \|", table, re.MULTILINE)
    found = [name for each in shown for name in each.split(", ")]

    assert {names.get(each, each).replace("_", "-") for each in _TYPES} == {*found} - {"property"}


def test_the_types_of_keys_are_named():
    names = ["title", "text", "number", "e-mail", "telephone", "url"]

    assert f"types {', '.join(names[:-1])} or {names[-1]}" in TEXT
    assert len(names) == len(KEYS)


def test_the_sandbox_has_what_is_said_of_it():
    assert f'data_source = "{PEOPLE}"' in TEXT
