"""Typed cells: updateCells, appendCells, repeatCell, setDataValidation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import attrs

from tailrace_sandbox.sheets import shapes
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import MAX_TEXT, Cell, Content, Plain, number, refilled, too_long
from tailrace_sandbox.sheets.errors import ApiError, bad
from tailrace_sandbox.sheets.fields import Mask
from tailrace_sandbox.sheets.formulas import parse

Json = dict[str, Any]
_NO_FIELDS = "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
_IGNORED = frozenset(
    {
        "effectiveValue",
        "effectiveFormat",
        "formattedValue",
        "hyperlink",
        "textFormatRuns",
        "chipRuns",
    }
)


class Brush:
    """Put those parts of a CellData into a cell that a field mask names."""

    def __init__(self, fields: str) -> None:
        if not fields:
            raise bad(_NO_FIELDS)
        try:
            mask = shapes.checked_mask(fields, "CellData")
        except ApiError:
            raise bad(f"Invalid field: {fields}") from None
        for name in mask.names:
            if name in ("pivotTable", "dataSourceTable", "dataSourceFormula"):
                raise bad(f"The sandbox does not support the field {name} of a cell.")
        self._value = mask.wants("userEnteredValue")
        self._format = mask.below("userEnteredFormat")
        self._note = mask.wants("note")
        self._validation = mask.wants("dataValidation")
        self._only_value = self._value and not (self._format or self._note or self._validation)

    def stroke(self, old: Content, data: Mapping[str, Any]) -> Content:
        """Return the cell as it is afterwards."""
        if self._only_value:
            value, formula = entered(data.get("userEnteredValue") or {})
            if formula is None:
                return refilled(old, value)
            cell = old if isinstance(old, Cell) else Cell()
            return attrs.evolve(cell, value=None, formula=formula)
        cell = old if isinstance(old, Cell) else Cell(value=old)
        changes: dict[str, Any] = {}
        if self._value:
            changes["value"], changes["formula"] = entered(data.get("userEnteredValue") or {})
        if self._format is not None:
            changes["format"] = _brushed(cell.format, data.get("userEnteredFormat"), self._format)
        if self._note:
            changes["note"] = data.get("note") or None
        if self._validation:
            changes["validation"] = data.get("dataValidation") or None
        return attrs.evolve(cell, **changes).slim()


def _brushed(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, mask: Mask
) -> Mapping[str, Any] | None:
    if mask.everything:
        return new or None
    found = dict(old or {})
    for name, deeper in mask.names.items():
        value = (new or {}).get(name)
        if not deeper.everything:
            below = found.get(name)
            value = _brushed(below if isinstance(below, Mapping) else None, value, deeper)
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found or None


def entered(value: Mapping[str, Any]) -> tuple[Plain, str | None]:
    """Read an ExtendedValue that is written: the value, or the formula."""
    if not value:
        return None, None
    [(kind, content)] = value.items()
    if kind == "stringValue":
        if len(content) > MAX_TEXT:
            raise too_long()
        return content or None, None
    if kind == "numberValue":
        return number(content), None
    if kind == "boolValue":
        return content, None
    if kind != "formulaValue":
        raise bad("ErrorValue cannot be set.")
    if not content.startswith("="):
        raise bad(f"Invalid formula: a formula begins with '=': {content}")
    try:
        parse(content)
    except ValueError:
        raise bad("You can not enter a formula that does not parse.") from None
    return None, content


def _area_of(book: Book, given: Mapping[str, Any]) -> tuple[Tab, Area]:
    rows = given.get("rows") or ()
    if "range" in given:
        tab, area = book.grid_range(given["range"])
        return tab, tab.bounded(area)
    start = given.get("start")
    if start is None:
        raise bad("One of range and start must be set.")
    tab = book.tab(start.get("sheetId", 0))
    top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
    width = max((len(row.get("values", ())) for row in rows), default=0)
    _check_edges(tab, top + len(rows), left + width)
    return tab, Area(top, top + max(1, len(rows)), left, left + max(1, width))


def _check_edges(tab: Tab, bottom: int, right: int) -> None:
    for name, end, size in (("row", bottom, tab.grid.rows), ("column", right, tab.grid.columns)):
        if end > size:
            raise bad(
                f"Attempting to write {name}: {size}, beyond the last requested {name} of: {size - 1}"
            )


def update_cells(book: Book, given: Mapping[str, Any]) -> None:
    """Write rows of CellData; with a range, what they do not cover is emptied."""
    brush = Brush(str(given.get("fields") or ""))
    tab, area = _area_of(book, given)
    rows: Sequence[Mapping[str, Any]] = given.get("rows") or ()
    whole = "range" in given
    assert area.bottom is not None
    assert area.right is not None
    width = area.right - area.left
    if whole:
        _check_cover(area, rows)
    book.check_protection(tab, area)
    last = min(area.bottom, max(area.top + len(rows), tab.grid.filled))
    for index in range(area.top, last):
        down = index - area.top
        values = rows[down].get("values", ()) if down < len(rows) else ()
        _stroke(tab, (index, area.left), values, brush, width if whole else len(values))


def _check_cover(area: Area, rows: Sequence[Mapping[str, Any]]) -> None:
    assert area.bottom is not None
    assert area.right is not None
    width = max((len(row.get("values", ())) for row in rows), default=0)
    for name, start, size, end in (
        ("row", area.top, len(rows), area.bottom),
        ("column", area.left, width, area.right),
    ):
        if start + size > end:
            raise bad(
                f"Attempting to write {name}: {end}, beyond the last requested {name} of: {end - 1}"
            )


def _stroke(
    tab: Tab,
    place: tuple[int, int],
    values: Sequence[Mapping[str, Any]],
    brush: Brush,
    width: int,
) -> None:
    index, left = place
    old = tab.grid.row(index)[left : left + width]
    if not old and not values:
        return
    size = max(len(values), len(old))
    before = (*old, *repeat(None, size - len(old)))
    data = (*values, *repeat({}, size - len(values)))
    tab.grid.put(index, left, [brush.stroke(*pair) for pair in zip(before, data, strict=True)])


def append_cells(book: Book, given: Mapping[str, Any]) -> None:
    """Write rows of CellData below the last row of a tab that holds something."""
    if given.get("tableId"):
        raise bad("The sandbox has no tables to append to.")
    brush = Brush(str(given.get("fields") or ""))
    tab = book.tab(given.get("sheetId", 0))
    rows = given.get("rows") or ()
    width = max((len(row.get("values", ())) for row in rows), default=0)
    _check_edges(tab, 0, width)
    top = tab.grid.last_row()
    bottom = top + len(rows)
    if bottom > tab.grid.rows:
        book.check_size((bottom - tab.grid.rows) * tab.grid.columns)
        tab.grid.resize(bottom, tab.grid.columns)
    book.check_protection(tab, Area(top, max(bottom, top + 1), 0, max(1, width)))
    for down, row in enumerate(rows):
        values = row.get("values", ())
        _stroke(tab, (top + down, 0), values, brush, len(values))


def repeat_cell(book: Book, given: Mapping[str, Any]) -> None:
    """Write one CellData into each cell of a range."""
    brush = Brush(str(given.get("fields") or ""))
    data = given.get("cell") or {}
    entered(data.get("userEnteredValue") or {})
    _each(book, given.get("range") or {}, lambda old: brush.stroke(old, data))


def _each(book: Book, given: Mapping[str, Any], change: Callable[[Content], Content]) -> None:
    tab, area = book.grid_range(given)
    area = tab.bounded(area)
    book.check_protection(tab, area)
    assert area.bottom is not None
    assert area.right is not None
    width = area.right - area.left
    blank = (None,) * width
    filled = (change(None),) * width
    rows = []
    for index in range(area.top, area.bottom):
        old = tab.grid.row(index)
        if not old:
            rows.append(((None,) * area.left + filled) if filled != blank else old)
            continue
        before = (*old, *repeat(None, area.right - len(old)))
        inner = [change(cell) for cell in before[area.left : area.right]]
        rows.append((*before[: area.left], *inner, *before[area.right :]))
    tab.grid.set_rows(area.top, rows)
    tab.grid.trim()


def set_validation(book: Book, given: Mapping[str, Any]) -> None:
    """Keep a rule with each cell of a range; the twin does not hold writes to it."""
    rule = given.get("rule") or None

    def change(old: Content) -> Content:
        cell = old if isinstance(old, Cell) else Cell(value=old)
        return attrs.evolve(cell, validation=rule).slim()

    _each(book, given.get("range") or {}, change)


HANDLERS: dict[str, Callable[[Book, Mapping[str, Any]], Json | None]] = {
    "updateCells": update_cells,
    "appendCells": append_cells,
    "repeatCell": repeat_cell,
    "setDataValidation": set_validation,
}
