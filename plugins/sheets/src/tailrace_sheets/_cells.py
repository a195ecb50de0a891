"""What becomes of a value in a cell: text, number or boolean, or a reason why it cannot be one."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from math import inf, isfinite
from typing import Any
from uuid import UUID

import attrs

from tailrace import FieldType

Cell = str | int | float | bool
Shown = Cell | None
"""A cell of a row: None leaves what stands there."""

MAX_TEXT = 50_000
EXACT = 2**53
_EPOCH = date(1899, 12, 30)
_MIDNIGHT = datetime(1899, 12, 30)  # noqa: DTZ001  # a sheet's clock has no zone
_DAY = timedelta(days=1)

FORMATS: Mapping[FieldType, Mapping[str, str]] = {
    FieldType.DATE: {"type": "DATE", "pattern": "yyyy-mm-dd"},
    FieldType.DATETIME: {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"},
    FieldType.TIME: {"type": "TIME", "pattern": "hh:mm:ss"},
}
"""How columns of dates are shown, where nobody has chosen another way."""

MOMENTS = frozenset(each["type"] for each in FORMATS.values())


class Unfit(Exception):  # noqa: N818  # no error of its own: it becomes a rejection
    """Say why a value can be no cell; `reason` groups such refusals."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@attrs.frozen
class Cells:
    """Turn values into cells; `zone` is the spreadsheet's clock, None where it is not known."""

    zone: tzinfo | None = None

    def of(self, value: Any, kind: FieldType) -> Cell:
        """Give the cell of a value that is not None, in a column of that type; or raise Unfit."""
        known = type(value)
        if known is str:
            return _text(value)
        if known is int:
            return value if -EXACT <= value <= EXACT else _digits(value)
        if known is bool:
            return bool(value)
        if known is float:
            return _number(value)
        if isinstance(value, datetime):
            return self._moment(value, kind)
        if isinstance(value, date):
            return _day(value, kind)
        return _other(value, kind)

    def _moment(self, value: datetime, kind: FieldType) -> Cell:
        if value != value:  # noqa: PLR0124  # pandas' NaT is a datetime that is none
            raise Unfit("value", "NaT is no value that a cell can hold")
        wall: datetime | None = value
        if value.tzinfo is not None:
            wall = None
            if self.zone is not None:
                with suppress(OverflowError):  # at the end of the calendar
                    wall = value.astimezone(self.zone).replace(tzinfo=None)
        if kind is not FieldType.DATETIME or wall is None or wall < _MIDNIGHT:
            return value.isoformat(sep=" ")
        return (wall - _MIDNIGHT) / _DAY


def _text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise Unfit("too_long", f"{len(value):,} characters, and a cell may hold {MAX_TEXT:,}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit("value", "half of a surrogate pair, which is no text") from None
    return value


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise Unfit("value", "an integer of more digits than a cell can hold") from None


def _number(value: float) -> float:
    if not isfinite(value):
        raise Unfit("value", f"{_SPELT[repr(value)]} is no value that a cell can hold")
    return value


_SPELT = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _day(value: date, kind: FieldType) -> Cell:
    if kind is not FieldType.DATE or value < _EPOCH:
        return value.isoformat()
    return (value - _EPOCH).days


def _other(value: Any, kind: FieldType) -> Cell:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, time):
        return _clock(value, kind)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (dict, list, tuple)):
        return _text(_compact(value))
    for base, make in _BASES:
        if isinstance(value, base):
            return make(value)
    raise Unfit("value", f"a value of type {type(value).__name__} has no place in a cell")


_BASES: tuple[tuple[type, Callable[[Any], Cell]], ...] = (
    (str, lambda value: _text(str.__str__(value))),
    (int, lambda value: Cells().of(int(value), FieldType.ANY)),
    (float, lambda value: _number(float(value))),
)
"""Kinds of the plain types, such as enums: they are what they are a kind of."""


def _decimal(value: Decimal) -> Cell:
    if not value.is_finite():
        name = "NaN" if value.is_nan() else "Infinity"
        raise Unfit("value", f"{name} is no value that a cell can hold")
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if isfinite(number) and Decimal(repr(number)) == value:
        return int(number) if number.is_integer() and abs(number) <= EXACT else number
    # Written out in full, an exponent of a million would be a text of a million zeros.
    return _text(f"{value:f}" if abs(value.adjusted()) < 400 else str(value))


def _clock(value: time, kind: FieldType) -> Cell:
    if kind is not FieldType.TIME or value.tzinfo is not None:
        return value.isoformat()
    return (datetime.combine(_EPOCH, value) - _MIDNIGHT) / _DAY


def _compact(value: Any) -> str:
    try:
        return json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_inner
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise Unfit("value", f"JSON cannot hold it: {error}") from None


def _inner(value: Any) -> Any:
    cell = Cells().of(value, FieldType.ANY)
    return int(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


_DUMPS = json.JSONEncoder(default=str).encode


def weigh(row: Mapping[str, Any]) -> int:
    """Tell how many bytes a row takes in the body that Google's client sends.

    What no cell can hold weighs nothing: it will be refused.
    """
    plain = [
        value if type(value) not in (dict, list, tuple) else _weighed(value)
        for value in row.values()
    ]
    try:
        return len(_DUMPS(plain)) + 2
    except ValueError:
        return 0


def _weighed(value: Any) -> str | None:
    try:
        return _compact(value)
    except Unfit:
        return None


def same(there: Any, ours: Shown) -> bool:
    """Tell whether a cell that was read holds already what would be written."""
    if ours is None:
        return True
    if ours == "" and type(ours) is str:
        return there is None or there == ""
    return there == ours and (type(there) is bool) is (type(ours) is bool)
