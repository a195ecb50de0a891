"""What a stream's JSON Schema tells of its fields, and values of the types that it means."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import attrs

import tailrace
from tailrace import FieldType

Read = Callable[[str], Any]

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,6})0*)? ?(Z|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?)?", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)

_NUMBERS = frozenset({int, float, Decimal})
_WIDE = 10**40
"""Above it, a number that is written with an exponent is not written out."""

_PLAIN: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.BOOLEAN: (bool,),
    FieldType.INTEGER: (int,),
    FieldType.NUMBER: (int, float, Decimal),
    FieldType.DECIMAL: (Decimal,),
    FieldType.STRING: (str,),
    FieldType.JSON: (dict, list),
}
"""The Python types that need no look, once JSON was read."""


@attrs.frozen
class Misfit:
    """Say that a value is not as its schema says; the value stays as it came."""

    name: str
    expected: str
    came: str


@attrs.frozen
class _Fit:
    """Bring one field's values to the types that its schema means."""

    kinds: frozenset[FieldType]
    passing: frozenset[type[Any]]
    reads: tuple[Read, ...]

    def __call__(self, value: Any) -> Any:
        """Give the value, or raise ValueError where it is none of the types."""
        kind = type(value)
        if kind is str:
            for read in self.reads:
                try:
                    return read(value)
                except (ValueError, InvalidOperation):
                    continue
        elif kind in _NUMBERS and (kind is not float or isfinite(value)):
            if FieldType.DECIMAL in self.kinds:
                return Decimal(repr(value) if kind is float else value)
            if FieldType.INTEGER in self.kinds and abs(value) < _WIDE and value == int(value):
                return int(value)
        if kind in self.passing:
            return value
        raise ValueError


@attrs.frozen
class Shape:
    """Hold a stream's schema; `fit` brings the values of a record to its types."""

    schema: tailrace.Schema
    _fits: Mapping[str, _Fit]

    def fit(self, row: dict[str, Any]) -> Iterator[Misfit]:
        """Change values in place, and tell of those that do not fit."""
        for name, value in row.items():
            fit = self._fits.get(name)
            if fit is None or (type(value) in fit.passing and not fit.reads) or value is None:
                continue
            try:
                row[name] = fit(value)
            except (ValueError, ArithmeticError):
                expected = " or ".join(sorted(map(str, fit.kinds)))
                yield Misfit(name, expected, type(value).__name__)


def shape_of(properties: Mapping[str, Any], key: tuple[str, ...] = ()) -> Shape:
    """Take a stream's properties for fields."""
    fields, fits = [], {}
    for name, told in properties.items():
        found = set(_kinds(told))
        kinds = frozenset(kind for kind, _ in found)
        fields.append(tailrace.Field(name, _type(kinds)))
        if kinds and FieldType.ANY not in kinds:
            passing = frozenset(each for kind in kinds for each in _PLAIN.get(kind, ()))
            reads = tuple(
                read for read in _READS.values() if any(read is each for _, each in found)
            )
            fits[name] = _Fit(kinds, passing, reads)
    return Shape(tailrace.Schema(fields, tuple(each for each in key if each in properties)), fits)


def _type(kinds: frozenset[FieldType]) -> FieldType:
    """Give the type to declare; where there are several, values are to tell."""
    if kinds == {FieldType.INTEGER, FieldType.NUMBER}:
        return FieldType.NUMBER
    if kinds == {FieldType.INTEGER, FieldType.DECIMAL}:
        return FieldType.DECIMAL
    return next(iter(kinds)) if len(kinds) == 1 else FieldType.NULL


def _kinds(told: Any) -> Iterator[tuple[FieldType, Read | None]]:
    """Give the types that a part of a schema allows, but for null, and how text is read as each."""
    if not isinstance(told, Mapping):
        yield FieldType.ANY, None
        return
    types = told.get("type")
    if types is not None:
        for each in types if isinstance(types, list) else [types]:
            if each == "number":
                yield FieldType.DECIMAL if "multipleOf" in told else FieldType.NUMBER, None
            elif each == "string":
                form = "decimal" if told.get("x-singer.decimal") else str(told.get("format"))
                kind = _FORMATS.get(form, FieldType.STRING)
                yield kind, _READS.get(kind)
            elif each != "null":
                yield _NAMED.get(each, FieldType.ANY), None
        return
    for combined in ("anyOf", "oneOf", "allOf"):
        if isinstance(told.get(combined), list) and told[combined]:
            for each in told[combined]:
                yield from _kinds(each)
            return
    yield FieldType.JSON if {"properties", "items"} & set(told) else FieldType.ANY, None


def _moment(text: str) -> datetime:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError
    day, clock, fraction, zone = found.groups()
    parts = f"{day}T{clock}{f'.{fraction:0<6}' if fraction else ''}{(zone or '').upper()}"
    return datetime.fromisoformat(parts)


def _day(text: str) -> date:
    found = _MIDNIGHT.fullmatch(text)
    if found is None:
        raise ValueError
    return date.fromisoformat(found[1])


def _clock(text: str) -> time:
    if not _TIME.fullmatch(text):
        raise ValueError
    return time.fromisoformat(text)


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return Decimal(text)


_NAMED = {
    "boolean": FieldType.BOOLEAN,
    "integer": FieldType.INTEGER,
    "object": FieldType.JSON,
    "array": FieldType.JSON,
}
_FORMATS = {
    "date-time": FieldType.DATETIME,
    "date": FieldType.DATE,
    "time": FieldType.TIME,
    "singer.decimal": FieldType.DECIMAL,
    "decimal": FieldType.DECIMAL,
}
_READS: Mapping[FieldType, Read] = {
    FieldType.DATETIME: _moment,
    FieldType.DATE: _day,
    FieldType.TIME: _clock,
    FieldType.DECIMAL: _decimal,
}
