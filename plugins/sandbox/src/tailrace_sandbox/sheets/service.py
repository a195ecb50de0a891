"""The methods of Sheets v4, by their names in the discovery document."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from tailrace_sandbox.sheets import batch, metadata, values
from tailrace_sandbox.sheets.book import Book
from tailrace_sandbox.sheets.entry import Desk
from tailrace_sandbox.sheets.errors import ApiError, bad
from tailrace_sandbox.sheets.fields import ALL, Mask
from tailrace_sandbox.sheets.resource import sheet_properties, spreadsheet
from tailrace_sandbox.sheets.routes import SHEETS
from tailrace_sandbox.sheets.serial import today
from tailrace_sandbox.sheets.shelf import Shelf
from tailrace_sandbox.sheets.tabs import place_copy
from tailrace_sandbox.sheets.writing import Write, prepare_at

Json = dict[str, Any]
READS = frozenset(
    f"{SHEETS}.{name}"
    for name in (
        "get",
        "getByDataFilter",
        "values.get",
        "values.batchGet",
        "values.batchGetByDataFilter",
        "developerMetadata.get",
        "developerMetadata.search",
    )
)
ROOTS = {
    f"{SHEETS}.values.update": "data",
    f"{SHEETS}.values.append": "data",
    f"{SHEETS}.create": "spreadsheet",
}


@attrs.frozen(kw_only=True)
class Call:
    """Hold one call of a method, checked."""

    method: str
    ids: tuple[str, ...]
    options: Mapping[str, Any]
    body: Json
    mask: Mask = ALL

    @property
    def dimension(self) -> str:
        return str(self.options.get("majorDimension") or self.body.get("majorDimension") or "ROWS")


def serve(call: Call, shelf: Shelf) -> Json:
    """Do what a call asks for and return the whole response."""
    name = call.method.removeprefix(f"{SHEETS}.")
    if name == "create":
        return spreadsheet(shelf.create(call.body), call.mask)
    reads = call.method in READS
    book = shelf.open(call.ids[0], write=not reads)
    found = _METHODS[name](call, book, shelf)
    if not reads:
        book.touch()
    return found


def _desk(book: Book) -> Desk:
    return Desk(str(book.properties.get("locale", "")), today())


def _get(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    places = [book.locate(text) for text in call.options.get("ranges", ())]
    data = bool(call.options.get("includeGridData"))
    return spreadsheet(book, call.mask, places=places, data=data)


def _get_by_filter(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    filters = call.body.get("dataFilters", ())
    places = [place for wanted in filters for place in metadata.resolve(book, wanted)]
    data = bool(call.body.get("includeGridData"))
    return spreadsheet(book, call.mask, places=places, data=data)


def _batch_update(call: Call, book: Book, shelf: Shelf) -> Json:
    draft = book.fork()
    try:
        replies = batch.apply(draft, call.body.get("requests") or [])
        found: Json = {"spreadsheetId": book.id, "replies": replies}
        if call.body.get("includeSpreadsheetInResponse"):
            places = [draft.locate(text) for text in call.body.get("responseRanges", ())]
            data = bool(call.body.get("responseIncludeGridData"))
            found["updatedSpreadsheet"] = spreadsheet(draft, places=places, data=data)
    except BaseException:
        del draft
        book.adopt()
        raise
    draft.adopt()
    draft.touch()
    shelf.replace(draft)
    return found


def _values_get(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    how = values.rendering(call.options)
    return values.get(book, book.locate(call.ids[1]), call.dimension, how)


def _values_batch_get(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    how = values.rendering(call.options)
    return values.batch_get(book, call.options.get("ranges", ()), call.dimension, how)


def _values_by_filter(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    how = values.rendering(call.body)
    found: Json = {"spreadsheetId": book.id}
    matched = [
        {
            "valueRange": values.get(book, place, call.dimension, how),
            "dataFilters": [wanted],
        }
        for wanted in call.body.get("dataFilters", ())
        for place in metadata.resolve(book, wanted)
    ]
    return found | ({"valueRanges": matched} if matched else {})


def _values_update(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return values.update(book, call.ids[1], call.body, call.options, _desk(book))


def _values_batch_update(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return values.batch_update(book, call.body, _desk(book))


def _values_update_by_filter(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    option = values.input_option(call.body)
    writes: list[Write] = []
    reports: list[Json] = []
    for i, data in enumerate(call.body.get("data", ())):
        wanted = data.get("dataFilter") or {}
        try:
            for tab, area in metadata.resolve(book, wanted):
                write = prepare_at(book, tab, area, data, option, anchored=False)
                writes.append(write)
                report = write.report(book) | {"dataFilter": wanted}
                del report["spreadsheetId"]
                reports.append(report)
        except ApiError as error:
            raise error.within(f"data[{i}]") from None
    desk = _desk(book)
    for write in writes:
        write.apply(desk)
    return values.totals(book, writes, reports)


def _values_append(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return values.append(book, call.ids[1], call.body, call.options, _desk(book))


def _values_clear(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    cleared = values.clear(book, book.locate(call.ids[1]))
    return {"spreadsheetId": book.id, "clearedRange": cleared}


def _values_batch_clear(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    ranges = call.body.get("ranges", ())
    return _clear(book, [book.locate(text) for text in ranges])


def _values_clear_by_filter(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    filters = call.body.get("dataFilters", ())
    return _clear(book, [place for wanted in filters for place in metadata.resolve(book, wanted)])


def _clear(book: Book, places: list[values.Place]) -> Json:
    for tab, area in places:
        book.check_protection(tab, area)
        if area.top >= tab.grid.rows or area.left >= tab.grid.columns:
            raise tab.exceeded(area)
    cleared = [values.clear(book, place) for place in places]
    return {"spreadsheetId": book.id} | ({"clearedRanges": cleared} if cleared else {})


def _metadata_get(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return metadata.get(book, int(call.ids[1]))


def _metadata_search(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    found = [
        {"developerMetadata": entry, "dataFilters": filters}
        for entry, filters in metadata.entries(book, call.body.get("dataFilters", ()))
    ]
    return {"matchedDeveloperMetadata": found} if found else {}


def _copy_to(call: Call, book: Book, shelf: Shelf) -> Json:
    if not call.ids[1].lstrip("-").isdigit():
        raise bad(f"Invalid value at 'sheet_id' (TYPE_INT32), \"{call.ids[1]}\"")
    source = book.tab(int(call.ids[1]))
    target = shelf.open(call.body.get("destinationSpreadsheetId", ""), write=True)
    copied = place_copy(target, source, len(target.tabs))
    target.touch()
    return copy.deepcopy(sheet_properties(target, copied))


_METHODS: dict[str, Callable[[Call, Book, Shelf], Json]] = {
    "get": _get,
    "getByDataFilter": _get_by_filter,
    "batchUpdate": _batch_update,
    "values.get": _values_get,
    "values.batchGet": _values_batch_get,
    "values.batchGetByDataFilter": _values_by_filter,
    "values.update": _values_update,
    "values.batchUpdate": _values_batch_update,
    "values.batchUpdateByDataFilter": _values_update_by_filter,
    "values.append": _values_append,
    "values.clear": _values_clear,
    "values.batchClear": _values_batch_clear,
    "values.batchClearByDataFilter": _values_clear_by_filter,
    "developerMetadata.get": _metadata_get,
    "developerMetadata.search": _metadata_search,
    "sheets.copyTo": _copy_to,
}
