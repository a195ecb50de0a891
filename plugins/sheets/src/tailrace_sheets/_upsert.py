"""Upsert: keys are found in the sheet, and only what differs from it is written."""

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._book import BOUNDARY
from tailrace_sheets._index import Index, key_of, read_index
from tailrace_sheets._plans import Entry, Plan, Plans, answers, filled, holds, lay_out, rows_of
from tailrace_sheets._tab import Tab

_TRIES = 4
"""How often rows are looked for again while people move them."""
_CELLS_AT_ONCE = 200_000
_BYTES_AT_ONCE = 4_000_000
_ADDRESS = 1_600
"""Characters that the ranges of one read may take in its address."""


_Range = tuple[int, str, int]
"""A range to read: its first column, its name and its first row."""


@attrs.define(eq=False)
class Upserter:
    """Write new keys below all that is there, and changed ones where they stand.

    Rows are read right before they are written: a row that holds another key by then, because
    someone has sorted or inserted, is never written to.
    """

    tab: Tab
    key: tuple[str, ...]
    _index: Index | None = attrs.field(default=None, init=False)
    _read: int = attrs.field(default=0, init=False)
    _next: int = attrs.field(default=0, init=False)
    _first: int = attrs.field(default=0, init=False)
    _plans: Plans = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @_plans.default
    def _no_plans(self) -> Plans:
        return Plans(self.tab)

    def reserve(self, batch: tailrace.Batch) -> dict[str, Any]:
        """Find each record's row, and give those that have none a new one."""
        with self._lock:
            fresh = self._index is None
            index = self._known()
            plan = lay_out(self.tab, batch, empty="")
            first = self._next
            for record in batch:
                if record.key in plan.entries:
                    self._settle(index, plan, batch, record, claims=True)
            # Nothing can be written over in a tab that was just found to be empty.
            plan.sure = fresh and index.last <= 1
            return {"plan": self._plans.keep(plan), "first": first, "last": self._next - 1}

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Write what is new or has changed; what the sheet holds already is skipped."""
        plan = self._plans.find(batch)
        if plan is None:  # the writer's own plan ended with a process
            batch = attrs.evolve(batch, reservation=self.reserve(batch))
            plan = self._plans.find(batch)
        assert plan is not None
        unchanged = self._find(batch, plan)
        entries = {key: entry for key, entry in plan.of(batch).items() if key not in unchanged}
        if entries:
            self.tab.ensure(rows_of(entries), plan.formats, self._next - self._first)
            for entry in entries.values():
                entry.sent = True
            self.tab.put(rows_of(entries), plan.formats)
        answer = answers(batch, plan, unchanged)
        self._plans.done(batch, plan)
        return answer

    def _known(self) -> Index:
        if self._index is None:
            self._index = read_index(self.tab, self.key)
            self._first = self._next = self._index.last + 1
        return self._index

    def _settle(
        self,
        index: Index,
        plan: Plan,
        batch: tailrace.Batch,
        record: tailrace.Record,
        *,
        claims: bool = False,
    ) -> None:
        """Say where one record goes, or why it cannot go anywhere.

        A row that a record of this run has claimed is kept as a negative number: keys that differ
        may be the same as cells, as 0.1 and Decimal("0.1") are.
        """
        entry = plan.entries[record.key]
        key = self._key(entry.cells)
        told = reason = None
        if key is None:
            told, reason = "its key is empty text, which names no row of a sheet", "no_key"
        elif key in index.twice:
            rows = " and ".join(str(row) for row in index.twice[key])
            told = f"its key stands in rows {rows} of tab {self.tab.title!r}; remove all but one"
            reason = "duplicate_in_sheet"
        row = None if key is None else index.rows.get(key)
        if told is None and claims and row is not None and row < 0:
            told = "its key is the same as a cell as that of another record of this read"
            reason = "double_key"
        if told is not None:
            plan.refused[record.key] = batch.outcome(record, rejected=told, reason=reason)
            del plan.entries[record.key]
            return
        entry.new = row is None
        if row is None:
            row = self._next
            self._next += 1
        entry.row = abs(row)
        index.rows[key] = -entry.row

    def _key(self, cells: Sequence[Any]) -> Any:
        places = [self.tab.columns[name] for name in self.key]
        return key_of([cells[at] if at < len(cells) else None for at in places])

    def _find(self, batch: tailrace.Batch, plan: Plan) -> set[Any]:
        """Make sure of each record's row; give the keys of the records that need no writing."""
        if plan.sure:
            plan.sure = False
            return set()
        for _ in range(_TRIES):
            entries = plan.of(batch)
            seen = self._read
            if any(entry.new for entry in entries.values()):
                self.tab.ensure(rows_of(entries), plan.formats, self._next - self._first)
            there = self._look(entries, batch)
            if there is not None and all(
                self._stands(entry, there.get(entry.row, [])) for entry in entries.values()
            ):
                parsed = self.tab.parsed()
                return {
                    key
                    for key, entry in entries.items()
                    if not entry.new
                    and not entry.sent
                    and holds(entry, there.get(entry.row, []), parsed)
                }
            self._search(batch, plan, seen)
        raise tailrace.RetryableError(
            f"tab {self.tab.title!r}: its rows keep being moved while they are written"
        )

    def _stands(self, entry: Entry, there: Sequence[Any]) -> bool:
        """Tell whether a row holds an entry's key, or nothing where it is to be a new one."""
        places = [self.tab.columns[name] for name in self.key]
        found = key_of([there[at] if at < len(there) else None for at in places])
        return found == self._key(entry.cells) or (entry.new and not filled(there))

    def _search(self, batch: tailrace.Batch, plan: Plan, seen: int) -> None:
        """Look for all keys again, once for all threads that found them moved."""
        with self._lock:
            if self._read == seen:
                self.tab.grid.look()
                self._index = read_index(self.tab, self.key)
                self._next = max(self._next, self._index.last + 1)
                self._read += 1
                self.tab.log.warning(
                    "tab %r: someone has moved rows meanwhile; its keys were read again",
                    self.tab.title,
                )
            index = self._known()
            for record in batch:
                if record.key in plan.entries:
                    self._settle(index, plan, batch, record)

    def _look(
        self, entries: dict[Any, Entry], batch: tailrace.Batch
    ) -> dict[int, list[Any]] | None:
        """Read the rows of entries, and the header; None when the grid has become smaller."""
        old = sorted(entry.row for entry in entries.values() if not entry.new)
        new = sorted(entry.row for entry in entries.values() if entry.new)
        whole = [(0, self.tab.rows(*each), each[0]) for each in [(1, 1), *_ranges.runs(new)]]
        try:
            places = [self.tab.columns[name] for name in (*batch.schema.names, *self.key)]
            rows = self._rows_at_once(entries)
            there = self._windows(old, min(places), max(places), rows, whole)
            self.tab.columns.compare(there.pop(1, []), batch.schema.names)
            for first, last in _ranges.runs(self.tab.parsed() if old else ()):
                for row, cells in self._windows(old, first, last, rows).items():
                    there[row] = _laid_over(there.get(row, []), cells, first, last)
        except tailrace.RejectedError as error:
            if BOUNDARY not in str(error):
                raise
            return None
        return there

    @staticmethod
    def _rows_at_once(entries: dict[Any, Entry]) -> int:
        """Tell how many rows as heavy as these an answer should hold."""
        some = [entry.cells for entry, _ in zip(entries.values(), range(100), strict=False)]
        heavy = sum(len(str(cell)) for cells in some for cell in cells) // max(1, len(some))
        return max(1, _BYTES_AT_ONCE // max(1, heavy))

    def _windows(
        self,
        rows: Sequence[int],
        left: int,
        right: int,
        at_once: int,
        whole: Sequence[_Range] = (),
    ) -> dict[int, list[Any]]:
        """Read some columns of some rows in as few requests as it takes; formulas as such.

        whole: ranges that are read in the first of the requests, and as the values they show.
        """
        right = min(right, self.tab.grid.columns - 1)
        length = len(quote(self._block(10**7, 10**7, left, right))) + len("ranges=&")
        cost = _ranges.Cost(
            max(1, _ADDRESS // length),
            max(1, min(at_once, _CELLS_AT_ONCE // max(1, right - left + 1))),
        )
        groups = [
            [(left, self._block(*each, left, right), each[0]) for each in group]
            for group in _ranges.grouped(_ranges.windows(rows, cost), cost)
        ]
        if whole:
            groups[:1] = [[*whole, *(groups[0] if groups else ())]]
        wanted = {*rows, *(first for _, _, first in whole)}
        there: dict[int, list[Any]] = {}
        for group in groups:
            names = [name for _, name, _ in group]
            found = self.tab.book.read(*names, formulas=not whole)
            for (skipped, _, first), lines in zip(group, found, strict=True):
                for row, cells in enumerate(lines, first):
                    if row in wanted or not skipped:
                        there[row] = [None] * skipped + cells
        return there

    def _block(self, first: int, last: int, left: int, right: int) -> str:
        return _ranges.block(self.tab.title, (first, last), (left, right))


def _laid_over(there: Sequence[Any], cells: Sequence[Any], first: int, last: int) -> list[Any]:
    """Put some columns of a row in place of the same columns as they were read before."""
    padded = [*there, *[None] * (last + 1 - len(there))]
    part = [*cells[first:], *[None] * (last + 1 - first)][: last + 1 - first]
    return [*padded[:first], *part, *padded[last + 1 :]]
