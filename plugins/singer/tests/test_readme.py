"""The README says what the code does."""

import re
from pathlib import Path

import tailrace
from tailrace.options import definitions
from tailrace_singer import Options
from tailrace_singer._process import _LONGEST
from tailrace_singer._reader import _BYTES, _OF_STREAMS, _ROWS

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


def test_every_message_is_explained():
    named = re.findall(r"^\| `(\w+)` \|", section("What becomes of its messages"), re.MULTILINE)

    assert {*_OF_STREAMS, "STATE"} == set(named)


def test_the_modes_are_tailraces():
    named = re.findall(
        r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section("Modes"), re.MULTILINE))
    )

    assert {str(mode) for mode in tailrace.Mode} == set(named)


def test_the_limits_are_the_codes():
    assert f"{_LONGEST >> 30} GiB" in section("Limits")
    assert f"{_ROWS:,} records or {_BYTES // 1_000_000} MB" in section("Limits")


def test_the_example_is_a_project(tmp_path, monkeypatch):
    monkeypatch.setenv("EXAMPLE_API_KEY", "kanarie")
    (project,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "tailrace.toml").write_text(project)
    (sync,) = tailrace.load(tmp_path / "tailrace.toml")

    assert {"plugin", *sync.source_options} <= {
        "plugin",
        *(each.name for each in definitions(Options)),
    }
