"""Pace: no more requests in a time than a scope allows, and none while it is paused."""

import threading
from collections import deque
from collections.abc import Iterable

import attrs

from tailrace._engine.clock import Clock
from tailrace.components import Rate

EVERY = "*"
"""The scope of a rate that counts every request."""
SOURCE = "source "
"""Goes ahead of the scopes of a source, which is another account than the destination."""


@attrs.define(eq=False)
class _Scope:
    rates: list[tuple[Rate, deque[float]]] = attrs.field(factory=list)
    resumes: float = 0.0


@attrs.frozen
class Pace:
    """Hold all threads of a run together to the rates of each scope.

    A rate of n in t seconds lets a request begin when the n-th before it is t seconds old, which
    fits fixed windows, sliding windows and token buckets alike.
    """

    _clock: Clock
    _rates: Iterable[Rate] = ()
    _scopes: dict[str, _Scope] = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)

    @_scopes.default
    def _by_scope(self) -> dict[str, _Scope]:
        scopes: dict[str, _Scope] = {}
        for rate in self._rates:
            recent: deque[float] = deque(maxlen=max(1, int(rate.count)))
            scopes.setdefault(rate.scope, _Scope()).rates.append((rate, recent))
        return scopes

    def acquire(self, scope: str) -> None:
        """Wait for a place; returns at once when the run is asked to stop."""
        while not self._clock.stopping:
            with self._lock:
                now = self._clock.monotonic()
                begins = self._earliest(scope, now)
                if begins <= now:
                    for _, recent in self._rates_of(scope):
                        recent.append(now)
                    return
            self._clock.sleep(begins - now)

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

    def _of(self, scope: str) -> _Scope:
        return self._scopes.setdefault(scope, _Scope())

    def _rates_of(self, scope: str) -> list[tuple[Rate, deque[float]]]:
        every = self._of(EVERY).rates
        return every if scope == EVERY else [*self._of(scope).rates, *every]

    def _earliest(self, scope: str, now: float) -> float:
        begins = max(self._of(scope).resumes, now)
        for rate, recent in self._rates_of(scope):
            if len(recent) == recent.maxlen:
                # A count below one spreads single requests further apart than `per`.
                window = rate.per * max(1.0, 1.0 / rate.count)
                begins = max(begins, recent[0] + window)
        return begins
