"""Templates: a row's values go into what Slack parses, and are never parsed themselves.

In Slack's text, `<` begins a mention, a broadcast or a link. A value of a row cannot begin one:
its `&`, `<` and `>` are escaped, and within angle brackets of the template itself it is part of an
address or a label, whatever it holds.
"""

import re
import unicodedata
from collections.abc import Container, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

import attrs

import tailrace
from tailrace.http import encode_json

ROWS = "rows"
"""The name in braces that stands for the lines of all rows of a message."""

_PARTS = re.compile(r"(\{\{|\}\}|\{[^{}]+\})")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_URL = re.compile(r"https?://[^\s<>|\"]+", re.IGNORECASE)
_UNSET = object()

Place = Literal["text", "start", "address", "label"]
"""Where a value stands: in text, right after `<`, later in what `<` began, or after its `|`."""


@attrs.frozen
class Values:
    """Hold a row's values, and the names that rows have at all."""

    row: Mapping[str, Any]
    known: Container[str]

    def text(self, name: str) -> str:
        """Give a value's text; nothing, if it is None or this row has none.

        Raises RejectedError for a name that no row has.
        """
        value = self.row.get(name, _UNSET)
        if value is _UNSET and name not in self.known:
            told = f"the message needs {name!r}, and there is no such field"
            raise tailrace.RejectedError(told, reason="field")
        return "" if value is None or value is _UNSET else spelled(value)


@attrs.frozen
class Text:
    """Hold a text with names in braces; two braces stand for one."""

    template: str
    _parts: tuple[tuple[Place, str], ...] = attrs.field(init=False, repr=False)

    @_parts.default
    def _read(self) -> tuple[tuple[Place, str], ...]:
        """Find out where each name stands."""
        place: Place = "text"
        parts: list[tuple[Place, str]] = []
        for part in _PARTS.split(self.template):
            parts.append((place, part))
            if not _is_name(part):
                place = _after(place, part)
            elif place == "start":
                place = "address"
        return tuple(parts)

    @property
    def names(self) -> frozenset[str]:
        """Give the names in braces."""
        return frozenset(part[1:-1] for _, part in self._parts if _is_name(part))

    def fill(self, values: Values, lines: str = "") -> str:
        """Give the text for a row, or with the lines of many, as Slack parses it."""
        return self._filled(lambda place, name: _put(place, values.text(name)), lines)

    def plain(self, values: Values) -> str:
        """Give the text for a row where nothing is parsed: a channel's name, an e-mail address."""
        return self._filled(lambda _, name: values.text(name), "")

    def url(self, values: Values) -> str:
        """Give the text for a row as an address; raises RejectedError for what is none."""
        alone = len(self._parts) == 3 and not self._parts[0][1] and not self._parts[2][1]
        place: Place = "start" if alone else "address"
        return self._filled(lambda _, name: _put(place, values.text(name)), "")

    def _filled(self, value: Any, lines: str) -> str:
        made = []
        for place, part in self._parts:
            if part == "{" + ROWS + "}" and lines:
                made.append(lines)
            elif _is_name(part):
                made.append(value(place, part[1:-1]))
            else:
                made.append(part[0] if part in ("{{", "}}") else part)
        return "".join(made)


def _is_name(part: str) -> bool:
    return len(part) > 2 and part[0] == "{" and part[-1] == "}"


def _after(place: Place, literal: str) -> Place:
    """Tell where a value stands that comes after a piece of the template."""
    opened, closed = literal.rfind("<"), literal.rfind(">")
    if max(opened, closed) < 0:
        if place in ("text", "label") or not literal:
            return place
        return "label" if "|" in literal else "address"
    if closed > opened:
        return "text"
    rest = literal[opened + 1 :]
    if "|" in rest:
        return "label"
    return "address" if rest else "start"


def _put(place: Place, text: str) -> str:
    if place == "text":
        return escaped(text)
    if place == "label":
        return escaped(" ".join(text.split()).replace("|", "\N{BROKEN BAR}"))
    if place == "address":
        return quote(text, safe="")
    if not _URL.fullmatch(text):
        told = "a link's address is http://... or https://..., without spaces, < > | or quotes"
        raise tailrace.RejectedError(told, reason="address")
    return text


def escaped(text: str) -> str:
    """Give a text that Slack shows as it is, and in which it finds no mention and no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def spelled(value: Any) -> str:
    """Give a value as text, without control characters and what turns the direction of a line.

    Raises RejectedError for what no text can hold.
    """
    try:
        text = _spelling(value).replace("\r\n", "\n")
        text.encode()
    except ValueError as error:
        raise tailrace.RejectedError(f"no text can hold this: {error}", reason="value") from None
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text if each in "\n\t" or not _is_hidden(each))


def _spelling(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)  # 12.30 stays 12.30
    return encode_json(value).decode().strip('"')


def _is_hidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) == "Cc"


def build(shape: Any, values: Values, lines: str = "") -> Any:
    """Give blocks for a row; only texts are filled, and none of their names.

    What is Slack's markup is marked as verbatim, so that a bare `@name` or `#name` of a row stays
    the text that it is.
    """
    if isinstance(shape, str):
        return Text(shape).fill(values, lines)
    if isinstance(shape, (list, tuple)):
        return [build(each, values, lines) for each in shape]
    if not isinstance(shape, Mapping):
        return shape
    made = {
        name: Text(each).url(values)
        if isinstance(each, str) and (name == "url" or name.endswith("_url"))
        else build(each, values, lines)
        for name, each in shape.items()
    }
    if made.get("type") == "mrkdwn":
        made.setdefault("verbatim", True)
    return made


def names_in(shape: Any) -> frozenset[str]:
    """Give the names in braces anywhere in a shape of blocks."""
    if isinstance(shape, str):
        return Text(shape).names
    if isinstance(shape, Mapping):
        return names_in(list(shape.values()))
    if isinstance(shape, (list, tuple)):
        return frozenset().union(*map(names_in, shape))
    return frozenset()
