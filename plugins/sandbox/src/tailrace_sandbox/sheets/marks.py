"""What is marked on cells: merges, names, protection, filters."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from tailrace_sandbox.sheets import a1
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book
from tailrace_sandbox.sheets.errors import bad
from tailrace_sandbox.sheets.masks import field_paths

Json = dict[str, Any]
_READ_ONLY = ("protectedRangeId", "requestingUserCanEdit")


def merge_cells(book: Book, given: Mapping[str, Any]) -> None:
    """Merge cells: only the first of each merge keeps what it holds."""
    tab, area = book.grid_range(given.get("range") or {})
    area = tab.bounded(area)
    book.check_protection(tab, area)
    if any(area.overlaps(other) and other != area for other in tab.merges):
        raise bad("You must select all cells in a merged range to merge or unmerge them.")
    for part in _parts(area, str(given.get("mergeType", "MERGE_ALL"))):
        tab.merges = [other for other in tab.merges if other != part]
        if part.height == 1 and part.width == 1:
            continue
        kept = tab.grid.cell(part.top, part.left)
        tab.grid.cut(part)
        tab.grid.put(part.top, part.left, [kept])
        tab.merges.append(part)


def _parts(area: Area, kind: str) -> list[Area]:
    assert area.bottom is not None
    assert area.right is not None
    if kind == "MERGE_ROWS":
        return [Area(row, row + 1, area.left, area.right) for row in range(area.top, area.bottom)]
    if kind == "MERGE_COLUMNS":
        return [Area(area.top, area.bottom, at, at + 1) for at in range(area.left, area.right)]
    return [area]


def unmerge_cells(book: Book, given: Mapping[str, Any]) -> None:
    """Undo the merges in a range."""
    tab, area = book.grid_range(given.get("range") or {})
    tab.merges = [other for other in tab.merges if not area.overlaps(other)]


def add_named_range(book: Book, given: Mapping[str, Any]) -> Json:
    """Give a range a name."""
    named = dict(given.get("namedRange") or {})
    _check_name(book, named.get("name", ""))
    tab, area = book.grid_range(named.get("range") or {})
    tab.bounded(area)
    named.setdefault("namedRangeId", secrets.token_hex(6))
    if any(other["namedRangeId"] == named["namedRangeId"] for other in book.named):
        raise bad(f"A named range with the id {named['namedRangeId']} already exists.")
    named["range"] = {"sheetId": tab.id, **(named.get("range") or {})}
    book.named.append(named)
    return {"namedRange": named}


def _check_name(book: Book, name: str) -> None:
    usable = name.isidentifier() and name.isascii() and a1.area(name) is None
    if not usable or name.upper() in ("TRUE", "FALSE"):
        raise bad(f"The name of a named range is not valid: {name}")
    if any(other["name"].casefold() == name.casefold() for other in book.named):
        raise bad(f"A named range with the name {name} already exists.")


def _named(book: Book, wanted: str) -> Json:
    for named in book.named:
        if named["namedRangeId"] == wanted:
            return named
    raise bad(f"No named range with id: {wanted}")


def update_named_range(book: Book, given: Mapping[str, Any]) -> None:
    """Change the name or the range of a named range."""
    new = given.get("namedRange") or {}
    named = _named(book, new.get("namedRangeId", ""))
    for name, *_ in field_paths(given, "NamedRange"):
        if name == "name" and new.get("name") != named["name"]:
            _check_name(book, new.get("name", ""))
        if name == "range":
            tab, area = book.grid_range(new.get("range") or {})
            tab.bounded(area)
        named[name] = new.get(name)


def delete_named_range(book: Book, given: Mapping[str, Any]) -> None:
    """Forget a named range."""
    book.named.remove(_named(book, given.get("namedRangeId", "")))


def add_protection(book: Book, given: Mapping[str, Any]) -> Json:
    """Protect a range, as if another account had done it: this one cannot write there any more."""
    protection = dict(given.get("protectedRange") or {})
    if "tableId" in protection:
        raise bad("The sandbox has no tables to protect.")
    if "namedRangeId" in protection:
        protection["range"] = dict(_named(book, protection["namedRangeId"])["range"])
    elif "range" in protection:
        tab, _ = book.grid_range(protection["range"])
        protection["range"] = {"sheetId": tab.id, **protection["range"]}
    else:
        raise bad("One of range and namedRangeId must be set.")
    number = protection.setdefault("protectedRangeId", random.randrange(1, 2**31))  # noqa: S311 - a number, not a secret
    if any(other["protectedRangeId"] == number for other in book.protected):
        raise bad(f"A protected range with the id {number} already exists.")
    protection["requestingUserCanEdit"] = bool(protection.get("warningOnly"))
    book.protected.append(protection)
    return {"protectedRange": protection}


def _protection(book: Book, number: int) -> Json:
    for protection in book.protected:
        if protection["protectedRangeId"] == number:
            return protection
    raise bad(f"No protected range with id: {number}")


def update_protection(book: Book, given: Mapping[str, Any]) -> None:
    """Change a protected range."""
    new = given.get("protectedRange") or {}
    protection = _protection(book, new.get("protectedRangeId", 0))
    for name, *_ in field_paths(given, "ProtectedRange"):
        if name in _READ_ONLY:
            continue
        if name == "range":
            book.grid_range(new.get("range") or {})
        if name in new:
            protection[name] = new[name]
        else:
            protection.pop(name, None)
    protection["requestingUserCanEdit"] = bool(protection.get("warningOnly"))


def delete_protection(book: Book, given: Mapping[str, Any]) -> None:
    """Take a protection away."""
    book.protected.remove(_protection(book, given.get("protectedRangeId", 0)))


def set_filter(book: Book, given: Mapping[str, Any]) -> None:
    """Keep the basic filter of a tab; it hides nothing from the API."""
    wanted = dict(given.get("filter") or {})
    tab, area = book.grid_range(wanted.get("range") or {})
    tab.bounded(area)
    wanted["range"] = {"sheetId": tab.id, **wanted.get("range", {})}
    tab.filter = wanted


def clear_filter(book: Book, given: Mapping[str, Any]) -> None:
    """Take the basic filter of a tab away."""
    book.tab(given.get("sheetId", 0)).filter = None


HANDLERS: dict[str, Callable[[Book, Mapping[str, Any]], Json | None]] = {
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
    "addNamedRange": add_named_range,
    "updateNamedRange": update_named_range,
    "deleteNamedRange": delete_named_range,
    "addProtectedRange": add_protection,
    "updateProtectedRange": update_protection,
    "deleteProtectedRange": delete_protection,
    "setBasicFilter": set_filter,
    "clearBasicFilter": clear_filter,
}
