"""Execution: one run at work, and what its stages share."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from tailrace._engine.attempts import Attempts
from tailrace._engine.batching import Batching
from tailrace._engine.clock import Clock
from tailrace._engine.delivery import Delivery, Halt
from tailrace._engine.flow import Parcel
from tailrace._engine.gate import Gate
from tailrace._engine.http import Client
from tailrace._engine.ledger import Ledger
from tailrace._engine.opening import open_destination, takes_http
from tailrace._engine.preparing import Prepared
from tailrace._engine.run import Ending, Run, Teller
from tailrace._engine.state import State
from tailrace.errors import PreflightError
from tailrace.outcomes import Outcome, Status
from tailrace.records import Action, Batch

_SURE = frozenset({"idempotent"})


@attrs.define(eq=False)
class Execution:
    """Hold what the stages of one run need to know of each other.

    looking: nothing is sent, nor kept.
    """

    prepared: Prepared
    run: Run
    clock: Clock
    tell: Teller
    ending: Ending
    state: State | None = None
    delivery: Delivery | None = None
    looking: bool = False

    @property
    def ledger(self) -> Ledger:
        """Give the run's ledger."""
        return self.run.ledger

    @property
    def client(self) -> Client:
        """Give the run's HTTP client."""
        return self.run.client

    @property
    def settled(self) -> bool:
        """Tell whether no record failed or is in doubt."""
        counts = self.ledger.account.counts
        return not (counts[Status.FAILED] or counts[Status.IN_DOUBT])

    @contextmanager
    def destination(self) -> Iterator[Any]:
        """Open the destination, and see that it is the one that the state belongs to."""
        with open_destination(self.prepared, self.client) as writer:
            self._same(writer)
            permit = (lambda: None) if self.state is None else self.state.lease.check
            attempts = Attempts(
                writer,
                self.prepared.destination,
                self.client,
                self.clock,
                takes_http(self.prepared),
                permit,
                self.ledger.split,
                self.run.hiding,
            )
            self.delivery = Delivery(
                writer,
                attempts,
                self.ledger,
                self.clock,
                Gate.under(self.prepared.destination.max_in_flight),
                Halt(hiding=self.run.hiding),
                observe=self._told if self.tell.anybody else None,
            )
            yield writer

    def deliver(self, parcels: Iterable[Parcel]) -> None:
        """Send parcels; from here on, the run has begun."""
        assert self.delivery is not None
        self.run.began = True
        self.delivery.run(parcels)

    def batching(self, action: Action, after: int = 0) -> Batching:
        """Cut batches as the destination takes them."""
        return Batching(self.run.run_id, action, after=after, **self.ceilings())

    def ceilings(self) -> dict[str, Any]:
        """Give what bounds a batch."""
        spec = self.prepared.destination
        return {
            "batch_size": spec.batch_size,
            "max_bytes": spec.max_bytes,
            "weigh": spec.weigh,
        }

    def durable(self, *actions: Action) -> bool:
        """Choose whether intents outlast a power cut; where a repeat does no harm they need not."""
        spec = self.prepared.destination
        needed = any(spec.delivery[action] not in _SURE for action in actions)
        if self.state is not None:
            self.state.store.durable(needed)
        return needed

    def _told(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        self.tell("tailrace_batch_delivered", run=self.run, batch=batch, outcomes=outcomes)

    def _same(self, writer: Any) -> None:
        if self.state is None:
            return
        named = getattr(writer, "identity", None)
        identity = self.prepared.identity if named is None else str(named)
        store = self.state.store
        known = store.meta("identity")
        if known is not None and known != identity:
            raise PreflightError(
                f"the state of {self.prepared.name!r} belongs to another destination: {known}, and"
                f" this is {identity}. Give the sync another name, or forget what was delivered"
                f" there: tailrace run {self.prepared.name} --restart"
            )
        if known is None and not self.looking:
            with store.transaction():
                store.set_meta("identity", identity)
