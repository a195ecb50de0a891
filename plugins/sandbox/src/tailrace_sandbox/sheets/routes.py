"""From a path to a method of the API."""

from __future__ import annotations

from urllib.parse import unquote

import attrs

from tailrace_sandbox.wire import Request

SHEETS = "sheets.spreadsheets"


@attrs.frozen
class Route:
    """Hold the method that a request calls, and the ids in its path."""

    method: str
    ids: tuple[str, ...] = ()


def find(request: Request) -> Route | None:
    """Return the route of a request; None when there is none."""
    parts = request.raw_path.strip("/").split("/")
    verb = "GET" if request.method == "HEAD" else request.method
    if parts[:2] == ["v4", "spreadsheets"]:
        return _sheets(verb, parts[2:])
    if parts[:3] == ["drive", "v3", "files"]:
        return _drive(verb, [unquote(part) for part in parts[3:]])
    if parts == ["drive", "v3", "about"] and verb == "GET":
        return Route("drive.about.get")
    if parts == ["token"] and verb == "POST":
        return Route("token")
    return None


def _sheets(verb: str, parts: list[str]) -> Route | None:
    if not parts:
        return Route(f"{SHEETS}.create") if verb == "POST" else None
    book, _, action = parts[0].partition(":")
    ids = (unquote(book),)
    if len(parts) == 1:
        name = {("GET", ""): "get", ("POST", "batchUpdate"): "batchUpdate"}.get((verb, action))
        if (verb, action) == ("POST", "getByDataFilter"):
            name = action
        return Route(f"{SHEETS}.{name}", ids) if name else None
    collection, _, action = parts[1].partition(":")
    rest = "/".join(parts[2:])
    match collection:
        case "values":
            return _values(verb, action, rest, ids)
        case "developerMetadata" if verb == "GET" and rest.isdigit():
            return Route(f"{SHEETS}.developerMetadata.get", (*ids, rest))
        case "developerMetadata" if (verb, action) == ("POST", "search"):
            return Route(f"{SHEETS}.developerMetadata.search", ids)
        case "sheets" if verb == "POST" and rest.endswith(":copyTo"):
            return Route(f"{SHEETS}.sheets.copyTo", (*ids, rest.removesuffix(":copyTo")))
    return None


_VALUES = {
    ("GET", "batchGet"),
    ("POST", "batchUpdate"),
    ("POST", "batchClear"),
    ("POST", "batchGetByDataFilter"),
    ("POST", "batchUpdateByDataFilter"),
    ("POST", "batchClearByDataFilter"),
}


def _values(verb: str, action: str, rest: str, ids: tuple[str, ...]) -> Route | None:
    if not rest:
        return Route(f"{SHEETS}.values.{action}", ids) if (verb, action) in _VALUES else None
    if verb == "GET":
        return Route(f"{SHEETS}.values.get", (*ids, unquote(rest)))
    if verb == "PUT":
        return Route(f"{SHEETS}.values.update", (*ids, unquote(rest)))
    cells, _, action = rest.rpartition(":")
    if verb == "POST" and action in ("append", "clear"):
        return Route(f"{SHEETS}.values.{action}", (*ids, unquote(cells)))
    return None


_FILES = {"GET": "list", "POST": "create"}
_FILE = {"GET": "get", "DELETE": "delete", "PATCH": "update"}


def _drive(verb: str, parts: list[str]) -> Route | None:
    match parts:
        case []:
            name = _FILES.get(verb)
            return Route(f"drive.files.{name}") if name else None
        case [file]:
            name = _FILE.get(verb)
            return Route(f"drive.files.{name}", (file,)) if name else None
        case [file, "copy"] if verb == "POST":
            return Route("drive.files.copy", (file,))
        case [file, "comments"] if verb == "GET":
            return Route("drive.comments.list", (file,))
        case [file, "permissions"]:
            name = _FILES.get(verb)
            return Route(f"drive.permissions.{name}", (file,)) if name else None
        case [file, "permissions", permission]:
            name = _FILE.get(verb)
            return Route(f"drive.permissions.{name}", (file, permission)) if name else None
    return None
