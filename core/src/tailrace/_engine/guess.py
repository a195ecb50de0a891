"""Guess: the rate of a service that tells none, from what it lets through and what it refuses."""

from collections import deque
from math import inf, sqrt

import attrs

_SHARE = 0.985
"""Of a rate that was found, what is used of it."""
_WORTH = 50.0
"""Seconds without a try for more, for each second that a refused try costs."""
_CHEAPEST = 0.25
"""Seconds that a refused try costs at least."""
_LONGEST = 600.0
_LAG = 1.5
"""Seconds that a rate must have been used before it counts as proven."""
_HELD = 2.0
"""Seconds for which a rate got through that is about right: too much is refused before that."""
_PUT_OFF = 0.1
"""Seconds by which a request may be put off for itself alone."""
_LEAST = 3
"""Requests that must have got through within a second before a refusal tells of a rate."""
_STRAY = 50
"""Requests between two refusals that make them strays where the rate is known otherwise."""


@attrs.define(eq=False)
class Guess:
    """Find out how many requests a second get through; the times come from outside.

    The first refusal tells that the last second held as many as there may be. Then requests are
    spread evenly. After a refusal at a steady rate, the next one lies between it and what got
    through; after a long time without one, a little more is tried, then twice as much more.
    """

    base: float = inf
    _before: float = inf
    _steady: float = 0.0
    _hold: float = 0.0
    _paused: float = 0.0
    _refused: float = -inf
    _known: float = -inf
    _since: float = -inf
    _through: int = 0
    _first: bool = False
    _held: bool = False
    _next: float = -inf
    _due: float = -inf
    _recent: deque[float] = attrs.field(factory=deque)
    _late: deque[tuple[float, float]] = attrs.field(factory=deque)

    def rate(self, now: float) -> float:
        """Give the requests a second that may begin now; infinite while nothing is known."""
        trying = now - self._steady - self._hold
        if self.base == inf or trying <= 0:
            return self.base
        more: float = 2.0 ** min(trying, 60.0) - 1.0
        return self.base * (1.0 + more / 100)

    def earliest(self, now: float, at: float) -> float:
        """Give the first moment, not before `at`, when one more request may begin."""
        if self.base == inf:
            return at
        self._due = at = max(at, self._next)
        while self._late and self._late[0][1] + 1.0 <= at:
            self._late.popleft()
        for slot, left in self._late:
            if slot + _SHARE <= at < left + 1.0:
                # The request a second before left late, and the service has it in its second still.
                at = left + 1.0
        return at

    def late(self, slot: float, by: float) -> None:
        """Take in that the request of a slot left later than it might."""
        if self.base < inf:
            self._late.append((slot, slot + by + 0.002))

    def take(self, begins: float) -> None:
        """Take the slot of a moment."""
        if self.base < inf:
            # One that was put off for a late one before it does not put off those behind it.
            put_off = 0 < begins - self._due < _PUT_OFF
            self._next = (self._due if put_off else begins) + 1.0 / self.rate(begins)

    def passed(self, began: float) -> None:
        """Take in that a request got through that began at a moment."""
        self._recent.append(began)
        while self._recent[0] < began - 2.0:
            self._recent.popleft()
        self._through += began > self._known
        if self._first and self._refused - 1.0 < began <= self._known:
            # It was on its way when another one was refused.
            self.base += _SHARE

    def lately(self, since: float) -> int:
        """Count what got through that began after a moment, in the last two seconds at most."""
        return sum(each > since for each in self._recent)

    def refused(self, began: float, now: float, asked: float | None, known: float | None) -> float:
        """Take in a refusal; give the seconds for which nothing should follow it.

        asked: the wait that the service asks for. known: the rate that it is held to already.
        """
        if began <= self._known:
            # It had left before an earlier refusal came back.
            return 0.0
        self._known, self._refused = now, began
        within = self.lately(began - 1.0)
        if max(self._through, within if self.base == inf else 0) < _LEAST:
            # Nothing, or little, has got through since: it is the same refusal still.
            self._since = self._since if self._through else now
            self._steady = max(self._steady, now + (asked or 0.0))
            return 0.0
        if known is not None and self._through >= _STRAY:
            self._through, self._since = 0, now
            return 0.0
        quiet = 0.0
        cost = max(asked or 0.0, _CHEAPEST)
        if self.base == inf and known is not None:
            self.base, self._hold = _SHARE * known, cost * _WORTH
        elif self.base == inf:
            self._found(within, now)
            self._hold = cost * _WORTH
            # What filled its second has left it by then, however the service counts.
            quiet = 1.0
        else:
            self._first = False
            self._lower(began, now, cost)
        self._steady = now + max(asked or 0.0, quiet)
        self._through, self._since, self._paused = 0, now, self._steady - now
        return quiet

    def _found(self, within: int, now: float) -> None:
        """Take the first rate from what got through within a second, or within longer."""
        self._first = within >= _LEAST
        if self._first or self._since == -inf:
            # So few before the first refusal of all tell little: at least it is no standstill.
            self.base = _SHARE * max(within, 1)
        else:
            self.base = self._through / (now - self._since)

    def _lower(self, began: float, now: float, cost: float) -> None:
        """Go back to a rate that got through."""
        if now > self._steady + self._hold:
            proven = max(self.base, self.rate(now - _LAG))
            longer = min(max(2 * self._hold, cost * _WORTH), _LONGEST)
            self._hold = longer if proven < 1.1 * self.base else cost * _WORTH
            self._before, self.base = self.base, proven
        elif self._before < self.base:
            # The last try had proven less than it seemed.
            self.base = self._before
        elif began - self._steady >= _HELD or self._held:
            # A rate that has held may be refused once without being wrong: requests are delayed.
            self._held = began - self._steady >= _HELD
            self._before = self.base = _SHARE * self.base
            self._hold = cost * _WORTH
        else:
            # A bucket has gained from the last wait what a window has lost by it.
            between = self._through / max(now - self._since - self._paused / 2, 0.1)
            self.base = min(_SHARE * self.base, sqrt(self.base * between))
            self._before, self._hold = self.base, cost * _WORTH / 5
