"""Who may use a file: Drive's permissions, kept and not enforced."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tailrace_sandbox.sheets.book import Book
from tailrace_sandbox.sheets.errors import ApiError
from tailrace_sandbox.sheets.shelf import Shelf

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


def permissions(book: Book) -> list[Json]:
    """Return who may use a file, its owner first."""
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


def _list_permissions(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    found = permissions(book)
    if call.mask.everything:
        found = [{name: p[name] for name in ("kind", "id", "type", "role")} for p in found]
    return {"kind": "drive#permissionList", "permissions": found}


def _share(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
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
    for permission in permissions(book):
        if permission["id"] == call.ids[1]:
            return permission
    raise ApiError(404, f"Permission not found: {call.ids[1]}.")


def _get_permission(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    return _permission(call, book)


def _update_permission(call: Call, book: Book, shelf: Shelf) -> Json:
    del shelf
    permission = _permission(call, book)
    permission["role"] = call.body.get("role", permission["role"])
    return permission


def _unshare(call: Call, book: Book, shelf: Shelf) -> None:
    del shelf
    permission = _permission(call, book)
    if permission["role"] == "owner":
        raise ApiError(403, "The owner of a file cannot be removed.")
    book.file["permissions"].remove(permission)


METHODS: dict[str, Callable[[Call, Book, Shelf], Json | None]] = {
    "permissions.list": _list_permissions,
    "permissions.create": _share,
    "permissions.get": _get_permission,
    "permissions.update": _update_permission,
    "permissions.delete": _unshare,
}
