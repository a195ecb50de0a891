"""Append: each batch gets rows of its own below all that is there, before it is sent."""

import threading
from collections.abc import Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets._plans import Entry, Plan, Plans, answers, filled, holds, lay_out, rows_of
from tailrace_sheets._tab import Tab


@attrs.define(eq=False)
class Appender:
    """Write batches to explicit rows, so that sending one twice does no harm.

    shared: people may change the tab meanwhile, so that rows are looked at before they are
    written; all but the first into a tab that was just found empty.
    """

    tab: Tab
    shared: bool = True
    _next: int | None = attrs.field(default=None, init=False)
    _first: int = attrs.field(default=0, init=False)
    _plans: Plans = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @_plans.default
    def _no_plans(self) -> Plans:
        return Plans(self.tab)

    @property
    def height(self) -> int:
        """Give the number of rows that are taken, the header's with them."""
        return max(1, (self._next or 2) - 1)

    def reserve(self, batch: tailrace.Batch) -> dict[str, Any]:
        """Give a batch its rows; a record that fits into no cell takes none."""
        with self._lock:
            sure = not self.shared
            if self._next is None:
                last = self.tab.last_row() if self.shared else 1
                self._first = self._next = max(last, 1) + 1
                sure = last <= 1
            plan = lay_out(self.tab, batch)
            plan.sure = sure
            first = self._next
            self._spread(plan.entries, first)
            self._next += len(plan.entries)
            return {"plan": self._plans.keep(plan), "first": first, "last": self._next - 1}

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Write the reserved rows in one request, with what of the header is missing."""
        if batch.reservation is None:
            batch = attrs.evolve(batch, reservation=self.reserve(batch))
        plan = self._plan(batch)
        entries = plan.of(batch)
        if entries:
            own = max(entry.row for entry in entries.values()) - self._first + 1
            self.tab.ensure(rows_of(entries), plan.formats, own)
            if plan.sure or not self._are_there(entries, batch):
                plan.sure = not self.shared
                self.tab.put(rows_of(entries), plan.formats)
        answer = answers(batch, plan)
        self._plans.done(batch, plan)
        return answer

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records stand in the rows that were reserved for them."""
        plan = self._plan(batch)
        found = self._look(plan.of(batch))
        outcomes = []
        for record in batch:
            if record.key in plan.refused:
                outcomes.append(plan.refused[record.key])
                continue
            entry = plan.entries[record.key]
            there = found.get(entry.row, [])
            if filled(there) and holds(entry, there, self.tab.parsed()):
                outcomes.append(batch.outcome(record))
            elif not filled(there):
                told = "it did not arrive: the row that it was to have is empty"
                outcomes.append(batch.outcome(record, failed=told, reason="not_arrived"))
        return outcomes

    def _spread(self, entries: dict[Any, Entry], first: int) -> None:
        for row, entry in enumerate(entries.values(), first):
            entry.row = row

    def _plan(self, batch: tailrace.Batch) -> Plan:
        """Find a batch's plan, or make it again as it was, after a crash."""
        plan = self._plans.find(batch)
        if plan is None:
            plan = lay_out(self.tab, batch)
            self._spread(plan.entries, batch.reservation["first"])
        return plan

    def _look(self, entries: dict[Any, Entry]) -> dict[int, list[Any]]:
        """Read the rows of entries; those that the grid does not have are empty."""
        rows = [entry.row for entry in entries.values()]
        first, last = min(rows, default=1), min(max(rows, default=0), self.tab.grid.rows)
        if first > last:
            return {}
        (found,) = self.tab.book.read(self.tab.rows(first, last), formulas=self._parses())
        return dict(enumerate(found, first))

    def _parses(self) -> bool:
        return bool(self.tab.parsed())

    def _are_there(self, entries: dict[Any, Entry], batch: tailrace.Batch) -> bool:
        """See whether rows are still free; True when they hold the entries already.

        Where someone has inserted rows above or typed below, the entries get new rows: what
        stands in a sheet is never written over.
        """
        rows = [entry.row for entry in entries.values()]
        header, found = self.tab.book.read(
            self.tab.rows(1, 1), self.tab.rows(min(rows), max(rows)), formulas=self._parses()
        )
        self.tab.columns.compare([*header, []][0], batch.schema.names)
        there = dict(enumerate(found, min(rows)))
        if not any(filled(there.get(row, [])) for row in rows):
            return False
        parsed = self.tab.parsed()
        if all(holds(each, there.get(each.row, []), parsed) for each in entries.values()):
            return True
        self._move(entries)
        return False

    def _move(self, entries: dict[Any, Entry]) -> None:
        with self._lock:
            self.tab.grid.look()
            first = max(self._next or 0, self.tab.last_row() + 1)
            self._spread(entries, first)
            self._next = first + len(entries)
        self.tab.log.warning(
            "tab %r: someone has added rows meanwhile; going on in row %d", self.tab.title, first
        )
        self.tab.ensure(rows_of(entries), {})
