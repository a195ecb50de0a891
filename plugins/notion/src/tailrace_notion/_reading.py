"""Reading: values as a page holds them, made comparable with those that were meant to be written."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tailrace_notion._ids import identifier


def holds(page: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a page has these values already; both are by the properties' ids."""
    return all(
        name in page and read(kind, page[name].get(kind)) == read(kind, value)
        for name, told in wanted.items()
        for kind, value in told.items()
    )


def read(kind: str, value: Any) -> Any:
    """Give a value as it is compared: the same for what is written and for what comes back.

    A shape that nobody knows equals nothing that is ever written.
    """
    try:
        return _READERS.get(kind, _as_it_is)(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _STRANGE


_STRANGE = object()


def _as_it_is(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return "".join(
        each["plain_text"] if "plain_text" in each else each["text"]["content"] for each in value
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _name(value: Any) -> str | None:
    return None if value is None else str(value["name"])


def _names(value: Any) -> frozenset[str]:
    return frozenset(each["name"] for each in value)


def _ids(value: Any) -> frozenset[str | None]:
    return frozenset(identifier(each["id"]) for each in value)


def _files(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((each["name"], each["external"]["url"]) for each in value)


def _date(value: Any) -> Any:
    """Give both ends and the zone; in a named zone an end is what the clock there shows."""
    if value is None:
        return None
    zone = value.get("time_zone")
    return tuple(_moment(value.get(end), local=zone is not None) for end in ("start", "end")), zone


def _moment(text: Any, *, local: bool) -> Any:
    if text is None or len(text) == 10:
        return text
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=None) if local else moment


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "title": _text,
    "rich_text": _text,
    "number": _number,
    "select": _name,
    "multi_select": _names,
    "status": _name,
    "date": _date,
    "relation": _ids,
    "people": _ids,
    "files": _files,
}
