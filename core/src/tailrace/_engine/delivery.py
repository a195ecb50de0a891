"""Delivery: batches go out on threads, and come back with one outcome a record."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import attrs

from tailrace._engine.attempts import Attempts, Trouble
from tailrace._engine.clock import Clock
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
from tailrace.outcomes import Outcome
from tailrace.records import Batch
from tailrace.secret import Hide

_log = logging.getLogger("tailrace")

BUGS_IN_A_ROW = 3
"""Batches that may end in an exception of the plugin's one after another before the run stops."""


_REFUSALS = (FatalError, PreflightError, RejectedError)


@attrs.define
class Halt:
    """Say why nothing more is sent, and with which exit code the run ends for it."""

    why: str | None = None
    code: int = 9
    hiding: Hide = Hide()

    def __bool__(self) -> bool:
        return self.why is not None

    def stop(self, why: str, code: int) -> None:
        """Send nothing more; the first reason counts."""
        if self.why is None:
            self.why, self.code = self.hiding(why), code


@attrs.frozen
class Delivery:
    """Deliver parcels through a writer; each thread settles what it has sent."""

    writer: Any
    attempts: Attempts
    ledger: Ledger
    clock: Clock
    gate: Gate
    halt: Halt = attrs.field(factory=Halt)
    observe: Callable[[Batch, list[Outcome]], None] | None = None

    def run(self, parcels: Iterable[Parcel]) -> None:
        """Deliver all; after a halt, the rest is settled as failed without being sent."""
        flying: dict[Future[Any], Batch] = {}
        bugs, sent = 0, False
        with ThreadPoolExecutor(self.gate.ceiling, thread_name_prefix="tailrace") as pool:
            try:
                for parcel in parcels:
                    while flying and (
                        len(flying) >= int(self.gate.allowed)
                        or _shares(parcel.batch, flying)
                        or any(each.done() for each in flying)
                    ):
                        bugs = self._collect(flying, bugs)
                    ready = self._ready(parcel, sent)
                    if ready is None:
                        outcomes = self.ledger.fail_all(parcel, f"not sent: {self.halt.why}")
                        self._tell(parcel.batch, outcomes)
                        continue
                    sent = True
                    flying[pool.submit(self._timed, ready)] = ready.batch
                while flying:
                    bugs = self._collect(flying, bugs)
            except KeyboardInterrupt:
                # What waits to be sent again gives up, so that the threads come to their end.
                self.clock.ask_to_stop()
                raise
            finally:
                while flying:
                    bugs = self._collect(flying, bugs)

    def _ready(self, parcel: Parcel, sent: bool) -> Parcel | None:
        """Give a parcel whose intent is kept, or None where nothing more is to be sent."""
        if parcel.late and not self.halt:
            # An answer that never came may still be carried out, over what is sent now.
            self.clock.sleep(max(0.0, parcel.late - self.clock.wall()))
        if self.clock.stopping and not self.halt:
            self.halt.why = "the run was asked to stop"
        if not self.halt and not parcel.tried:
            parcel = self._reserved(parcel, sent)
        if self.halt:
            return None
        try:
            self.ledger.intend(parcel)
        except StateError as error:
            self.halt.stop(str(error), 7)
            return None
        except InternalError as error:
            self.halt.stop(str(error), 1)
            return None
        return parcel

    def _reserved(self, parcel: Parcel, sent: bool) -> Parcel:
        """Have the writer make room; a refusal before anything was sent is one of the whole run."""
        reserve = getattr(self.writer, "reserve", None)
        if reserve is None:
            return parcel
        try:
            reservation = reserve(parcel.batch)
        except TailraceError as error:
            self.halt.stop(str(error), 3 if isinstance(error, _REFUSALS) and not sent else 9)
        except Exception as error:  # noqa: BLE001  # a plugin's bug: kept with its traceback
            _log.exception("the destination failed while it made room for %s", parcel.batch.id)
            why = f"the destination's reserve() failed: {type(error).__name__}: {error}"
            self.halt.stop(why, 9)
        else:
            return attrs.evolve(parcel, batch=attrs.evolve(parcel.batch, reservation=reservation))
        return parcel

    def _timed(self, parcel: Parcel) -> tuple[list[Outcome], tuple[float, float], Trouble]:
        client = self.attempts.client
        began, waited = self.clock.monotonic(), client.waited
        outcomes, trouble = self.attempts.deliver(parcel.batch, parcel.tried_at, parcel.split)
        took = self.clock.monotonic() - began, client.waited - waited
        self.ledger.settle(parcel, outcomes, trouble.unclear)
        return outcomes, took, trouble

    def _collect(self, flying: dict[Future[Any], Batch], bugs: int) -> int:
        """Take in what has come back, waiting for at least one; give the bugs in a row."""
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            batch = flying.pop(future)
            outcomes, (seconds, waited), trouble = future.result()
            self.gate.learn(self.clock.monotonic(), seconds, waited, trouble.throttled)
            self._tell(batch, outcomes)
            if trouble.fatal is not None:
                self.halt.stop(
                    str(trouble.fatal), 7 if isinstance(trouble.fatal, StateError) else 9
                )
            if self.ledger.broken is not None:
                self.halt.stop(str(self.ledger.broken), 7)
            bugs = bugs + 1 if trouble.bug is not None else 0
            if bugs >= BUGS_IN_A_ROW:
                self.halt.stop(f"the destination failed {bugs} times in a row: {trouble.bug}", 9)
        return bugs

    def _tell(self, batch: Batch, outcomes: list[Outcome]) -> None:
        if self.observe is not None:
            self.observe(batch, outcomes)


def _shares(batch: Batch, flying: dict[Future[Any], Batch]) -> bool:
    """Tell whether a key of the batch is on its way already: records of one key keep their order."""
    if not batch.schema.key or batch.action != "append":
        return False
    keys = {record.key for record in batch}
    return any(record.key in keys for other in flying.values() for record in other)
