"""The tree says what the architecture is, and says nothing about where it was written."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_stays_short(path):
    text = path.read_text()

    assert text.startswith('"""')
    assert len(text.splitlines()) <= 400


def test_no_module_is_a_drawer():
    drawers = {"utils", "helpers", "common", "base", "misc"}

    assert [path for path in SOURCES if path.stem in drawers] == []


def test_tracked_files_hold_no_secret_and_no_home_path():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    pattern = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{20}|/(home|Users)/\w")
    found = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file()
        and (ROOT / name).suffix in {".py", ".md", ".toml", ".json", ""}
        and pattern.search((ROOT / name).read_text(errors="replace"))
    ]

    assert found == []
