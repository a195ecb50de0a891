"""The quirk of append: find a table in a range, and the row below it."""

from __future__ import annotations

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.cells import holds
from tailrace_sandbox.sheets.grid import Grid


def find_table(grid: Grid, area: Area) -> Area | None:
    """Return the last table that a range touches: the block of filled cells around the last one.

    A leading or an inner empty cell therefore splits a row into two tables, and the next append
    goes below the last of them. That is Google's behaviour, not a mistake.
    """
    seed = _last_filled(grid, area)
    if seed is None:
        return None
    top, left = seed
    bottom, right = top + 1, left + 1
    grown = True
    while grown:
        grown = False
        while top and _any(grid, top - 1, left - 1, right + 1):
            top, grown = top - 1, True
        while _any(grid, bottom, left - 1, right + 1):
            bottom, grown = bottom + 1, True
        if left and _any_below(grid, left - 1, top - 1, bottom + 1):
            left, grown = left - 1, True
        if _any_below(grid, right, top - 1, bottom + 1):
            right, grown = right + 1, True
    return Area(top, bottom, left, right)


def _last_filled(grid: Grid, area: Area) -> tuple[int, int] | None:
    end = grid.filled if area.bottom is None else min(area.bottom, grid.filled)
    for row in range(end - 1, area.top - 1, -1):
        cells = grid.row(row)
        last = len(cells) if area.right is None else min(area.right, len(cells))
        for column in range(last - 1, area.left - 1, -1):
            if holds(cells[column]):
                return row, column
    return None


def _any(grid: Grid, row: int, left: int, right: int) -> bool:
    return any(map(holds, grid.row(row)[max(0, left) : right]))


def _any_below(grid: Grid, column: int, top: int, bottom: int) -> bool:
    band = grid.slices(Area(max(0, top), bottom, column, column + 1))
    return any(cells and holds(cells[0]) for cells in band)
