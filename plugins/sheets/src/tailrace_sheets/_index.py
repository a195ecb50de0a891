"""Where each key stands: read from the key's columns, and again after people have moved rows."""

from collections.abc import Hashable, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._tab import Tab

_AT_ONCE = 50_000
"""Rows of a key's columns in one read."""


def key_of(cells: Sequence[Any]) -> Hashable | None:
    """Give what the cells of a key are compared by, None when all are empty.

    1 and 1.0 are one key; 1, TRUE and the text "1" are three.
    """
    if all(cell in (None, "") for cell in cells):
        return None
    parts = tuple((cell,) if type(cell) is bool else "" if cell is None else cell for cell in cells)
    return parts if len(parts) > 1 else parts[0]


@attrs.define(eq=False)
class Index:
    """Know the row of each key; `last` is the tab's last row that holds anything."""

    title: str
    last: int
    rows: dict[Hashable, int] = attrs.field(factory=dict)
    twice: dict[Hashable, list[int]] = attrs.field(factory=dict)

    def add(self, key: Hashable, row: int) -> None:
        """Note where a key stands."""
        before = self.rows.setdefault(key, row)
        if before != row:
            self.twice.setdefault(key, [before]).append(row)

    def nowhere(
        self, batch: tailrace.Batch, record: tailrace.Record, key: Hashable | None
    ) -> tailrace.Outcome | None:
        """Answer for a record whose key names no row, or several."""
        if key is None:
            told = "its key is empty text, which names no row of a sheet"
            return batch.outcome(record, rejected=told, reason="no_key")
        if key not in self.twice:
            return None
        if batch.action == "insert":
            told = f"its key stands in row {self.twice[key][0]}"
            return batch.outcome(record, skipped=told, reason="exists")
        rows = " and ".join(str(row) for row in self.twice[key])
        told = f"its key stands in rows {rows} of tab {self.title!r}; remove all but one"
        return batch.outcome(record, rejected=told, reason="duplicate_in_sheet")


def read_index(tab: Tab, key: Sequence[str]) -> Index:
    """Read the key's columns of all rows, and nothing else but where the tab ends."""
    index = Index(tab.title, max(tab.last_row(), 1))
    if not all(name in tab.columns for name in key):
        return index
    places = [tab.columns[name] for name in key]
    for first in range(2, index.last + 1, _AT_ONCE):
        last = min(index.last, first + _AT_ONCE - 1)
        columns = tab.book.read(
            *(_ranges.block(tab.title, (first, last), (at, at)) for at in places)
        )
        for row in range(max(map(len, columns), default=0)):
            found = key_of([_only(column, row) for column in columns])
            if found is not None:
                index.add(found, first + row)
    return index


def _only(column: Sequence[Sequence[Any]], row: int) -> Any:
    return column[row][0] if row < len(column) and column[row] else None
