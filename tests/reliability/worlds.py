"""Which worlds there are to be simulated, what happens in them, and how often."""

import os
import random
from contextlib import contextmanager

import attrs

from tailrace.testing import FakeClock

CLASSES = ("idempotent", "keyed", "probe", "at_most_once")
MODES = ("upsert", "mirror", "append", "insert", "update", "replace")
KEYED = ("upsert", "mirror", "insert", "update")
KEYS = 7
RULES = {
    "change": 9,
    "run": 5,
    "misfortune": 6,
    "crash": 6,
    "settle": 3,
    "refuse": 2,
    "retry": 2,
    "wait": 2,
    "second": 1,
    "clear": 1,
    "break_off": 1,
    "remap": 1,
    "turn": 1,
    "release": 1,
}
"""The rules, and how often each comes."""


class Clock(FakeClock):
    """Be a clock whose chance is not always the same: runs are named by it."""

    def random(self):
        """Give another number each time."""
        return self.chance.random()


@attrs.frozen
class Kind:
    """Tell one world from another; a cursor goes with all modes but mirror and replace.

    alone: single records are refused, and not their batch. named: records get names of the service.
    """

    mode: str
    delivery: str
    cursor: bool = False
    batch_size: int = 3
    alone: bool = True
    named: bool = False

    def __str__(self):
        return f"{self.mode} {self.delivery}{' cursor' if self.cursor else ''}"

    @classmethod
    def of(cls, number):
        """Give the world with that number: all modes and classes come in turn."""
        mode, delivery, more = MODES[number % 6], CLASSES[number // 6 % 4], number // 24
        cursor = bool(more % 2) and mode not in ("mirror", "replace")
        return cls(mode, delivery, cursor, (3, 1, 4)[more % 3], not more & 4, bool(more & 8))


def life(seed, count):
    """Give the steps of a seed."""
    chance = random.Random(seed)
    rules = chance.choices(list(RULES), list(RULES.values()), k=count)
    return [(rule, chance.randrange(256), chance.randrange(256)) for rule in rules]


@contextmanager
def ending():
    """End a process with a block."""
    code = 99
    try:
        yield
        code = 0
    finally:
        os._exit(code)
