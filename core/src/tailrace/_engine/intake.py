"""Intake: a sync's source, opened, checked and mapped, and why its reading ended."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import attrs

from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.execution import Execution
from tailrace._engine.flow import Records, Refuse, Rows
from tailrace._engine.mapping import Mapper
from tailrace._engine.opening import open_mapper, open_source
from tailrace._engine.preparing import Prepared
from tailrace._engine.reading import Reading, open_reading
from tailrace._engine.state import State
from tailrace.errors import PreflightError, StateError, WriteError
from tailrace.outcomes import Status
from tailrace.records import Mode

_log = logging.getLogger("tailrace")

T = TypeVar("T")


@attrs.frozen
class Intake:
    """Read for one run."""

    execution: Execution
    writer: Any
    reading: Reading
    mapping: Mapper

    @classmethod
    @contextmanager
    def open(
        cls, run: Execution, writer: Any, refuse: Refuse | None = None, cursor: Any = None
    ) -> Iterator["Intake"]:
        """Open the source; nothing is read, but what it declares is checked."""
        refuse = refuse or run.ledger.refuse
        with ExitStack() as stack:
            mapping = open_mapper(run.prepared, refuse, writer)
            source = stack.enter_context(open_source(run.prepared, run.client, cursor))
            halt = run.delivery.halt if run.delivery is not None else None
            reading = open_reading(
                source,
                _unnamed(run, refuse),
                lambda: bool(halt) or run.clock.stopping,
                position=position_of(run.prepared, run.state),
            )
            stack.callback(reading.close)
            run.run.reading = reading
            if reading.schema is not None:
                mapping.check(reading.schema)
            yield cls(run, writer, reading, mapping)

    @property
    def position(self) -> str | None:
        """Give the position at the end of what was read, as the ledger keeps it."""
        position = self.reading.position
        if position is None or not resumes(self.execution.prepared):
            return None
        try:
            return encode_value(position)
        except TypeError as error:
            told = f"the source's position cannot be kept: it has {error}; give what JSON can hold"
            raise PreflightError(told) from None

    def pages(self) -> Iterator[Records]:
        """Give the mapped records."""
        return self.mapping.map(self._first_checked())

    def _first_checked(self) -> Iterator[Rows]:
        """Check the first rows of a source that declares no schema, before anything is sent."""
        run = self.execution
        unchecked = self.reading.schema is None and self.mapping.accepts is not None
        for page in self.reading:
            if unchecked and page.rows:
                unchecked = False
                try:
                    self.mapping.check(page.schema)
                except PreflightError as error:
                    run.ending.stop(3, str(error))
                    for number in page.numbers:
                        told = "not sent: the source does not fit the destination"
                        run.ledger.fail(number, told)
                    return
            yield page

    def guarded(self, items: Iterable[T]) -> Iterator[T]:
        """End the stream where the state, or the source beside it, does not let it go on."""
        run = self.execution
        try:
            yield from items
        except (PreflightError, StateError) as error:
            run.ending.cut_off(error.exit_code, str(error))

    def conclude(self) -> None:
        """Say why the run ended early, and make a replacement visible if it did not."""
        run, reading = self.execution, self.reading
        ending, counts = run.ending, run.ledger.account.counts
        if reading.problem is not None:
            sent = counts[Status.DELIVERED] + counts[Status.IN_DOUBT]
            ending.stop(9 if sent else 3, str(reading.problem))
        conclude(run)
        if run.clock.stopping and not reading.complete and not ending.codes:
            ending.stop(9, "the run was asked to stop")
        commit(run, self.writer, bool(reading.read))
        ending.warnings += [
            f"the mapped field {name!r} was in no record"
            for name in self.mapping.unused()
            if reading.read
        ]


def resumes(prepared: Prepared) -> bool:
    """Tell whether a sync reads on from where its source was read to."""
    return prepared.cursor is None and prepared.mode not in (Mode.MIRROR, Mode.REPLACE)


def position_of(prepared: Prepared, state: State | None) -> Any:
    """Give the position that a sync's source is to be read on from; None for its start."""
    told = state.store.meta("position") if state is not None and resumes(prepared) else None
    return None if told is None else decode_value(told)


def conclude(run: Execution) -> None:
    """Say why nothing more was sent."""
    halt = run.delivery.halt if run.delivery is not None else None
    if halt and not run.ending.codes:
        run.ending.stop(halt.code, halt.why or "")


def commit(run: Execution, writer: Any, read: bool) -> None:
    """Let the writer end what belongs together; a replacement only when all of it arrived."""
    done = getattr(writer, "commit", None)
    if done is None:
        return
    ledger, replace = run.ledger, run.prepared.mode is Mode.REPLACE
    # Where every record was refused, emptiness is hardly meant.
    whole = not run.ending.codes and run.settled
    whole = whole and bool(ledger.account.counts[Status.DELIVERED] or not read)
    if replace and not whole:
        ledger.unpublish("not shown: a replacement is shown only when all of it arrived")
        return
    try:
        done()
    except Exception as error:  # noqa: BLE001  # a plugin's bug: kept with its traceback
        if replace:
            ledger.unpublish(str(error))
        if isinstance(error, WriteError):
            run.ending.stop(9, str(error))
        else:
            _log.exception("the destination's commit() failed")
            told = f"the destination's commit() failed: {type(error).__name__}: {error}"
            run.ending.stop(1, told)


def _unnamed(run: Execution, refuse: Refuse) -> Refuse:
    """Refuse what is no record: by its number, unless that could be taken for a key."""
    if not run.prepared.key:
        return refuse
    return lambda _, reason, message: refuse(None, reason, message)
