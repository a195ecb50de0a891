"""What the README says is so."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tailrace_sandbox.command import sandbox as command
from tailrace_sandbox.faults import KINDS
from tailrace_sandbox.sheets.batch import _HANDLERS

TEXT = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_run(example, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    exec(compile(example, "README.md", "exec"), {})

    assert "assert" in example


def test_the_shown_output_is_the_real_one():
    result = CliRunner().invoke(command, ["--port", "0", "--for", "0"])
    shown = re.search(r"\$ tailrace sandbox\n(.*?)```", TEXT, re.DOTALL)[1]

    assert re.sub(r":\d+/", ":8765/", result.output) == shown


def test_all_faults_are_in_the_table():
    assert re.findall(r"^\| `(\w+)` \| (?:yes|no|later)", TEXT, re.MULTILINE) == list(KINDS)


def test_all_requests_are_listed():
    listed = re.search(r"is atomic and knows: (.*?)\. Any other", TEXT)[1]
    words = [word for part in listed.split(", ") for word in spread(part)]

    assert sorted(words) == sorted(_HANDLERS)


def spread(part):
    *verbs, last = part.split("/")
    verb, noun = re.fullmatch(r"([a-z]+)(\w*)", last).groups()
    return [f"{each}{noun}" for each in (*verbs, verb)]


def test_all_options_are_in_the_table():
    table = re.findall(r"^\| `(--\w+)", TEXT, re.MULTILINE)

    assert table == [option.opts[0] for option in command.params]
