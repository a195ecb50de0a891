"""Tests of the tests: what breaks a promise is found, whichever it is."""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its parts are parts of a program, too

from bugs import damaged, tried
from bugs_known import BUGS

FULL = os.environ.get("TAILRACE_SIZE") == "full"
FAST = [each for each in BUGS if each.fast]
TRIED = BUGS if FULL else random.Random(8).sample(FAST, 3)


def test_there_are_enough():
    assert len({each.name for each in BUGS}) == len(BUGS)
    assert len(BUGS) >= 25


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_has_its_place_in_the_engine(bug, tmp_path):
    damaged(bug, tmp_path)


@pytest.mark.parametrize("bug", TRIED, ids=lambda bug: bug.name)
def test_a_bug_is_found(bug):
    caught = tried(bug, bug.by)

    assert caught.found, caught.told[-3000:]


@pytest.mark.parametrize("by", sorted({each.by for each in TRIED}))
def test_without_a_bug_nothing_is_found(by):
    caught = tried(None, by)

    assert not caught.found, caught.told[-3000:]
