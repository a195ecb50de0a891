"""Templates: a row's values go into addresses, headers and JSON, and never become a part of their form."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import attrs

import tailrace

_PLACE = re.compile(r"\{([^{}]+)\}")
_BRACES = re.compile(r"\{\{|\}\}")
_TEXT = (str, int, float, Decimal, date, time, UUID)
"""What has one plain spelling."""
_DOTS = (".", "..")
ROW, ROWS = "row", "rows"
"""Names in braces that stand for the row, and for the list of all."""
_UNSET = object()


@attrs.frozen
class Text:
    """Hold a text with names in braces; two braces stand for one."""

    template: str

    @property
    def names(self) -> list[str]:
        """Give the names in braces."""
        return _PLACE.findall(_BRACES.sub("", self.template))

    def fill(self, value: Callable[[str], str]) -> str:
        """Put a text for each name."""
        parts = re.split(r"(\{\{|\}\}|\{[^{}]+\})", self.template)
        return "".join(
            part[0] if _BRACES.fullmatch(part) else value(part[1:-1]) if part[:1] == "{" else part
            for part in parts
        )


@attrs.frozen
class Address:
    """Hold an address whose path and query may have names in braces; its host never has."""

    text: Text

    @classmethod
    def of(cls, option: str, base_url: str, given: str) -> "Address":
        """Take an address as a person wrote it; raises ConfigError for one with a changing host."""
        whole = given if _is_whole(given) else f"{base_url.rstrip('/')}/{given.lstrip('/')}"
        try:
            parts = urlsplit(whole)
            host = parts.hostname
        except ValueError:
            host = None
        if not _is_whole(whole) or not host or "{" in parts.netloc:
            told = f"{given!r} is no address with a host of its own; give https://..., or base_url"
            raise tailrace.ConfigError(tailrace.Problem(option, told))
        if "#" in whole or parts.username is not None:
            told = "has no place for a fragment or a login; a login has options of its own"
            raise tailrace.ConfigError(tailrace.Problem(option, told))
        if any(part in _DOTS for part in parts.path.split("/")):
            raise tailrace.ConfigError(
                tailrace.Problem(option, "has a path that goes up with dots")
            )
        return cls(Text(whole))

    @property
    def host(self) -> str:
        """Give the host, which no row can change."""
        return urlsplit(self.text.template).hostname or ""

    @property
    def secure(self) -> bool:
        """Tell whether it is https."""
        return self.text.template.lower().startswith("https://")

    def fill(self, row: Mapping[str, Any]) -> str:
        """Give the address for a row; raises RejectedError for a value that no address can hold."""
        address = self.text.fill(lambda name: quote(_text(row, name, "the address"), safe=""))
        path = address.partition("?")[0].split("/")[3:]
        if any(part in _DOTS for part in path) or (self.text.names and "" in path[:-1]):
            told = "the address would not be one of its own: a value is empty, or only dots"
            raise tailrace.RejectedError(told, reason="address")
        return address


def header(text: Text, name: str, row: Mapping[str, Any]) -> str:
    """Give a header's value for a row; raises RejectedError for what would not stay one line."""
    value = text.fill(lambda field: _text(row, field, f"the header {name}"))
    if any(each in "\r\n\0" or ord(each) > 255 for each in value):
        told = f"the header {name} would hold a line break, or what no header can"
        raise tailrace.RejectedError(told, reason="header")
    return value


def names_in(shape: Any) -> set[str]:
    """Give the names in braces anywhere in a body's shape."""
    if isinstance(shape, str):
        return set(Text(shape).names)
    if isinstance(shape, Mapping):
        return names_in(list(shape.values()))
    return set().union(*map(names_in, shape)) if isinstance(shape, (list, tuple)) else set()


def build(shape: Any, values: Mapping[str, Any]) -> Any:
    """Give a body of some shape; a name alone in its braces is the value itself, whatever it holds.

    What is unset is left out where it stands alone.
    """
    if isinstance(shape, str):
        alone = _PLACE.fullmatch(shape)
        if alone:
            return values.get(alone[1], _UNSET)
        return Text(shape).fill(lambda name: _text(values, name, "the body"))
    if isinstance(shape, Mapping):
        pairs = ((name, build(each, values)) for name, each in shape.items())
        return {name: each for name, each in pairs if each is not _UNSET}
    if isinstance(shape, (list, tuple)):
        return [each for each in (build(each, values) for each in shape) if each is not _UNSET]
    return shape


def at(value: Any, place: str) -> Any:
    """Give what stands at a place of an answer, names with dots between; None where nothing does."""
    for name in () if place == "." else place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def unknown(used: Iterable[str], known: Iterable[str]) -> list[str]:
    """Give the names that are used and not known."""
    return sorted(set(used) - set(known))


def _is_whole(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if value is None or not isinstance(value, _TEXT):
        what = "has no value" if value is None else f"is a {type(value).__name__}"
        raise tailrace.RejectedError(f"{where} needs {name!r}, which {what}", reason="value")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
