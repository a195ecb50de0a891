"""The Spreadsheet resource, as `spreadsheets.get` returns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import DEFAULT_FORMAT, Book, Tab
from tailrace_sandbox.sheets.cells import Cell, Content
from tailrace_sandbox.sheets.evaluation import CellError, Evaluator, Value
from tailrace_sandbox.sheets.fields import ALL, Mask
from tailrace_sandbox.sheets.render import formatted

ROW_HEIGHT = 21
COLUMN_WIDTH = 100
Json = dict[str, Any]
Place = tuple[Tab, Area]


def spreadsheet(
    book: Book, mask: Mask = ALL, *, places: Sequence[Place] | None = None, data: bool = False
) -> Json:
    """Return the resource; what the mask leaves out is not computed where that costs much.

    With places, only their tabs are in it, and their data only.
    """
    if not mask.everything:
        data = mask.wants("sheets", "data")
    tabs = book.tabs
    if places:
        named = [tab for tab, _ in places]
        tabs = [tab for tab in book.tabs if tab in named]
    sheets = [_sheet(book, tab, mask, places, data=data) for tab in tabs]
    found: Json = {
        "spreadsheetId": book.id,
        "properties": book.properties,
        "sheets": sheets,
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{book.id}/edit",
    }
    if book.named:
        found["namedRanges"] = book.named
    metadata = [m for m in book.metadata.values() if m["location"].get("spreadsheet")]
    if metadata:
        found["developerMetadata"] = metadata
    return dict(mask.apply(found))


def sheet_properties(book: Book, tab: Tab) -> Json:
    """Return the SheetProperties of a tab."""
    return {
        "sheetId": tab.id,
        "title": tab.title,
        "index": book.tabs.index(tab),
        "sheetType": "GRID",
        "gridProperties": {
            "rowCount": tab.grid.rows,
            "columnCount": tab.grid.columns,
            **tab.frozen,
        },
        **tab.properties,
    }


def grid_range_json(tab: Tab, area: Area) -> Json:
    """Return an area as a GridRange."""
    ends = {"endRowIndex": area.bottom, "endColumnIndex": area.right}
    return {
        "sheetId": tab.id,
        "startRowIndex": area.top,
        "startColumnIndex": area.left,
        **{name: end for name, end in ends.items() if end is not None},
    }


def _sheet(book: Book, tab: Tab, mask: Mask, places: Sequence[Place] | None, *, data: bool) -> Json:
    found: Json = {"properties": sheet_properties(book, tab)}
    if tab.merges:
        found["merges"] = [grid_range_json(tab, area) for area in tab.merges]
    if tab.filter is not None:
        found["basicFilter"] = tab.filter
    protected = [p for p in book.protected if p.get("range", {}).get("sheetId", -1) == tab.id]
    if protected:
        found["protectedRanges"] = protected
    marks = [m for m in book.metadata.values() if m["location"].get("sheetId", -1) == tab.id]
    if marks:
        found["developerMetadata"] = marks
    if data:
        areas = [area for where, area in places or () if where is tab] or [Area()]
        inner = mask.below("sheets")
        inner = None if inner is None else inner.below("data")
        found["data"] = [_grid_data(book, tab, area, inner or ALL) for area in areas]
    return found


def _grid_data(book: Book, tab: Tab, area: Area, mask: Mask) -> Json:
    if area.top >= tab.grid.rows or area.left >= tab.grid.columns:
        raise tab.exceeded(area)
    shown = area.within(tab.grid.rows, tab.grid.columns)
    assert shown.bottom is not None
    assert shown.right is not None
    found: Json = {}
    if shown.top:
        found["startRow"] = shown.top
    if shown.left:
        found["startColumn"] = shown.left
    if mask.wants("rowData"):
        cells = (mask.below("rowData") or ALL).below("values") or ALL
        rows = _rows(book, tab, shown, cells)
        if rows:
            found["rowData"] = rows
    for name, start, end, size in (
        ("row", shown.top, shown.bottom, ROW_HEIGHT),
        ("column", shown.left, shown.right, COLUMN_WIDTH),
    ):
        if mask.wants(f"{name}Metadata"):
            known = tab.widths.get(name, {})
            usual = {"pixelSize": size}
            found[f"{name}Metadata"] = [usual | known.get(i, {}) for i in range(start, end)]
    return found


def _rows(book: Book, tab: Tab, area: Area, mask: Mask) -> list[Json]:
    evaluator = book.evaluator()
    rows: list[Json] = []
    for down, cells in enumerate(tab.grid.slices(area)):
        values = [
            cell_data(evaluator, tab, (area.top + down, area.left + across), content, mask)
            for across, content in enumerate(cells)
        ]
        while values and not values[-1]:
            values.pop()
        rows.append({"values": values} if values else {})
    while rows and not rows[-1]:
        rows.pop()
    return rows


def cell_data(
    evaluator: Evaluator, tab: Tab, place: tuple[int, int], content: Content, mask: Mask = ALL
) -> Json:
    """Return the CellData of one cell."""
    if content is None:
        return {}
    cell = content if isinstance(content, Cell) else Cell(value=content)
    value = evaluator.value(tab, *place, content)
    found: Json = {}
    if cell.formula is not None:
        found["userEnteredValue"] = {"formulaValue": cell.formula}
    elif cell.value is not None:
        found["userEnteredValue"] = _extended(cell.value)
    if value is not None:
        found["effectiveValue"] = _extended(value)
        found["formattedValue"] = formatted(value, content)
    if cell.format:
        found["userEnteredFormat"] = cell.format
    if mask.wants("effectiveFormat"):
        found["effectiveFormat"] = _merged(DEFAULT_FORMAT, cell.format or {})
    if cell.note:
        found["note"] = cell.note
    if cell.validation:
        found["dataValidation"] = cell.validation
    return found


def _extended(value: Value) -> Json:
    if isinstance(value, CellError):
        return {"errorValue": {"type": value.type, "message": value.message}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"numberValue": value}


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    found = dict(under)
    for name, value in over.items():
        below = found.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping) and name == "textFormat"
        found[name] = _merged(below, value) if both else value  # type: ignore[arg-type] # both are mappings
    return found
