"""Fields and their types: what travels ahead of the rows."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import attrs


class FieldType(StrEnum):
    """Name the kinds of values that a field holds."""

    NULL = "null"
    """No value was seen yet."""
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    STRING = "string"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    BYTES = "bytes"
    JSON = "json"
    """A list or a mapping."""
    ANY = "any"
    """Values of several kinds, or one that is none of these."""


_TYPES: Mapping[type, FieldType] = {
    type(None): FieldType.NULL,
    bool: FieldType.BOOLEAN,
    int: FieldType.INTEGER,
    float: FieldType.NUMBER,
    Decimal: FieldType.DECIMAL,
    str: FieldType.STRING,
    UUID: FieldType.STRING,
    date: FieldType.DATE,
    datetime: FieldType.DATETIME,
    time: FieldType.TIME,
    bytes: FieldType.BYTES,
    list: FieldType.JSON,
    tuple: FieldType.JSON,
    dict: FieldType.JSON,
}
_WIDER: Mapping[frozenset[FieldType], FieldType] = {
    frozenset({FieldType.INTEGER, FieldType.NUMBER}): FieldType.NUMBER,
    frozenset({FieldType.INTEGER, FieldType.DECIMAL}): FieldType.DECIMAL,
}


def type_of(value: object) -> FieldType:
    """Tell the type of one value; a subclass counts as what it is a kind of."""
    kind = _TYPES.get(type(value))
    if kind is not None:
        return kind
    return next((_TYPES[base] for base in type(value).__mro__ if base in _TYPES), FieldType.ANY)


def wider(one: FieldType, other: FieldType) -> FieldType:
    """Tell the narrowest type that holds the values of both."""
    if one is other or other is FieldType.NULL:
        return one
    if one is FieldType.NULL:
        return other
    return _WIDER.get(frozenset({one, other}), FieldType.ANY)


@attrs.frozen
class Field:
    """Describe one column; the keyword-only part comes from a destination's `describe()`.

    `options` are the only values it takes, `max_length` is in characters.
    """

    name: str
    type: FieldType = attrs.field(default=FieldType.ANY, converter=FieldType)
    nullable: bool = attrs.field(default=True, kw_only=True)
    required: bool = attrs.field(default=False, kw_only=True)
    options: tuple[Any, ...] | None = attrs.field(default=None, kw_only=True)
    max_length: int | None = attrs.field(default=None, kw_only=True)
    read_only: bool = attrs.field(default=False, kw_only=True)
    unique: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class Schema:
    """Hold the fields in their order and the names of those that make the key.

    Read from rows of unknown shape it holds what was seen so far, and only ever widens.
    """

    fields: tuple[Field, ...] = attrs.field(default=(), converter=tuple[Field, ...])
    key: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    _by_name: Mapping[str, Field] = attrs.field(init=False, repr=False, eq=False)

    @_by_name.default
    def _index(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @property
    def names(self) -> tuple[str, ...]:
        """Give the field names in their order."""
        return tuple(self._by_name)

    def get(self, name: str) -> Field | None:
        """Give the field of that name, or None."""
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def widen(self, seen: Mapping[str, FieldType]) -> "Schema":
        """Give a schema that also holds the given names and types; itself if nothing is new."""
        changed: dict[str, Field] = {}
        for name, kind in seen.items():
            known = self._by_name.get(name)
            if known is None:
                changed[name] = Field(name, kind)
            elif (new := wider(known.type, kind)) is not known.type:
                changed[name] = attrs.evolve(known, type=new)
        if not changed:
            return self
        return Schema(tuple({**self._by_name, **changed}.values()), self.key)
