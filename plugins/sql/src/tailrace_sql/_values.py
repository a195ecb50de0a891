"""Values: each becomes one that its column holds unchanged, or is refused with the reason.

A database would round, cut or reread some of them without a word; nothing is left to that.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import attrs

import tailrace
from tailrace_sql._columns import Column

_WIDEST = 131_072
"""Digits beyond which no database has a number."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)


@attrs.frozen
class UnfitError(Exception):
    """Tell why a value cannot go into its column."""

    reason: str
    message: str


@attrs.frozen
class Fitting:
    """Make values fit the columns of one kind of database.

    plain: whether it has no types for times and exact numbers, so that they go as text (SQLite).
    no_nul: whether its texts have no place for the character NUL (PostgreSQL).
    """

    plain: bool = False
    no_nul: bool = False

    def __call__(self, column: Column, value: Any) -> Any:
        """Give the value to bind; raises UnfitError."""
        if value is None:
            return None
        try:
            return self._fit(column, value)
        except UnfitError as error:
            raise UnfitError(error.reason, f"field {column.name!r}: {error.message}") from None

    def _fit(self, column: Column, value: Any) -> Any:
        if column.native and isinstance(value, (list, tuple, Mapping)):
            return list(value) if isinstance(value, tuple) else value
        fit = _FITS.get(column.type)
        fitted = _any(value) if fit is None else fit(column, value)
        if isinstance(fitted, str):
            self._check(fitted)
            return fitted
        return _spelled(column, fitted) if self.plain else fitted

    def _check(self, text: str) -> None:
        if self.no_nul and "\0" in text:
            raise UnfitError("nul", "it has a NUL character, which the database has no place for")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnfitError(
                "text", "it has half a surrogate pair, which is no character"
            ) from None


def _boolean(column: Column, value: Any) -> bool:
    if isinstance(value, bool) or (type(value) is int and value in (0, 1)):
        return bool(value)
    raise _wrong(value, "true or false")


def _integer(column: Column, value: Any) -> int:
    if isinstance(value, bool):
        raise _wrong(value, "a whole number")
    if isinstance(value, str):
        value = _read(_number_of, value, "a whole number")
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > _WIDEST:
        raise UnfitError("out_of_range", "it is larger than the column holds")
    if not isinstance(value, int):
        if not isinstance(value, (float, Decimal)):
            raise _wrong(value, "a whole number")
        if not _finite(value) or value != int(value):
            raise UnfitError("type", "it is no whole number, and the column would round it")
    whole = int(value)
    low, high = column.low, column.high
    if low is not None and high is not None and not low <= whole <= high:
        raise UnfitError("out_of_range", f"the column holds {low} to {high}")
    return whole


def _number(column: Column, value: Any) -> float:
    if isinstance(value, str):
        value = _read(_number_of, value, "a number")
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _wrong(value, "a number")
    if isinstance(value, float):
        return float(value)
    try:
        number = float(value)
    except (OverflowError, ValueError):
        raise UnfitError("out_of_range", "it is larger than the column holds") from None
    if _finite(value) and (math.isinf(number) or Decimal(repr(number)) != value):
        raise UnfitError("rounded", "it has more digits than the column keeps")
    return number


def _decimal(column: Column, value: Any) -> Decimal:
    if isinstance(value, str):
        value = _read(_number_of, value, "a number")
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _wrong(value, "a number")
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if exact.is_snan():
        raise UnfitError("type", "it is a signalling NaN")
    if exact.is_finite():
        if exact and abs(exact.adjusted()) > _WIDEST:
            raise UnfitError("out_of_range", "it has more digits than the column holds")
        if column.scale is not None and _places(exact) > column.scale:
            raise UnfitError("rounded", f"it has more than {column.scale} decimal places")
    return exact


def _string(column: Column, value: Any) -> Any:
    if column.uuid:
        return value if isinstance(value, UUID) else _read(UUID, value, "a UUID")
    if isinstance(value, (list, tuple, Mapping)):
        text = _json(column, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        raise _wrong(value, "text")
    else:
        text = _text(value)
    if column.max_length is not None and len(text) > column.max_length:
        told = f"{len(text):,} characters, and {column.max_length:,} may be"
        raise UnfitError("too_long", told)
    return text


def _date(column: Column, value: Any) -> date:
    if isinstance(value, str):
        value = _read(datetime.fromisoformat, value, "a date")
    if isinstance(value, datetime):
        if value.timetz() != time():
            raise UnfitError("type", "it has a time, which the column has no place for")
        return value.date()
    if isinstance(value, date):
        return value
    raise _wrong(value, "a date")


def _datetime(column: Column, value: Any) -> datetime:
    if isinstance(value, str):
        value = _read(datetime.fromisoformat, value, "a date and time")
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise _wrong(value, "a date and time")
    try:
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC) if column.zoned else value
        moment = value.astimezone(UTC)
    except OverflowError:
        raise UnfitError("out_of_range", "in UTC it lies outside the years 1 to 9999") from None
    return moment.replace(tzinfo=None) if column.zoned is False else moment


def _time(column: Column, value: Any) -> time:
    if isinstance(value, str):
        value = _read(time.fromisoformat, value, "a time")
    if not isinstance(value, time):
        raise _wrong(value, "a time")
    if value.tzinfo is not None and column.zoned is False:
        raise UnfitError("type", "it has a zone, which the column has no place for")
    return value


def _bytes(column: Column, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise _wrong(value, "bytes")


def _json(column: Column, value: Any) -> str:
    try:
        return json.dumps(value, default=_within, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, TypeError) else "NaN, or nested too deep"
        raise UnfitError("json", f"it has no form in JSON: {what}") from None


def _any(value: Any) -> Any:
    return _json_text(value) if isinstance(value, (list, tuple, Mapping)) else value


def _json_text(value: Any) -> str:
    return _json(_ANY, value)


_ANY = Column(name="", type=tailrace.FieldType.ANY)
_FITS: Mapping[tailrace.FieldType, Callable[[Column, Any], Any]] = {
    tailrace.FieldType.BOOLEAN: _boolean,
    tailrace.FieldType.INTEGER: _integer,
    tailrace.FieldType.NUMBER: _number,
    tailrace.FieldType.DECIMAL: _decimal,
    tailrace.FieldType.STRING: _string,
    tailrace.FieldType.DATE: _date,
    tailrace.FieldType.DATETIME: _datetime,
    tailrace.FieldType.TIME: _time,
    tailrace.FieldType.BYTES: _bytes,
    tailrace.FieldType.JSON: _json,
}


def _spelled(column: Column, value: Any) -> Any:
    """Give a value as SQLite keeps it: it has integers, floats, texts and bytes."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return _of_affinity(value)
    if isinstance(value, float) and math.isnan(value):
        raise UnfitError("nan", "it is NaN, which the database would make null")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UnfitError("out_of_range", "the column holds 64 bits")
    if isinstance(value, (int, float, bytes)):
        return value
    return value.isoformat(" ") if isinstance(value, datetime) else _text(value)


def _of_affinity(value: Decimal) -> int | float:
    """Give the number that a column of numbers makes of a Decimal, if it is the same one."""
    if value.is_finite() and value == value.to_integral_value() and -(2**63) <= value < 2**63:
        return int(value)
    number = float(value)
    if not value.is_finite() or Decimal(repr(number)) != value:
        raise UnfitError(
            "rounded", "the column would round it; one of the type TEXT keeps all digits"
        )
    return number


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (int, float, Decimal, UUID)):
        try:
            return str(value)
        except ValueError:
            raise UnfitError("out_of_range", "it has too many digits to be written out") from None
    raise _wrong(value, "text")


def _within(value: Any) -> str:
    """Write what stands inside a JSON value and JSON has no form for."""
    if isinstance(value, (date, time, Decimal, UUID)):
        return _text(value)
    raise TypeError(f"a {type(value).__name__} in it")


def _read(reader: Callable[[str], Any], value: Any, what: str) -> Any:
    if not isinstance(value, str):
        raise _wrong(value, what)
    try:
        return reader(value)
    except (ValueError, InvalidOperation):
        raise UnfitError("type", f"the text does not spell {what}") from None


def _number_of(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return Decimal(text)


def _places(value: Decimal) -> int:
    """Count the decimal places that are not 0 at the end."""
    _, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    return -int(exponent) - (len(text) - len(text.rstrip("0"))) if text else 0


def _finite(value: Any) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _wrong(value: Any, wanted: str) -> UnfitError:
    return UnfitError("type", f"it is a {type(value).__name__}, and the column holds {wanted}")
