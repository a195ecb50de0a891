"""Values on their way out: as shown, as stored, or as formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import NoneType
from typing import Any

import attrs

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import Cell, Content
from tailrace_sandbox.sheets.evaluation import CellError, Value, as_text
from tailrace_sandbox.sheets.formats import is_temporal, show

FORMATTED = "FORMATTED_VALUE"
UNFORMATTED = "UNFORMATTED_VALUE"
FORMULA = "FORMULA"
SERIAL = "SERIAL_NUMBER"
TEXT = "FORMATTED_STRING"


@attrs.frozen
class Rendering:
    """Say how values go out."""

    values: str = FORMATTED
    dates: str = SERIAL


def formatted(value: Value, content: Content) -> str:
    """Return what a cell shows."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if type(content) is Cell:
            return show(value, content.number_format())
        return (
            str(value) if type(value) is int and -(10**15) < value < 10**15 else show(value, None)
        )
    return as_text(value)


class Renderer:
    """Turn the cells of a spreadsheet into JSON values."""

    def __init__(self, book: Book, rendering: Rendering) -> None:
        self._evaluator = book.evaluator()
        self._rendering = rendering

    def block(self, tab: Tab, area: Area) -> list[list[Any]]:
        """Return the values of an area by rows, without what is empty at the ends."""
        rows: list[list[Any]] = []
        last = 0
        simple: Callable[[Content], Any] = self._plain()
        as_is = simple is _keep_plain
        for down, cells in enumerate(tab.grid.slices(area)):
            kinds = set(map(type, cells))
            if Cell in kinds:
                row = [
                    self._cell(tab, area.top + down, area.left + across, content)
                    for across, content in enumerate(cells)
                ]
            elif as_is and NoneType not in kinds:
                row = list(cells)
            else:
                row = [simple(content) for content in cells]
            while row and row[-1] == "":
                row.pop()
            rows.append(row)
            if row:
                last = down + 1
        del rows[last:]
        return rows

    def _plain(self) -> Callable[[Content], Any]:
        if self._rendering.values == FORMATTED:
            return _show_plain
        return _keep_plain

    def _cell(self, tab: Tab, row: int, column: int, content: Content) -> Any:
        if type(content) is not Cell:
            return self._plain()(content)
        mode = self._rendering
        if mode.values == FORMULA and content.formula is not None:
            return content.formula
        value = self._evaluator.value(tab, row, column, content)
        if value is None:
            return ""
        if mode.values == FORMATTED:
            return formatted(value, content)
        if isinstance(value, CellError):
            return value.text
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and mode.dates == TEXT and is_temporal(content.number_format()):
            return formatted(value, content)
        return value


def _keep_plain(content: Content) -> Any:
    return "" if content is None else content


def _show_plain(content: Content) -> Any:
    if type(content) is str:
        return content
    return "" if content is None else formatted(content, None)  # type: ignore[arg-type] # no Cell here


def transposed(rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Turn rows into columns, without what is empty at their ends."""
    rows = list(rows)
    width = max(map(len, rows), default=0)
    columns = [[row[i] if i < len(row) else "" for row in rows] for i in range(width)]
    for column in columns:
        while column and column[-1] == "":
            column.pop()
    return columns
