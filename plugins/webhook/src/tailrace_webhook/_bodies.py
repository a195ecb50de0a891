"""Bodies: from the bytes of a request to rows, with every value as it was written."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from tailrace_webhook._schemes import Refused

_DEEPEST = 64
"""Lists and objects within each other."""
_MOST_FIELDS = 1_000
"""Fields of a form."""

JSON, FORM = "json", "form"
PAYLOAD = "payload"
"""A form that may have one field of this name, with JSON in it."""


def kind_of(scheme: str, content_type: str | None) -> str:
    """Tell what a body is by its Content-Type; JSON where it has none."""
    named = (content_type or "application/json").partition(";")[0].strip().lower()
    if named == "application/x-www-form-urlencoded":
        # So Slack sends what people click on, and GitHub all, if it is told to send forms.
        return PAYLOAD if scheme in ("slack", "github") else FORM
    if named in ("application/json", "text/json", "text/plain") or named.endswith("+json"):
        return JSON
    raise Refused(415, "the body is neither JSON nor a form; Content-Type says so")


def parse(kind: str, body: bytes) -> Any:
    """Give what a body holds; a form gives text, and a list where a name is there several times."""
    try:
        text = body.decode("utf-8-sig")
        value = _json(text) if kind == JSON else _form(text)
        if kind == PAYLOAD and list(value) == [PAYLOAD] and isinstance(value[PAYLOAD], str):
            value = _json(value[PAYLOAD])
    except UnicodeDecodeError:
        raise Refused(400, "the body is not UTF-8") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused(400, "the body cannot be read as what Content-Type says it is") from None
    if _deeper(value, _DEEPEST):
        raise Refused(400, f"the body is nested deeper than {_DEEPEST} levels")
    return value


def rows_of(body: Any, at: str | None) -> list[dict[str, Any]]:
    """Give the rows of a body: of the list at a place, or of the body itself."""
    found = body if at is None else value_at(body, at)
    rows = found if isinstance(found, list) else [found]
    if at is not None and not isinstance(found, list):
        raise Refused(422, "the body has no list where rows are looked for")
    if not all(isinstance(row, dict) for row in rows):
        raise Refused(422, "a row is no object with fields")
    return rows


def value_at(value: Any, place: str) -> Any:
    """Give what stands at a place, names with dots between; None where nothing does."""
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _form(text: str) -> dict[str, Any]:
    pairs = parse_qsl(
        text,
        keep_blank_values=True,
        strict_parsing=bool(text),
        errors="strict",
        max_num_fields=_MOST_FIELDS,
    )
    row: dict[str, Any] = {}
    for name, value in pairs:
        before = row.get(name)
        if before is None:
            row[name] = value
        else:
            row[name] = [*before, value] if isinstance(before, list) else [before, value]
    return row


def _deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels + 1):
        level = [each for holder in level for each in _inside(holder)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _number(text: str) -> float | Decimal:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


_json = partial(json.loads, parse_float=_number, parse_constant=_refused)
