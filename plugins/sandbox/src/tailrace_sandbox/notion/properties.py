"""Properties: the columns of a data source, and which values they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from itertools import count
from math import isfinite
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import attrs

from tailrace_sandbox.notion import texts
from tailrace_sandbox.notion.errors import ApiError, invalid
from tailrace_sandbox.notion.texts import checked_list, checked_text, checked_url, spelled

READ_ONLY = frozenset(
    {
        "button",
        "created_by",
        "created_time",
        "formula",
        "last_edited_by",
        "last_edited_time",
        "rollup",
        "unique_id",
        "verification",
    }
)
CHOICES = frozenset({"select", "multi_select", "status"})
_LETTERS = ":@AbC;dE~f"
"""What ids are made of: some are written in another way in an address."""
_STATUSES = [{"name": "Not started"}, {"name": "In progress"}, {"name": "Done"}]


@attrs.define
class Property:
    """Hold one column; its id is as the API gives it, escaped."""

    id: str
    name: str
    type: str
    options: list[dict[str, Any]] = attrs.field(factory=list)
    more: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, name: str, given: Any, number: int) -> Property:
        """Take a definition as it is written; raises ApiError for a type that there is not."""
        kinds = [each for each in given if each in KINDS] if isinstance(given, Mapping) else []
        if len(kinds) != 1:
            raise invalid(f"body.properties.{name}", "should have one type that is known.")
        (kind,) = kinds
        told = given[kind] if isinstance(given[kind], Mapping) else {}
        made = cls("title" if kind == "title" else _id_of(number), name, kind)
        made.more = {key: value for key, value in told.items() if key != "options"}
        if kind in CHOICES:
            start = told.get("options") or (_STATUSES if kind == "status" else [])
            for each in checked_list(start, f"body.properties.{name}.{kind}.options"):
                made.add(str(each.get("name")), str(each.get("color", "default")))
        return made

    def shown(self) -> dict[str, Any]:
        """Return the definition as the API gives it."""
        inner = {**self.more, **({"options": self.options} if self.type in CHOICES else {})}
        if self.type == "status":
            inner["groups"] = []
        if self.type == "number":
            inner.setdefault("format", "number")
        return {
            "id": self.id,
            "name": self.name,
            "description": None,
            "type": self.type,
            self.type: inner,
        }

    def is_named(self, name: str) -> bool:
        """Tell whether a request means this property, by its name or its id."""
        return name in (self.name, self.id) or (name != "" and quote(name, safe="") == self.id)

    def add(self, name: str, color: str = "default") -> dict[str, Any]:
        """Return the option of that name, made if it was not there."""
        for each in self.options:
            if each["name"] == name:
                return each
        if "," in name:
            told = f"Invalid {self.type} option, commas not allowed: {name}"
            raise ApiError(400, told)
        self.options.append({"id": str(uuid4()), "name": name, "color": color, "description": None})
        return self.options[-1]

    def kept(self, value: Any) -> Any:
        """Return a value as it is kept; raises ApiError for one that is not taken."""
        path = f"body.properties.{self.name}.{self.type}"
        if self.type in READ_ONLY:
            told = f"{self.name} is a {self.type} property, which cannot be written."
            raise ApiError(400, told)
        if value is None and self.type not in ("title", "rich_text", *_LISTS, "checkbox"):
            return None
        return KINDS[self.type](self, value, path)

    def empty(self) -> Any:
        """Return what a page holds that was given nothing."""
        if self.type == "status":
            return self.options[0] if self.options else None
        if self.type in ("title", "rich_text", *_LISTS):
            return []
        return False if self.type == "checkbox" else None


_LISTS = ("multi_select", "relation", "people", "files")


def named(properties: Mapping[str, Property], name: str) -> Property:
    """Return the property that a request means; raises ApiError where there is none."""
    found = [each for each in properties.values() if each.is_named(name)]
    if found:
        return next((each for each in found if each.name == name), found[0])
    raise ApiError(400, f"{name} is not a property that exists.")


def _id_of(number: int) -> str:
    digits = [number // len(_LETTERS) ** at % len(_LETTERS) for at in range(4)]
    return quote("".join(_LETTERS[each] for each in digits), safe="")


def numbers() -> Iterator[int]:
    """Return what new properties are numbered by."""
    return count(137, 7)


def _text(of: Property, value: Any, path: str) -> Any:
    return texts.kept(value, path)


def _number(of: Property, value: Any, path: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise invalid(path, f"should be a number or `null`, instead was `{spelled(value)}`.")
    return value


def _checkbox(of: Property, value: Any, path: str) -> Any:
    if not isinstance(value, bool):
        raise invalid(path, f"should be a boolean, instead was `{spelled(value)}`.")
    return value


def _choice(of: Property, value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise invalid(path, f"should be an object or `null`, instead was `{spelled(value)}`.")
    if "id" in value:
        found = [each for each in of.options if each["id"] == value["id"]]
        if found:
            return found[0]
    name = checked_text(value.get("name"), f"{path}.name", 100)
    if of.type == "status" and name not in [each["name"] for each in of.options]:
        raise ApiError(400, f'Invalid status option. Status option "{name}" does not exist.')
    return of.add(name)


def _choices(of: Property, value: Any, path: str) -> Any:
    several = checked_list(value, path)
    return [_choice(of, each, f"{path}[{at}]") for at, each in enumerate(several)]


def _date(of: Property, value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise invalid(path, f"should be an object or `null`, instead was `{spelled(value)}`.")
    ends = {name: value.get(name) for name in ("start", "end")}
    for name, text in ends.items():
        if name == "end" and text is None:
            continue
        ends[name] = _moment(text, f"{path}.{name}")
    zone = value.get("time_zone")
    if zone is not None and len(str(value.get("start"))) == len("2026-01-31"):
        raise invalid(f"{path}.time_zone", "should be null for a date without a time.")
    return {**ends, "time_zone": zone}


def _moment(text: Any, path: str) -> str:
    told = "should be a valid ISO 8601 date string"
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text).isoformat()
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid(path, f"{told}, instead was `{spelled(text)}`.") from None
    given = moment.isoformat(timespec="milliseconds")
    return given if moment.tzinfo else f"{given}+00:00"


def _url(of: Property, value: Any, path: str) -> Any:
    return checked_url(value, path)


def _short(of: Property, value: Any, path: str) -> Any:
    if not checked_text(value, path, 200):
        raise invalid(path, 'should not be empty, instead was `""`.')
    return value


def _references(of: Property, value: Any, path: str) -> Any:
    several = checked_list(value, path)
    for at, each in enumerate(several):
        checked_text(each.get("id") if isinstance(each, Mapping) else None, f"{path}[{at}].id")
    return [{"id": each["id"]} for each in several]


def _files(of: Property, value: Any, path: str) -> Any:
    made = []
    for at, each in enumerate(checked_list(value, path)):
        given = each.get("external") if isinstance(each, Mapping) else None
        url = given.get("url") if isinstance(given, Mapping) else None
        checked_url(url, f"{path}[{at}].external.url")
        name = checked_text(each.get("name"), f"{path}[{at}].name", 100)
        made.append({"name": name, "type": "external", "external": {"url": url}})
    return made


KINDS: Mapping[str, Callable[[Property, Any, str], Any]] = {
    "title": _text,
    "rich_text": _text,
    "number": _number,
    "checkbox": _checkbox,
    "select": _choice,
    "multi_select": _choices,
    "status": _choice,
    "date": _date,
    "url": _url,
    "email": _short,
    "phone_number": _short,
    "relation": _references,
    "people": _references,
    "files": _files,
    **dict.fromkeys(READ_ONLY, _text),
}
