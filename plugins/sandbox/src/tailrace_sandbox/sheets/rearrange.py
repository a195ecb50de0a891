"""Cells that change places or text: deleteRange, insertRange, sortRange, findReplace and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from itertools import repeat
from typing import Any

import attrs

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import Cell, Content, holds, refilled
from tailrace_sandbox.sheets.entry import Desk, typed
from tailrace_sandbox.sheets.errors import bad
from tailrace_sandbox.sheets.evaluation import Evaluator, Value, as_text
from tailrace_sandbox.sheets.render import formatted
from tailrace_sandbox.sheets.serial import today

Json = dict[str, Any]


def _inside(book: Book, given: Mapping[str, Any]) -> tuple[Tab, Area, int, int]:
    tab, area = book.grid_range(given)
    area = tab.bounded(area)
    book.check_protection(tab, area)
    assert area.bottom is not None
    assert area.right is not None
    return tab, area, area.bottom, area.right


def _padded(tab: Tab, row: int, left: int, right: int) -> list[Content]:
    cells = tab.grid.row(row)[left:right]
    return [*cells, *repeat(None, right - left - len(cells))]


def delete_range(book: Book, given: Mapping[str, Any]) -> None:
    """Delete cells; those below move up, or those to the right move left."""
    tab, area, bottom, right = _inside(book, given.get("range") or {})
    grid = tab.grid
    if given.get("shiftDimension") == "COLUMNS":
        for row in range(area.top, min(bottom, grid.filled)):
            cells = grid.row(row)
            grid.set_row(row, (*cells[: area.left], *cells[right:]))
        return
    height = bottom - area.top
    for row in range(area.top, grid.filled):
        grid.put(row, area.left, _padded(tab, row + height, area.left, right))


def insert_range(book: Book, given: Mapping[str, Any]) -> None:
    """Insert empty cells; those that are in the way move down, or to the right."""
    tab, area, bottom, right = _inside(book, given.get("range") or {})
    grid = tab.grid
    if given.get("shiftDimension") == "COLUMNS":
        gap = (None,) * (right - area.left)
        longest = max(
            (len(grid.row(r)) for r in range(area.top, min(bottom, grid.filled))), default=0
        )
        if longest > area.left:
            grid.resize(grid.rows, max(grid.columns, longest + len(gap)))
        for row in range(area.top, min(bottom, grid.filled)):
            cells = grid.row(row)
            if len(cells) > area.left:
                grid.set_row(row, (*cells[: area.left], *gap, *cells[area.left :]))
        return
    height = bottom - area.top
    last = grid.filled
    if last > area.top:
        grid.resize(max(grid.rows, last + height), grid.columns)
    for row in range(last - 1, area.top - 1, -1):
        grid.put(row + height, area.left, _padded(tab, row, area.left, right))
    for row in range(area.top, min(bottom, grid.filled)):
        grid.put(row, area.left, (None,) * (right - area.left))


def _sort_key(value: Value) -> tuple[int, float, str]:
    if isinstance(value, bool):
        return 2, float(value), ""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return (
        (1, 0.0, as_text(value).casefold()) if isinstance(value, str) else (3, 0.0, as_text(value))
    )


def sort_range(book: Book, given: Mapping[str, Any]) -> None:
    """Sort the rows of a range: numbers, text, booleans; what is empty comes last either way."""
    tab, area, bottom, right = _inside(book, given.get("range") or {})
    evaluator = book.evaluator()
    rows = [
        (row, _padded(tab, row, area.left, right))
        for row in range(area.top, min(bottom, tab.grid.filled))
    ]
    for spec in reversed(given.get("sortSpecs") or ()):
        column = spec.get("dimensionIndex", 0) - area.left
        if not 0 <= column < right - area.left:
            raise bad(f"sortSpecs: the column {column + area.left} is outside of the range.")
        _sort(
            rows,
            tab,
            area.left + column,
            column,
            evaluator,
            descending=spec.get("sortOrder") == "DESCENDING",
        )
    for index, (_, cells) in enumerate(rows):
        tab.grid.put(area.top + index, area.left, cells)


def _sort(
    rows: list[tuple[int, list[Content]]],
    tab: Tab,
    column: int,
    at: int,
    evaluator: Evaluator,
    *,
    descending: bool,
) -> None:
    def key(entry: tuple[int, list[Content]]) -> tuple[int, float, str]:
        return _sort_key(evaluator.value(tab, entry[0], column, entry[1][at]))

    filled = [entry for entry in rows if holds(entry[1][at])]
    empty = [entry for entry in rows if not holds(entry[1][at])]
    filled.sort(key=key, reverse=descending)
    rows[:] = filled + empty


def find_replace(book: Book, given: Mapping[str, Any]) -> Json:
    """Replace text in what cells show, and in formulas where that is asked for."""
    pattern = _pattern(given)
    replacement = str(given.get("replacement", ""))
    if given.get("searchByRegex"):
        template = re.sub(r"\$(\d)", r"\\g<\1>", replacement)
    else:
        template = replacement.replace("\\", "\\\\")
    counts = dict.fromkeys(("valuesChanged", "formulasChanged", "occurrencesChanged"), 0)
    rows: set[tuple[int, int]] = set()
    desk = Desk(str(book.properties.get("locale", "")), today())
    for tab, area in _searched(book, given):
        for row, column, content in _cells(tab, area):
            new, times = _replaced(
                content, pattern, template, desk, formulas=bool(given.get("includeFormulas"))
            )
            if times:
                book.check_protection(tab, Area(row, row + 1, column, column + 1))
                tab.grid.put(row, column, [new])
                rows.add((tab.id, row))
                formula = isinstance(content, Cell) and content.formula is not None
                counts["formulasChanged" if formula else "valuesChanged"] += 1
                counts["occurrencesChanged"] += times
    counts["rowsChanged"] = len(rows)
    counts["sheetsChanged"] = len({tab for tab, _ in rows})
    return {name: count for name, count in counts.items() if count}


def _pattern(given: Mapping[str, Any]) -> re.Pattern[str]:
    text = str(given.get("find") or "")
    if not text:
        raise bad("The find string cannot be empty.")
    source = text if given.get("searchByRegex") else re.escape(text)
    if given.get("matchEntireCell"):
        source = rf"\A(?:{source})\Z"
    try:
        return re.compile(source, 0 if given.get("matchCase") else re.IGNORECASE)
    except re.error:
        raise bad(f"Invalid regular expression: {text}") from None


def _searched(book: Book, given: Mapping[str, Any]) -> list[tuple[Tab, Area]]:
    if "range" in given:
        return [book.grid_range(given["range"])]
    if given.get("allSheets"):
        return [(tab, Area()) for tab in book.tabs]
    if "sheetId" in given:
        return [(book.tab(given["sheetId"]), Area())]
    raise bad("One of range, sheetId and allSheets must be set.")


def _cells(tab: Tab, area: Area) -> list[tuple[int, int, Content]]:
    return [
        (area.top + down, area.left + across, content)
        for down, cells in enumerate(tab.grid.slices(area))
        for across, content in enumerate(cells)
        if holds(content)
    ]


def _replaced(
    content: Content, pattern: re.Pattern[str], template: str, desk: Desk, *, formulas: bool
) -> tuple[Content, int]:
    if isinstance(content, Cell) and content.formula is not None:
        if not formulas:
            return content, 0
        text, times = pattern.subn(template, content.formula)
        return attrs.evolve(content, formula=text), times
    value = content.value if isinstance(content, Cell) else content
    text, times = pattern.subn(template, formatted(value, content))
    return (typed(text, content, desk) if times else content), times


def delete_duplicates(book: Book, given: Mapping[str, Any]) -> Json:
    """Delete rows of a range that repeat an earlier one."""
    tab, area, bottom, right = _inside(book, given.get("range") or {})
    columns = [
        column - area.left
        for span in given.get("comparisonColumns") or ()
        for column in range(span.get("startIndex", 0), span.get("endIndex", right))
    ] or list(range(right - area.left))
    seen: set[Hashable] = set()
    kept: list[list[Content]] = []
    last = min(bottom, tab.grid.filled)
    for row in range(area.top, last):
        cells = _padded(tab, row, area.left, right)
        key = tuple(_comparable(cells[column]) for column in columns)
        if key not in seen:
            seen.add(key)
            kept.append(cells)
    blank: list[Content] = [None] * (right - area.left)
    for index in range(last - area.top):
        tab.grid.put(area.top + index, area.left, kept[index] if index < len(kept) else blank)
    removed = last - area.top - len(kept) if last > area.top else 0
    return {"duplicatesRemovedCount": removed} if removed else {}


def _comparable(content: Content) -> Hashable:
    if isinstance(content, Cell):
        content = content.formula if content.formula is not None else content.value
    return (
        content.casefold()
        if isinstance(content, str)
        else (type(content).__name__ == "bool", content)
    )


def trim_whitespace(book: Book, given: Mapping[str, Any]) -> Json:
    """Trim the text of a range."""
    tab, area, _, _ = _inside(book, given.get("range") or {})
    changed = 0
    for row, column, content in _cells(tab, area):
        value = content.value if isinstance(content, Cell) else content
        if isinstance(value, str) and (text := re.sub(r"\s+", " ", value.strip())) != value:
            tab.grid.put(row, column, [refilled(content, text or None)])
            changed += 1
    return {"cellsChangedCount": changed} if changed else {}


HANDLERS: dict[str, Callable[[Book, Mapping[str, Any]], Json | None]] = {
    "deleteRange": delete_range,
    "insertRange": insert_range,
    "sortRange": sort_range,
    "findReplace": find_replace,
    "deleteDuplicates": delete_duplicates,
    "trimWhitespace": trim_whitespace,
}
