"""`spreadsheets.batchUpdate`: one request after the other, on a copy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tailrace_sandbox.sheets import dimensions, edits, marks, metadata, paste, rearrange
from tailrace_sandbox.sheets.book import Book
from tailrace_sandbox.sheets.errors import ApiError, bad
from tailrace_sandbox.sheets.masks import field_paths
from tailrace_sandbox.sheets.resource import sheet_properties
from tailrace_sandbox.sheets.tabs import add_tab, delete_tab, duplicate_tab, update_tab

MAX_REQUESTS = 100_000
Json = dict[str, Any]
Handler = Callable[[Book, Mapping[str, Any]], Json | None]


def apply(book: Book, requests: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Apply requests in their order and return a reply to each; raises at the first bad one."""
    if not requests:
        raise bad("Must specify at least one request.")
    if len(requests) > MAX_REQUESTS:
        raise bad(f"Cannot exceed {MAX_REQUESTS} requests in a single batch.")
    replies: list[Json] = []
    for i, request in enumerate(requests):
        if not request:
            raise bad(f"Invalid requests[{i}]: No request set.")
        [(kind, given)] = request.items()
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise bad(f"Invalid requests[{i}].{kind}: the sandbox does not support {kind}.")
        try:
            reply = handler(book, given)
        except ApiError as error:
            raise error.within(f"requests[{i}].{kind}") from None
        replies.append({kind: copy.deepcopy(reply)} if reply is not None else {})
    return replies


def _add_sheet(book: Book, given: Mapping[str, Any]) -> Json:
    tab = add_tab(book, given.get("properties", {}))
    return {"properties": sheet_properties(book, tab)}


def _delete_sheet(book: Book, given: Mapping[str, Any]) -> None:
    delete_tab(book, given.get("sheetId", 0))


def _duplicate_sheet(book: Book, given: Mapping[str, Any]) -> Json:
    return {"properties": sheet_properties(book, duplicate_tab(book, given))}


def _update_sheet(book: Book, given: Mapping[str, Any]) -> None:
    paths = field_paths(given, "SheetProperties")
    if ("gridProperties",) in paths:
        paths.discard(("gridProperties",))
        paths |= {
            ("gridProperties", name) for name in given["properties"].get("gridProperties", {})
        }
    update_tab(book, given.get("properties", {}), paths)


def _update_spreadsheet(book: Book, given: Mapping[str, Any]) -> None:
    properties = given.get("properties", {})
    for path in field_paths(given, "SpreadsheetProperties"):
        if path[0] not in properties:
            if path[0] == "title":
                raise bad("The title of a spreadsheet cannot be empty.")
            book.properties.pop(path[0], None)
        elif path[0] != "defaultFormat":
            book.properties[path[0]] = properties[path[0]]


def _create_metadata(book: Book, given: Mapping[str, Any]) -> Json:
    return {"developerMetadata": metadata.create(book, given.get("developerMetadata", {}))}


def _delete_metadata(book: Book, given: Mapping[str, Any]) -> Json:
    found = [entry for entry, _ in metadata.entries(book, [given.get("dataFilter", {})])]
    for entry in found:
        del book.metadata[entry["metadataId"]]
    return {"deletedDeveloperMetadata": found} if found else {}


def _update_metadata(book: Book, given: Mapping[str, Any]) -> Json:
    paths = field_paths(given, "DeveloperMetadata")
    new = given.get("developerMetadata", {})
    found = [entry for entry, _ in metadata.entries(book, given.get("dataFilters", ()))]
    for entry in found:
        for name, *_ in paths:
            if name not in ("metadataKey", "metadataValue", "visibility"):
                raise bad(f"The sandbox does not update the field {name} of developer metadata.")
            entry[name] = new.get(name, "")
    return {"developerMetadata": found} if found else {}


_HANDLERS: dict[str, Handler] = {
    "addSheet": _add_sheet,
    "deleteSheet": _delete_sheet,
    "duplicateSheet": _duplicate_sheet,
    "updateSheetProperties": _update_sheet,
    "updateSpreadsheetProperties": _update_spreadsheet,
    "createDeveloperMetadata": _create_metadata,
    "deleteDeveloperMetadata": _delete_metadata,
    "updateDeveloperMetadata": _update_metadata,
    **edits.HANDLERS,
    **dimensions.HANDLERS,
    **paste.HANDLERS,
    **rearrange.HANDLERS,
    **marks.HANDLERS,
}
