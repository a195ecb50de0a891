"""The few Drive v3 calls that clients of Sheets make, and a token endpoint."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from tailrace_sandbox.sheets.book import Book, new_id, timestamp
from tailrace_sandbox.sheets.errors import ApiError
from tailrace_sandbox.sheets.search import fits, terms
from tailrace_sandbox.sheets.sharing import ACCOUNT, METHODS, permissions
from tailrace_sandbox.sheets.shelf import MIME_TYPE, Shelf
from tailrace_sandbox.sheets.tabs import add_tab
from tailrace_sandbox.wire import Answer, Request

if TYPE_CHECKING:
    from tailrace_sandbox.sheets.service import Call

Json = dict[str, Any]
PAGE = 100
_BRIEF = ("kind", "id", "name", "mimeType")


def token(request: Request) -> Answer:
    """Give out a bearer token for whatever was asked with."""
    del request
    body = {
        "access_token": f"sandbox.{secrets.token_urlsafe(24)}",
        "expires_in": 3599,
        "token_type": "Bearer",
    }
    return Answer(body=orjson.dumps(body), headers=(("Cache-Control", "no-store"),))


def serve(call: Call, shelf: Shelf) -> Json | None:
    """Do what a call asks for; None means an answer without a body."""
    name = call.method.removeprefix("drive.")
    if name == "about.get":
        if call.mask.everything:
            raise ApiError(400, "The 'fields' parameter is required for this method.")
        return {"kind": "drive#about", "user": ACCOUNT}
    if name == "files.list":
        return _list(call, shelf)
    if name == "files.create":
        return _file(call, _create(call, shelf))
    book = _find(shelf, call.ids[0], write=not name.endswith((".get", ".list")))
    return _METHODS[name](call, book, shelf)


def _find(shelf: Shelf, file_id: str, *, write: bool) -> Book:
    try:
        return shelf.open(file_id, write=write)
    except ApiError as error:
        if error.status != 404 and not write:
            raise ApiError(404, f"File not found: {file_id}.") from None
        if error.status == 404:
            raise ApiError(404, f"File not found: {file_id}.") from None
        raise ApiError(
            403, "The user does not have sufficient permissions for this file."
        ) from None


def _file(call: Call, book: Book) -> Json:
    found = _resource(book)
    if call.mask.everything and call.method != "drive.files.list":
        return {name: found[name] for name in _BRIEF}
    return found


def _resource(book: Book) -> Json:
    return {
        "kind": "drive#file",
        "id": book.id,
        "name": book.title,
        "mimeType": MIME_TYPE,
        "createdTime": book.file["createdTime"],
        "modifiedTime": book.file["modifiedTime"],
        "parents": book.file.get("parents", ["root"]),
        "trashed": book.file.get("trashed", False),
        "starred": book.file.get("starred", False),
        "explicitlyTrashed": book.file.get("trashed", False),
        "spaces": ["drive"],
        "version": "1",
        "webViewLink": f"https://docs.google.com/spreadsheets/d/{book.id}/edit?usp=drivesdk",
        "owners": [ACCOUNT],
        "lastModifyingUser": ACCOUNT,
        "shared": bool(book.file["permissions"]),
        "ownedByMe": True,
        "permissions": permissions(book),
        "permissionIds": [permission["id"] for permission in permissions(book)],
        **{
            name: book.file[name]
            for name in ("description", "properties", "appProperties")
            if name in book.file
        },
    }


def _list(call: Call, shelf: Shelf) -> Json:
    wanted = terms(str(call.options.get("q") or ""))
    found = [
        b for b in shelf.books.values() if b.forbidden != "reads" and fits(_resource(b), wanted)
    ]
    order = str(call.options.get("orderBy") or "modifiedTime desc")
    for key in reversed(order.split(",")):
        name, _, direction = key.strip().partition(" ")
        found.sort(key=lambda b: str(_resource(b).get(name, "")), reverse=direction == "desc")
    size = min(max(1, int(call.options.get("pageSize") or PAGE)), 1000)
    token = str(call.options.get("pageToken") or "0")
    start = int(token) if token.isdigit() else 0
    files = [_resource(book) for book in found[start : start + size]]
    if call.mask.everything:
        files = [{name: file[name] for name in _BRIEF} for file in files]
    page: Json = {"kind": "drive#fileList", "incompleteSearch": False, "files": files}
    if start + size < len(found):
        page["nextPageToken"] = str(start + size)
    return page


def _create(call: Call, shelf: Shelf) -> Book:
    kind = call.body.get("mimeType", MIME_TYPE)
    if kind != MIME_TYPE:
        raise ApiError(400, f"The sandbox keeps spreadsheets only, not {kind}.")
    book = shelf.blank(call.body.get("name") or "Untitled")
    add_tab(book, {"title": "Sheet1"})
    _describe(book, call.body)
    shelf.books[book.id] = book
    return book


def _describe(book: Book, given: Mapping[str, Any]) -> None:
    if given.get("name"):
        book.properties["title"] = given["name"]
    for name in ("parents", "description", "properties", "appProperties", "starred", "trashed"):
        if name in given:
            book.file[name] = given[name]


def _get(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return _file(call, book)


def _update(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    _describe(book, call.body)
    book.touch()
    return _file(call, book)


def _delete(call: Call, book: Book, shelf: Shelf) -> None:
    del call
    del shelf.books[book.id]


def _copy(call: Call, book: Book, shelf: Shelf) -> Json:
    now = timestamp()
    copy = book.fork()
    copy.id = new_id()
    copy.file = {"createdTime": now, "modifiedTime": now, "permissions": []}
    copy.properties["title"] = f"Copy of {book.title}"
    _describe(copy, call.body)
    shelf.books[copy.id] = copy
    return _file(call, copy)


def _list_comments(call: Call, book: Book, shelf: Shelf) -> Json:
    del call, book, shelf
    return {"kind": "drive#commentList", "comments": []}


_METHODS: dict[str, Callable[[Call, Book, Shelf], Json | None]] = {
    "files.get": _get,
    "files.update": _update,
    "files.delete": _delete,
    "files.copy": _copy,
    **METHODS,
    "comments.list": _list_comments,
}
