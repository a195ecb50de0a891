"""The few Drive v3 calls that clients of Sheets make, and a token endpoint."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from tailrace_sandbox.sheets.book import Book, new_id, timestamp
from tailrace_sandbox.sheets.errors import ApiError
from tailrace_sandbox.sheets.library import MIME_TYPE, Library
from tailrace_sandbox.sheets.tabs import add_tab
from tailrace_sandbox.wire import Answer, Request

if TYPE_CHECKING:
    from tailrace_sandbox.sheets.service import Call

Json = dict[str, Any]
ACCOUNT = {
    "kind": "drive#user",
    "displayName": "Sandbox",
    "me": True,
    "permissionId": "10000000000000000001",
    "emailAddress": "sandbox@tailrace.invalid",
}
PAGE = 100
_BRIEF = ("kind", "id", "name", "mimeType")
_TERM = re.compile(
    r"\s*(?:not\s+)?(?P<field>\w+)\s*(?P<operator>=|!=|contains|>=|<=|>|<)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|true|false)\s*"
    r"|\s*(?P<member>'(?:[^'\\]|\\.)*')\s+in\s+(?P<collection>\w+)\s*",
    re.IGNORECASE,
)


def token(request: Request) -> Answer:
    """Give out a bearer token for whatever was asked with."""
    del request
    body = {
        "access_token": f"sandbox.{secrets.token_urlsafe(24)}",
        "expires_in": 3599,
        "token_type": "Bearer",
    }
    return Answer(body=orjson.dumps(body), headers=(("Cache-Control", "no-store"),))


def serve(call: Call, library: Library) -> Json | None:
    """Do what a call asks for; None means an answer without a body."""
    name = call.method.removeprefix("drive.")
    if name == "about.get":
        if call.mask.everything:
            raise ApiError(400, "The 'fields' parameter is required for this method.")
        return {"kind": "drive#about", "user": ACCOUNT}
    if name == "files.list":
        return _list(call, library)
    if name == "files.create":
        return _file(call, _create(call, library))
    book = _find(library, call.ids[0], write=not name.endswith((".get", ".list")))
    return _METHODS[name](call, book, library)


def _find(library: Library, file_id: str, *, write: bool) -> Book:
    try:
        return library.open(file_id, write=write)
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
        "permissions": _permissions(book),
        "permissionIds": [permission["id"] for permission in _permissions(book)],
        **{
            name: book.file[name]
            for name in ("description", "properties", "appProperties")
            if name in book.file
        },
    }


def _permissions(book: Book) -> list[Json]:
    owner = {
        "kind": "drive#permission",
        "id": ACCOUNT["permissionId"],
        "type": "user",
        "role": "owner",
        "emailAddress": ACCOUNT["emailAddress"],
        "displayName": ACCOUNT["displayName"],
        "deleted": False,
        "pendingOwner": False,
    }
    return [owner, *book.file["permissions"]]


def _list(call: Call, library: Library) -> Json:
    terms = _terms(str(call.options.get("q") or ""))
    found = [b for b in library.books.values() if b.forbidden != "reads" and _fits(b, terms)]
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


def _terms(query: str) -> list[re.Match[str]]:
    terms: list[re.Match[str]] = []
    at = 0
    while at < len(query.rstrip()):
        match = _TERM.match(query, at)
        if match is None:
            raise ApiError(400, "Invalid Value")
        terms.append(match)
        at = match.end()
        if query[at : at + 3].lower() == "and":
            at += 3
        elif at < len(query.rstrip()):
            raise ApiError(400, "Invalid Value")
    return terms


def _fits(book: Book, terms: list[re.Match[str]]) -> bool:
    return all(_holds(_resource(book), term) for term in terms)


def _holds(file: Json, term: re.Match[str]) -> bool:
    if term["member"]:
        value = _unquoted(term["member"])
        members = file.get(term["collection"], [])
        return value in [m.get("emailAddress") if isinstance(m, Mapping) else m for m in members]
    actual, value = file.get(term["field"]), _unquoted(term["value"])
    text = str(actual).lower() if isinstance(actual, bool) else str(actual or "")
    holds = {
        "=": text == value,
        "!=": text != value,
        "contains": value.casefold() in text.casefold(),
        ">": text > value,
        "<": text < value,
        ">=": text >= value,
        "<=": text <= value,
    }[term["operator"].lower()]
    return holds != term[0].strip().lower().startswith("not ")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in "'\"" else text.lower()


def _create(call: Call, library: Library) -> Book:
    kind = call.body.get("mimeType", MIME_TYPE)
    if kind != MIME_TYPE:
        raise ApiError(400, f"The sandbox keeps spreadsheets only, not {kind}.")
    book = library.blank(call.body.get("name") or "Untitled")
    add_tab(book, {"title": "Sheet1"})
    _describe(book, call.body)
    library.books[book.id] = book
    return book


def _describe(book: Book, given: Mapping[str, Any]) -> None:
    if given.get("name"):
        book.properties["title"] = given["name"]
    for name in ("parents", "description", "properties", "appProperties", "starred", "trashed"):
        if name in given:
            book.file[name] = given[name]


def _get(call: Call, book: Book, library: Library) -> Json:
    del library
    return _file(call, book)


def _update(call: Call, book: Book, library: Library) -> Json:
    del library
    _describe(book, call.body)
    book.touch()
    return _file(call, book)


def _delete(call: Call, book: Book, library: Library) -> None:
    del call
    del library.books[book.id]


def _copy(call: Call, book: Book, library: Library) -> Json:
    now = timestamp()
    copy = book.fork()
    copy.id = new_id()
    copy.file = {"createdTime": now, "modifiedTime": now, "permissions": []}
    copy.properties["title"] = f"Copy of {book.title}"
    _describe(copy, call.body)
    library.books[copy.id] = copy
    return _file(call, copy)


def _list_comments(call: Call, book: Book, library: Library) -> Json:
    del call, book, library
    return {"kind": "drive#commentList", "comments": []}


def _list_permissions(call: Call, book: Book, library: Library) -> Json:
    del library
    found = _permissions(book)
    if call.mask.everything:
        found = [{name: p[name] for name in ("kind", "id", "type", "role")} for p in found]
    return {"kind": "drive#permissionList", "permissions": found}


def _share(call: Call, book: Book, library: Library) -> Json:
    del library
    kind, role = call.body.get("type"), call.body.get("role")
    if not kind or not role:
        raise ApiError(400, "The permission type and role fields are required.")
    email = call.body.get("emailAddress")
    if kind in ("user", "group") and not email:
        raise ApiError(
            400,
            "The specified emailAddress is invalid or not applicable for the given permission type.",
        )
    permission: Json = {
        "kind": "drive#permission",
        "id": "anyoneWithLink" if kind == "anyone" else str(secrets.randbelow(10**20)).zfill(20),
        "type": kind,
        "role": role,
        **{name: call.body[name] for name in ("emailAddress", "domain") if name in call.body},
    }
    book.file["permissions"] = [
        *(p for p in book.file["permissions"] if p["id"] != permission["id"]),
        permission,
    ]
    if call.mask.everything:
        return {name: permission[name] for name in ("kind", "id", "type", "role")}
    return permission


def _permission(call: Call, book: Book) -> Json:
    for permission in _permissions(book):
        if permission["id"] == call.ids[1]:
            return permission
    raise ApiError(404, f"Permission not found: {call.ids[1]}.")


def _get_permission(call: Call, book: Book, library: Library) -> Json:
    del library
    return _permission(call, book)


def _update_permission(call: Call, book: Book, library: Library) -> Json:
    del library
    permission = _permission(call, book)
    permission["role"] = call.body.get("role", permission["role"])
    return permission


def _unshare(call: Call, book: Book, library: Library) -> None:
    del library
    permission = _permission(call, book)
    if permission["role"] == "owner":
        raise ApiError(403, "The owner of a file cannot be removed.")
    book.file["permissions"].remove(permission)


_METHODS: dict[str, Callable[[Call, Book, Library], Json | None]] = {
    "files.get": _get,
    "files.update": _update,
    "files.delete": _delete,
    "files.copy": _copy,
    "comments.list": _list_comments,
    "permissions.list": _list_permissions,
    "permissions.create": _share,
    "permissions.get": _get_permission,
    "permissions.update": _update_permission,
    "permissions.delete": _unshare,
}
