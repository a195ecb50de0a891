"""Marks: rows are told apart by what stands in the columns that were written."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import attrs

from tailrace_sheets import _ranges
from tailrace_sheets._tab import Tab

_CELLS_AT_ONCE = 200_000


@attrs.frozen
class Marks:
    """Give a row a mark by some columns; a row that holds nothing there has an empty one."""

    columns: tuple[int, ...]

    def of(self, cells: Sequence[Any]) -> str:
        """Give a row's mark."""
        held = [_plain(cells[at]) if at < len(cells) else None for at in self.columns]
        if all(cell is None for cell in held):
            return ""
        return blake2b(json.dumps(held).encode(), digest_size=8).hexdigest()

    def read(self, tab: Tab, first: int, last: int) -> list[str]:
        """Give the marks of a tab's rows, from the first to the last, as far as the grid goes."""
        columns = [at for at in self.columns if at < tab.grid.columns]
        last = min(last, tab.grid.rows)
        if not columns:
            return [""] * (last - first + 1)
        left, right = min(columns), max(columns)
        at_once = max(1, _CELLS_AT_ONCE // (right - left + 1))
        found: list[str] = []
        for start in range(first, last + 1, at_once):
            end = min(last, start + at_once - 1)
            name = _ranges.block(tab.title, (start, end), (left, right))
            (rows,) = tab.book.read(name, formulas=True)
            found += [self.of([*[None] * left, *cells]) for cells in rows]
            found += [""] * (end - first + 1 - len(found))
        return found


def marks_of(tab: Tab, names: Sequence[str]) -> Marks:
    """Give what the rows of these fields are known by, which is not what Google has parsed."""
    parsed = set(tab.parsed())
    return Marks(tuple(at for at in (tab.columns[name] for name in names) if at not in parsed))


def _plain(cell: Any) -> Any:
    """Give a cell as it is compared: 1 and 1.0 are one, nothing and empty text are one."""
    if cell is None or cell == "":
        return None
    return cell if isinstance(cell, (bool, str)) else float(cell) + 0.0
