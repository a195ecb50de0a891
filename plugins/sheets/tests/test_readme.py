"""The README says what the code does."""

import re
from pathlib import Path

from tailrace.options import definitions
from tailrace_sheets import Options, tailrace_destination
from tailrace_sheets._login import SCOPE

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_options_is_the_options():
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", TEXT, re.MULTILINE)
    wanted = [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]

    assert [(a, b, c.strip(), d) for a, b, c, d in shown] == wanted


def test_the_limits_are_the_specs():
    spec = tailrace_destination()

    assert f"{spec.batch_size:,} rows, {spec.max_bytes:,} bytes" in TEXT
    assert f"| at once | {spec.max_in_flight} batch" in TEXT
    assert SCOPE in TEXT
    assert {
        f"delivery class `{each}`" for each in (spec.delivery["append"], spec.delivery["upsert"])
    } == set(re.findall(r"delivery class `\w+`", TEXT))
