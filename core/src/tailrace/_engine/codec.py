"""Rows as bytes and back, with every value kept exactly: what goes to disk, and what is hashed."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from math import isfinite
from typing import Any
from uuid import UUID

import orjson

from tailrace.records import Row

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS
_MARK = "\0"
"""Begins the one key of an object that stands for a value JSON has no form for."""

_WRITERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (Decimal, "decimal", str),
    (datetime, "datetime", datetime.isoformat),
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (timedelta, "seconds", lambda value: [value.days, value.seconds, value.microseconds]),
    (UUID, "uuid", str),
    (bytes, "bytes", lambda value: b64encode(value).decode()),
)
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "seconds": lambda parts: timedelta(*parts),
    "uuid": UUID,
    "bytes": b64decode,
    "integer": int,
    "number": float,
    "text": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
    "object": dict,
}


def encode(row: Mapping[str, Any]) -> bytes:
    """Give one line of JSON that holds all of a row; equal rows give equal lines.

    Raises TypeError, naming the type, for a value that no row can hold.
    """
    try:
        line = orjson.dumps(row, default=_tag, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return json.dumps(_walk(row), sort_keys=True).encode()
    if b"\\u0000" in line or (b"null" in line and _hides_null(row)):
        return json.dumps(_walk(row), sort_keys=True).encode()
    return line


def decode(line: bytes) -> Row:
    """Give back the row of a line."""
    row = orjson.loads(line)
    if b"\\u0000" in line:
        return {name: _untag(value) for name, value in row.items()}
    return row  # type: ignore[no-any-return]  # encode wrote a row


def digest(line: bytes) -> bytes:
    """Give 16 bytes that stand for a line."""
    return blake2b(line, digest_size=16).digest()


def _tag(value: Any) -> Any:
    for kind, name, write in _WRITERS:
        if isinstance(value, kind):
            return {_MARK + name: write(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)) or not hasattr(value, "__iter__"):
        raise TypeError(f"a value of type {type(value).__name__}")
    return list(value)


def _walk(value: Any) -> Any:  # one line a kind of value
    if isinstance(value, Mapping):
        walked = {str(name): _walk(each) for name, each in value.items()}
        if len(walked) == 1 and next(iter(walked)).startswith(_MARK):
            return {_MARK + "object": walked}
        return walked
    if isinstance(value, (list, tuple)):
        return [_walk(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else {_MARK + "integer": str(int(value))}
    if isinstance(value, float):
        return float(value) if isfinite(value) else {_MARK + "number": str(float(value))}
    if isinstance(value, str):
        return _text(value)
    return _tag(value)


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "surrogatepass")
        return {_MARK + "text": b64encode(raw).decode()}
    return str(value)


def _hides_null(value: Any) -> bool:
    """Tell whether a number that orjson writes as null is in here."""
    if isinstance(value, float):
        return not isfinite(value)
    if isinstance(value, Mapping):
        return any(_hides_null(each) for each in value.values())
    return isinstance(value, (list, tuple)) and any(_hides_null(each) for each in value)


def _untag(value: Any) -> Any:
    if isinstance(value, list):
        return [_untag(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, inner = next(iter(value.items()))
        if name == _MARK + "object":
            return {each: _untag(item) for each, item in inner.items()}
        if name.startswith(_MARK):
            return _READERS[name[1:]](inner)
    return {name: _untag(each) for name, each in value.items()}
