"""Drive's query language, as far as clients of Sheets use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tailrace_sandbox.sheets.errors import ApiError

Json = dict[str, Any]
_TERM = re.compile(
    r"\s*(?:not\s+)?(?P<field>\w+)\s*(?P<operator>=|!=|contains|>=|<=|>|<)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|true|false)\s*"
    r"|\s*(?P<member>'(?:[^'\\]|\\.)*')\s+in\s+(?P<collection>\w+)\s*",
    re.IGNORECASE,
)


def terms(query: str) -> list[re.Match[str]]:
    """Read the query of a `files.list`: terms that all hold."""
    found: list[re.Match[str]] = []
    at = 0
    while at < len(query.rstrip()):
        match = _TERM.match(query, at)
        if match is None:
            raise ApiError(400, "Invalid Value")
        found.append(match)
        at = match.end()
        if query[at : at + 3].lower() == "and":
            at += 3
        elif at < len(query.rstrip()):
            raise ApiError(400, "Invalid Value")
    return found


def fits(file: Json, wanted: list[re.Match[str]]) -> bool:
    """Tell whether a file is what a query asks for."""
    return all(_holds(file, term) for term in wanted)


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
