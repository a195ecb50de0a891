"""Lives of a sync: whatever happens in whatever order, the promises hold after each step."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # its parts are parts of a program, too

from depot import FAULTS
from simulation import play
from worlds import RULES, Kind, life

FULL = os.environ.get("TAILRACE_SIZE") == "full"
SEEDS = 2400 if FULL else 24
EXAMPLES = 2000 if FULL else 25
STEPS = 30
FIRST, ALWAYS = 9, 12
"""The writes of a run that a fault meets, as the second number of a misfortune says it."""


def numbered(mode, delivery, **more):
    """Give the number of a world, so that a life can be told by it."""
    return next(
        number
        for number in range(24 * 48)
        for kind in [Kind.of(number)]
        if (kind.mode, kind.delivery) == (mode, delivery)
        and all(getattr(kind, name) == value for name, value in more.items())
    )


def late(write=FIRST):
    """Have a request go without an answer, and be carried out a minute later."""
    return ("misfortune", FAULTS.index("late"), write)


def step_lists():
    rules = [rule for rule, weight in RULES.items() for _ in range(weight)]
    number = st.integers(0, 255)
    return st.lists(st.tuples(st.sampled_from(rules), number, number), max_size=STEPS)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_life_of_each_kind(seed):
    assert play(seed, life(seed, STEPS)) == []


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 24 * 12 - 1), step_lists())
def test_whatever_happens(number, steps):
    assert play(number, steps) == []


HERE, GONE, BACK = ("change", 0, 3), ("change", 0, 0), ("change", 0, 1)
STAYS = ("change", 1, 3)
NOW = ("run", 0, 0)
LIVES = {
    "a deletion waits for a version that may come late": (
        numbered("mirror", "idempotent"),
        [STAYS, HERE, late(), NOW, GONE, NOW],
    ),
    "what comes back waits for a deletion that may come late": (
        numbered("mirror", "idempotent"),
        [STAYS, HERE, NOW, late(), GONE, NOW, BACK, NOW],
    ),
    "a stream with doubts is known again after two weeks": (
        numbered("append", "keyed", batch_size=4),
        [HERE, late(), NOW, ("wait", 5, 1), NOW, NOW],
    ),
    "a refused record of a replacement leaves the others in peace": (
        numbered("replace", "probe"),
        [("change", 3, 0), ("misfortune", FAULTS.index("row_rejected"), FIRST), NOW],
    ),
    "what goes back after a failure is sent": (
        numbered("upsert", "idempotent"),
        [HERE, NOW, HERE, ("misfortune", FAULTS.index("lost_after"), ALWAYS), NOW, BACK, NOW],
    ),
    "a newer version waits for one that may come late": (
        numbered("upsert", "idempotent"),
        [HERE, late(), NOW, HERE, NOW],
    ),
    "a stopped plan no longer holds after a person's word": (
        numbered("mirror", "at_most_once"),
        [STAYS, HERE, NOW, HERE, ("misfortune", FAULTS.index("lost_before"), FIRST), NOW]
        + [("clear", 0, 0), NOW, ("settle", 0, 3), ("release", 0, 0)],
    ),
    "a refused record of a stream that is retried and then lost is sent once more": (
        numbered("append", "at_most_once", alone=True),
        [HERE, ("refuse", 0, 1), NOW, ("refuse", 0, 0)]
        + [("misfortune", FAULTS.index("lost_before"), FIRST), ("retry", 0, 8)]
        + [("settle", 0, 3), NOW],
    ),
    "records with names are counted": (numbered("upsert", "keyed", named=True), [HERE, NOW]),
    "a retry of a stream that died is finished, and nothing of it goes twice": (
        836,
        [
            ("change", 216, 226),
            ("change", 174, 138),
            ("misfortune", 80, 52),
            ("run", 163, 198),
            ("misfortune", 254, 172),
            ("crash", 69, 70),
        ],
    ),
    "a refused record of a stream that is retried and gets no answer is held": (
        1412,
        [
            ("change", 18, 109),
            ("refuse", 242, 40),
            ("crash", 237, 158),
            ("misfortune", 216, 156),
            ("retry", 126, 171),
        ],
    ),
    "what was refused, and may come late all the same, is deleted with the others": (
        577,
        [
            ("change", 254, 106),
            ("misfortune", 65, 105),
            ("refuse", 132, 64),
            ("run", 150, 81),
            ("clear", 40, 255),
        ],
    ),
    "a stream that is stopped before it has read what was taken can go on": (
        200,
        [
            ("change", 12, 6),
            ("misfortune", 70, 228),
            ("change", 95, 15),
            ("change", 212, 135),
            ("change", 114, 235),
            ("crash", 108, 68),
            ("misfortune", 225, 226),
            ("run", 98, 51),
        ],
    ),
    "a run that loses the state while it finishes another one answers once": (
        438,
        [
            ("change", 52, 139),
            ("misfortune", 131, 129),
            ("run", 69, 117),
            ("misfortune", 247, 141),
            ("run", 26, 173),
        ],
    ),
    "a record of a stream that is lost twice is sent a third time": (
        10196,
        [
            ("misfortune", 20, 51),
            ("change", 199, 0),
            ("crash", 211, 172),
            ("misfortune", 28, 102),
            ("settle", 192, 79),
            ("crash", 192, 168),
            ("settle", 28, 89),
            ("retry", 50, 113),
        ],
    ),
    "a deletion that was released and refused is not offered again": (
        10233,
        [
            ("change", 190, 136),
            ("run", 169, 157),
            ("refuse", 10, 58),
            ("turn", 117, 61),
            ("clear", 155, 93),
            ("crash", 88, 178),
            ("change", 213, 12),
            ("release", 33, 42),
        ],
    ),
    "a cursor does not pass what a person has called lost meanwhile": (
        10302,
        [
            ("change", 45, 66),
            ("misfortune", 124, 141),
            ("retry", 130, 227),
            ("change", 36, 122),
            ("crash", 51, 0),
            ("crash", 230, 23),
        ],
    ),
    "what was sent and not answered for by itself is deleted with the others": (
        20089,
        [
            ("change", 191, 169),
            ("refuse", 243, 46),
            ("change", 206, 6),
            ("misfortune", 220, 215),
            ("retry", 165, 134),
            ("clear", 134, 139),
        ],
    ),
    "what had failed of a stream, and was sent once more before a death, is asked for": (
        21134,
        [
            ("change", 54, 126),
            ("misfortune", 7, 101),
            ("crash", 174, 102),
            ("misfortune", 85, 198),
            ("run", 211, 71),
        ],
    ),
    "a key that gets no answer after a death either is kept for the next run": (
        40065,
        [
            ("change", 225, 26),
            ("misfortune", 85, 249),
            ("run", 73, 15),
            ("misfortune", 50, 90),
            ("run", 77, 245),
        ],
    ),
}


@pytest.mark.parametrize("name", LIVES, ids=lambda name: name.replace(" ", "_"))
def test_lives(name):
    assert play(*LIVES[name]) == []


@pytest.mark.parametrize("last", range(40, 200, 1 if FULL else 5))
def test_a_batch_is_not_sent_again_when_its_key_is_too_old(last):
    steps = [HERE, ("crash", last, 0), ("wait", 4, 1), NOW]

    assert play(numbered("upsert", "keyed"), steps) == []


@pytest.mark.parametrize("last", range(1, 250, 1 if FULL else 12))
def test_who_goes_on_after_a_crash_waits_for_what_may_come_late(last):
    steps = [HERE, late(), NOW, HERE, ("crash", last, 0), NOW]

    assert play(numbered("upsert", "idempotent"), steps) == []
