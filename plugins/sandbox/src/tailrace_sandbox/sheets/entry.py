"""USER_ENTERED: text read the way the user interface reads what someone types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs

from tailrace_sandbox.sheets.cells import MAX_TEXT, Cell, Content, Plain, number, raw, too_long
from tailrace_sandbox.sheets.formulas import looks_like_formula
from tailrace_sandbox.sheets.serial import from_date, from_time

_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s*(?P<currency>\$?)\s*(?P<digits>\d{1,3}(?:,\d{3})+|\d+)?(?P<decimals>\.\d*)?"
    r"(?P<exponent>[eE][-+]?\d{1,3})?\s*(?P<percent>%?)"
)
_TIME = r"(?P<hours>\d{1,2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2}(?:\.\d{1,3})?))?(?:\s*(?P<half>[aApP][mM]))?"
_ISO = r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})"
_SLASHED = r"(?P<a>\d{1,2})[-/](?P<b>\d{1,2})(?:[-/](?P<year>\d{4}|\d{2}))?"
_MOMENTS = tuple(
    re.compile(pattern)
    for pattern in (_ISO, _SLASHED, _TIME, rf"{_ISO}\s+{_TIME}", rf"{_SLASHED}\s+{_TIME}")
)
_PIVOT = 30


@attrs.frozen
class Desk:
    """Hold what reading depends on: the spreadsheet's locale, and today."""

    locale: str
    today: date

    @property
    def day_first(self) -> bool:
        return self.locale not in ("en_US", "en", "")


def typed(value: Any, old: Content, desk: Desk) -> Content:
    """Read one value; the format of the old cell stays, and decides where it is text."""
    if type(value) is not str:
        return _into(old, raw(value), None)
    if len(value) > MAX_TEXT:
        raise too_long()
    if _is_text(old):
        return _into(old, value or None, None)
    if value.startswith("'"):
        return _into(old, value[1:] or None, None)
    if looks_like_formula(value):
        formula = value if value.startswith("=") else "=" + value
        if isinstance(old, Cell):
            return attrs.evolve(old, value=None, formula=formula)
        return Cell(formula=formula)
    found, number_format = _parse(value.strip(), desk)
    if found is None:
        return _into(old, value or None, None)
    return _into(old, found, number_format)


def _is_text(old: Content) -> bool:
    if not isinstance(old, Cell):
        return False
    return (old.number_format() or {}).get("type") == "TEXT"


def _into(old: Content, value: Plain, number_format: Mapping[str, Any] | None) -> Content:
    if isinstance(old, Cell):
        cell = attrs.evolve(old, value=value, formula=None)
        if number_format is not None and cell.number_format() is None:
            merged = {**(cell.format or {}), "numberFormat": number_format}
            cell = attrs.evolve(cell, format=merged)
        return cell.slim()
    if number_format is not None:
        return Cell(value=value, format=_FORMATS[number_format["type"], number_format["pattern"]])
    return value


class _Formats(dict[tuple[str, str], Mapping[str, Any]]):
    """Make each format once, so that a million dates share one."""

    def __missing__(self, key: tuple[str, str]) -> Mapping[str, Any]:
        self[key] = {"numberFormat": {"type": key[0], "pattern": key[1]}}
        return self[key]


_FORMATS = _Formats()


def _parse(text: str, desk: Desk) -> tuple[Plain, Mapping[str, Any] | None]:
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE", None
    if not text or (text[-1].isalpha() and text[-1] not in "mM"):
        return None, None
    if not (text[0].isdigit() or text[0] in "+-.$"):
        return None, None
    found = _parse_number(text)
    return found if found[0] is not None else _parse_moment(text, desk)


def _parse_number(text: str) -> tuple[Plain, Mapping[str, Any] | None]:
    match = _NUMBER.fullmatch(text)
    if not match or not (match["digits"] or len(match["decimals"] or "") > 1):
        return None, None
    decimals = match["decimals"] or ""
    value = float(
        f"{match['sign']}{(match['digits'] or '0').replace(',', '')}{decimals}{match['exponent'] or ''}"
    )
    if value in (float("inf"), float("-inf")):
        return None, None
    if match["percent"]:
        shape = {"type": "PERCENT", "pattern": "0.00%" if decimals else "0%"}
        return number(value / 100), shape
    if match["currency"]:
        shape = {"type": "CURRENCY", "pattern": '"$"#,##0.00' if decimals else '"$"#,##0'}
        return number(value), shape
    if match["exponent"]:
        return number(value), {"type": "SCIENTIFIC", "pattern": "0.00E+00"}
    if match["digits"] and "," in match["digits"]:
        shape = {"type": "NUMBER", "pattern": "#,##0.00" if decimals else "#,##0"}
        return number(value), shape
    return number(value), None


def _parse_moment(text: str, desk: Desk) -> tuple[Plain, Mapping[str, Any] | None]:
    for pattern in _MOMENTS:
        match = pattern.fullmatch(text)
        if match:
            return _moment(match.groupdict(), desk)
    return None, None


def _moment(part: dict[str, str | None], desk: Desk) -> tuple[Plain, Mapping[str, Any] | None]:
    day = _day(part, desk) if "y" in part or "a" in part else (0, "")
    time = _time(part) if "hours" in part else (0.0, "")
    if day is None or time is None:
        return None, None
    kind = "DATE_TIME" if day[1] and time[1] else "DATE" if day[1] else "TIME"
    pattern = f"{day[1]} {time[1]}".strip()
    return number(day[0] + time[0]), {"type": kind, "pattern": pattern}


def _day(part: dict[str, str | None], desk: Desk) -> tuple[int, str] | None:
    if part.get("y"):
        numbers = [int(part[name] or 0) for name in "ymd"]
        pattern = "yyyy-mm-dd"
    else:
        first, second = int(part["a"] or 0), int(part["b"] or 0)
        month, day = (second, first) if desk.day_first else (first, second)
        year = int(part.get("year") or desk.today.year)
        if year < 100:
            year += 2000 if year < _PIVOT else 1900
        numbers = [year, month, day]
        pattern = "d/m" if desk.day_first else "m/d"
        pattern += "/yyyy" if part.get("year") else ""
    try:
        return from_date(date(*numbers)), pattern
    except ValueError:
        return None


def _time(part: dict[str, str | None]) -> tuple[float, str] | None:
    hours, minutes = int(part["hours"] or 0), int(part["minutes"] or 0)
    seconds = float(part["seconds"] or 0)
    half = (part["half"] or "").lower()
    if minutes > 59 or seconds >= 60 or hours > (12 if half else 23):
        return None
    if half:
        hours = hours % 12 + (12 if half == "pm" else 0)
    pattern = "h:mm" + (":ss" if part["seconds"] else "") + (" am/pm" if half else "")
    return from_time(hours, minutes, seconds), pattern
