"""Upsert: rows are found by their key, compared with what the sheet holds, and only then written."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import Cell, Unfit, same
from tailrace_sheets._ranges import Span, groups, rows, spans
from tailrace_sheets._rows import Layout, Placed, layout, refusal, write
from tailrace_sheets._tab import Tab

_ROWS = 20_000
"""Rows that are read at a time."""
_SPANS = 25
_TRIES = 4

Key = tuple[Any, ...]


@attrs.define
class UpsertWriter:
    """Know the row of every key; read rows again right before they are written.

    People sort, insert and delete rows meanwhile: a row whose key has changed is never written.
    """

    tab: Tab
    key: Sequence[str]
    formulas: Sequence[str]
    next_row: int = 2
    _index: dict[Key, int] = attrs.field(factory=dict, init=False)
    _doubled: dict[Key, list[int]] = attrs.field(factory=dict, init=False)
    _fresh: set[Key] = attrs.field(factory=set, init=False)
    _placed: dict[Any, Placed | Unfit] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def learn(self) -> None:
        """Read the key's columns, and where the tab ends."""
        last = self.tab.last_row()
        self.tab.empty = last == 0
        columns = self._key_columns()
        found: dict[Key, list[int]] = {}
        if columns is not None and last > 1:
            for row, cells in self._read([Span(2, last)]):
                key = _key(cells, columns)
                if any(part not in ("", None) for _, part in key):
                    found.setdefault(key, []).append(row)
        pending = {key: self._index[key] for key in self._fresh if key not in found}
        self._index = {key: places[0] for key, places in found.items()} | pending
        self._doubled = {key: places for key, places in found.items() if len(places) > 1}
        self.next_row = max(self.next_row, max(last, 1) + 1)

    def reserve(self, batch: tailrace.Batch) -> dict[str, int]:
        """Find each record's row, and give a new one to those that have none."""
        with self._lock:
            found = layout(self.tab, batch.schema)
            first = self.next_row
            for record in batch:
                try:
                    self._placed[record.key] = self._place(record, found)
                except Unfit as unfit:
                    self._placed[record.key] = unfit
            self.tab.make_room(self.next_row - 1, found.formats())
            return {"first": first, "last": self.next_row - 1}

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        """Write what is new or differs; what the sheet holds already is skipped."""
        unchanged: set[Any] = set()
        for _ in range(_TRIES):
            held = {record.key: self._placed[record.key] for record in batch}
            there = {
                each.row: key
                for key, each in held.items()
                if isinstance(each, Placed) and not each.fresh
            }
            moved, unchanged = self._compare(there, held)
            if not moved:
                break
            self._find_again(batch, moved)
        else:
            raise tailrace.RetryableError(
                f"tab {self.tab.title!r}: its rows keep moving while they are written"
            )
        changed = [
            each for key, each in held.items() if isinstance(each, Placed) and key not in unchanged
        ]
        write(self.tab, changed, self.formulas)
        return [self._answer(batch, record, record.key in unchanged) for record in batch]

    def _answer(
        self, batch: tailrace.Batch, record: tailrace.Record, unchanged: bool
    ) -> tailrace.Outcome:
        placed = self._placed.pop(record.key)
        if isinstance(placed, Unfit):
            return refusal(batch, record, placed)
        if unchanged:
            message = "the sheet holds exactly this"
            return batch.outcome(record, skipped=message, reason="unchanged")
        if placed.fresh:
            with self._lock:
                self._fresh.discard(_key(placed.cells, self._key_columns() or []))
        return batch.outcome(record)

    def _place(self, record: tailrace.Record, found: Layout) -> Placed:
        cells = found.cells(record, unset="")
        key = _key(cells, self._key_columns() or [])
        if key in self._doubled:
            places = " and ".join(map(str, self._doubled[key]))
            raise Unfit(
                "double_in_sheet",
                f"its key stands in rows {places} of tab {self.tab.title!r}; remove all but one",
            )
        row = self._index.get(key)
        if row is not None:
            return Placed(row, cells, fresh=key in self._fresh)
        row = self._index[key] = self.next_row
        self._fresh.add(key)
        self.next_row += 1
        return Placed(row, cells)

    def _compare(
        self, there: dict[int, Any], held: dict[Any, Placed | Unfit]
    ) -> tuple[set[Any], set[Any]]:
        """Tell which records' rows have moved, and which hold what they should."""
        moved, unchanged = set(there.values()), set()
        columns = self._key_columns() or []
        for group in groups(spans(there, _SPANS), _ROWS):
            for row, cells in self._read(group):
                key = there.get(row)
                placed = held.get(key)
                if not isinstance(placed, Placed) or _key(cells, columns) != _key(
                    placed.cells, columns
                ):
                    continue
                moved.discard(key)
                if _holds(cells, placed.cells):
                    unchanged.add(key)
        return moved, unchanged

    def _find_again(self, batch: tailrace.Batch, moved: set[Any]) -> None:
        with self._lock:
            self.learn()
            found = layout(self.tab, batch.schema)
            for record in batch:
                if record.key in moved:
                    try:
                        self._placed[record.key] = self._place(record, found)
                    except Unfit as unfit:
                        self._placed[record.key] = unfit
                elif isinstance(placed := self._placed[record.key], Placed) and not placed.fresh:
                    self._placed[record.key] = self._place(record, found)
            self.tab.make_room(self.next_row - 1, {})

    def _key_columns(self) -> list[int] | None:
        if not all(name in self.tab.header for name in self.key):
            return None
        return [self.tab.header.index(name) for name in self.key]

    def _read(self, wanted: Iterable[Span]) -> Iterator[tuple[int, list[Cell]]]:
        for group in groups(wanted, _ROWS):
            ranges = [
                rows(self.tab.title, each.first, min(each.last, self.tab.rows)) for each in group
            ]
            found = self.tab.api.read(ranges, formulas=bool(self.formulas))
            for span, lines in zip(group, found, strict=True):
                yield from enumerate(lines, span.first)


def _key(cells: Sequence[Cell], columns: Sequence[int]) -> Key:
    """Give a key that tells true from 1 and text from numbers, as the sheet does."""
    values = [cells[at] if at < len(cells) else None for at in columns]
    return tuple((isinstance(value, bool), value) for value in values)


def _holds(theirs: Sequence[Cell], mine: Sequence[Cell]) -> bool:
    return all(
        value is None or same(value, theirs[at] if at < len(theirs) else None)
        for at, value in enumerate(mine)
    )


def open_upsert(tab: Tab, key: Sequence[str], formulas: Sequence[str]) -> UpsertWriter:
    """Learn which keys the tab holds."""
    tab.check(key)
    writer = UpsertWriter(tab, key, formulas)
    writer.learn()
    return writer
