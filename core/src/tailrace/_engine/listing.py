"""Listing: every outcome of a run by itself, from what its state keeps until the next run begins.

Most follow from the plan and the ledger. What follows from neither is noted as it happens: the
records that were skipped, and those that came into no batch.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

import attrs
import orjson

from tailrace._engine.arrow import connect
from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.columnar import listed
from tailrace._engine.disk import appended, unwritable
from tailrace._engine.lines import read
from tailrace._engine.state import NOTES, OF_A_RUN, SKIPS, State, read_state
from tailrace._engine.store import Row
from tailrace.errors import StateError
from tailrace.outcomes import Outcome, Status

_BUFFER = 500
"""Notes that are written together."""


@attrs.define(eq=False)
class Notes:
    """Note the outcomes of one run that follow from nothing else."""

    path: Path
    skips: Path
    """Where a comparison too large for memory puts the names of what it skips."""
    _waiting: list[bytes] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    @classmethod
    def of(cls, folder: Path, run: int) -> "Notes":
        """Give those of a run."""
        return cls(folder / NOTES.format(run), folder / SKIPS.format(run))

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Note outcomes."""
        lines = [
            orjson.dumps([encode_value(each.key), each.status, each.reason, each.message]) + b"\n"
            for each in outcomes
        ]
        with self._lock:
            self._waiting += lines
            if len(self._waiting) >= _BUFFER:
                self._write()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            try:
                with appended(self.path) as file:
                    file.write(b"".join(self._waiting))
            except OSError as error:
                raise unwritable(self.path.parent, error) from None
            self._waiting.clear()


def outcomes_of(
    root: Path, sync: str, run: int, counts: Mapping[Status, int], why: str
) -> Iterator[Outcome]:
    """Give every outcome of a run; StateError where a later run has taken some of it away.

    counts: how many of each kind there are. why: what is told of records that were answered for
    together, of which nothing else is known.
    """
    left = Counter(counts)
    with read_state(root, sync) as state:
        if state is not None:
            for each in _each(state, run, why):
                hidden = each.status is Status.DELIVERED and not counts[Status.DELIVERED]
                # A replacement that nobody gets to see.
                told = {"status": "failed", "reason": "not_shown", "message": why} if hidden else {}
                outcome = attrs.evolve(each, **told)
                left[outcome.status] -= 1
                yield outcome
    for status in (Status.FAILED, Status.IN_DOUBT):
        for _ in range(left.pop(status, 0)):
            yield Outcome(None, status, reason="not_sent", message=why)
    if any(left.values()):
        raise StateError(
            f"the outcomes of this run of {sync!r} are no longer all there: they are kept until the"
            " next run begins"
        )


def _each(state: State, run: int, why: str) -> Iterator[Outcome]:
    answers: dict[str, dict[int, Row]] = {}
    for row in state.store.each("answers", "run = ?", run):
        answers.setdefault(row["file"], {})[row["number"]] = row
    yield from map(_answered, answers.pop("", {}).values())
    for name in _plans(state, run):
        yield from _planned(state, run, name, answers.get(name, {}), why)
    notes = Notes.of(state.folder, run)
    if notes.path.exists():
        yield from _noted(notes.path)
    if notes.skips.exists():
        yield from _skipped(notes.skips)


def _plans(state: State, run: int) -> list[str]:
    """Name the run's plans as they were named while it went on."""
    names = {
        row["name"].removeprefix("done-")
        for row in state.store.rows("files", f"run = ? AND {OF_A_RUN}", run)
    }
    names |= {row["file"] for row in state.store.rows("batches", "run = ? AND file <> ''", run)}
    return sorted(names)


def _planned(
    state: State, run: int, name: str, answers: Mapping[int, Row], why: str
) -> Iterator[Outcome]:
    """Give the outcomes of a plan's records: delivered, if nothing else is said."""
    path = state.path(f"done-{name}")
    path = path if path.exists() else state.path(name)
    if not path.exists():
        return
    batches = state.store.rows("batches", "run = ? AND file = ? ORDER BY offset", run, name)
    with path.open("rb") as file:
        for batch in batches:
            sent = Status.IN_DOUBT if batch["tally"] is None else Status.DELIVERED
            for change in map(read, islice(file, batch["count"])):
                row = answers.get(change.number)
                yield Outcome(change.key, sent) if row is None else _answered(row)
        for change in map(read, file):
            yield Outcome(change.key, Status.FAILED, reason="not_sent", message=why)


def _answered(row: Row) -> Outcome:
    return Outcome(
        decode_value(row["key"]),
        row["status"],
        reason=row["reason"],
        message=row["message"],
        remote_id=row["remote_id"],
    )


def _noted(path: Path) -> Iterator[Outcome]:
    with path.open("rb") as file:
        for line in file:
            key, status, reason, message = orjson.loads(line)
            yield Outcome(decode_value(key), status, reason=reason, message=message)


def _skipped(path: Path) -> Iterator[Outcome]:
    with closing(connect()) as connection:
        for name, reason in listed(connection, path):
            yield Outcome(decode_value(name), Status.SKIPPED, reason=reason)
