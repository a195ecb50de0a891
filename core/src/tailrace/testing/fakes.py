"""Fakes: a clock that advances when slept on, and a destination that fails on a script."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf, nextafter
from typing import Any

import attrs

from tailrace.components import DestinationSpec
from tailrace.errors import RejectedError
from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch, Record, Row


@attrs.define(eq=False)
class FakeClock:
    """Be a clock that stands still until it is slept on; used by several threads at once.

    `sleeps` holds every wait that was asked for; `chance` is what `random` gives.
    """

    now: float = 1_000.0
    epoch: float = 1_700_000_000.0
    chance: float = 0.5
    sleeps: list[float] = attrs.field(factory=list)
    _stopping: bool = False
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def monotonic(self) -> float:
        """Give seconds that only grow."""
        with self._lock:
            return self.now

    def wall(self) -> float:
        """Give seconds since 1970."""
        with self._lock:
            return self.epoch + self.now

    def random(self) -> float:
        """Give the chance that was set."""
        return self.chance

    def sleep(self, seconds: float) -> None:
        """Advance, unless a stop was asked for; never stand still, as no real clock does."""
        with self._lock:
            self.sleeps.append(seconds)
            if not self._stopping:
                self.now = max(self.now + seconds, nextafter(self.now, inf))

    def stop(self) -> None:
        """Ask the run to stop."""
        with self._lock:
            self._stopping = True

    def ask_to_stop(self) -> None:
        """Ask the run to stop, as the engine does when it is interrupted."""
        self.stop()

    @property
    def stopping(self) -> bool:
        """Tell whether a stop was asked for."""
        with self._lock:
            return self._stopping


Step = BaseException | Sequence[Outcome] | Callable[[Batch], Any] | None
"""What one write does: raise this; answer this; do this with the batch; or take all of it."""


class MemoryDestination:
    """Be a destination that keeps what it gets, and fails as told.

    script: one step for each write, in their order; after its end every batch is taken whole.
    refuses: keys with which a batch is refused whole. `spec` is what a sync takes, and takes the
    fields of a DestinationSpec from `declared`.
    """

    def __init__(
        self, script: Iterable[Step] = (), *, refuses: Collection[Any] = (), **declared: Any
    ) -> None:
        self.spec = DestinationSpec(open=self._open, **declared)
        self.writes: list[Batch] = []
        self.taken: list[Record] = []
        self.most_in_flight = 0
        self._script = deque(script)
        self._refuses = refuses
        self._in_flight = 0
        self._lock = threading.Lock()

    @property
    def keys(self) -> list[Any]:
        """Give the keys of what it took, in the order of arrival."""
        return [record.key for record in self.taken]

    @property
    def rows(self) -> list[Row]:
        """Give the rows that it took, in the order of arrival."""
        return [dict(record.values) for record in self.taken]

    def write(self, batch: Batch) -> Sequence[Outcome] | None:
        """Take a batch, or do what the script says."""
        with self._lock:
            self.writes.append(batch)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            step = self._script.popleft() if self._script else None
        try:
            return self._follow(step, batch)
        finally:
            with self._lock:
                self._in_flight -= 1

    @contextmanager
    def _open(self, options: Any) -> Iterator["MemoryDestination"]:  # it has none
        yield self

    def _follow(self, step: Step, batch: Batch) -> Sequence[Outcome] | None:
        if isinstance(step, BaseException):
            raise step
        refused = [record.key for record in batch if record.key in self._refuses]
        if refused:
            raise RejectedError(f"refused because of {refused[0]!r}")
        answer: Any = step(batch) if callable(step) else step
        delivered = {record.key for record in batch}
        if isinstance(answer, Sequence):
            told = [each for each in answer if isinstance(each, Outcome)]
            delivered = {each.key for each in told if each.status is Status.DELIVERED}
        with self._lock:
            self.taken += [record for record in batch if record.key in delivered]
        return answer  # type: ignore[no-any-return]  # whatever the script wants to be seen
