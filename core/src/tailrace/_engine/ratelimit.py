"""Pace: no more requests in a time than a scope allows, and none while it is paused."""

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Protocol

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.guess import Guess
from tailrace._engine.hints import Told, told
from tailrace._engine.retry import PATIENCE, retry_after
from tailrace._engine.window import Window
from tailrace.components import Rate

EVERY = "*"
"""The scope of a rate that counts every request."""
SOURCE = "source "
"""Goes ahead of the scopes of a source, which is another account than the destination."""

_SOON = 0.002
"""Seconds after its slot that a request may leave without being counted from later on."""

_ROUNDS = 4
"""How often limits are asked in turn for a moment that suits all of them."""

_AHEAD = 0.25
"""Seconds for which a thread may have its slot before it begins: long enough that those who wait
do not all wake for each slot, short enough that a slow scope takes little from the others."""
_SPREAD = 0.2
"""Seconds over which those who wait for the same slot look again, well before it begins: it is for
one of them, and if all looked at once, they would hold up those whose slot has come."""
_GOLDEN = 0.618
"""How far apart they are, as a share of that: by it, any number of them lie evenly."""


class Slots(Protocol):
    """Give the slots of one rate: a `Window` of this process, or a part of one that is shared."""

    def earliest(self, now: float, at: float) -> float:
        """Give the first moment, not before `at`, when one more request may begin."""

    def take(self, begins: float) -> object:
        """Take the slot of that moment."""

    def late(self, slot: float, by: float) -> None:
        """Take in that the request of a slot left later than it might."""

    @property
    def speed(self) -> float:
        """Give the requests a second that there is room for."""


def _alone(rate: Rate) -> Slots:
    return Window.of(rate)


@attrs.define(eq=False)
class _Scope:
    declared: list[Slots] = attrs.field(factory=list)
    told: dict[float, Window] = attrs.field(factory=dict)
    guess: Guess = attrs.field(factory=Guess)
    resumes: float = 0.0
    waiting: int = 0

    def take_in(self, hint: Told, now: float) -> None:
        """Learn a limit from an answer; a hint only ever adds a limit, and never lifts one."""
        name = hint.per if hint.sure else 0.0
        window = self.told.get(name)
        span = Window.of(Rate(hint.limit, hint.per)).span
        if window is None:
            window = self.told[name] = Window(hint.limit, span)
            window.correct(self.guess.lately(now - hint.per) + 1, now + span)
        window.room = hint.limit
        window.span = max(window.span, span)
        if hint.used is not None:
            window.correct(hint.used, now + (hint.per if hint.reset is None else hint.reset))


@attrs.frozen
class Pace:
    """Hold all threads of a run together to the rates of each scope.

    A rate may be declared, told in the headers of answers, or guessed from what is refused; each
    of them only ever holds a request back. `slots` makes what gives the slots of a declared one.
    """

    _clock: Clock
    _rates: Iterable[Rate] = ()
    _slots: Callable[[Rate], Slots] = _alone
    _scopes: dict[str, _Scope] = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)

    @_scopes.default
    def _by_scope(self) -> dict[str, _Scope]:
        scopes: dict[str, _Scope] = {}
        for rate in self._rates:
            scopes.setdefault(rate.scope, _Scope()).declared.append(self._slots(rate))
        return scopes

    def acquire(self, scope: str) -> float:
        """Wait for a slot and give its moment; returns at once when the run is asked to stop."""
        turns = self.turns(scope)
        while True:
            try:
                seconds = next(turns)
            except StopIteration as end:
                return float(end.value)
            self._clock.sleep(seconds)

    def turns(self, scope: str) -> Generator[float, None, float]:
        """Give the seconds to wait, one wait after the other; at the end, the slot's moment."""
        waited = 0
        while not self._clock.stopping:
            with self._lock:
                state, now = self._of(scope), self._clock.monotonic()
                state.waiting -= waited
                wait, taken, waited = state.resumes - now, False, 0
                if wait <= 0:
                    begins = self._suits(scope, now)
                    wait, taken = begins - now, begins <= now + _AHEAD
                    if taken:
                        self._take(scope, begins)
                    else:
                        wait += _SPREAD * (state.waiting * _GOLDEN % 1.0) - _AHEAD
                        state.waiting, waited = state.waiting + 1, 1
            if wait > 0:
                yield wait
            if taken and state.resumes <= begins:
                # Its slot has come, and nobody was asked to slow down in the meantime.
                return begins
        return self._clock.monotonic()

    def left(self, scope: str, slot: float, by: float) -> None:
        """Take in how much later than its slot a request left, by its connection for one."""
        if by < _SOON:
            return
        with self._lock:
            self._of(scope).guess.late(slot, by)
            for each in self._limits(scope):
                each.late(slot, by)

    def pause(self, scope: str, seconds: float) -> None:
        """Let no request of a scope begin for so many seconds."""
        with self._lock:
            state = self._of(scope)
            state.resumes = max(state.resumes, self._clock.monotonic() + seconds)

    def waits(self) -> float:
        """Give the seconds until the scope that is paused longest goes on; 0 if none is."""
        with self._lock:
            now = self._clock.monotonic()
            return max((state.resumes - now for state in self._scopes.values()), default=0.0)

    def answered(self, scope: str, began: float, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer to a request that began at a moment."""
        wall = self._clock.wall()
        hints = told(headers, wall)
        with self._lock:
            state, now = self._of(scope), self._clock.monotonic()
            for hint in hints:
                state.take_in(hint, now)
            if status != 429:
                state.guess.passed(began)
                return
            asked = retry_after(headers, wall)
            asked = None if asked is None else min(asked, PATIENCE)
            known = min((each.speed for each in self._limits(scope)), default=None)
            quiet = state.guess.refused(began, now, asked, known)
            state.resumes = max(state.resumes, now + (asked or 0.0), now + quiet)

    def _of(self, scope: str) -> _Scope:
        return self._scopes.get(scope) or self._scopes.setdefault(scope, _Scope())

    def _limits(self, scope: str) -> list[Slots]:
        """Give the limits that are known."""
        state = self._of(scope)
        every = [] if scope == EVERY else self._of(EVERY).declared
        return [*state.declared, *state.told.values(), *every]

    def _take(self, scope: str, begins: float) -> None:
        self._of(scope).guess.take(begins)
        for each in self._limits(scope):
            each.take(begins)

    def _suits(self, scope: str, now: float) -> float:
        """Give the first moment from now on that suits every limit."""
        begins = self._of(scope).guess.earliest(now, now)
        limits = self._limits(scope)
        for _ in range(_ROUNDS):
            latest = max((each.earliest(now, begins) for each in limits), default=begins)
            if latest <= begins:
                break
            begins = latest
        return begins
