"""Dates: days, moments, and times from one to another."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from tailrace_notion._misfits import UnfitError, shown
from tailrace_notion._properties import Property

_ZONE = re.compile("[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_OFFSET = re.compile(r"[+-]\d\d:\d\d$")


def write_date(of: Property, value: Any) -> dict[str, Any]:
    """Write a day, a moment, or a time from one to another: a pair, or a mapping that names both."""
    ends: dict[str, Any] = {"start": value}
    if isinstance(value, (list, tuple)) and len(value) == 2:
        ends = {"start": value[0], "end": value[1]}
    elif isinstance(value, Mapping):
        ends = dict(value)
    zone = ends.pop("time_zone", None)
    strange = ends.keys() - {"start", "end"}
    if strange or ends.get("start") is None:
        raise UnfitError("is no date: one has a start, and may have an end and a time_zone")
    if zone is not None and not (isinstance(zone, str) and _ZONE.fullmatch(zone)):
        raise UnfitError(f"has the time_zone {shown(zone)}, which is none such as Europe/Berlin")
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
    raise UnfitError(f"is {shown(value)}, which is no date such as 2026-01-31")


def _zoned(moment: date) -> date:
    if not isinstance(moment, datetime) or moment.utcoffset() is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _written(moment: date, zone: str | None) -> str:
    if zone is not None and (not isinstance(moment, datetime) or moment.tzinfo is not None):
        raise UnfitError("has a time_zone, which goes with a time of day that has no offset")
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
