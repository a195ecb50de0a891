"""The README says what the code does."""

import re
from pathlib import Path

from tailrace.options import definitions
from tailrace_sql import Options, tailrace_destination

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def section(title):
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_options_is_the_options():
    shown = re.findall(
        r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", section("Options"), re.MULTILINE
    )
    wanted = [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]

    assert wanted == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_modes_are_the_specs():
    named = re.findall(r"^\| `(\w+)` \|", section("Modes"), re.MULTILINE)

    assert {str(mode) for mode in tailrace_destination(None).modes} == set(named)


def test_the_delivery_classes_are_the_specs():
    lines = re.findall(r"^\| (`.*?`) \| `(\w+)` \|", section("What a repeat does"), re.MULTILINE)
    told = {name: each for names, each in lines for name in re.findall(r"`(\w+)`", names)}

    assert {str(k): v for k, v in tailrace_destination(None).delivery.items()} == told


def test_the_limits_are_the_specs():
    spec = tailrace_destination(None)

    assert f"{spec.batch_size:,} rows or {spec.max_bytes // 1_000_000} MB" in TEXT
    assert f"{spec.max_in_flight} transactions" in TEXT
