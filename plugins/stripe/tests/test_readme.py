"""The README says what the code does."""

import re
import tomllib
from pathlib import Path

from tailrace.options import Places, definitions, read_options
from tailrace_stripe import Options

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_options_is_the_options():
    table = TEXT.partition("\n## Options\n")[2].lstrip().partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", table, re.MULTILINE)
    described = [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]

    assert described == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_project_file_holds_options_that_there_are():
    project = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])
    [sync] = project["sync"].values()
    given = {name: value for name, value in sync["source"].items() if name != "plugin"}
    options = read_options(Options, given, Places(environ={"STRIPE_API_KEY": "a-secret"}))

    assert sync["source"]["plugin"] == "stripe"
    assert isinstance(options, Options)
