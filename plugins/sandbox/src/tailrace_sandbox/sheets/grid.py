"""The cells of one tab: sparse rows, never changed in place, so that a copy costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.cells import Content, Row, holds

EMPTY: Row = ()


class Grid:
    """Hold rows of cells, and the size that the tab says it has.

    A row is a tuple, as long as it needs to be. `fork` shares the list of rows until one of the
    two changes.
    """

    __slots__ = ("_mine", "_rows", "columns", "rows")

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        self._rows: list[Row] = []
        self._mine = True

    def fork(self) -> Grid:
        """Return a copy that can be changed on its own."""
        copy = Grid(self.rows, self.columns)
        copy._rows = self._rows
        copy._mine = False
        self._mine = False
        return copy

    def adopt(self) -> None:
        """Take the rows for its own, once whoever shared them is gone."""
        self._mine = True

    def _own(self) -> list[Row]:
        if not self._mine:
            self._rows = self._rows.copy()
            self._mine = True
        return self._rows

    @property
    def filled(self) -> int:
        """Return how many rows are kept; those below are empty."""
        return len(self._rows)

    def row(self, index: int) -> Row:
        """Return one row."""
        return self._rows[index] if index < len(self._rows) else EMPTY

    def cell(self, row: int, column: int) -> Content:
        """Return one cell."""
        cells = self.row(row)
        return cells[column] if column < len(cells) else None

    def slices(self, area: Area) -> Iterator[Row]:
        """Return the rows of an area, without the empty ones below the last that is kept."""
        end = len(self._rows) if area.bottom is None else min(area.bottom, len(self._rows))
        rows = self._rows[area.top : end]
        if area.left == 0 and (area.right is None or area.right >= self.columns):
            return iter(rows)
        window = slice(area.left, area.right)
        return (cells[window] for cells in rows)

    def set_row(self, index: int, cells: Sequence[Content]) -> None:
        """Put a row in place of another."""
        rows = self._own()
        if index >= len(rows):
            rows.extend(repeat(EMPTY, index + 1 - len(rows)))
        rows[index] = tuple(cells)

    def set_rows(self, top: int, block: Iterable[Row]) -> None:
        """Put many rows in place of others."""
        rows = self._own()
        if top > len(rows):
            rows.extend(repeat(EMPTY, top - len(rows)))
        block = list(block)
        rows[top : top + len(block)] = block

    def put(self, row: int, left: int, cells: Sequence[Content]) -> None:
        """Put cells into a row from a column on."""
        old = self.row(row)
        if len(old) < left:
            old = (*old, *repeat(None, left - len(old)))
        self.set_row(row, (*old[:left], *cells, *old[left + len(cells) :]))

    def cut(self, area: Area) -> None:
        """Empty an area wholly."""
        inside = area.within(self.rows, self.columns)
        assert inside.bottom is not None
        assert inside.right is not None
        for index in range(inside.top, min(inside.bottom, self.filled)):
            width = min(inside.right, len(self.row(index))) - inside.left
            if width > 0:
                self.put(index, inside.left, (None,) * width)

    def insert_rows(self, at: int, count: int) -> None:
        """Insert empty rows; those below move down."""
        rows = self._own()
        if at < len(rows):
            rows[at:at] = [EMPTY] * count
        self.rows += count

    def delete_rows(self, start: int, end: int) -> None:
        """Delete rows; those below move up."""
        del self._own()[start:end]
        self.rows -= end - start

    def move_rows(self, start: int, end: int, to: int) -> None:
        """Move rows to before the row that `to` is before the move."""
        rows = self._own()
        last = max(end, to)
        if last > len(rows):
            rows.extend(repeat(EMPTY, last - len(rows)))
        moved = rows[start:end]
        del rows[start:end]
        at = to if to <= start else to - len(moved)
        rows[at:at] = moved

    def insert_columns(self, at: int, count: int) -> None:
        """Insert empty columns; those to the right move right."""
        gap = (None,) * count
        self._rows = [
            (*cells[:at], *gap, *cells[at:]) if len(cells) > at else cells for cells in self._rows
        ]
        self._mine = True
        self.columns += count

    def delete_columns(self, start: int, end: int) -> None:
        """Delete columns; those to the right move left."""
        self._rows = [
            (*cells[:start], *cells[end:]) if len(cells) > start else cells for cells in self._rows
        ]
        self._mine = True
        self.columns -= end - start

    def move_columns(self, start: int, end: int, to: int) -> None:
        """Move columns to before the column that `to` is before the move."""
        order = list(range(self.columns))
        moved = order[start:end]
        del order[start:end]
        at = to if to <= start else to - len(moved)
        order[at:at] = moved
        self._rows = [
            tuple(cells[i] if i < len(cells) else None for i in order)
            if len(cells) > start or len(cells) > to
            else cells
            for cells in self._rows
        ]
        self._mine = True

    def resize(self, rows: int, columns: int) -> None:
        """Give the grid another size; what is outside is gone."""
        if rows < self.filled:
            del self._own()[rows:]
        if columns < self.columns:
            self._rows = [cells[:columns] for cells in self._rows]
            self._mine = True
        self.rows, self.columns = rows, columns

    def trim(self) -> None:
        """Let go of empty rows at the end."""
        rows = self._rows
        if rows and not rows[-1]:
            rows = self._own()
            while rows and not rows[-1]:
                rows.pop()

    def last_row(self) -> int:
        """Return the number of rows up to the last that holds something."""
        rows = self._rows
        for index in range(len(rows) - 1, -1, -1):
            if any(map(holds, rows[index])):
                return index + 1
        return 0
