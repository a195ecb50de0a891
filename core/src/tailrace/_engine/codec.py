"""Rows as bytes and back, with every value kept exactly: what goes to disk, and what is hashed."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import chain
from math import isfinite
from typing import Any
from uuid import UUID

import orjson

from tailrace.records import Row

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS
_SIMPLE = frozenset({str, int, float, bool, type(None), Decimal, datetime, date, time, bytes})
"""Types of values that orjson writes as they are, or hands over to be tagged."""

_MARK = "\0"
"""Begins the one key of an object that stands for a value JSON has no form for."""
_WIDE = 2**63
_FAR = 5_000
"""Digits from the point at which a decimal number is named by its text."""
_DAY = datetime(1970, 1, 1)  # noqa: DTZ001  # what both sides of a difference leave out
_ROW = _MARK + "row"
"""Holds a whole row as pairs, where a name of it has no form in JSON."""
_ROW_WRITTEN = orjson.dumps(_ROW)[1:-1]

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
    "integer": lambda text: int(text, 16),
    "number": float,
    "text": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
}


def encode(row: Mapping[str, Any]) -> bytes:
    """Give one line of JSON that holds all of a row; equal rows give equal lines.

    Raises TypeError, naming the type, for a value that no row can hold.
    """
    kinds = set(map(type, row.values()))
    if kinds <= _SIMPLE and _ROW not in row:
        try:
            line = orjson.dumps(row, default=_tag, option=_OPTIONS)
        except orjson.JSONEncodeError:
            return _walked(row)
        if float not in kinds or b"null" not in line or not _hides_null(row):
            return line
    return _walked(row)


def encode_all(rows: Sequence[Row]) -> list[bytes]:
    """Give the line of each row, as `encode` does; much faster for rows of plain values."""
    kinds = set(map(type, chain.from_iterable(map(dict.values, rows))))
    if kinds <= _SIMPLE and all(rows):
        try:
            whole = orjson.dumps(rows, default=_tag, option=_OPTIONS)
        except orjson.JSONEncodeError:
            return list(map(encode, rows))
        # Inside a text a quote has a backslash before it, and no plain value is an object in a list.
        parts = whole[1:-1].split(b'},{"')
        strange = _ROW_WRITTEN in whole or (
            float in kinds and b"null" in whole and any(map(_hides_null, rows))
        )
        if len(parts) == len(rows) and not strange:
            parts[0] = parts[0][2:]
            parts[-1] = parts[-1][:-1]
            return [b'{"%b}' % part for part in parts]
    return list(map(encode, rows))


def decode(line: bytes) -> Row:
    """Give back the row of a line."""
    row = orjson.loads(line)
    if b"\\u0000" not in line:
        return row  # type: ignore[no-any-return]  # encode wrote a row
    if row.keys() == {_ROW}:
        return {_untag(name): _untag(value) for name, value in row[_ROW]}
    return {name: _untag(value) for name, value in row.items()}


def digest(line: bytes) -> bytes:
    """Give 16 bytes that stand for a line."""
    return blake2b(line, digest_size=16).digest()


def encode_value(value: Any) -> str:
    """Give one value as JSON; raises TypeError as `encode` does."""
    return value_bytes(value).decode()


def value_bytes(value: Any) -> bytes:
    """Give one value as JSON, in bytes; raises TypeError as `encode` does."""
    kind = type(value)
    # Most values are one of these, and orjson writes them as they are.
    if kind is str or (kind is int and -_WIDE <= value < _WIDE) or value is None:
        try:
            return orjson.dumps(value)
        except orjson.JSONEncodeError:
            pass
    return encode({"": value})[4:-1]


def decode_value(text: str) -> Any:
    """Give back the value of a text that `encode_value` made."""
    return decode(b'{"":' + text.encode() + b"}")[""]


def name_of(key: Any) -> str:
    """Give the text that stands for a key: the same for 1, 1.0 and Decimal(1), as for a dict."""
    if type(key) is str:
        return encode_value(key)
    return encode_value(_plain(key))


def canary() -> str:
    """Give what this version makes of a row that has a bit of everything.

    Where it differs from that of an earlier version, hashes of equal rows differ too.
    """
    moment = datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=UTC)
    row = {
        "text": 'é\n\t"\\',
        "numbers": [0, -1, 2**70, 0.1, 1e300, -0.0, 1e22, float("inf")],
        "decimal": Decimal("1.10"),
        "moment": moment,
        "date": moment.date(),
        "time": moment.time(),
        "bytes": b"\0\xff",
        "nothing": None,
        "nested": {"b": [True, (1, 2)], "a": {"\0": timedelta(1, 2, 3)}},
    }
    names = [name_of(key) for key in (1.0, "a", (1, 0.5), moment)]
    return digest(encode(row) + encode({"": names})).hex()


def _plain(key: Any) -> Any:
    """Give equal keys one form: 1, 1.0 and Decimal(1) name the same record."""
    if isinstance(key, tuple):
        return [_plain(each) for each in key]
    if isinstance(key, int):
        return int(key)
    if isinstance(key, (float, Decimal)):
        if isinstance(key, Decimal) and key.is_finite() and key and abs(key.adjusted()) > _FAR:
            return _far(key)
        if not (key.is_finite() if isinstance(key, Decimal) else isfinite(key)):
            return float(key)
        upper, lower = key.as_integer_ratio()
        return upper if lower == 1 else [upper, lower]
    if isinstance(key, (datetime, time)) and (offset := key.utcoffset()) is not None:
        moment = key if isinstance(key, datetime) else datetime.combine(_DAY, key)
        return moment.replace(tzinfo=None) - _DAY - offset
    return key


def _far(key: Decimal) -> Mapping[str, Any]:
    """Name a number that no float is equal to, and whose digits, written out, could fill memory."""
    sign, digits, exponent = key.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    short = text.rstrip("0")
    return {_MARK + "far": [sign, short, int(exponent) + len(text) - len(short)]}


def _walked(row: Mapping[str, Any]) -> bytes:
    try:
        pairs = [(_text(name), _walk(value)) for name, value in row.items()]
    except RecursionError:
        raise TypeError("a value that is nested too deep") from None
    try:
        if all(type(name) is str and name != _ROW for name, _ in pairs):
            return orjson.dumps(dict(pairs), option=orjson.OPT_SORT_KEYS)
        return orjson.dumps({_ROW: sorted(pairs, key=_by_line)}, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise TypeError("a value that is nested too deep") from None


def _tag(value: Any) -> Any:
    for kind, name, write in _WRITERS:
        if isinstance(value, kind):
            return {_MARK + name: write(value)}
    raise TypeError(f"a value of type {type(value).__name__}")


def _walk(value: Any) -> Any:  # one line a kind of value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        small = -(2**63) <= value < 2**63
        return int(value) if small else {_MARK + "integer": format(int(value), "x")}
    if isinstance(value, float):
        return float(value) if isfinite(value) else {_MARK + "number": str(float(value))}
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list):
        return [_walk(each) for each in value]
    if isinstance(value, tuple):
        return {_MARK + "tuple": [_walk(each) for each in value]}
    return _tag(value)


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Write a mapping inside a row: as pairs if its names could be taken for a mark, or are no text."""
    walked = {name: _walk(each) for name, each in value.items()}
    if all(
        type(name) is str and type(_text(name)) is str and not name.startswith(_MARK)
        for name in walked
    ):
        return walked
    pairs = [(_walk(name), each) for name, each in walked.items()]
    return {_MARK + "pairs": sorted(pairs, key=_by_line)}


def _by_line(pair: tuple[Any, Any]) -> bytes:
    return orjson.dumps(pair[0], option=orjson.OPT_SORT_KEYS)


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "surrogatepass")
        return {_MARK + "text": b64encode(raw).decode()}
    return str.__str__(value)


def _hides_null(row: Mapping[str, Any]) -> bool:
    """Tell whether a number that orjson writes as null is in here."""
    return any(type(value) is float and not isfinite(value) for value in row.values())


def _untag(value: Any) -> Any:
    if isinstance(value, list):
        return [_untag(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, inner = next(iter(value.items()))
        if name == _MARK + "pairs":
            return {_untag(each): _untag(item) for each, item in inner}
        if name == _MARK + "tuple":
            return tuple(_untag(each) for each in inner)
        if name.startswith(_MARK):
            return _READERS[name[1:]](inner)
    return {name: _untag(each) for name, each in value.items()}
