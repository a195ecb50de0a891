"""Developer metadata: keys and values that stick to a row, a column, a tab or a spreadsheet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, Tab
from tailrace_sandbox.sheets.errors import bad, not_found

Json = dict[str, Any]
Place = tuple[Tab, Area]
_EXTENT = {"ROWS": "ROW", "COLUMNS": "COLUMN"}


def create(book: Book, given: Mapping[str, Any]) -> Json:
    """Add an entry and return it."""
    if not given.get("metadataKey"):
        raise bad("Developer metadata must have a key.")
    if given.get("visibility", "DOCUMENT") == "DEVELOPER_METADATA_VISIBILITY_UNSPECIFIED":
        raise bad("Developer metadata must have a visibility.")
    if "visibility" not in given:
        raise bad("Developer metadata must have a visibility.")
    number = given.get("metadataId")
    if number is None:
        number = random.randrange(1, 2**31)  # noqa: S311 - a number, not a secret
    if number in book.metadata:
        raise bad(f"Developer metadata already exists with ID: {number}")
    entry: Json = {"metadataId": number, "metadataKey": given["metadataKey"]}
    if "metadataValue" in given:
        entry["metadataValue"] = given["metadataValue"]
    entry["location"] = _location(book, given.get("location") or {})
    entry["visibility"] = given["visibility"]
    book.metadata[number] = entry
    return entry


def _location(book: Book, given: Mapping[str, Any]) -> Json:
    if given.get("spreadsheet"):
        return {"locationType": "SPREADSHEET", "spreadsheet": True}
    if "sheetId" in given:
        book.tab(given["sheetId"])
        return {"locationType": "SHEET", "sheetId": given["sheetId"]}
    wanted = given.get("dimensionRange")
    if not wanted:
        raise bad("Developer metadata must have a location.")
    tab = book.tab(wanted.get("sheetId", 0))
    dimension = wanted.get("dimension", "")
    start = wanted.get("startIndex", 0)
    end = wanted.get("endIndex", start + 1)
    size = tab.grid.rows if dimension == "ROWS" else tab.grid.columns
    if dimension not in _EXTENT or end != start + 1 or not 0 <= start < size:
        raise bad("Developer metadata can be put on one row or one column of the grid only.")
    found = {"sheetId": tab.id, "dimension": dimension, "startIndex": start, "endIndex": end}
    return {"locationType": _EXTENT[dimension], "dimensionRange": found}


def get(book: Book, number: int) -> Json:
    """Return the entry of an id."""
    if number not in book.metadata:
        raise not_found()
    return book.metadata[number]


def matching(book: Book, lookup: Mapping[str, Any]) -> list[Json]:
    """Return the entries that a lookup finds, in the order of their making."""
    return [entry for entry in book.metadata.values() if _fits(book, entry, lookup)]


def _fits(book: Book, entry: Json, lookup: Mapping[str, Any]) -> bool:
    for name in ("metadataId", "metadataKey", "metadataValue", "visibility"):
        if name in lookup and entry.get(name) != lookup[name]:
            return False
    kind = lookup.get("locationType")
    if kind and entry["location"]["locationType"] != kind:
        return False
    where = lookup.get("metadataLocation")
    if not where:
        return True
    strict = lookup.get("locationMatchingStrategy") == "EXACT_LOCATION"
    return _at(book, entry["location"], where, strict=strict)


def _at(book: Book, location: Json, where: Mapping[str, Any], *, strict: bool) -> bool:
    if where.get("spreadsheet"):
        return not strict or bool(location.get("spreadsheet"))
    if "sheetId" in where:
        if location.get("sheetId") == where["sheetId"]:
            return True
        inside = location.get("dimensionRange", {}).get("sheetId") == where["sheetId"]
        return inside and not strict
    wanted, own = where.get("dimensionRange"), location.get("dimensionRange")
    if not wanted or not own or own["sheetId"] != wanted.get("sheetId", 0):
        return False
    if own["dimension"] != wanted.get("dimension"):
        return False
    start, end = wanted.get("startIndex", 0), wanted.get("endIndex")
    if strict:
        return bool(own["startIndex"] == start and own["endIndex"] == end)
    return bool(own["startIndex"] >= start and (end is None or own["startIndex"] < end))


def place(book: Book, entry: Mapping[str, Any]) -> Place:
    """Return the cells that an entry sticks to."""
    location = entry["location"]
    if "sheetId" in location:
        return book.tab(location["sheetId"]), Area()
    found = location.get("dimensionRange")
    if found is None:
        raise bad("Developer metadata of a spreadsheet is on no range of cells.")
    tab = book.tab(found["sheetId"])
    if found["dimension"] == "ROWS":
        return tab, Area(found["startIndex"], found["endIndex"])
    return tab, Area(0, None, found["startIndex"], found["endIndex"])


def entries(book: Book, filters: Iterable[Mapping[str, Any]]) -> list[tuple[Json, list[Json]]]:
    """Return the entries that data filters find, each with the filters that found it."""
    found: dict[int, tuple[Json, list[Json]]] = {}
    for wanted in filters:
        for entry in _found_by(book, wanted):
            found.setdefault(entry["metadataId"], (entry, []))[1].append(dict(wanted))
    return list(found.values())


def _found_by(book: Book, wanted: Mapping[str, Any]) -> list[Json]:
    if "developerMetadataLookup" in wanted:
        return matching(book, wanted["developerMetadataLookup"])
    tab, area = resolve(book, wanted)[0]
    return [
        entry
        for entry in book.metadata.values()
        if not entry["location"].get("spreadsheet")
        and place(book, entry)[0] is tab
        and place(book, entry)[1].overlaps(area)
    ]


def resolve(book: Book, wanted: Mapping[str, Any]) -> list[Place]:
    """Return the cells that a data filter names."""
    if "a1Range" in wanted:
        return [book.locate(wanted["a1Range"])]
    if "gridRange" in wanted:
        return [book.grid_range(wanted["gridRange"])]
    if "developerMetadataLookup" in wanted:
        return [place(book, entry) for entry in matching(book, wanted["developerMetadataLookup"])]
    raise bad("A data filter must have one of a1Range, gridRange and developerMetadataLookup.")


def moved(book: Book, tab: Tab, dimension: str, order: Callable[[int], int | None]) -> None:
    """Move the entries of a tab's rows or columns; None takes them away."""
    for number, entry in list(book.metadata.items()):
        own = entry["location"].get("dimensionRange")
        if own is None or own["sheetId"] != tab.id or own["dimension"] != dimension:
            continue
        start = order(own["startIndex"])
        if start is None:
            del book.metadata[number]
        else:
            own["startIndex"], own["endIndex"] = start, start + 1
