"""Window: the slots that one rate has to give, in an order that every kind of limiter takes."""

from collections import deque
from typing import Any

import attrs

from tailrace.components import Rate

GUARD = 0.01
"""What is added to a window: a request leaves at one moment and is counted at a later one, so that
two that were a whole window apart may be counted closer together."""

_GRAINS = 500
"""Entries of a window's memory, however many requests it allows."""


@attrs.define(eq=False)
class Window:
    """Give the slots of one rate; the times come from outside.

    As many requests as the rate counts may begin at once where it was idle. Once one has to wait,
    they are spread evenly, until half of the window is free again and no slot to come is taken.
    """

    room: int
    span: float
    crowded: bool = False
    last: float = float("-inf")
    given: deque[tuple[float, int]] = attrs.field(factory=deque)
    used: int = 0

    @classmethod
    def of(cls, rate: Rate) -> "Window":
        """Make the window of a rate; a count below one spreads requests further apart than `per`."""
        span = rate.per * max(1.0, 1.0 / rate.count)
        return cls(max(1, int(rate.count)), span * (1.0 + GUARD))

    @property
    def speed(self) -> float:
        """Give the requests a second that there is room for."""
        return self.room / self.span

    @property
    def step(self) -> float:
        """Give the seconds between two requests that are spread evenly."""
        return self.span / self.room

    def earliest(self, now: float, at: float, count: int = 1) -> float:
        """Give the first moment, not before `at`, when so many requests may begin.

        They are one step apart where it is crowded.
        """
        while self.given and self.given[0][0] + self.span <= now:
            self.used -= self.given.popleft()[1]
        begins, free = at, self.room - self.used
        apart = self.step if self.crowded else 0.0
        for end, some in self.given:
            if free >= count:
                break
            # The first slot that needs this entry to be forgotten is that far behind the first.
            begins = max(begins, end + self.span - max(free, 0) * apart)
            free += some
        if begins > at:
            self.crowded = True
        elif 2 * self.used < self.room and self.last <= now:
            self.crowded = False
        return max(begins, self.last + self.step) if self.crowded else begins

    def take(self, begins: float, count: int = 1, keep: float = 0.0) -> list[float]:
        """Take slots from a moment that `earliest` gave; give when each of them is.

        keep: seconds for which slots that are not spread may be held back.
        """
        step = self.step if self.crowded else 0.0
        slots = [begins + step * at for at in range(count)]
        self.last = slots[-1]
        for slot in slots if self.crowded else ():
            self._add(slot, 1)
        if not self.crowded:
            self._add(begins + keep, count)
        return slots

    def correct(self, used: int, until: float) -> None:
        """Take in that the service counts more than is known here; until when, if it knows."""
        more = min(used, self.room) - self.used
        if more > 0:
            self._add(until - self.span, more, merge=False)

    def late(self, slot: float, by: float) -> None:
        """Take in that the request of a slot left later than it might: it counts from there."""
        for place, (end, some) in enumerate(self.given):
            if end >= slot:
                if slot + by > end:
                    self.given[place] = (end, some - 1)
                    self.used -= 1
                    self._add(slot + by, 1, merge=False)
                return

    def as_json(self) -> list[Any]:
        """Give what another process needs to go on."""
        return [self.crowded, self.last, list(self.given)]

    def restore(self, told: list[Any], now: float) -> None:
        """Go on from what `as_json` gave; a memory of the time before a restart is no memory."""
        crowded, last, given = told
        latest = max([last, *(end for end, _ in given)], default=now)
        if latest > now + 2 * self.span:
            return
        self.crowded, self.last = bool(crowded), float(last)
        self.given = deque((float(end), int(some)) for end, some in given)
        self.used = sum(some for _, some in self.given)

    def _add(self, end: float, count: int, *, merge: bool = True) -> None:
        self.used += count
        if merge and self.given and 0 <= end - self.given[-1][0] < self.span / _GRAINS:
            _, some = self.given.pop()
            # To forget both at the later moment is the safe side.
            self.given.append((end, some + count))
            return
        self.given.append((end, count))
        if len(self.given) > 1 and end < self.given[-2][0]:
            self.given = deque(sorted(self.given))
