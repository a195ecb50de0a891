"""Keyed rows: keys are found in the sheet, and only what differs from it is written."""

import threading
from collections.abc import Container, Hashable, Mapping, Sequence
from typing import Any, Self

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._index import Index, read_index
from tailrace_sheets._plans import Entry, Plan, Plans, answers, filled, holds, lay_out, rows_of
from tailrace_sheets._remove import Remover
from tailrace_sheets._sight import Rows, Sight
from tailrace_sheets._tab import Tab

_TRIES = 4
"""How often rows are looked for again while people move them."""


@attrs.define(eq=False)
class Upserter:
    """Write new keys below all that is there, changed ones where they stand, and remove rows.

    Rows are read right before they are written: a row that holds another key by then, because
    someone has sorted or inserted, is never written to.
    """

    tab: Tab
    key: tuple[str, ...]
    _index: Index | None = attrs.field(default=None, init=False)
    _claims: dict[Hashable, int] = attrs.field(factory=dict, init=False)
    _read: int = attrs.field(default=0, init=False)
    _next: int = attrs.field(default=0, init=False)
    _first: int = attrs.field(default=0, init=False)
    _sight: Sight = attrs.field(init=False)
    _plans: Plans = attrs.field(init=False)
    _remover: Remover = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._sight = Sight(self.tab, self.key)
        self._plans = Plans(self.tab)
        self._remover = Remover(self.tab, self.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remover.close()

    @property
    def identity(self) -> str:
        """Name the destination."""
        return self.tab.identity

    def reserve(self, batch: tailrace.Batch) -> dict[str, Any]:
        """Find each record's row, and give those that have none a new one.

        The places of those in the batch are kept, by which another process knows them as ours.
        """
        if batch.action == "delete":
            return self._remover.reserve()
        plan = self._planned(batch, frozenset())
        added = [
            at
            for at, record in enumerate(batch)
            if record.key in plan.entries and plan.entries[record.key].new
        ]
        return {
            "plan": self._plans.keep(plan),
            "count": len(batch),
            "added": list(_ranges.runs(added)),
        }

    def _planned(self, batch: tailrace.Batch, tried: Container[Any]) -> Plan:
        with self._lock:
            fresh = self._index is None
            index = self._known()
            plan = lay_out(self.tab, batch, empty="")
            for record in batch:
                entry = plan.entries.get(record.key)
                if entry is not None:
                    entry.tried = record.key in tried
                    self._settle(index, plan, batch, record)
            # Nothing can be written over in a tab that was just found to be empty.
            plan.sure = fresh and index.last <= 1
        return plan

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Write what is new or has changed; what the sheet holds already is skipped."""
        if batch.action == "delete":
            try:
                return self._remover.write(batch)
            finally:
                self._index, self._next = None, 0
        plan = self._plans.find(batch)
        if plan is None:
            plan = self._planned(batch, _added(batch))
            batch = attrs.evolve(batch, reservation={"plan": self._plans.keep(plan)})
        skipped = self._find(batch, plan)
        entries = {key: entry for key, entry in plan.of(batch).items() if key not in skipped}
        if entries:
            self.tab.ensure(rows_of(entries), plan.formats, self._next - self._first)
            for entry in entries.values():
                entry.sent = True
            self.tab.put(rows_of(entries), plan.formats)
        answer = answers(batch, plan, skipped)
        self._plans.done(batch, plan)
        return answer

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records the sheet holds exactly, or which keys are gone from it."""
        if batch.action == "delete":
            return self._remover.lookup(batch)
        plan = lay_out(self.tab, batch, empty="")
        there = self._seen(batch, plan)
        parsed = self.tab.parsed()
        outcomes = list(plan.answered_of(batch))
        for record in batch:
            entry = plan.entries.get(record.key)
            if entry is None:
                continue
            told = None
            found = there.get(entry.row, [])
            if not filled(found):
                told = "its key is not in the sheet"
            elif not holds(entry, found, parsed):
                told = f"its row {entry.row} of the sheet is another"
            outcomes.append(batch.outcome(record, failed=told, reason="not_arrived"))
        return outcomes

    def _known(self) -> Index:
        if self._index is None:
            self._index = read_index(self.tab, self.key)
            self._first = self._next = max(self._next, self._index.last + 1)
        return self._index

    def _settle(
        self, index: Index, plan: Plan, batch: tailrace.Batch, record: tailrace.Record
    ) -> None:
        """Say where one record goes, or why it goes nowhere.

        Keys that differ may be the same as cells, as 0.1 and Decimal("0.1") are: the first one
        of a run claims the row.
        """
        entry = plan.entries[record.key]
        key = self._sight.key_in(entry.cells)
        answer = index.nowhere(batch, record, key)
        if answer is None:
            mine = hash(repr(record.key))
            row = index.rows.get(key)
            if self._claims.setdefault(key, mine) != mine:
                told = "its key is the same as a cell as that of another record of this read"
                answer = batch.outcome(record, rejected=told, reason="double_key")
            elif batch.action == "update" and row is None:
                told = "its key is not in the sheet"
                answer = batch.outcome(record, skipped=told, reason="not_found")
            elif (
                batch.action == "insert"
                and not (entry.sent or entry.tried)
                and 0 < (row or 0) <= index.last
            ):
                told = f"its key stands in row {row}"
                answer = batch.outcome(record, skipped=told, reason="exists")
        if answer is not None:
            plan.answered[record.key] = answer
            del plan.entries[record.key]
            return
        if row is None:
            row = index.rows[key] = self._next
            self._next += 1
        entry.row, entry.new = row, row > index.last

    def _find(self, batch: tailrace.Batch, plan: Plan) -> Mapping[Any, tailrace.Outcome]:
        """Make sure of each record's row; give the answers for records that need no writing."""
        if plan.sure:
            plan.sure = False
            return {}
        for _ in range(_TRIES):
            entries = plan.of(batch)
            seen = self._read
            if any(entry.new for entry in entries.values()):
                self.tab.ensure(rows_of(entries), plan.formats, self._next - self._first)
            there = self._sight.look(entries, batch.schema.names)
            if there is not None and self._all_stand(entries, there):
                return self._skipped(batch, entries, there)
            self._search(seen)
            with self._lock:
                for record in batch:
                    if record.key in plan.entries:
                        self._settle(self._known(), plan, batch, record)
        raise tailrace.RetryableError(
            f"tab {self.tab.title!r}: its rows keep being moved while they are written"
        )

    def _skipped(
        self, batch: tailrace.Batch, entries: Mapping[Any, Entry], there: Rows
    ) -> dict[Any, tailrace.Outcome]:
        """Answer for records that were not sent yet, and whose rows are as they are to be.

        A row that a dead process has added is written once more, so that it counts as delivered
        and no column of it is missing.
        """
        parsed = self.tab.parsed()
        skipped = {}
        for record in batch:
            entry = entries.get(record.key)
            found = [] if entry is None else there.get(entry.row, [])
            if entry is None or entry.sent or not filled(found):
                continue
            if entry.tried and holds(entry, found, but=parsed):
                continue
            if batch.action == "insert":
                told = f"its key stands in row {entry.row}"
                skipped[record.key] = batch.outcome(record, skipped=told, reason="exists")
            elif holds(entry, found, parsed):
                told = "the sheet holds exactly this"
                skipped[record.key] = batch.outcome(record, skipped=told, reason="unchanged")
        return skipped

    def _seen(self, batch: tailrace.Batch, plan: Plan) -> Rows:
        """Read the rows of a batch as they are now; those of keys that are nowhere are left out."""
        for _ in range(_TRIES):
            with self._lock:
                index, seen = self._known(), self._read
            for record in batch:
                entry = plan.entries.get(record.key)
                if entry is None:
                    continue
                key = self._sight.key_in(entry.cells)
                answer = index.nowhere(batch, record, key)
                if answer is not None:
                    plan.answered[record.key] = answer
                    del plan.entries[record.key]
                    continue
                entry.row = index.rows.get(key, 0)
                entry.new = entry.row > index.last
            entries = {key: entry for key, entry in plan.of(batch).items() if entry.row}
            there = self._sight.look(entries, batch.schema.names)
            if there is not None and self._all_stand(entries, there):
                return there
            self._search(seen)
        raise tailrace.RetryableError(
            f"tab {self.tab.title!r}: its rows keep being moved while they are read"
        )

    def _all_stand(self, entries: Mapping[Any, Entry], there: Rows) -> bool:
        return all(
            self._sight.stands(entry, there.get(entry.row, [])) for entry in entries.values()
        )

    def _search(self, seen: int) -> None:
        """Look for all keys again, once for all threads that found them moved."""
        with self._lock:
            if self._read != seen:
                return
            self.tab.grid.look()
            self._index = read_index(self.tab, self.key)
            self._next = max(self._next, self._index.last + 1)
            self._read += 1
        self.tab.log.warning(
            "tab %r: someone has moved rows meanwhile; its keys were read again", self.tab.title
        )


def _added(batch: tailrace.Batch) -> set[Any]:
    """Give the keys that a process that died was to add, by what it had kept of their places."""
    held = batch.reservation or {}
    if held.get("count") != len(batch):
        return set()
    keys = [record.key for record in batch]
    return {key for first, last in held["added"] for key in keys[first : last + 1]}
