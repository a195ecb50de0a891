"""Time as an argument: what measures, what waits, and what asks to stop."""

import random
import threading
import time
from typing import Protocol

import attrs


class Clock(Protocol):
    """Give time and chance to the engine."""

    def monotonic(self) -> float:
        """Give seconds that only grow."""

    def wall(self) -> float:
        """Give seconds since 1970; orders nothing."""

    def random(self) -> float:
        """Give a number from 0 up to 1."""

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the run is asked to stop."""

    def ask_to_stop(self) -> None:
        """Let all waits end and nothing new begin."""

    @property
    def stopping(self) -> bool:
        """Tell whether the run was asked to stop."""


@attrs.frozen
class SystemClock:
    """Be the machine's own clock."""

    stop: threading.Event = attrs.field(factory=threading.Event)

    def monotonic(self) -> float:
        """Give seconds that only grow."""
        return time.monotonic()

    def wall(self) -> float:
        """Give seconds since 1970."""
        return time.time()

    def random(self) -> float:
        """Give a number from 0 up to 1."""
        return random.random()  # noqa: S311  # spreads waits, hides nothing

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the run is asked to stop."""
        self.stop.wait(seconds)

    def ask_to_stop(self) -> None:
        """Let all waits end and nothing new begin."""
        self.stop.set()

    @property
    def stopping(self) -> bool:
        """Tell whether the run was asked to stop."""
        return self.stop.is_set()
