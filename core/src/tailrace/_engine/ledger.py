"""Ledger: what became of every record, and the law that the counts obey.

So far it lives as long as the run; what it is told, and when, is already what a durable one needs:
an intent before the first byte of a batch, its outcomes after.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from tailrace.errors import InternalError
from tailrace.outcomes import Outcome, Rejection, Status
from tailrace.records import Batch


@attrs.frozen
class Ledger:
    """Account for one run."""

    counts: Counter[Status] = attrs.field(factory=Counter)
    reasons: Counter[str] = attrs.field(factory=Counter)
    rejections: list[Rejection] = attrs.field(factory=list)
    troubles: dict[str, int] = attrs.field(factory=dict)
    _open: dict[str, int] = attrs.field(factory=dict)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def intend(self, batch: Batch) -> None:
        """Note that a batch is about to be sent."""
        with self._lock:
            self._open[batch.id] = len(batch)

    def settle(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Note what became of a batch; exactly one outcome a record."""
        if len(outcomes) != len(batch):
            raise InternalError(f"{len(outcomes)} outcomes for the {len(batch)} records of a batch")
        with self._lock:
            self._open.pop(batch.id, None)
            for outcome in outcomes:
                self._note(outcome)

    def refuse(self, key: Any, reason: str, message: str) -> None:
        """Note a record that was refused before it was in a batch."""
        self._one(Outcome(key, Status.REJECTED, reason=reason, message=message))

    def skip(self, key: Any, reason: str, message: str) -> None:
        """Note a record that there is no need to send."""
        self._one(Outcome(key, Status.SKIPPED, reason=reason, message=message))

    def fail(self, key: Any, message: str) -> None:
        """Note a record that was not sent and comes back with the next run."""
        self._one(Outcome(key, Status.FAILED, reason="not_sent", message=message))

    def unpublish(self, why: str) -> None:
        """Take back what was delivered to a place that nobody will see."""
        with self._lock:
            count = self.counts.pop(Status.DELIVERED, 0)
            if count:
                self.counts[Status.FAILED] += count
                self._trouble(why, count)

    def abandon(self, read: int, why: str) -> None:
        """Answer for what a run that broke off left behind: in doubt if it was sent, else failed."""
        with self._lock:
            sent = sum(self._open.values())
            self._open.clear()
            left = read - sum(self.counts.values()) - sent
            for status, count in ((Status.IN_DOUBT, sent), (Status.FAILED, left)):
                if count > 0:
                    self.counts[status] += count
                    self._trouble(why, count)

    def check(self, read: int) -> None:
        """Raise an InternalError unless every record that was read has exactly one answer."""
        answered = sum(self.counts.values())
        if answered != read or self._open:
            raise InternalError(
                f"{read} records were read and {answered} answered, {len(self._open)} batches are"
                " open: this is a bug in tailrace, please report it"
            )

    def _one(self, outcome: Outcome) -> None:
        with self._lock:
            self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
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

    def _trouble(self, message: str, count: int) -> None:
        if message in self.troubles or len(self.troubles) < 100:
            self.troubles[message] = self.troubles.get(message, 0) + count
