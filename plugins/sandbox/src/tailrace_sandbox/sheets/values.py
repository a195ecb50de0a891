"""The `spreadsheets.values` methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tailrace_sandbox.sheets import a1
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.cells import Content, refilled
from tailrace_sandbox.sheets.entry import Desk
from tailrace_sandbox.sheets.errors import ApiError, bad
from tailrace_sandbox.sheets.render import FORMATTED, SERIAL, Renderer, Rendering, transposed
from tailrace_sandbox.sheets.table import find_table
from tailrace_sandbox.sheets.writing import Write, given_rows, prepare, prepare_at

COLUMNS = "COLUMNS"
Place = tuple[Tab, Area]
Json = dict[str, Any]


def rendering(options: Mapping[str, Any], prefix: str = "") -> Rendering:
    """Read the two render options out of a request."""

    def option(name: str, default: str) -> str:
        key = f"{prefix}{name[0].upper()}{name[1:]}" if prefix else name
        return str(options.get(key) or default)

    return Rendering(option("valueRenderOption", FORMATTED), option("dateTimeRenderOption", SERIAL))


def get(book: Book, place: Place, dimension: str, how: Rendering) -> Json:
    """Return the ValueRange of an area."""
    tab, area = place
    if area.top >= tab.grid.rows or area.left >= tab.grid.columns:
        raise tab.exceeded(area)
    shown = area.within(tab.grid.rows, tab.grid.columns)
    values = Renderer(book, how).block(tab, shown)
    columns = dimension == COLUMNS
    found: Json = {
        "range": a1.write(tab.title, shown),
        "majorDimension": COLUMNS if columns else "ROWS",
    }
    if columns:
        values = transposed(values)
    if values:
        found["values"] = values
    return found


def batch_get(book: Book, ranges: Iterable[str], dimension: str, how: Rendering) -> Json:
    """Return the values of several ranges."""
    places = [book.locate(text) for text in ranges]
    found = [get(book, place, dimension, how) for place in places]
    return {"spreadsheetId": book.id} | ({"valueRanges": found} if found else {})


def input_option(options: Mapping[str, Any]) -> str:
    """Return how values are to be read, which every write must say."""
    option = str(options.get("valueInputOption") or "")
    if option in ("", "INPUT_VALUE_OPTION_UNSPECIFIED"):
        raise bad("'valueInputOption' is required but not specified")
    return option


def update(book: Book, text: str, body: Json, options: Mapping[str, Any], desk: Desk) -> Json:
    """Write a ValueRange."""
    if body.get("range") and book.locate(body["range"]) != book.locate(text):
        raise bad(
            f"Requested range [{text}] does not match the range of the values [{body['range']}]"
        )
    write = prepare(book, text, body, input_option(options))
    write.apply(desk)
    return _report(book, write, options, body)


def batch_update(book: Book, body: Json, desk: Desk) -> Json:
    """Write several ValueRanges, all of them or none."""
    option = input_option(body)
    writes: list[Write] = []
    for i, data in enumerate(body.get("data") or ()):
        try:
            writes.append(prepare(book, data.get("range", ""), data, option))
        except ApiError as error:
            raise error.within(f"data[{i}]") from None
    for write in writes:
        write.apply(desk)
    pairs = zip(writes, body.get("data") or (), strict=True)
    return totals(book, writes, [_report(book, write, body, data) for write, data in pairs])


def totals(book: Book, writes: list[Write], reports: list[Json]) -> Json:
    """Add several writes up."""
    rows: set[tuple[int, int]] = set()
    columns: set[tuple[int, int]] = set()
    for write in writes:
        area = write.written()
        rows.update((write.tab.id, area.top + i) for i, row in enumerate(write.rows) if row)
        columns.update((write.tab.id, area.left + i) for i in range(write.columns))
    counts = {
        "totalUpdatedRows": len(rows),
        "totalUpdatedColumns": len(columns),
        "totalUpdatedCells": sum(write.cells for write in writes),
        "totalUpdatedSheets": len({write.tab.id for write in writes}),
    }
    found: Json = {"spreadsheetId": book.id}
    found.update({name: count for name, count in counts.items() if count})
    return found | ({"responses": reports} if reports else {})


def _report(book: Book, write: Write, options: Mapping[str, Any], body: Json) -> Json:
    report = write.report(book)
    if options.get("includeValuesInResponse"):
        place = write.tab, write.written()
        dimension = body.get("majorDimension", "ROWS")
        report["updatedData"] = get(book, place, dimension, rendering(options, "response"))
    return report


def append(book: Book, text: str, body: Json, options: Mapping[str, Any], desk: Desk) -> Json:
    """Write a ValueRange below the table that a range touches."""
    tab, area = book.locate(text)
    option = input_option(options)
    table = find_table(tab.grid, tab.bounded(area))
    rows = given_rows(body, option)
    width = max(map(len, rows), default=0)
    top = area.top if table is None else (table.bottom or 0)
    left = area.left if table is None else table.left
    target = Area(top, top + max(1, len(rows)), left, left + max(1, width))
    insert = table is not None and options.get("insertDataOption") == "INSERT_ROWS"
    write = _make_room(book, tab, target, insert=insert, body=body, option=option)
    write.apply(desk)
    found: Json = {"spreadsheetId": book.id}
    if table is not None:
        found["tableRange"] = a1.write(tab.title, table)
    return found | {"updates": _report(book, write, options, body)}


def _make_room(
    book: Book, tab: Tab, target: Area, *, insert: bool, body: Json, option: str
) -> Write:
    grid = tab.grid
    bottom, right = target.bottom or 0, target.right or 0
    inserted = bottom - target.top if insert and target.top < grid.rows else 0
    rows = max(grid.rows + inserted, bottom)
    columns = max(grid.columns, right)
    book.check_size(rows * columns - grid.rows * grid.columns)
    book.check_protection(tab, target)
    if inserted:
        grid.insert_rows(target.top, inserted)
    grid.resize(rows, columns)
    return prepare_at(book, tab, target, body, option, anchored=False)


def clear(book: Book, place: Place) -> str:
    """Empty an area of values, keep its formats, and return the range that was cleared."""
    tab, area = place
    if area.top >= tab.grid.rows or area.left >= tab.grid.columns:
        raise tab.exceeded(area)
    shown = area.within(tab.grid.rows, tab.grid.columns)
    book.check_protection(tab, shown)
    grid = tab.grid
    assert shown.bottom is not None
    assert shown.right is not None
    for index in range(shown.top, min(shown.bottom, grid.filled)):
        cells = grid.row(index)
        if cells:
            kept: list[Content] = [
                refilled(cell, None) if shown.left <= i < shown.right else cell
                for i, cell in enumerate(cells)
            ]
            while kept and kept[-1] is None:
                kept.pop()
            grid.set_row(index, kept)
    grid.trim()
    return a1.write(tab.title, shown)
