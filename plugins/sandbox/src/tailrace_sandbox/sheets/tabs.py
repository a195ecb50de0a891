"""Tabs: add, copy, change, order and delete them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import attrs

from tailrace_sandbox.sheets.a1 import MAX_COLUMNS
from tailrace_sandbox.sheets.book import NEW_COLUMNS, NEW_ROWS, Book, Tab
from tailrace_sandbox.sheets.errors import bad
from tailrace_sandbox.sheets.grid import Grid

MAX_TITLE = 100
FROZEN = (
    "frozenRowCount",
    "frozenColumnCount",
    "hideGridlines",
    "rowGroupControlAfter",
    "columnGroupControlAfter",
)
KEPT = ("hidden", "rightToLeft", "tabColor", "tabColorStyle")
Json = dict[str, Any]


def add_tab(book: Book, given: Mapping[str, Any]) -> Tab:
    """Add a tab with the given SheetProperties."""
    kind = given.get("sheetType", "GRID")
    if kind != "GRID":
        raise bad(f"The sandbox has no tabs of the type {kind}.")
    wanted = given.get("gridProperties", {})
    tab = Tab(
        id=_new_id(book, given.get("sheetId")),
        title=_new_title(book, given.get("title")),
        grid=Grid(wanted.get("rowCount", NEW_ROWS), wanted.get("columnCount", NEW_COLUMNS)),
        properties={name: given[name] for name in KEPT if name in given},
        frozen={name: wanted[name] for name in FROZEN if wanted.get(name)},
    )
    _check_grid(tab)
    index = given.get("index", len(book.tabs))
    if not 0 <= index <= len(book.tabs):
        raise bad(f"Sheet index must be between 0 and {len(book.tabs)}: {index}")
    book.tabs.insert(index, tab)
    book.check_size()
    return tab


def _new_id(book: Book, wanted: int | None) -> int:
    if wanted is None:
        return book.new_tab_id() if book.tabs else 0
    if wanted < 0:
        raise bad(f"Sheet id must be non-negative: {wanted}")
    for tab in book.tabs:
        if tab.id == wanted:
            raise bad(f"A sheet with the id {wanted} already exists. Please enter another id.")
    return wanted


def _new_title(book: Book, wanted: str | None) -> str:
    if wanted is not None and wanted != "":
        check_title(book, wanted, None)
        return wanted
    number = len(book.tabs) + 1
    while book.titled(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def check_title(book: Book, title: str, own: Tab | None) -> None:
    """Raise where a tab may not have a title."""
    taken = book.titled(title)
    if taken is not None and taken is not own:
        raise bad(f'A sheet with the name "{title}" already exists. Please enter another name.')
    if not title or len(title) > MAX_TITLE:
        raise bad(f"A sheet name must have 1 to {MAX_TITLE} characters.")


def _check_grid(tab: Tab) -> None:
    if tab.grid.rows < 1 or tab.grid.columns < 1:
        raise bad("A sheet must have at least one row and one column.")
    if tab.grid.columns > MAX_COLUMNS:
        raise bad(f"The number of columns cannot exceed {MAX_COLUMNS}.")
    for name, size in (("frozenRowCount", tab.grid.rows), ("frozenColumnCount", tab.grid.columns)):
        if tab.frozen.get(name, 0) >= size:
            raise bad(
                "You can't freeze all visible rows or columns on the sheet. "
                f"{name}: {tab.frozen[name]} of {size}."
            )


def delete_tab(book: Book, sheet_id: int) -> None:
    """Delete a tab and all that is marked on it."""
    tab = book.tab(sheet_id)
    shown = [
        other for other in book.tabs if other is not tab and not other.properties.get("hidden")
    ]
    if not shown:
        raise bad("You can't remove all the visible sheets in a document.")
    whole = {"sheetId": sheet_id}
    for protection in book.protected:
        if protection.get("range", {}).get("sheetId", 0) == sheet_id:
            book.check_protection(tab, book.grid_range(whole)[1])
    book.tabs.remove(tab)
    book.named = [n for n in book.named if n["range"].get("sheetId", 0) != sheet_id]
    book.protected = [
        p for p in book.protected if p.get("range", {}).get("sheetId", -1) != sheet_id
    ]
    for number, entry in list(book.metadata.items()):
        location = entry["location"]
        if sheet_id in (location.get("sheetId"), location.get("dimensionRange", {}).get("sheetId")):
            del book.metadata[number]


def update_tab(book: Book, given: Mapping[str, Any], names: set[tuple[str, ...]]) -> None:
    """Change those properties of a tab that a field mask names."""
    tab = book.tab(given.get("sheetId", 0))
    grid = given.get("gridProperties", {})
    rows, columns = tab.grid.rows, tab.grid.columns
    for path in sorted(names):
        match path:
            case ("title",):
                check_title(book, given.get("title", ""), tab)
                tab.title = given["title"]
            case ("index",):
                _move(book, tab, given.get("index", 0))
            case ("gridProperties", "rowCount"):
                rows = grid.get("rowCount", 0)
            case ("gridProperties", "columnCount"):
                columns = grid.get("columnCount", 0)
            case ("gridProperties", name) if name in FROZEN:
                _set(tab.frozen, name, grid.get(name))
            case (name, *_) if name in KEPT:
                _set(tab.properties, name, given.get(name))
            case ("sheetId",):
                pass
            case _:
                raise bad(f"Field cannot be updated: {'.'.join(path)}")
    _resize(book, tab, rows, columns)
    if all(other.properties.get("hidden") for other in book.tabs):
        raise bad("You can't hide all the sheets in a document.")


def _resize(book: Book, tab: Tab, rows: int, columns: int) -> None:
    if (rows, columns) == (tab.grid.rows, tab.grid.columns):
        _check_grid(tab)
        return
    if rows < 1 or columns < 1:
        raise bad("A sheet must have at least one row and one column.")
    book.check_size(rows * columns - tab.grid.rows * tab.grid.columns)
    tab.grid.resize(rows, columns)
    _check_grid(tab)


def _move(book: Book, tab: Tab, index: int) -> None:
    if not 0 <= index <= len(book.tabs):
        raise bad(f"Sheet index must be between 0 and {len(book.tabs)}: {index}")
    before = book.tabs.index(tab)
    book.tabs.remove(tab)
    book.tabs.insert(index - 1 if index > before else index, tab)


def _set(where: Json, name: str, value: Any) -> None:
    if value:
        where[name] = value
    else:
        where.pop(name, None)


def duplicate_tab(book: Book, given: Mapping[str, Any]) -> Tab:
    """Copy a tab within its spreadsheet."""
    source = book.tab(given.get("sourceSheetId", 0))
    index = given.get("insertSheetIndex", 0)
    if not 0 <= index <= len(book.tabs):
        raise bad(f"Sheet index must be between 0 and {len(book.tabs)}: {index}")
    name = given.get("newSheetName")
    if name:
        check_title(book, name, None)
    return place_copy(book, source, index, title=name, sheet_id=given.get("newSheetId"))


def place_copy(
    book: Book, source: Tab, index: int, *, title: str | None = None, sheet_id: int | None = None
) -> Tab:
    """Put a copy of a tab into a spreadsheet."""
    number = _new_id(book, sheet_id)
    tab = attrs.evolve(source.fork(), id=number, title=title or _copied_title(book, source))
    if tab.filter is not None:
        tab.filter = copy.deepcopy(tab.filter)
        tab.filter.setdefault("range", {})["sheetId"] = number
    book.tabs.insert(index, tab)
    book.check_size()
    return tab


def _copied_title(book: Book, source: Tab) -> str:
    title = f"Copy of {source.title}"[:MAX_TITLE]
    number = 2
    while book.titled(title):
        title = f"Copy of {source.title} {number}"[:MAX_TITLE]
        number += 1
    return title
