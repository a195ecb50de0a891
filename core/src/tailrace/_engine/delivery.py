"""Delivery: batches go out on threads, and come back with one outcome a record."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import attrs

from tailrace._engine.attempts import Attempts
from tailrace._engine.clock import Clock
from tailrace._engine.ledger import Ledger
from tailrace.errors import FatalError, PreflightError, RejectedError, TailraceError
from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch

_log = logging.getLogger("tailrace")

MOST_IN_FLIGHT = 64
"""Batches at once, where the plugin declares no ceiling."""

BUGS_IN_A_ROW = 3
"""Batches that may end in an exception of the plugin's one after another before the run stops."""


_REFUSALS = (FatalError, PreflightError, RejectedError)


@attrs.define
class Gate:
    """Find out how many batches at once are worth it.

    From one up while answers take time; half as many when the service asks to slow down.
    """

    ceiling: int
    allowed: float = 1.0
    _climbing: bool = True

    def learn(self, seconds: float, throttled: bool) -> None:
        """Take in how one batch went."""
        if throttled:
            self.allowed = max(1.0, self.allowed / 2)
            self._climbing = False
        elif seconds > 0.002:
            self.allowed = min(self.ceiling, self.allowed + (1.0 if self._climbing else 0.1))


@attrs.define
class Halt:
    """Say why nothing more is sent, and with which exit code the run ends for it."""

    why: str | None = None
    code: int = 9

    def __bool__(self) -> bool:
        return self.why is not None


@attrs.frozen
class Delivery:
    """Deliver batches through a writer; the thread that calls `run` alone touches the ledger."""

    writer: Any
    attempts: Attempts
    ledger: Ledger
    clock: Clock
    gate: Gate
    halt: Halt = attrs.field(factory=Halt)
    observe: Callable[[Batch, list[Outcome]], None] | None = None

    def run(self, batches: Iterable[Batch]) -> None:
        """Deliver all batches; after a halt, the rest is settled as failed without being sent."""
        reserve = getattr(self.writer, "reserve", None)
        flying: dict[Future[Any], Batch] = {}
        bugs, sent = 0, False
        with ThreadPoolExecutor(self.gate.ceiling, thread_name_prefix="tailrace") as pool:
            try:
                for batch in batches:
                    while flying and (
                        len(flying) >= int(self.gate.allowed)
                        or _shares(batch, flying)
                        or any(each.done() for each in flying)
                    ):
                        bugs = self._collect(flying, bugs)
                    if self.clock.stopping and not self.halt:
                        self.halt.why = "the run was asked to stop"
                    if not self.halt and reserve is not None:
                        batch = self._reserved(batch, reserve, sent)  # noqa: PLW2901  # the same batch, with its place
                    if self.halt:
                        self._settle(batch, _all_failed(batch, f"not sent: {self.halt.why}"))
                        continue
                    sent = True
                    self.ledger.intend(batch)
                    flying[pool.submit(self._timed, batch)] = batch
                while flying:
                    bugs = self._collect(flying, bugs)
            except KeyboardInterrupt:
                # What waits to be sent again gives up, so that the threads come to their end.
                self.clock.ask_to_stop()
                raise
            finally:
                while flying:
                    bugs = self._collect(flying, bugs)

    def _reserved(self, batch: Batch, reserve: Callable[[Batch], Any], sent: bool) -> Batch:
        """Have the writer make room; a refusal before anything was sent is one of the whole run."""
        try:
            return attrs.evolve(batch, reservation=reserve(batch))
        except TailraceError as error:
            self.halt.why = str(error)
            if isinstance(error, _REFUSALS) and not sent:
                self.halt.code = 3
        except Exception as error:  # noqa: BLE001  # a plugin's bug: kept with its traceback
            _log.exception("the destination failed while it made room for batch %s", batch.id)
            self.halt.why = f"the destination's reserve() failed: {type(error).__name__}: {error}"
        return batch

    def _timed(self, batch: Batch) -> tuple[list[Outcome], float, Any]:
        began = self.clock.monotonic()
        outcomes, trouble = self.attempts.deliver(batch)
        return outcomes, self.clock.monotonic() - began, trouble

    def _collect(self, flying: dict[Future[Any], Batch], bugs: int) -> int:
        """Settle what has come back, waiting for at least one; give the bugs in a row."""
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            batch = flying.pop(future)
            outcomes, seconds, trouble = future.result()
            self.gate.learn(seconds, trouble.throttled)
            self._settle(batch, outcomes)
            if trouble.fatal is not None and not self.halt:
                self.halt.why = str(trouble.fatal)
            bugs = bugs + 1 if trouble.bug is not None else 0
            if bugs >= BUGS_IN_A_ROW and not self.halt:
                self.halt.why = f"the destination failed {bugs} times in a row: {trouble.bug}"
        return bugs

    def _settle(self, batch: Batch, outcomes: list[Outcome]) -> None:
        self.ledger.settle(batch, outcomes)
        if self.observe is not None:
            self.observe(batch, outcomes)


def _shares(batch: Batch, flying: dict[Future[Any], Batch]) -> bool:
    """Tell whether a key of the batch is on its way already: records of one key keep their order."""
    if not batch.schema.key or batch.action != "append":
        return False
    keys = {record.key for record in batch}
    return any(record.key in keys for other in flying.values() for record in other)


def _all_failed(batch: Batch, why: str) -> list[Outcome]:
    return [Outcome(each.key, Status.FAILED, reason="not_sent", message=why) for each in batch]
