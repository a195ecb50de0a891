"""Values: how Salesforce writes what a row holds, in JSON and in the files of jobs."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from tailrace_salesforce._fields import Column

Value = str | int | bool | Decimal | None
NULL = "#N/A"
"""What clears a field in a job's file, where an empty cell leaves it alone."""
LONGEST = 32_000
"""Characters of a cell of a job's file."""
_MOST_DIGITS = 40
_AHEAD = 64
_AROUND = 7
_LONGEST_OTHER = 96
"""Characters of a number with as many digits before its point and behind it, or of a moment."""


class UnfitError(Exception):
    """Say why a field cannot hold a value."""


def encode(of: Column, value: Any) -> Value:
    """Write a value as JSON has it; None clears. Raises UnfitError for what the field cannot hold."""
    if value is None or (isinstance(value, str) and not value):
        return None
    made = _choices(of, value) if of.kind == "choices" else _FORMS[of.kind](value)
    if isinstance(made, str):
        try:
            made.encode()
        except UnicodeEncodeError:
            raise UnfitError("holds half a character, which is no text") from None
    return None if made == "" else made


def cell(value: Value) -> str:
    """Write a value as a cell of a job's file."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else format(Decimal(value), "f")


def fits_cell(value: Value) -> bool:
    """Tell whether a job's file can say it."""
    return not isinstance(value, str) or (value != NULL and len(value) <= LONGEST)


def weigh(row: Mapping[str, Any]) -> int:
    """Give the bytes that a row takes in a job's results, which repeat it behind its id."""
    return _AHEAD + sum(map(_size, row.values()))


def _size(value: Any) -> int:
    """Give the bytes of a cell at most, with its quotes and its comma."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + value.count('"') + _AROUND
    if isinstance(value, bytes):
        return 2 * len(value) + _AROUND
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value)) + _AROUND
    return _LONGEST_OTHER


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return format(_number(value), "f")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise UnfitError(f"is a {type(value).__name__}, which has no form as text here")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise UnfitError(f"is {_shown(value)}, and has to be true or false")


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise UnfitError(f"is a {type(value).__name__}, and has to be a number")
    try:
        number = Decimal(value if isinstance(value, (str, Decimal)) else repr(value))
    except (InvalidOperation, ValueError):  # an int may have more digits than Python writes out
        raise UnfitError(f"is {_shown(value)}, which is no number") from None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise UnfitError(f"is {_shown(value)}, which is no number that Salesforce holds")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise UnfitError(f"is {_shown(value)}, and has to be a whole number")
    return int(number)


def _date(value: Any) -> str:
    """Write a day; a moment is one only at midnight in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    moment = _moment(value, "a date such as 2026-01-31")
    if moment.time() != time():
        raise UnfitError(f"is {_shown(value)}, and a date has no time; cut the time off")
    return moment.date().isoformat()


def _datetime(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = _moment(value, "a moment such as 2026-01-31T12:00:00Z")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(value: Any, what: str) -> datetime:
    """Read a moment in UTC; without an offset it is taken as UTC."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UnfitError(f"is {_shown(value)}, which is not {what}")


def _time(value: Any) -> str:
    try:
        read = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        read = None
    if not isinstance(read, time) or read.tzinfo not in (None, UTC):
        raise UnfitError(f"is {_shown(value)}, which is not a time in UTC such as 12:00:00")
    return read.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _bytes(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else _text(value)


def _choices(of: Column, value: Any) -> str:
    """Write several options; they replace what is there."""
    several = value.split(";") if isinstance(value, str) else value
    if not isinstance(several, (list, tuple)):
        several = [several]
    chosen = list(dict.fromkeys(_text(each) for each in several if each not in ("", None)))
    strange = [each for each in chosen if (of.options and each not in of.options) or ";" in each]
    if strange:
        known = ", ".join(map(repr, of.options[:10])) or "an option, since it has a semicolon"
        raise UnfitError(f"has {_shown(strange[0])}, which is none of {known}")
    return ";".join(chosen)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # digits without end, or code of others
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


_FORMS: Mapping[str, Callable[[Any], Value]] = {
    "text": _text,
    "boolean": _boolean,
    "number": _number,
    "int": _whole,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "bytes": _bytes,
}
