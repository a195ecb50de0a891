"""Append: each batch gets rows of its own below all that is there, before it is sent."""

import threading
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import attrs

import tailrace
from tailrace_sheets._evidence import ABOVE, Fate, Verdict, judge
from tailrace_sheets._marks import marks_of
from tailrace_sheets._plans import Entry, Plan, Plans, answers, filled, lay_out, rows_of
from tailrace_sheets._tab import Tab


@attrs.define(eq=False)
class Appender:
    """Write batches to rows that were chosen before, and tell later whether they stand there.

    shared: people may change the tab meanwhile, so that rows are looked at before they are
    written; all but the first into a tab that was just found empty.
    """

    tab: Tab
    shared: bool = True
    _next: int | None = attrs.field(default=None, init=False)
    _first: int = attrs.field(default=0, init=False)
    _tail: dict[int, Sequence[Any]] = attrs.field(factory=dict, init=False)
    _plans: Plans = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @_plans.default
    def _no_plans(self) -> Plans:
        return Plans(self.tab)

    @property
    def identity(self) -> str:
        """Name the destination."""
        return self.tab.identity

    @property
    def height(self) -> int:
        """Give the number of rows that are taken, the header's with them."""
        return max(1, (self._next or 2) - 1)

    def knows(self, batch: tailrace.Batch) -> bool:
        """Tell whether a batch got its rows in this process."""
        return self._plans.find(batch) is not None

    def reserve(self, batch: tailrace.Batch) -> dict[str, Any]:
        """Give a batch its rows; a record that fits into no cell takes none.

        The marks of the rows above tell later whether rows were moved.
        """
        with self._lock:
            fresh = self._next is None
            first = self._begin()
            plan = lay_out(self.tab, batch)
            plan.sure = not self.shared or (fresh and first == 2)
            self._place(plan, plan.entries, batch, first)
            return {
                "plan": self._plans.keep(plan),
                "first": first,
                "last": first + len(plan.entries) - 1,
                "above": list(plan.above),
            }

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Write the reserved rows in one request, with what of the header is missing.

        Where a request for them may have been sent before, only what is not there.
        """
        plan = None if batch.reservation is None else self._plan(batch)
        if plan is None:
            batch = attrs.evolve(batch, reservation=self.reserve(batch))
            plan = self._plan(batch)
        assert plan is not None
        entries, doubtful = plan.of(batch), dict[Any, tailrace.Outcome]()
        if plan.sent and entries:
            verdict = self._judged(batch, plan)
            doubtful = {key: _in_doubt(key, plan) for key in verdict.keys(Fate.DOUBT)}
            absent = verdict.keys(Fate.ABSENT)
            entries = {key: entry for key, entry in entries.items() if key in absent}
        if entries:
            own = max(entry.row for entry in entries.values()) - self._first + 1
            self.tab.ensure(rows_of(entries), plan.formats, own)
            if not plan.sure:
                self._keep_clear(plan, entries, batch)
            plan.sure, plan.sent = not self.shared, True
            self._send(plan, entries)
        answer = answers(batch, plan, doubtful)
        self._plans.done(batch, plan)
        return answer

    def _send(self, plan: Plan, entries: Mapping[Any, Entry]) -> None:
        for entry in entries.values():
            entry.missed = False
        try:
            self.tab.put(rows_of(entries), plan.formats)
        except tailrace.RejectedError:
            for entry in entries.values():
                entry.missed = True
            raise

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records arrived, also after a crash and after people have moved rows."""
        plan = None if batch.reservation is None else self._plan(batch)
        if plan is None:
            return []
        fates = self._judged(batch, plan).fates if plan.of(batch) else {}
        outcomes = list(plan.answered_of(batch))
        for record in batch:
            match fates.get(record.key):
                case Fate.HERE:
                    outcomes.append(batch.outcome(record))
                case Fate.ABSENT:
                    told = "it did not arrive: the rows that it was to have are empty"
                    outcomes.append(batch.outcome(record, failed=told, reason="not_arrived"))
                case Fate.DOUBT:
                    outcomes.append(_in_doubt(record.key, plan))
        if set(fates.values()) <= {Fate.HERE}:
            self._plans.done(batch, plan)
        return outcomes

    def _begin(self) -> int:
        """Give the next free row, which the first time is looked for."""
        if self._next is None:
            if self.shared:
                self._tail = {**self.tab.bottom(ABOVE)}
            self._first = self._next = max([1, *self._tail]) + 1
        return self._next

    def _place(
        self, plan: Plan, entries: Mapping[Any, Entry], batch: tailrace.Batch, first: int
    ) -> None:
        """Give entries their rows, and note what stands above them."""
        marks = marks_of(self.tab, batch.schema.names)
        known = takewhile(self._tail.__contains__, range(first - 1, max(1, first - 1 - ABOVE), -1))
        plan.first = first
        plan.above = [marks.of(self._tail[row]) for row in known][::-1]
        for row, entry in enumerate(entries.values(), first):
            entry.row = row
        self._next = max(self._next or 0, first + len(entries))
        self._remember(entries)

    def _remember(self, entries: Mapping[Any, Entry]) -> None:
        """Keep the last rows, by which the place of the next ones is known again."""
        rows = self._tail | {entry.row: entry.cells for entry in list(entries.values())[-ABOVE:]}
        self._tail = dict(sorted(rows.items())[-2 * ABOVE :])

    def _plan(self, batch: tailrace.Batch) -> Plan | None:
        """Find a batch's plan, or make it again as it was in another process.

        None: these are some of the records that it was made for, and nobody knows which.
        """
        plan = self._plans.find(batch)
        if plan is not None:
            return plan
        held = batch.reservation
        with self._lock:
            self._begin()
            plan = lay_out(self.tab, batch)
            if len(plan.entries) != held["last"] - held["first"] + 1:
                return None
            for row, entry in enumerate(plan.entries.values(), held["first"]):
                entry.row = row
            plan.first, plan.above, plan.sent = held["first"], held["above"], True
            self._plans.keep(plan, held["plan"])
        return plan

    def _judged(self, batch: tailrace.Batch, plan: Plan) -> Verdict:
        """Look for entries that may have been sent, and complete those that are there.

        Columns that are entered as if typed take a request of their own, which may be missing.
        """
        entries = plan.of(batch)
        (header,) = self.tab.book.read(self.tab.rows(1, 1), formulas=True)
        self.tab.columns.compare([*header, []][0], batch.schema.names)
        verdict = judge(self.tab, marks_of(self.tab, batch.schema.names), plan, entries)
        parsed, here = self.tab.parsed(), verdict.keys(Fate.HERE)
        if parsed and here:
            there = self._read({key: entries[key] for key in here}, verdict.offset)
            lacking = {
                key: entries[key]
                for key in here
                if any(
                    filled(entries[key].cells[at : at + 1])
                    and not filled(there.get(entries[key].row, [])[at : at + 1])
                    for at in parsed
                )
            }
            if lacking and verdict.offset:
                # A formula that moves would look elsewhere.
                return attrs.evolve(
                    verdict, fates={**verdict.fates, **dict.fromkeys(lacking, Fate.DOUBT)}
                )
            self.tab.enter(rows_of(lacking))
        absent = {key: entries[key] for key in verdict.keys(Fate.ABSENT)}
        with self._lock:
            for entry in absent.values():
                entry.missed = True
                self._next = max(self._next or 0, entry.row + 1)
            self._remember(absent)
        return verdict

    def _read(self, entries: Mapping[Any, Entry], offset: int) -> dict[int, list[Any]]:
        """Read the rows of entries, formulas as such."""
        rows = [entry.row for entry in entries.values()]
        span = self.tab.rows(min(rows) + offset, max(rows) + offset)
        (found,) = self.tab.book.read(span, formulas=True)
        return dict(enumerate(found, min(rows)))

    def _keep_clear(self, plan: Plan, entries: Mapping[Any, Entry], batch: tailrace.Batch) -> None:
        """See whether rows are still free, and choose others where they are not.

        Where someone has inserted rows above or typed below, the entries get new rows: what
        stands in a sheet is never written over.
        """
        rows = [entry.row for entry in entries.values()]
        header, found = self.tab.book.read(
            self.tab.rows(1, 1), self.tab.rows(min(rows), max(rows)), formulas=True
        )
        self.tab.columns.compare([*header, []][0], batch.schema.names)
        there = dict(enumerate(found, min(rows)))
        if not any(filled(there.get(row, [])) for row in rows):
            return
        with self._lock:
            self.tab.grid.look()
            self._tail = {**self._tail, **self.tab.bottom(ABOVE)}
            first = max(self._next or 0, max(self._tail) + 1)
            self._place(plan, entries, batch, first)
        self.tab.log.warning(
            "tab %r: someone has added rows meanwhile; going on in row %d", self.tab.title, first
        )
        self.tab.ensure(rows_of(entries), {})


def _in_doubt(key: Any, plan: Plan) -> tailrace.Outcome:
    return tailrace.Outcome(
        key,
        tailrace.Status.IN_DOUBT,
        reason="moved",
        message=f"it was to have a row from row {plan.first} on, and people have changed what stands"
        " there; look whether it is in the sheet",
    )
