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


def test_the_delivery_classes_are_the_specs():
    spec = tailrace_destination()
    rows = re.findall(r"^\| (.+) \| `(idempotent|keyed|probe|at_most_once)` \|", TEXT, re.MULTILINE)
    told = {name: word for names, word in rows for name in re.findall(r"\w+", names)}

    assert told.pop("replace") == told["append"] == spec.delivery["append"]
    assert told.pop("deletion") == spec.delivery["delete"]
    assert told == {name: spec.delivery[name] for name in ("append", "upsert", "insert", "update")}


def test_the_modes_are_the_specs():
    table = TEXT.partition("## Modes")[2].partition("An empty read")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {
        str(mode) for mode in tailrace_destination().modes
    }
