"""Plans: which row each record of a batch goes to, from `reserve` until it is written."""

import itertools
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import Shown, Unfit, same
from tailrace_sheets._tab import Row, Tab


@attrs.define
class Entry:
    """Hold where a record goes and what its cells are.

    new: the row is to be empty yet. sent: it may stand there already, as it was sent before.
    missed: it was looked for since, and was not there. tried: a process that died was to add it.
    """

    row: int
    cells: list[Shown]
    new: bool = True
    sent: bool = False
    missed: bool = False
    tried: bool = False


@attrs.define(eq=False)
class Plan:
    """Hold the entries of a batch by their records' keys, and the answers that are known.

    sure: nothing can have changed since the rows were chosen. first, above: its first row, and the
    marks of some rows above that, the lowest last. sent: a request for them may have been sent.
    """

    entries: dict[Any, Entry]
    answered: dict[Any, tailrace.Outcome]
    formats: Mapping[int, Mapping[str, str]]
    sure: bool = False
    first: int = 0
    above: Sequence[str] = ()
    sent: bool = False

    def of(self, batch: tailrace.Batch) -> dict[Any, Entry]:
        """Give the entries of a batch, which may be a part of the one that was planned."""
        return {
            record.key: self.entries[record.key] for record in batch if record.key in self.entries
        }

    def answered_of(self, batch: tailrace.Batch) -> Iterator[tailrace.Outcome]:
        """Give the answers for those records of a batch that need no sending."""
        return (self.answered[record.key] for record in batch if record.key in self.answered)

    def done(self, batch: tailrace.Batch) -> None:
        """Let go of what has been written."""
        for record in batch:
            self.entries.pop(record.key, None)
            self.answered.pop(record.key, None)


@attrs.frozen
class Plans:
    """Keep the plans of batches that are on their way."""

    tab: Tab
    _run: str = attrs.field(factory=lambda: uuid.uuid4().hex[:8], init=False)
    _kept: dict[str, Plan] = attrs.field(factory=dict, init=False)
    _count: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def keep(self, plan: Plan, name: str | None = None) -> str:
        """Keep a plan, and give its name: the one that it had, or one that no other run has."""
        with self._lock:
            kept = name or f"{self._run}-{next(self._count)}"
            self._kept[kept] = plan
        return kept

    def find(self, batch: tailrace.Batch) -> Plan | None:
        """Give the plan that a batch, or the one it is a part of, was reserved with."""
        with self._lock:
            return self._kept.get((batch.reservation or {}).get("plan", ""))

    def done(self, batch: tailrace.Batch, plan: Plan) -> None:
        """Let go of a batch that is written, and of its plan when all of that is."""
        plan.done(batch)
        if not plan.entries and not plan.answered:
            with self._lock:
                self._kept.pop(batch.reservation["plan"], None)


def lay_out(tab: Tab, batch: tailrace.Batch, empty: Shown = None) -> Plan:
    """Turn a batch's records into cells, without rows yet; `empty` is what None becomes."""
    places = tab.columns.place(batch.schema.names)
    columns = {
        name: (at, field.type)
        for name, at, field in zip(batch.schema.names, places, batch.schema, strict=True)
    }
    wide = max(places, default=-1) + 1
    plan = Plan({}, {}, tab.formats(batch.schema))
    for record in batch:
        cells: list[Shown] = [None] * wide
        name = ""
        try:
            for name, value in record.values.items():
                at, kind = columns[name]
                cells[at] = empty if value is None else tab.cells.of(value, kind)
        except Unfit as unfit:
            plan.answered[record.key] = batch.outcome(
                record, rejected=f"field {name!r}: {unfit}", reason=unfit.reason
            )
        else:
            plan.entries[record.key] = Entry(0, cells)
    return plan


def rows_of(entries: Mapping[Any, Entry]) -> list[Row]:
    """Give entries as ascending rows."""
    return sorted(((entry.row, entry.cells) for entry in entries.values()), key=lambda row: row[0])


def holds(
    entry: Entry,
    there: Sequence[Any],
    parsed: Collection[int] = (),
    but: Collection[int] = (),
) -> bool:
    """Tell whether a row that was read has all cells of an entry; parsed ones by their text.

    but: columns that do not count.
    """
    for column, mine in enumerate(entry.cells):
        if mine is None or column in but:
            continue
        found = there[column] if column < len(there) else None
        if not same(found, mine) and not (column in parsed and str(found) == str(mine)):
            return False
    return True


def filled(there: Sequence[Any]) -> bool:
    """Tell whether a row that was read holds anything."""
    return any(value not in (None, "") for value in there)


def answers(
    batch: tailrace.Batch, plan: Plan, others: Mapping[Any, tailrace.Outcome]
) -> Sequence[tailrace.Outcome]:
    """Answer for each record of a batch: delivered, unless another answer is known."""
    return [
        plan.answered.get(record.key) or others.get(record.key) or batch.outcome(record)
        for record in batch
    ]
