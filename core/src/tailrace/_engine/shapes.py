"""Shapes: what rows tell of their fields and types, and plain values for what libraries wrap."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import attrs

from tailrace.records import Row
from tailrace.schema import FieldType, Schema, type_of, wider


def _uniform(rows: list[Row | None]) -> Any:
    """Give what rows of one shape share, their names and the types of each column; else None."""
    first = rows[0] if rows else None
    if first is None or len(first) < 2:
        return None
    names = tuple(first)
    try:
        # One that is no row at all is not subscriptable, and has no length.
        columns = zip(*map(itemgetter(*names), rows), strict=True)  # type: ignore[arg-type]
        if set(map(len, rows)) != {len(names)}:  # type: ignore[arg-type]
            return None
    except (KeyError, TypeError):
        return None
    return names, tuple(frozenset(map(type, column)) for column in columns)


@attrs.define
class Known:
    """Widen a schema by rows; rows of a shape that was seen before cost next to nothing."""

    schema: Schema
    room: int = 1_000_000
    """Names and types that may still be remembered, some ten megabytes."""
    _shapes: set[Any] = attrs.field(factory=set)

    def see(self, rows: list[Row | None]) -> dict[int, tuple[str, str]]:
        """Learn from rows; give the places of those that are none, each with reason and message."""
        shape = _uniform(rows)
        if shape is not None and shape in self._shapes:
            return {}
        refused = self._each(rows)
        if shape is not None and not refused and self.room > 0 and not _has_wrapped(shape):
            self._shapes.add(shape)
            self.room -= len(shape[0])
        return refused

    def _each(self, rows: list[Row | None]) -> dict[int, tuple[str, str]]:
        refused = {}
        seen: dict[str, FieldType] = {}
        shapes = self._shapes
        for place, row in enumerate(rows):
            if row is None:
                refused[place] = ("no_mapping", "")
            elif (shape := (*row, *map(type, row.values()))) in shapes:
                continue
            elif not all(isinstance(name, str) for name in row):
                refused[place] = ("field_name", "has a field name that is no text")
            else:
                self._learn(row, shape, seen)
        self.schema = self.schema.widen(seen)
        return refused

    def _learn(self, row: Row, shape: tuple[Any, ...], seen: dict[str, FieldType]) -> None:
        wrapped = any(_is_wrapped(value) for value in row.values())
        if wrapped:
            _unwrap(row)
        elif len(shape) <= self.room:
            self.room -= len(shape) + 1
            self._shapes.add(shape)
        for name, value in row.items():
            kind = type_of(value)
            seen[name] = wider(seen.get(name, kind), kind)


_NOTHING = frozenset({"NaTType", "NAType"})
_STAMPS = frozenset({"Timestamp", "Timedelta"})
_WRAPPERS = frozenset({"numpy", "pandas"})


def _is_wrapped(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in _WRAPPERS


def _has_wrapped(shape: Any) -> bool:
    kinds = {kind for column in shape[1] for kind in column}
    return any(kind.__module__.partition(".")[0] in _WRAPPERS for kind in kinds)


def unwrapped(page: Sequence[Any]) -> Sequence[Any]:
    """Give a page with plain values for what numpy and pandas wrap."""
    for row in page:
        if type(row) is dict and any(map(_is_wrapped, row.values())):
            _unwrap(row)
    return page


def _unwrap(row: Row) -> None:
    """Put plain values for what numpy and pandas wrap; sub-microseconds are cut off."""
    for name, value in row.items():
        kind = type(value).__name__
        if not _is_wrapped(value):
            continue
        if kind in _NOTHING:
            row[name] = None
        elif kind in _STAMPS:
            row[name] = _unstamped(value)
        elif kind in ("datetime64", "timedelta64"):
            row[name] = value.astype(f"{kind}[us]").item()
        elif hasattr(value, "tolist"):
            row[name] = value.tolist()


def _unstamped(value: Any) -> datetime | timedelta:
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    plain: datetime = value.to_pydatetime(warn=False)
    return plain
