"""Copies of cells: copyPaste and cutPaste."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import Cell, Content, refilled
from tailrace_sandbox.sheets.errors import bad
from tailrace_sandbox.sheets.evaluation import CellError
from tailrace_sandbox.sheets.formulas import shift

Json = dict[str, Any]
Block = list[list[Content]]
KINDS = (
    "PASTE_NORMAL",
    "PASTE_VALUES",
    "PASTE_FORMAT",
    "PASTE_NO_BORDERS",
    "PASTE_FORMULA",
    "PASTE_DATA_VALIDATION",
)


def _read(book: Book, tab: Tab, area: Area, kind: str) -> Block:
    assert area.bottom is not None
    assert area.right is not None
    evaluator = book.evaluator()
    block: Block = []
    for row in range(area.top, area.bottom):
        cells: list[Content] = []
        for column in range(area.left, area.right):
            content = tab.grid.cell(row, column)
            if kind == "PASTE_VALUES" and isinstance(content, Cell):
                value = evaluator.value(tab, row, column, content)
                content = value.text if isinstance(value, CellError) else value
            cells.append(content)
        block.append(cells)
    return block


def _merged(old: Content, new: Content, kind: str, by: tuple[int, int]) -> Content:
    source = new if isinstance(new, Cell) else Cell(value=new)
    if source.formula is not None:
        source = attrs.evolve(source, formula=shift(source.formula, *by))
    if kind in ("PASTE_NORMAL", "PASTE_NO_BORDERS"):
        return source.slim()
    target = old if isinstance(old, Cell) else Cell(value=old)
    if kind == "PASTE_VALUES":
        return refilled(old, source.value)
    if kind == "PASTE_FORMULA":
        return attrs.evolve(target, value=source.value, formula=source.formula).slim()
    if kind == "PASTE_FORMAT":
        return attrs.evolve(target, format=source.format).slim()
    return attrs.evolve(target, validation=source.validation).slim()


def _kind(given: Mapping[str, Any]) -> str:
    kind = str(given.get("pasteType", "PASTE_NORMAL"))
    if kind not in KINDS:
        raise bad(f"The sandbox does not support {kind}.")
    return kind


def copy_paste(book: Book, given: Mapping[str, Any]) -> None:
    """Copy a range; a destination that holds it several times is filled with it."""
    kind = _kind(given)
    tab, area = book.grid_range(given.get("source") or {})
    source = tab.bounded(area)
    block = _read(book, tab, source, kind)
    turned = given.get("pasteOrientation") == "TRANSPOSE"
    if turned:
        block = [list(column) for column in zip(*block, strict=True)]
    target, area = book.grid_range(given.get("destination") or {})
    if area.top >= target.grid.rows or area.left >= target.grid.columns:
        raise target.exceeded(area)
    inside = area.within(target.grid.rows, target.grid.columns)
    height, width = len(block), len(block[0])
    tall, wide = inside.height or 0, inside.width or 0
    down = tall // height if tall % height == 0 and tall else 1
    across = wide // width if wide % width == 0 and wide else 1
    filled = Area(inside.top, inside.top + height * down, inside.left, inside.left + width * across)
    _make_room(book, target, filled)
    book.check_protection(target, filled)
    for i in range(height * down):
        row = filled.top + i
        origin = source.top + (0 if turned else i % height)
        new: list[Content] = []
        for j in range(width * across):
            column = filled.left + j
            by = (row - origin, column - source.left - (0 if turned else j % width))
            old = target.grid.cell(row, column)
            new.append(_merged(old, block[i % height][j % width], kind, by))
        target.grid.put(row, filled.left, new)


def _make_room(book: Book, tab: Tab, area: Area) -> None:
    grid = tab.grid
    rows = max(grid.rows, area.bottom or 0)
    columns = max(grid.columns, area.right or 0)
    book.check_size(rows * columns - grid.rows * grid.columns)
    grid.resize(rows, columns)


def cut_paste(book: Book, given: Mapping[str, Any]) -> None:
    """Move a range of cells."""
    kind = _kind(given)
    tab, area = book.grid_range(given.get("source") or {})
    source = tab.bounded(area)
    block = _read(book, tab, source, kind)
    start = given.get("destination") or {}
    target = book.tab(start.get("sheetId", 0))
    top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
    filled = Area(top, top + len(block), left, left + len(block[0]))
    _make_room(book, target, filled)
    for where, what in ((tab, source), (target, filled)):
        book.check_protection(where, what)
    tab.grid.cut(source)
    for i, cells in enumerate(block):
        new = [
            _merged(target.grid.cell(top + i, left + j), cell, kind, (0, 0))
            for j, cell in enumerate(cells)
        ]
        target.grid.put(top + i, left, new)


HANDLERS: dict[str, Callable[[Book, Mapping[str, Any]], Json | None]] = {
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
}
