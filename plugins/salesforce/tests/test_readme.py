"""The README says what the code does."""

import re
import tomllib
from pathlib import Path

from tailrace.options import definitions, read_options
from tailrace_salesforce import Options, tailrace_destination
from tailrace_salesforce._api import LARGEST

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def shown_default(each):
    if each.required:
        return "needed"
    if each.default is None:
        return ""
    text = str(each.default).lower() if isinstance(each.default, bool) else str(each.default)
    return f"`{text}`"


def test_the_table_of_options_is_the_options():
    table = TEXT.partition("\n## Options\n")[2].lstrip().partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", table, re.MULTILINE)

    assert [
        (each.name, each.type_name, shown_default(each), each.help) for each in definitions(Options)
    ] == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_modes_and_their_delivery_classes_are_the_specs():
    spec = tailrace_destination(None)
    table = TEXT.partition("## Modes")[2].partition("##")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", table, re.MULTILINE))
    actions = {"mirror": "delete"}

    assert shown == {mode: spec.delivery[actions.get(mode, mode)] for mode in map(str, spec.modes)}
    assert spec.delivery["upsert"] == spec.delivery["delete"]
    assert f"| one call | {LARGEST} records |" in TEXT
    assert f"| one job | {spec.batch_size:,} rows |" in TEXT
    assert f"| at once | {spec.max_in_flight} batches |" in TEXT


def test_the_examples_are_project_files_that_can_be_read():
    for example in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL):
        for sync in tomllib.loads(example)["sync"].values():
            given = {
                name: "x" if isinstance(value, dict) else value
                for name, value in sync["destination"].items()
                if name != "plugin"
            }
            assert read_options(Options, given).object


def test_the_errors_that_are_tried_again_are_those_that_the_readme_names():
    from tailrace_salesforce._api import PASSING

    for code in ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE"):
        assert code in PASSING
        assert f"`{code}`" in TEXT
