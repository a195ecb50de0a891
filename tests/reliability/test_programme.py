"""A small share of the programmes of crashes, each in a process that forks before it has threads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def played(script, *arguments):
    """Run a programme; give what it counted, and what it says."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 3:
        pytest.skip(done.stdout.strip())
    told = done.stdout + done.stderr
    counts = {
        name: int(count) for count, name in re.findall(r"(\d+) (cases|kills|violations)", told)
    }
    return counts, told


def test_nothing_is_lost_or_doubled_at_crash_points():
    counts, told = played("points.py", "--share", 60, "--every", 20, "--seed", 5)

    assert counts.get("violations") == 0, told
    assert counts["cases"] >= 150


def test_nothing_is_lost_or_doubled_when_processes_are_killed():
    counts, told = played("kills.py", "--kills", 6, "--seed", 3)

    assert counts.get("violations") == 0, told
    assert counts["kills"] >= 6


def test_nothing_is_lost_or_doubled_when_a_call_is_the_last():
    counts, told = played("syscalls.py", "--every", 60)

    assert counts.get("violations") == 0, told
    assert counts["kills"] >= 10
