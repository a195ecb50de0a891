"""Sight: rows that are about to be written are read right before, in as few requests as it takes."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._book import BOUNDARY
from tailrace_sheets._index import key_of
from tailrace_sheets._plans import Entry, filled
from tailrace_sheets._tab import Tab

_CELLS_AT_ONCE = 200_000
_BYTES_AT_ONCE = 4_000_000
_ADDRESS = 1_600
"""Characters that the ranges of one read may take in its address."""

_Range = tuple[int, str, int]
"""A range to read: its first column, its name and its first row."""

Rows = dict[int, list[Any]]


@attrs.frozen
class Sight:
    """Read rows of a tab whose key stands in some of its columns."""

    tab: Tab
    key: tuple[str, ...]

    def key_in(self, cells: Sequence[Any]) -> Any:
        """Give the key that a row's cells hold, None when they hold none."""
        places = [self.tab.columns[name] for name in self.key]
        return key_of([cells[at] if at < len(cells) else None for at in places])

    def stands(self, entry: Entry, there: Sequence[Any]) -> bool:
        """Tell whether a row holds an entry's key, or nothing where it is to be a new one."""
        return self.key_in(there) == self.key_in(entry.cells) or (entry.new and not filled(there))

    def look(self, entries: Mapping[Any, Entry], names: Sequence[str]) -> Rows | None:
        """Read the rows of entries, and the header; None when the grid has become smaller."""
        old = sorted(entry.row for entry in entries.values() if not entry.new)
        new = sorted(entry.row for entry in entries.values() if entry.new)
        whole = [(0, self.tab.rows(*each), each[0]) for each in [(1, 1), *_ranges.runs(new)]]
        try:
            places = [self.tab.columns[name] for name in (*names, *self.key)]
            rows = _rows_at_once(entries)
            there = self._windows(old, min(places), max(places), rows, whole)
            self.tab.columns.compare(there.pop(1, []), names)
            for first, last in _ranges.runs(self.tab.parsed() if old else ()):
                for row, cells in self._windows(old, first, last, rows).items():
                    there[row] = _laid_over(there.get(row, []), cells, first, last)
        except tailrace.RejectedError as error:
            if BOUNDARY not in str(error):
                raise
            return None
        return there

    def _windows(
        self,
        rows: Sequence[int],
        left: int,
        right: int,
        at_once: int,
        whole: Sequence[_Range] = (),
    ) -> Rows:
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
        there: Rows = {}
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


def _rows_at_once(entries: Mapping[Any, Entry]) -> int:
    """Tell how many rows as heavy as these an answer should hold."""
    some = [entry.cells for entry, _ in zip(entries.values(), range(100), strict=False)]
    heavy = sum(len(str(cell)) for cells in some for cell in cells) // max(1, len(some))
    return max(1, _BYTES_AT_ONCE // max(1, heavy))


def _laid_over(there: Sequence[Any], cells: Sequence[Any], first: int, last: int) -> list[Any]:
    """Put some columns of a row in place of the same columns as they were read before."""
    padded = [*there, *[None] * (last + 1 - len(there))]
    part = [*cells[first:], *[None] * (last + 1 - first)][: last + 1 - first]
    return [*padded[:first], *part, *padded[last + 1 :]]
