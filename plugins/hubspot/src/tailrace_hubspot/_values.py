"""Values: how HubSpot writes what a row holds; every one is a text."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any
from uuid import UUID

from tailrace_hubspot._properties import Property

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 400


class UnfitError(Exception):
    """Say why a property cannot hold a value."""


def encode(of: Property, value: Any) -> str:
    """Write a value as a property holds it; None clears it. Raises UnfitError for what it cannot."""
    if value is None or value == "":
        return ""
    text = _choices(of, value) if of.kind == "choices" else _FORMS.get(of.kind, _text)(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnfitError("holds half a character, which is no text") from None
    return text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return _boolean(value)
    if isinstance(value, (int, float, Decimal)):
        return _number(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise UnfitError(f"is a {type(value).__name__}, which has no form as text here")


def _boolean(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value in ("true", "false"):
        return value
    raise UnfitError(f"is {_shown(value)}, and has to be true or false")


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise UnfitError(f"is a {type(value).__name__}, and has to be a number")
    try:
        number = Decimal(value if isinstance(value, (str, Decimal)) else repr(value))
    except (InvalidOperation, ValueError):  # an int may have more digits than Python writes out
        raise UnfitError(f"is {_shown(value)}, which is no number") from None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise UnfitError(f"is {_shown(value)}, which is no number that HubSpot holds")
    return format(number, "f")


def _date(value: Any) -> str:
    """Write a day; a moment is one only at midnight in UTC, which is what HubSpot takes."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    moment = _moment(value, "a date such as 2026-01-31")
    if moment.time() != time():
        raise UnfitError(f"is {_shown(value)}, and a date is midnight in UTC; cut the time off")
    return moment.date().isoformat()


def _datetime(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = _moment(value, "a moment such as 2026-01-31T12:00:00Z")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(value: Any, what: str) -> datetime:
    """Read a moment in UTC: a datetime, ISO 8601, or milliseconds since 1970."""
    try:
        if isinstance(value, str) and not _is_whole(value):
            value = datetime.fromisoformat(value)
        elif isinstance(value, (int, str)) and not isinstance(value, bool):
            value = _EPOCH + timedelta(milliseconds=int(value))
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UnfitError(f"is {_shown(value)}, which is not {what}")


def _is_whole(text: str) -> bool:
    """Tell milliseconds from ISO 8601, which may be written without its dashes: 20260131."""
    return text.removeprefix("-").isdecimal() and len(text) != 8


def _choice(value: Any) -> str:
    if isinstance(value, (str, int)):
        return _text(value)
    raise UnfitError(f"is a {type(value).__name__}, and has to be an option's value")


def _choices(of: Property, value: Any) -> str:
    """Write several options; what stands before is replaced, so nothing begins with a semicolon."""
    several = value.split(";") if isinstance(value, str) else value
    if not isinstance(several, (list, tuple)):
        several = [several]
    chosen = list(dict.fromkeys(_choice(each) for each in several if each != ""))
    strange = [each for each in chosen if (of.options and each not in of.options) or ";" in each]
    if strange:
        known = ", ".join(map(repr, of.options[:10]))
        raise UnfitError(f"has {_shown(strange[0])}, which is none of {known}")
    return ";".join(chosen)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # digits without end, or code of others
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _rich(value: Any) -> str:
    """Write a text where HubSpot shows HTML: as the text that it is."""
    return escape(_text(value), quote=False)


_FORMS: Mapping[str, Callable[[Any], str]] = {
    "boolean": _boolean,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "choice": _choice,
    "html": _rich,
}
