"""Values as cells: typed, with all their digits, never parsed by the sheet."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import tailrace

MOST_CHARACTERS = 50_000
"""Characters in one cell; Google refuses the whole request for one more."""
EXACT = 2**53
"""A cell's number is a double: beyond this not every integer is one."""

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a sheet's day 0, on the wall's clock
_DAY = 86_400
_DATED = (
    tailrace.FieldType.DATE,
    tailrace.FieldType.DATETIME,
    tailrace.FieldType.TIME,
)

FORMATS: Mapping[tailrace.FieldType, Mapping[str, str]] = {
    tailrace.FieldType.DATE: {"type": "DATE", "pattern": "yyyy-mm-dd"},
    tailrace.FieldType.DATETIME: {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"},
    tailrace.FieldType.TIME: {"type": "TIME", "pattern": "hh:mm:ss"},
}
"""The number formats of columns of dates, without which their cells would show as numbers."""

Cell = str | int | float | bool | None


class Unfit(Exception):  # noqa: N818  # a verdict on one record
    """Say why a value cannot be put into a cell."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def cell(name: str, value: Any, kind: tailrace.FieldType, zone: tzinfo) -> Cell:
    """Give a value as the values API takes it; None for none. Raises Unfit.

    Dates become serial numbers in a column of dates, and ISO text in one of mixed types. A moment
    with a time zone is shown on the spreadsheet's own clock.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, int):
        return int(value) if abs(value) <= EXACT else str(int(value))
    if isinstance(value, float):
        if not isfinite(value):
            raise Unfit("value", f"field {name!r}: {value} is no value that a cell can hold")
        return float(value)
    if isinstance(value, Decimal):
        return _decimal(name, value)
    if isinstance(value, (date, time)):
        return _dated(value, kind, zone)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (list, tuple, Mapping)):
        return _text(name, _json(name, value))
    raise Unfit(
        "value", f"field {name!r}: a value of type {type(value).__name__} fits into no cell"
    )


def same(mine: Cell, theirs: Cell) -> bool:
    """Tell whether a cell holds this already; an empty text and no value are the same."""
    if mine in ("", None) and theirs in ("", None):
        return True
    if isinstance(mine, bool) or isinstance(theirs, bool):
        return mine is theirs
    if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
        return float(mine) == float(theirs)
    return mine == theirs


def weight(row: Mapping[str, Any]) -> int:
    """Give the bytes that a row takes in a request's body, as Google's client writes it."""
    return len(json.dumps(list(row.values()), default=str)) + 2


def _text(name: str, value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise Unfit(
            "too_long",
            f"field {name!r}: {len(value):,} characters, and a cell may hold {MOST_CHARACTERS:,}",
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unfit("value", f"field {name!r}: the text is no valid Unicode") from None
    return str(value)


def _decimal(name: str, value: Decimal) -> Cell:
    if not value.is_finite():
        raise Unfit("value", f"field {name!r}: {value} is no value that a cell can hold")
    number = float(value)
    return number if isfinite(number) and Decimal(repr(number)) == value else f"{value:f}"


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(
            value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except (TypeError, ValueError) as error:
        raise Unfit("value", f"field {name!r}: no JSON can hold it: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def _dated(value: date | time, kind: tailrace.FieldType, zone: tzinfo) -> Cell:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(zone).replace(tzinfo=None)
    if kind not in _DATED or tailrace.FieldType(kind) is not _kind(value):
        return value.isoformat()
    if isinstance(value, time):
        if value.tzinfo is not None:
            return value.isoformat()
        return (
            value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        ) / _DAY
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001  # likewise
    passed = moment - _EPOCH
    if passed.days < 0:
        return value.isoformat()
    if not isinstance(value, datetime):
        return passed.days
    return passed.days + (passed.seconds + passed.microseconds / 1e6) / _DAY


def _kind(value: date | time) -> tailrace.FieldType:
    if isinstance(value, datetime):
        return tailrace.FieldType.DATETIME
    return tailrace.FieldType.DATE if isinstance(value, date) else tailrace.FieldType.TIME
