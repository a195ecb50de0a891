"""Bugs of the engine, each put into a copy of it, where a part of the programme has to find it.

python tests/reliability/bugs.py [--only NAME]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
from bugs_known import BUGS

ROOT = Path(__file__).parents[2]
ENGINE = Path("tailrace") / "_engine"
FOUND = re.compile(r"[1-9]\d* (violations|failed)\b")
"""What a part of the programme says that has found something."""


@attrs.frozen
class Caught:
    """Hold whether a bug was found, and what it took."""

    found: bool
    seconds: float
    told: str


def damaged(bug, folder):
    """Give a copy of the engine with a bug in it; ValueError where there is no place for it."""
    source = Path(folder) / "src"
    shutil.copytree(ROOT / "core" / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in bug.edits if bug is not None else ():
        path = source / ENGINE / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{bug.name}: {file} has {text.count(old)} times {old!r}")
        path.write_text(text.replace(old, new))
    return source


def tried(bug, by):
    """Let a part of the programme run against the engine with a bug in it, or without one."""
    with tempfile.TemporaryDirectory(prefix="bug-") as folder:
        source = damaged(bug, folder)
        told = {name: each for name, each in os.environ.items() if name != "TAILRACE_SIZE"}
        began = time.monotonic()
        done = subprocess.run(
            command(by),
            cwd=ROOT,
            env={**told, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    told = done.stdout + done.stderr
    found = done.returncode == 1 and bool(FOUND.search(told))
    return Caught(found, time.monotonic() - began, told)


def command(by):
    """Give the command of a part of the programme: a script of this folder, or tests."""
    script, *rest = by.split("|")
    if "/" not in script:
        return [sys.executable, str(Path(__file__).parent / script), *rest]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", script, *rest]


def main(arguments=None):
    """Try bugs, and tell which part of the programme has found each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="bugs whose name has this")
    asked = parser.parse_args(arguments)
    chosen = [each for each in BUGS if asked.only in each.name]
    missed = 0
    for bug in chosen:
        caught = tried(bug, bug.by)
        missed += not caught.found
        by = " ".join(bug.by.split("|")) if caught.found else "NOTHING"
        print(f"{bug.name:55} {by:75} {caught.seconds:5.1f} s", flush=True)
    print(f"{len(chosen)} bugs, {len(chosen) - missed} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
