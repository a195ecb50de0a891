"""Rate limits of services: so many requests in so many seconds, then refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import attrs


@attrs.define
class _Window:
    began: float
    taken: int = 0


class Quota:
    """Allow `count` requests in each window of `per` seconds, for each caller separately."""

    def __init__(
        self, count: int, per: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._per = per
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def take(self, caller: str) -> bool:
        """Take one request of a caller's share; False when it is used up."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(caller)
            if window is None or now - window.began >= self._per:
                window = self._windows[caller] = _Window(now)
            if window.taken >= self._count:
                return False
            window.taken += 1
            return True

    def left(self, caller: str) -> int:
        """Return how many requests a caller still has in this window."""
        with self._lock:
            window = self._windows.get(caller)
            fresh = window is None or self._clock() - window.began >= self._per
            return self._count if fresh or window is None else self._count - window.taken

    def clear(self) -> None:
        """Give everybody the whole share again."""
        with self._lock:
            self._windows.clear()
