"""Values: what a row holds as Notion takes it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from tailrace_notion._ids import identifier
from tailrace_notion._properties import Property
from tailrace_notion._texts import LONGEST, split, units

MOST = 100
"""Elements of any list."""
_SHORT = 200
"""Units of an e-mail address and of a telephone number."""
_OPTION = 100
"""Units of an option's name, and of a file's."""


_OFFSET = re.compile(r"[+-]\d\d:\d\d$")


class UnfitError(Exception):
    """Say why a property cannot hold a value; `reason` is the kind of refusal."""

    def __init__(self, message: str, reason: str = "value") -> None:
        super().__init__(message)
        self.reason = reason


def encode(of: Property, value: Any) -> Any:
    """Give a value as the property takes it; None and "" clear it. Raises UnfitError otherwise."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnfitError("holds half a character, which is no text") from None
        if not value:
            return _EMPTY.get(of.kind)
    if value is None:
        return _EMPTY.get(of.kind)
    return _FORMS[of.kind](of, value)


def plain(value: Any) -> str:
    """Give a value as text; raises UnfitError for what has no plain form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        number = _decimal(value)
        return format(number, "f") if abs(number.adjusted()) <= 400 else str(number)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise UnfitError(f"is a {type(value).__name__}, which has no form as text here")


def _rich_text(of: Property, value: Any) -> list[dict[str, Any]]:
    """Write text as elements that are nothing but text: no links, no formulas, no mentions."""
    parts = list(split(plain(value)))
    if len(parts) > MOST:
        told = f"has {units(plain(value)):,} characters (UTF-16), and {MOST * LONGEST:,} may be"
        raise UnfitError(told, "too_long")
    return [{"type": "text", "text": {"content": part}} for part in parts]


def _number(of: Property, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise UnfitError(f"is a {type(value).__name__}, and has to be a number")
    number = _decimal(value)
    try:
        double = float(number)
    except OverflowError:
        double = float("inf")
    if Decimal(repr(double)) != number and Decimal(double) != number:
        told = f"is {_shown(value)}, which has more digits than Notion's numbers (doubles) hold"
        raise UnfitError(told, "digits")
    return int(double) if double.is_integer() and abs(double) < 1e15 else double


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(value if isinstance(value, (str, Decimal)) else repr(value))
    except (InvalidOperation, ValueError):  # an int may have more digits than Python writes out
        raise UnfitError(f"is {_shown(value)}, which is no number") from None
    if not number.is_finite():
        raise UnfitError(f"is {_shown(value)}, which is no number that Notion holds")
    return number


def _checkbox(of: Property, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise UnfitError(f"is {_shown(value)}, and has to be true or false")


def _choice(of: Property, value: Any) -> dict[str, str]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise UnfitError(f"is a {type(value).__name__}, and has to be an option's name")
    name = plain(value)
    if name not in of.options:
        if not of.open:
            known = ", ".join(map(repr, of.options[:10])) or "no options; there are none yet"
            raise UnfitError(f"has {_shown(name)}, which is none of {known}", "no_option")
        if "," in name:
            raise UnfitError(f"has {_shown(name)}, and no option's name has a comma", "no_option")
        _limited(name, _OPTION, "an option's name")
    return {"name": name}


def _choices(of: Property, value: Any) -> list[dict[str, str]]:
    chosen = [_choice(of, each) for each in _several(value) if each is not None and each != ""]
    return list({each["name"]: each for each in chosen}.values())


def _date(of: Property, value: Any) -> dict[str, Any]:
    """Write a day, a moment, or a time from one to another: a pair, or a mapping that names both."""
    ends: dict[str, Any] = {"start": value}
    if isinstance(value, (list, tuple)) and len(value) == 2:
        ends = {"start": value[0], "end": value[1]}
    elif isinstance(value, Mapping):
        ends = dict(value)
    zone = ends.pop("time_zone", None)
    strange = ends.keys() - {"start", "end"}
    if strange or ends.get("start") is None or not (zone is None or isinstance(zone, str)):
        raise UnfitError("is no date: one has a start, and may have an end and a time_zone")
    start = _moment(ends["start"])
    end = None if ends.get("end") is None else _moment(ends["end"])
    if end is not None and isinstance(end, datetime) is not isinstance(start, datetime):
        raise UnfitError("has a start and an end of which only one is a day")
    if end is not None and _zoned(end) < _zoned(start):
        raise UnfitError(f"ends on {end}, before it begins on {start}")
    made = {"start": _written(start, zone), "end": None if end is None else _written(end, zone)}
    return {name: each for name, each in {**made, "time_zone": zone}.items() if each is not None}


def _moment(value: Any) -> date:
    """Read a day or a moment; one without an offset is in UTC, or in the zone that is named."""
    try:
        if isinstance(value, str):
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        if isinstance(value, date):
            return value
    except ValueError:
        pass
    raise UnfitError(f"is {_shown(value)}, which is no date such as 2026-01-31")


def _zoned(moment: date) -> date:
    if not isinstance(moment, datetime) or moment.utcoffset() is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _written(moment: date, zone: str | None) -> str:
    if zone is not None and isinstance(moment, datetime) and moment.tzinfo is not None:
        raise UnfitError("has an offset and a time_zone, of which Notion takes one")
    moment = _zoned(moment) if zone is None else moment
    if not isinstance(moment, datetime):
        return moment.isoformat()
    text = moment.isoformat(timespec="milliseconds")
    if _OFFSET.search(text) or zone is not None:
        return text
    try:  # offsets of before there were time zones have seconds
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except OverflowError:
        raise UnfitError(f"is {text}, which is no date in UTC") from None


def _url(of: Property, value: Any) -> str:
    return address(value)


def address(value: Any) -> str:
    """Give an address of the web; raises UnfitError for any other, which a reader could click on."""
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        web = False
    if not web or not text.isprintable() or " " in text:
        raise UnfitError(f"is {_shown(value)}, which is no http or https address")
    return _limited(text, LONGEST, "an address")


def _email(of: Property, value: Any) -> str:
    return _limited(plain(value), _SHORT, "an e-mail address")


def _phone(of: Property, value: Any) -> str:
    return _limited(plain(value), _SHORT, "a telephone number")


def _limited(text: str, most: int, what: str) -> str:
    if units(text) > most:
        told = f"has {units(text):,} characters (UTF-16), and {what} may have {most:,}"
        raise UnfitError(told, "too_long")
    return text


def _references(of: Property, value: Any) -> list[dict[str, str]]:
    """Write ids of pages, or of people."""
    found = {}
    for each in _several(value):
        name = identifier(str(each)) if isinstance(each, (str, UUID)) else None
        if name is None:
            what = "person's" if of.kind == "people" else "page's"
            raise UnfitError(f"has {_shown(each)}, which is no {what} id")
        found[name] = {"id": name}
    return list(found.values())


def _files(of: Property, value: Any) -> list[dict[str, Any]]:
    """Write files that lie elsewhere: addresses, or mappings of a name and an url."""
    made = []
    for each in _several(value):
        given = each if isinstance(each, Mapping) else {"url": each}
        if given.keys() - {"name", "url"}:
            raise UnfitError(f"has {_shown(each)}; a file is an address, or has a name and an url")
        url = address(given.get("url"))
        name = given.get("name") or unquote(urlsplit(url).path.rpartition("/")[2]) or url
        shown = _limited(plain(name), _OPTION, "a file's name") if "name" in given else plain(name)
        made.append({"name": next(split(shown, _OPTION)), "external": {"url": url}})
    return made


def _several(value: Any) -> list[Any]:
    several = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
    if len(several) > MOST:
        raise UnfitError(f"has {len(several):,} entries, and {MOST} may be", "too_long")
    return several


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # digits without end, or code of others
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


_EMPTY: Mapping[str, Any] = {
    "checkbox": False,
    **dict.fromkeys(("title", "rich_text", "multi_select", "relation", "people", "files"), ()),
}
_FORMS: Mapping[str, Callable[[Property, Any], Any]] = {
    "title": _rich_text,
    "rich_text": _rich_text,
    "number": _number,
    "checkbox": _checkbox,
    "select": _choice,
    "multi_select": _choices,
    "status": _choice,
    "date": _date,
    "url": _url,
    "email": _email,
    "phone_number": _phone,
    "relation": _references,
    "people": _references,
    "files": _files,
}
