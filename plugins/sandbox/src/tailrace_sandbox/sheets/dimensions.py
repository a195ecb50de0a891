"""Rows and columns: append, insert, delete, move, resize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tailrace_sandbox.sheets import metadata
from tailrace_sandbox.sheets.a1 import MAX_COLUMNS, Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.errors import bad
from tailrace_sandbox.sheets.masks import field_paths

Json = dict[str, Any]
ROWS = "ROWS"
Moved = Callable[[int], int | None]


def _is_rows(given: Mapping[str, Any]) -> bool:
    dimension = given.get("dimension", "DIMENSION_UNSPECIFIED")
    if dimension not in (ROWS, "COLUMNS"):
        raise bad("The dimension must be ROWS or COLUMNS.")
    return bool(dimension == ROWS)


def _span(tab: Tab, given: Mapping[str, Any], *, rows: bool) -> tuple[int, int]:
    size = tab.grid.rows if rows else tab.grid.columns
    start, end = given.get("startIndex", 0), given.get("endIndex", size)
    if not 0 <= start < end:
        raise bad(f"range.endIndex[{end}] must be after startIndex[{start}]")
    return start, end


def _check_inside(tab: Tab, start: int, end: int, *, rows: bool) -> None:
    size = tab.grid.rows if rows else tab.grid.columns
    if start >= size or end > size:
        word = "rows" if rows else "columns"
        raise bad(
            f"Cannot work on {word} {start} to {end}: the sheet has {size} {word}. "
            f"range.endIndex[{end}] must be at most {size}"
        )


def append_dimension(book: Book, given: Mapping[str, Any]) -> None:
    """Add rows or columns at the end of a grid."""
    tab = book.tab(given.get("sheetId", 0))
    rows = _is_rows(given)
    length = given.get("length", 0)
    if length < 1:
        raise bad("The length must be greater than 0.")
    _grow(book, tab, length, rows=rows)
    grid = tab.grid
    grid.resize(grid.rows + length * rows, grid.columns + length * (not rows))


def _grow(book: Book, tab: Tab, length: int, *, rows: bool) -> None:
    grid = tab.grid
    if not rows and grid.columns + length > MAX_COLUMNS:
        raise bad(f"The number of columns cannot exceed {MAX_COLUMNS}.")
    book.check_size(length * (grid.columns if rows else grid.rows))


def insert_dimension(book: Book, given: Mapping[str, Any]) -> None:
    """Insert rows or columns."""
    where = given.get("range") or {}
    tab, rows = book.tab(where.get("sheetId", 0)), _is_rows(where)
    start, end = _span(tab, where, rows=rows)
    size = tab.grid.rows if rows else tab.grid.columns
    if start > size or (start == size and not given.get("inheritFromBefore")):
        word = "rows" if rows else "columns"
        raise bad(f"range.startIndex[{start}] is too large. The sheet has {size} {word}.")
    if given.get("inheritFromBefore") and start == 0:
        raise bad("inheritFromBefore cannot be true when inserting at the start of the sheet.")
    count = end - start
    _grow(book, tab, count, rows=rows)
    (tab.grid.insert_rows if rows else tab.grid.insert_columns)(start, count)
    shift(book, tab, lambda at: at + count if at >= start else at, rows=rows)


def delete_dimension(book: Book, given: Mapping[str, Any]) -> None:
    """Delete rows or columns."""
    where = given.get("range") or {}
    tab, rows = book.tab(where.get("sheetId", 0)), _is_rows(where)
    start, end = _span(tab, where, rows=rows)
    _check_inside(tab, start, end, rows=rows)
    size = tab.grid.rows if rows else tab.grid.columns
    if end - start >= size:
        word = "rows" if rows else "columns"
        raise bad(f"You can't delete all the {word} on the sheet.")
    frozen = tab.frozen.get("frozenRowCount" if rows else "frozenColumnCount", 0)
    gone = max(0, min(end, frozen) - start)
    if size - (end - start) <= frozen - gone:
        word = "rows" if rows else "columns"
        raise bad(f"Sorry, it is not possible to delete all non-frozen {word}.")
    book.check_protection(tab, _across(start, end, rows=rows))
    (tab.grid.delete_rows if rows else tab.grid.delete_columns)(start, end)
    name = "frozenRowCount" if rows else "frozenColumnCount"
    if gone:
        tab.frozen[name] = frozen - gone
    count = end - start

    def moved(at: int) -> int | None:
        return at if at < start else None if at < end else at - count

    shift(book, tab, moved, rows=rows)


def move_dimension(book: Book, given: Mapping[str, Any]) -> None:
    """Move rows or columns to before the one at an index, as counted before the move."""
    where = given.get("source") or {}
    tab, rows = book.tab(where.get("sheetId", 0)), _is_rows(where)
    start, end = _span(tab, where, rows=rows)
    _check_inside(tab, start, end, rows=rows)
    to = int(given.get("destinationIndex", 0))
    size = tab.grid.rows if rows else tab.grid.columns
    if not 0 <= to <= size:
        raise bad(f"destinationIndex[{to}] must be between 0 and {size}.")
    if start <= to <= end:
        return
    book.check_protection(tab, _across(start, end, rows=rows))
    (tab.grid.move_rows if rows else tab.grid.move_columns)(start, end, to)
    count = end - start

    def moved(at: int) -> int:
        if start <= at < end:
            return at - start + (to if to < start else to - count)
        if to <= at < start:
            return at + count
        return at - count if end <= at < to else at

    shift(book, tab, moved, rows=rows, ranges=False)


def _across(start: int, end: int, *, rows: bool) -> Area:
    return Area(start, end) if rows else Area(0, None, start, end)


def shift(book: Book, tab: Tab, moved: Moved, *, rows: bool, ranges: bool = True) -> None:
    """Take everything that is marked on rows or columns along with them."""
    metadata.moved(book, tab, ROWS if rows else "COLUMNS", moved)
    known = tab.widths.get("row" if rows else "column")
    if known:
        sizes = {moved(at): size for at, size in known.items()}
        tab.widths["row" if rows else "column"] = {k: v for k, v in sizes.items() if k is not None}
    if not ranges:
        return
    tab.merges = [m for area in tab.merges if (m := _shifted_area(area, moved, rows=rows))]
    book.named = [n for n in book.named if _shift_range(n["range"], tab, moved, rows=rows)]
    book.protected = [
        p
        for p in book.protected
        if "range" not in p or _shift_range(p["range"], tab, moved, rows=rows)
    ]
    if tab.filter is not None and not _shift_range(
        tab.filter.get("range", {}), tab, moved, rows=rows
    ):
        tab.filter = None


def _ends(start: int, end: int, moved: Moved) -> tuple[int, int] | None:
    found = [new for at in (start, end - 1) if (new := moved(at)) is not None]
    if len(found) < 2:
        found = [new for at in range(start, end) if (new := moved(at)) is not None]
    return (min(found), max(found) + 1) if found else None


def _shifted_area(area: Area, moved: Moved, *, rows: bool) -> Area | None:
    start, end = (area.top, area.bottom) if rows else (area.left, area.right)
    ends = _ends(start, end if end is not None else start + 1, moved)
    if ends is None:
        return None
    return Area(*ends, area.left, area.right) if rows else Area(area.top, area.bottom, *ends)


def _shift_range(where: Json, tab: Tab, moved: Moved, *, rows: bool) -> bool:
    if where.get("sheetId", 0) != tab.id:
        return True
    word = "Row" if rows else "Column"
    start, end = where.get(f"start{word}Index", 0), where.get(f"end{word}Index")
    if end is None:
        if start:
            new = moved(start)
            where[f"start{word}Index"] = start if new is None else new
        return True
    ends = _ends(start, end, moved)
    if ends is None:
        return False
    where[f"start{word}Index"], where[f"end{word}Index"] = ends
    return True


def auto_resize(book: Book, given: Mapping[str, Any]) -> None:
    """Accept the wish to fit sizes to content; nothing has a width here."""
    where = given.get("dimensions") or {}
    tab, rows = book.tab(where.get("sheetId", 0)), _is_rows(where)
    _span(tab, where, rows=rows)


def update_properties(book: Book, given: Mapping[str, Any]) -> None:
    """Keep the size of rows or columns, and whether they are hidden."""
    where = given.get("range") or {}
    tab, rows = book.tab(where.get("sheetId", 0)), _is_rows(where)
    start, end = _span(tab, where, rows=rows)
    _check_inside(tab, start, end, rows=rows)
    known = tab.widths.setdefault("row" if rows else "column", {})
    properties = given.get("properties", {})
    for name, *_ in field_paths(given, "DimensionProperties"):
        if name not in ("pixelSize", "hiddenByUser"):
            raise bad(f"The field {name} of a row or column cannot be updated.")
        for at in range(start, end):
            known.setdefault(at, {})[name] = properties.get(name, 0)


HANDLERS: dict[str, Callable[[Book, Mapping[str, Any]], Json | None]] = {
    "appendDimension": append_dimension,
    "insertDimension": insert_dimension,
    "deleteDimension": delete_dimension,
    "moveDimension": move_dimension,
    "autoResizeDimensions": auto_resize,
    "updateDimensionProperties": update_properties,
}
