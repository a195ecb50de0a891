"""Delivery: batches go out on threads, and come back with one outcome a record."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from tailrace._engine.attempts import Attempts, Trouble
from tailrace._engine.clock import Clock
from tailrace._engine.crew import Crew
from tailrace._engine.entries import unsent
from tailrace._engine.flow import Parcel
from tailrace._engine.gate import Gate
from tailrace._engine.ledger import Ledger
from tailrace.errors import (
    FatalError,
    InternalError,
    PreflightError,
    RejectedError,
    StateError,
    TailraceError,
)
from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch
from tailrace.secret import Hide
from tailrace.text import cut

_log = logging.getLogger("tailrace")

BUGS_IN_A_ROW = 3
"""Batches that may end in an exception of the plugin's one after another before the run stops."""


LONGEST = 1_000
"""Characters of what is told of a stop: a service may have said it."""
_REFUSALS = (FatalError, PreflightError, RejectedError)


@attrs.define
class Halt:
    """Say why nothing more is sent, and with which exit code the run ends for it."""

    why: str | None = None
    code: int = 9
    hiding: Hide = Hide()
    begun: bool = False
    """Something was sent."""
    bugs: int = 0
    """Batches that have ended in an exception of the plugin's, in a row."""

    def __bool__(self) -> bool:
        return self.why is not None

    def stop(self, why: str, code: int) -> None:
        """Send nothing more; the first reason counts."""
        if self.why is None:
            self.why, self.code = cut(self.hiding(why), LONGEST), code


@attrs.define(eq=False)
class Sent:
    """Hold what came of a parcel; claimed: it is kept without the next intent.

    ended: when. seconds: that it took, of which so many were spent waiting on our side.
    """

    parcel: Parcel
    outcomes: Sequence[Outcome]
    trouble: Trouble
    ended: float
    seconds: float
    waited: float
    claimed: bool = False


@attrs.frozen
class Delivery:
    """Deliver parcels through a writer; each thread settles what it has sent."""

    writer: Any
    attempts: Attempts
    ledger: Ledger
    clock: Clock
    gate: Gate
    halt: Halt = attrs.field(factory=Halt)
    observe: Callable[[Batch, Sequence[Outcome]], None] | None = None

    def run(self, parcels: Iterable[Parcel]) -> None:
        """Deliver all; after a halt, the rest is settled as failed without being sent."""
        flying: dict[str, Batch] = {}
        ready: deque[Parcel] = deque()
        try:
            with Crew(self._done, _claim, self._settle) as crew:
                try:
                    self._run(parcels, ready, crew, flying)
                finally:
                    while crew.pending:
                        self._collect(crew, flying)
        finally:
            for parcel in ready:
                self._pass_by(parcel, self.halt.why or "the run was interrupted")
            self._keep()

    def _run(
        self,
        parcels: Iterable[Parcel],
        ready: deque[Parcel],
        crew: Crew[Parcel, Sent],
        flying: dict[str, Batch],
    ) -> None:
        """Send parcels; those in `ready` have their intent kept, and wait for their turn."""
        group: list[Parcel] = []
        try:
            for parcel in parcels:
                if not group:
                    self._make_room(parcel.batch, crew, flying)
                    room = self._room(crew)
                group.append(parcel)
                if parcel.more and len(group) < room:
                    continue
                ready += self._intended(group)
                group = []
                while ready:
                    self._send(ready, crew, flying)
            assert not group, "a batch that was said to be ready never came"
            while flying:
                self._collect(crew, flying)
        except KeyboardInterrupt:
            # What waits to be sent again gives up, so that the threads come to their end.
            self.clock.ask_to_stop()
            raise

    def _make_room(self, batch: Batch, crew: Crew[Parcel, Sent], flying: dict[str, Batch]) -> None:
        """Wait until a batch may go out beside those that are on their way."""
        while flying and (
            crew.busy >= int(self.gate.allowed) or _shares(batch, flying) or not crew.idle
        ):
            self._collect(crew, flying)

    def _room(self, crew: Crew[Parcel, Sent]) -> int:
        """Give how many batches may have their intents kept together, since all may be in flight.

        Where a batch is answered at once, those that follow it are as good as in flight with it.
        """
        if hasattr(self.writer, "reserve"):
            return 1
        return self.gate.ceiling if crew.quick else int(self.gate.allowed) - crew.busy

    def _send(
        self, ready: deque[Parcel], crew: Crew[Parcel, Sent], flying: dict[str, Batch]
    ) -> None:
        """Send the next parcel, unless what has come back since its intent was kept forbids it."""
        batch = ready[0].batch
        while crew.busy and (crew.busy >= int(self.gate.allowed) or _shares(batch, flying)):
            self._collect(crew, flying)
        self._look_up()
        if self.halt:
            self._pass_by(ready.popleft(), self.halt.why or "")
            return
        flying[batch.id] = batch
        sent = crew.give(ready.popleft())
        if sent is not None and _changes_course(sent.trouble):
            self._collect(crew, flying)

    def _pass_by(self, parcel: Parcel, why: str) -> None:
        """Answer for a parcel that is not sent though its intent was kept."""
        told = f"not sent: {why}"
        if parcel.tried:
            outcomes = self.ledger.leave(parcel, told)
        else:
            outcomes = unsent(parcel, Status.FAILED, told)
            self.ledger.stage(parcel, outcomes)
        self._tell(parcel.batch, outcomes)

    def _look_up(self) -> None:
        if self.clock.stopping and not self.halt:
            self.halt.why = "the run was asked to stop"

    def _intended(self, group: Sequence[Parcel]) -> Sequence[Parcel]:
        """Keep the intents of parcels; give none where nothing more is to be sent."""
        late = group[0].late
        if late and not self.halt:
            self._keep()
            # An answer that never came may still be carried out, over what is sent now.
            self.clock.sleep(max(0.0, late - self.clock.wall()))
        self._look_up()
        if not self.halt and not group[0].tried:
            group = list(map(self._reserved, group))
        try:
            if not self.halt:
                self.ledger.intend(*group)
                self.halt.begun = True
                return group
        except StateError as error:
            self.halt.stop(str(error), 7)
        except InternalError as error:
            self.halt.stop(str(error), 1)
        self._keep()
        for parcel in group:
            self._tell(parcel.batch, self.ledger.fail_all(parcel, f"not sent: {self.halt.why}"))
        return ()

    def _reserved(self, parcel: Parcel) -> Parcel:
        """Have the writer make room; a refusal before anything was sent is one of the whole run."""
        reserve = getattr(self.writer, "reserve", None)
        if reserve is None:
            return parcel
        try:
            reservation = reserve(parcel.batch)
        except TailraceError as error:
            early = isinstance(error, _REFUSALS) and not self.halt.begun
            self.halt.stop(str(error), 3 if early else 9)
        except Exception as error:  # noqa: BLE001  # a plugin's bug: kept with its traceback
            _log.exception("the destination failed while it made room for %s", parcel.batch.id)
            why = f"the destination's reserve() failed: {type(error).__name__}: {error}"
            self.halt.stop(why, 9)
        else:
            return attrs.evolve(parcel, batch=attrs.evolve(parcel.batch, reservation=reservation))
        return parcel

    def _done(self, parcel: Parcel) -> Sent:
        """Deliver one batch, on a thread."""
        client = self.attempts.client
        began, waited = self.clock.monotonic(), client.waited
        outcomes, trouble = self.attempts.deliver(parcel.batch, parcel.tried_at, parcel.split)
        now = self.clock.monotonic()
        return Sent(parcel, outcomes, trouble, now, now - began, client.waited - waited)

    def _settle(self, sent: Sent) -> None:
        """Keep what became of a batch, since the next intent does not come soon."""
        self._stage(sent)
        self.ledger.keep()

    def _stage(self, sent: Sent) -> None:
        if sent.trouble.unheard is not None:
            self.ledger.leave(sent.parcel, sent.trouble.unheard)
        else:
            self.ledger.stage(sent.parcel, sent.outcomes, sent.trouble.unclear)

    def _collect(self, crew: Crew[Parcel, Sent], flying: dict[str, Batch]) -> None:
        """Take in what has come back, waiting for at least one; the next intent keeps it."""
        self._keep()
        taken = crew.take()
        for sent in taken:
            flying.pop(sent.parcel.batch.id, None)
            if not sent.claimed:
                self._stage(sent)
        for sent in taken:
            self._learn(sent)

    def _keep(self) -> None:
        """Keep what came back; what cannot be kept ends the run."""
        self.ledger.keep()
        if self.ledger.broken is not None:
            self.halt.stop(str(self.ledger.broken), 7)

    def _learn(self, sent: Sent) -> None:
        trouble = sent.trouble
        if trouble.interrupted:
            raise KeyboardInterrupt
        self.gate.learn(sent.ended, sent.seconds, sent.waited, trouble.throttled)
        self._tell(sent.parcel.batch, sent.outcomes)
        if trouble.fatal is not None:
            self.halt.stop(str(trouble.fatal), 7 if isinstance(trouble.fatal, StateError) else 9)
        self.halt.bugs = self.halt.bugs + 1 if trouble.bug is not None else 0
        if self.halt.bugs >= BUGS_IN_A_ROW:
            told = f"the destination failed {self.halt.bugs} times in a row: {trouble.bug}"
            self.halt.stop(told, 9)

    def _tell(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        if self.observe is not None:
            self._keep()
            self.observe(batch, outcomes)


def _changes_course(trouble: Trouble) -> bool:
    """Tell whether what a batch met may forbid that the next one goes."""
    return bool(trouble.fatal or trouble.bug or trouble.throttled or trouble.interrupted)


def _claim(sent: Sent) -> None:
    sent.claimed = True


def _shares(batch: Batch, flying: dict[str, Batch]) -> bool:
    """Tell whether a key of the batch is on its way already: records of one key keep their order."""
    if not batch.schema.key or batch.action != "append":
        return False
    keys = {record.key for record in batch}
    return any(record.key in keys for other in flying.values() for record in other)
