"""Account: the counts of one run, and the law that they obey."""

import threading
from collections import Counter
from collections.abc import Mapping

import attrs

from tailrace.errors import InternalError
from tailrace.outcomes import Outcome, Rejection, Status

_TROUBLES = 100
"""Messages of failures that are told apart."""


@attrs.frozen
class Account:
    """Count what became of the records of one run."""

    counts: Counter[Status] = attrs.field(factory=Counter)
    reasons: Counter[str] = attrs.field(factory=Counter)
    rejections: list[Rejection] = attrs.field(factory=list)
    troubles: dict[str, int] = attrs.field(factory=dict)
    _lock: threading.RLock = attrs.field(factory=threading.RLock)

    def note(self, outcome: Outcome) -> None:
        """Count one answer."""
        with self._lock:
            self.counts[outcome.status] += 1
            if outcome.status is Status.DELIVERED:
                return
            reason = outcome.reason or str(outcome.status)
            message = outcome.message or reason
            self.reasons[reason] += 1
            if outcome.status is Status.REJECTED:
                self.rejections.append(Rejection(outcome.key, reason, message))
            elif outcome.status in (Status.FAILED, Status.IN_DOUBT):
                self._trouble(message, 1)

    def add(self, status: Status, count: int, why: str = "") -> None:
        """Count several answers of one kind."""
        with self._lock:
            if count <= 0:
                return
            self.counts[status] += count
            if why and status in (Status.FAILED, Status.IN_DOUBT):
                self._trouble(why, count)

    def move(self, before: Status, after: Status, why: str) -> None:
        """Take all answers of one kind back, for another."""
        with self._lock:
            self.add(after, self.counts.pop(before, 0), why)

    def take_back(self, tally: Mapping[str, int]) -> None:
        """Take answers back that are about to be given anew."""
        with self._lock:
            for status, count in tally.items():
                self.counts[Status(status)] -= count

    @property
    def answered(self) -> int:
        """Give the records that have their answer."""
        return sum(self.counts.values())

    def tally(self) -> dict[str, int]:
        """Give the counts as JSON."""
        return {str(status): count for status, count in self.counts.items() if count}

    def check(self, asked: int, open_: int) -> None:
        """Raise an InternalError unless every record has exactly one answer."""
        if self.answered != asked or open_ or min(self.counts.values(), default=0) < 0:
            raise InternalError(
                f"{asked} records were read or removed and {self.answered} answered, {open_}"
                " batches are open: this is a bug in tailrace, please report it"
            )

    def _trouble(self, message: str, count: int) -> None:
        if message in self.troubles or len(self.troubles) < _TROUBLES:
            self.troubles[message] = self.troubles.get(message, 0) + count
