"""The README says what the code does."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tailrace.options import definitions
from tailrace_webhook import Options

FOLDER = Path(__file__).parents[1]
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
SCHEMES = set(get_args(next(each.type for each in definitions(Options) if each.name == "scheme")))


def part(title):
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_options_is_the_options():
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", part("Options"), re.MULTILINE)

    assert [(a, b, c.strip(), d) for a, b, c, d in shown] == [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]


@pytest.mark.parametrize("title", ["At the service", "What is verified, and what is one event"])
def test_each_scheme_is_told_of(title):
    named = set(re.findall(r"^\| `(\w+)` \|", part(title), re.MULTILINE))

    assert named - {"scheme"} == SCHEMES


def test_each_answer_is_told_of_and_no_other():
    sources = [each.read_text() for each in (FOLDER / "src" / "tailrace_webhook").glob("*.py")]
    given = {each for text in sources for each in re.findall(r"Refused\(\s*(\d+)", text)}
    told = set(
        re.findall(
            r"\b\d{3}\b", " ".join(re.findall(r"^\| ([\d, ]+) \|", part("Answers"), re.MULTILINE))
        )
    )

    assert told == given | {"200"}
