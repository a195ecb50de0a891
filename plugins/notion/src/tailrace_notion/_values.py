"""Values: what a row holds as Notion takes it."""

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from tailrace_notion._dates import write_date
from tailrace_notion._ids import identifier
from tailrace_notion._misfits import UnfitError, shown
from tailrace_notion._properties import Property
from tailrace_notion._texts import LONGEST, split, units

MOST = 100
"""Elements of any list."""
_SHORT = 200
"""Units of an e-mail address and of a telephone number."""
_OPTION = 100
"""Units of an option's name, and of a file's."""


def encode(of: Property, value: Any) -> Any:
    """Give a value as the property takes it; None and "" clear it. Raises UnfitError otherwise."""
    if value is None or (isinstance(value, str) and not value):
        return _EMPTY.get(of.kind)
    return _FORMS[of.kind](of, value)


def plain(value: Any) -> str:
    """Give a value as text; raises UnfitError for what has no plain form."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnfitError("holds half a character, which is no text") from None
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
    parts = list(split(_limited(plain(value), MOST * LONGEST, "a text")))
    if len(parts) > MOST:  # since signs are not cut, some are not filled
        told = f"takes {len(parts)} parts of {LONGEST:,} characters (UTF-16), and {MOST} may be"
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
        told = f"is {shown(value)}, which has more digits than Notion's numbers (doubles) hold"
        raise UnfitError(told, "digits")
    return int(double) if double.is_integer() and abs(double) < 1e15 else double


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(value if isinstance(value, (str, Decimal)) else repr(value))
    except (InvalidOperation, ValueError):  # an int may have more digits than Python writes out
        raise UnfitError(f"is {shown(value)}, which is no number") from None
    if not number.is_finite():
        raise UnfitError(f"is {shown(value)}, which is no number that Notion holds")
    return number


def _checkbox(of: Property, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise UnfitError(f"is {shown(value)}, and has to be true or false")


def _choice(of: Property, value: Any) -> dict[str, str]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise UnfitError(f"is a {type(value).__name__}, and has to be an option's name")
    name = plain(value)
    if name not in of.options:
        if not of.open:
            known = ", ".join(map(repr, of.options[:10])) or "no options; there are none yet"
            raise UnfitError(f"has {shown(name)}, which is none of {known}", "no_option")
        if "," in name:
            raise UnfitError(f"has {shown(name)}, and no option's name has a comma", "no_option")
        _limited(name, _OPTION, "an option's name")
    return {"name": name}


def _choices(of: Property, value: Any) -> list[dict[str, str]]:
    chosen = [_choice(of, each) for each in _several(value) if each is not None and each != ""]
    return list({each["name"]: each for each in chosen}.values())


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
        raise UnfitError(f"is {shown(value)}, which is no http or https address")
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
            raise UnfitError(f"has {shown(each)}, which is no {what} id")
        found[name] = {"id": name}
    return list(found.values())


def _files(of: Property, value: Any) -> list[dict[str, Any]]:
    """Write files that lie elsewhere: addresses, or mappings of a name and an url."""
    made = []
    for each in _several(value):
        given = each if isinstance(each, Mapping) else {"url": each}
        if given.keys() - {"name", "url"}:
            raise UnfitError(f"has {shown(each)}; a file is an address, or has a name and an url")
        url = address(given.get("url"))
        name = given.get("name") or unquote(urlsplit(url).path.rpartition("/")[2]) or url
        if "name" in given:
            _limited(plain(name), _OPTION, "a file's name")
        made.append({"name": next(split(plain(name), _OPTION)), "external": {"url": url}})
    return made


def _several(value: Any) -> list[Any]:
    several = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
    if len(several) > MOST:
        raise UnfitError(f"has {len(several):,} entries, and {MOST} may be", "too_long")
    return several


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
    "date": write_date,
    "url": _url,
    "email": _email,
    "phone_number": _phone,
    "relation": _references,
    "people": _references,
    "files": _files,
}
