"""Values on their way in: checked first as a whole, then put into cells."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import repeat
from typing import Any, Final

import attrs
import orjson

from tailrace_sandbox.sheets import a1
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import MAX_TEXT, Cell, Content, raw, refilled
from tailrace_sandbox.sheets.entry import Desk, typed
from tailrace_sandbox.sheets.errors import ApiError, bad

RAW = "RAW"
USER_ENTERED = "USER_ENTERED"
LIST_VALUE = "type.googleapis.com/google.protobuf.ListValue"


class Skip(Enum):
    """Mark a cell that a write leaves as it is: null in JSON."""

    SKIP = "skip"


SKIP: Final = Skip.SKIP
Given = list[Any]


@attrs.frozen(kw_only=True)
class Write:
    """Hold a write that has been found good: rows of values, and where they go."""

    tab: Tab
    area: Area
    rows: Sequence[Given]
    columns: int
    cells: int
    typed: bool

    def apply(self, desk: Desk) -> None:
        """Put the values into their cells; this cannot fail."""
        for down, row in enumerate(self.rows):
            if row:
                self._put(self.area.top + down, row, desk)

    def _put(self, index: int, row: Given, desk: Desk) -> None:
        grid, left = self.tab.grid, self.area.left
        old = grid.row(index)
        if self.typed:
            before = old[left : left + len(row)]
            before = (*before, *repeat(None, len(row) - len(before)))
            row = [
                was if new is SKIP else typed(new, was, desk)
                for new, was in zip(row, before, strict=True)
            ]
            grid.put(index, left, row)
        elif not old and SKIP not in row:
            grid.set_row(index, row if left == 0 else (*repeat(None, left), *row))
        elif SKIP in row or Cell in map(type, old):
            before = old[left : left + len(row)]
            before = (*before, *repeat(None, len(row) - len(before)))
            merged: list[Content] = [
                was if new is SKIP else refilled(was, new)
                for new, was in zip(row, before, strict=True)
            ]
            grid.put(index, left, merged)
        else:
            grid.put(index, left, row)

    def written(self) -> Area:
        """Return the rectangle that the values cover; the given range when there are none."""
        if not self.rows or not self.columns:
            return self.area
        top, left = self.area.top, self.area.left
        return Area(top, top + len(self.rows), left, left + self.columns)

    def report(self, book: Book) -> dict[str, Any]:
        """Return the UpdateValuesResponse."""
        rows = sum(1 for row in self.rows if row)
        counts = {"updatedRows": rows, "updatedColumns": self.columns, "updatedCells": self.cells}
        return {
            "spreadsheetId": book.id,
            "updatedRange": a1.write(self.tab.title, self.written()),
            **{name: count for name, count in counts.items() if count},
        }


def prepare(book: Book, text: str, body: dict[str, Any], option: str) -> Write:
    """Check a write of a ValueRange to a range; nothing is changed."""
    tab, area = book.locate(text)
    return prepare_at(book, tab, area, body, option)


def prepare_at(
    book: Book, tab: Tab, area: Area, body: dict[str, Any], option: str, *, anchored: bool = True
) -> Write:
    """Check a write to an area; a single cell is where the values begin, if `anchored`."""
    rows = given_rows(body, option)
    width = max(map(len, rows), default=0)
    if anchored and area.height == 1 and area.width == 1:
        start = area
        area = Area(area.top, area.top + max(1, len(rows)), area.left, area.left + max(1, width))
        if max(area.bottom or 0, 1) > tab.grid.rows or (area.right or 0) > tab.grid.columns:
            raise tab.exceeded(area if start.top < tab.grid.rows else start)
    bounded = tab.bounded(area)
    _check_fit(tab, bounded, area, rows, width)
    write = Write(
        tab=tab,
        area=bounded,
        rows=rows,
        columns=width,
        cells=sum(len(row) - row.count(SKIP) if row else 0 for row in rows),
        typed=option == USER_ENTERED,
    )
    book.check_protection(tab, write.written())
    return write


def _check_fit(tab: Tab, bounded: Area, area: Area, rows: Sequence[Given], width: int) -> None:
    height, columns = bounded.height or 0, bounded.width or 0
    if len(rows) > height and area.bottom is None:
        raise tab.exceeded(Area(area.top, area.top + len(rows), area.left, area.right))
    if width > columns and area.right is None:
        raise tab.exceeded(Area(area.top, area.bottom, area.left, area.left + width))
    within = (
        f"Requested writing within range [{a1.write(tab.title, bounded)}], but tried writing to"
    )
    if len(rows) > height:
        raise bad(f"{within} row [{bounded.top + height + 1}]")
    if width > columns:
        raise bad(f"{within} column [{a1.letters(bounded.left + columns)}]")


def given_rows(body: dict[str, Any], option: str) -> list[Given]:
    """Return the values of a ValueRange by rows, each checked; None has become SKIP."""
    values = body.get("values") or []
    if type(values) is not list:
        raise _invalid("data.values", values)
    rows: list[Given] = []
    for i, row in enumerate(values):
        if type(row) is not list:
            raise _invalid(f"data.values[{i}]", row)
        rows.append(_given_row(i, row, as_is=option == RAW))
    return _turned(rows) if body.get("majorDimension") == "COLUMNS" else rows


def _given_row(i: int, row: Given, *, as_is: bool) -> Given:
    if set(map(type, row)) == {str} and "" not in row and len(max(row, key=len)) <= MAX_TEXT:
        return row
    given: Given = []
    for j, value in enumerate(row):
        try:
            plain = SKIP if value is None else raw(value)
        except TypeError:
            kind = "struct_value" if type(value) is dict else "list_value"
            text = orjson.dumps(value).decode()
            raise bad(f"Invalid values[{i}][{j}]: {kind} {text}") from None
        given.append(plain if as_is or plain is SKIP else value)
    return given


def _invalid(field: str, value: Any) -> ApiError:
    shown = orjson.dumps(value).decode()
    return bad(f"Invalid value at '{field}' ({LIST_VALUE}), {shown}", field=field)


def _turned(columns: list[Given]) -> list[Given]:
    height = max(map(len, columns), default=0)
    return [[column[i] if i < len(column) else SKIP for column in columns] for i in range(height)]
