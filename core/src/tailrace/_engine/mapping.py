"""Mapping: the source's fields become the destination's, and each record gets its key."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs

from tailrace._engine.flow import Records, Refuse, Rows
from tailrace.errors import PreflightError, Problem
from tailrace.records import Row
from tailrace.schema import Field, FieldType, Schema, type_of
from tailrace.text import plain, shown

_PLACE = re.compile(r"\{([^{}]+)\}")
_KEY_TYPES = (str, int, float, Decimal, date, time, UUID, bytes)


@attrs.frozen
class _Column:
    name: str
    field: str | None = None
    constant: Any = None
    template: str | None = None

    @property
    def sources(self) -> list[str]:
        if self.field is not None:
            return [self.field]
        return _PLACE.findall(self.template or "")


@attrs.frozen
class Mapper:
    """Map rows; `key` holds the key's fields by the destination's names."""

    columns: tuple[_Column, ...] | None
    key: tuple[str, ...]
    refuse: Refuse
    accepts: Schema | None = None
    cursor: str | None = None
    used: set[str] = attrs.field(factory=set)

    @property
    def fields(self) -> set[str] | None:
        """Name the source's fields that are looked at; None where it is all there are."""
        if self.columns is None:
            return None
        return {name for column in self.columns for name in column.sources}

    @property
    def keys(self) -> list[str]:
        """Name the source's fields that the key is made of; none where it is made of something else."""
        if self.columns is None:
            return list(self.key)
        fields = {column.name: column.field for column in self.columns}
        found = [fields.get(name) for name in self.key]
        return [] if None in found else [each for each in found if each is not None]

    def schema(self, source: Schema) -> Schema:
        """Give the schema of the mapped rows."""
        if self.columns is None:
            return Schema(source.fields, self.key)
        fields = []
        for column in self.columns:
            known = source.get(column.field) if column.field is not None else None
            if column.field is None:
                text = column.template is not None
                kind = FieldType.STRING if text else type_of(column.constant)
                fields.append(Field(column.name, kind))
            elif known is not None:
                fields.append(attrs.evolve(known, name=column.name))
        return Schema(fields, self.key)

    def check(self, source: Schema) -> None:
        """Raise a PreflightError that lists every field that is needed and not there."""
        problems = []
        for column in self.columns or ():
            for name in column.sources:
                if name not in source:
                    where = f"mapping.{column.name}"
                    problems.append(Problem(where, f"the source has no field {name!r}"))
        mapped = self.schema(source)
        problems += [
            Problem("key", f"no field {name!r} (there are: {', '.join(mapped.names)})")
            for name in self.key
            if name not in mapped and self.columns is None
        ]
        problems += self._unfit(mapped)
        if problems:
            raise PreflightError("\n".join(str(each) for each in problems))

    def _unfit(self, mapped: Schema) -> list[Problem]:
        if self.accepts is None:
            return []
        problems = []
        for name in mapped.names:
            field = self.accepts.get(name)
            if field is None:
                problems.append(Problem(name, "the destination has no such field"))
            elif field.read_only:
                problems.append(Problem(name, "the destination does not let this field be written"))
        problems += [
            Problem(field.name, "the destination needs this field")
            for field in self.accepts
            if field.required and field.name not in mapped
        ]
        return problems

    def map(self, pages: Iterable[Rows]) -> Iterator[Records]:
        """Map page by page; records without a key, or that the destination cannot hold, are refused."""
        before: Schema | None = None
        mapped = Schema(key=self.key)
        for page in pages:
            if page.schema is not before:
                before, mapped = page.schema, self.schema(page.schema)
                self.used.update(page.schema.names)
            rows, numbers = page.rows, page.numbers
            cursors: Mapping[int, Any] = {}
            if self.cursor is not None:
                name = self.cursor
                cursors = {number: row.get(name) for number, row in zip(numbers, rows, strict=True)}
            if self.columns is not None:
                numbers, rows = self._mapped(numbers, rows)
            keys: Sequence[Any] = numbers
            if self.key:
                keys, rows, numbers = self._keyed(numbers, rows)
            if self.accepts is not None:
                keys, rows, numbers = self._fitting(keys, rows, numbers, self.accepts)
            yield Records(
                keys, rows, mapped, numbers, [cursors[each] for each in numbers] if cursors else ()
            )

    def unused(self) -> list[str]:
        """Name the mapped fields that no record had."""
        wanted = {name for column in self.columns or () for name in column.sources}
        return sorted(wanted - self.used)

    def _mapped(self, numbers: Sequence[int], rows: list[Row]) -> tuple[Sequence[int], list[Row]]:
        """Map rows; one with a value that no template can hold is refused."""
        made = []
        refused = set()
        for number, row in zip(numbers, rows, strict=True):
            try:
                made.append(self._row(row))
            except Exception as error:  # noqa: BLE001  # a value's own str(), or digits without end
                refused.add(number)
                why = f"record {number}: a template: {type(error).__name__}: {shown(error)}"
                self.refuse(None if self.key else number, "value", why)
        return [each for each in numbers if each not in refused] if refused else numbers, made

    def _row(self, row: Row) -> Row:
        mapped = {}
        for column in self.columns or ():
            if column.field is not None:
                if column.field in row:
                    mapped[column.name] = row[column.field]
            elif column.template is not None:
                mapped[column.name] = _fill(column.template, row)
            else:
                mapped[column.name] = column.constant
        return mapped

    def _keyed(
        self, numbers: Sequence[int], rows: list[Row]
    ) -> tuple[list[Any], list[Row], list[int]]:
        keys, kept, kept_numbers = [], [], []
        for number, row in zip(numbers, rows, strict=True):
            values = [row.get(name) for name in self.key]
            wrong = next((at for at, value in enumerate(values) if not _names(value)), None)
            if wrong is None:
                keys.append(values[0] if len(values) == 1 else tuple(values))
                kept.append(row)
                kept_numbers.append(number)
                continue
            name = self.key[wrong]
            what = "is missing"
            if name in row:
                value = row[name]
                what = "is null" if value is None else f"cannot be a {type(value).__name__}"
            self.refuse(None, "no_key", f"record {number}: the key field {name!r} {what}")
        return keys, kept, kept_numbers

    def _fitting(
        self, keys: Sequence[Any], rows: list[Row], numbers: Sequence[int], accepts: Schema
    ) -> tuple[list[Any], list[Row], list[int]]:
        kept_keys, kept, kept_numbers = [], [], []
        for key, row, number in zip(keys, rows, numbers, strict=True):
            unfit = _unfit(row, accepts)
            if unfit is None:
                kept_keys.append(key)
                kept.append(row)
                kept_numbers.append(number)
            else:
                self.refuse(key, *unfit, row=row)
        return kept_keys, kept, kept_numbers


def mapper(mapping: Mapping[str, Any] | None, key: tuple[str, ...], refuse: Refuse) -> Mapper:
    """Make a mapper; a key that is not mapped travels under its own name, ahead of the others.

    A name in `key` is the destination's where the mapping has it, else the source's.
    """
    if mapping is None:
        return Mapper(None, key, refuse)
    columns = [_column(name, what) for name, what in mapping.items()]
    names = {column.name for column in columns}
    by_source = {column.field: column.name for column in reversed(columns) if column.field}
    keys = tuple(name if name in names else by_source.get(name, name) for name in key)
    ahead = [_Column(name, name) for name in keys if name not in names]
    return Mapper((*ahead, *columns), keys, refuse)


def _column(name: str, what: Any) -> _Column:
    if isinstance(what, str):
        return _Column(name, what)
    if "template" in what:
        return _Column(name, template=what["template"])
    return _Column(name, constant=what["constant"])


def problems_of(mapping: Any, path: str) -> list[Problem]:
    """Find what is wrong with a mapping as a person wrote it."""
    if mapping is None:
        return []
    if not isinstance(mapping, Mapping) or not mapping:
        return [Problem(path, "a table of destination field = source field")]
    problems = []
    for name, what in mapping.items():
        place = f"{path}.{name}"
        if not isinstance(name, str) or not name:
            problems.append(Problem(place, "a destination field has a name, which is text"))
            continue
        fits = isinstance(what, str) or (
            isinstance(what, Mapping)
            and (
                set(what) == {"constant"}
                or (set(what) == {"template"} and isinstance(what["template"], str))
            )
        )
        if not fits:
            forms = "a source field, { constant = ... } or { template = '... {field} ...' }"
            problems.append(Problem(place, f"is none of {forms}"))
    return problems


def _fill(template: str, row: Row) -> str:
    """Put values for the names in braces; what comes out is never parsed again."""
    return _PLACE.sub(lambda found: _shown(row.get(found[1])), template)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _names(value: Any) -> bool:
    """Tell whether a value can name a record; a NaN equals nothing, not even itself."""
    if isinstance(value, Decimal):
        return not value.is_nan()
    return isinstance(value, _KEY_TYPES) and value == value  # noqa: PLR0124


def _unfit(row: Row, accepts: Schema) -> tuple[str, str] | None:
    for name, value in row.items():
        field = accepts.get(name)
        if field is None:
            return "unknown_field", f"field {name!r}: the destination has no such field"
        if field.read_only:
            return "read_only", f"field {name!r}: the destination does not let it be written"
        if value is None:
            if not field.nullable:
                return "null", f"field {name!r}: it is null, and the destination needs a value"
            continue
        if field.options is not None and value not in field.options:
            known = ", ".join(map(repr, field.options[:10]))
            given = plain(shown(value, repr), 80)
            return "no_option", f"field {name!r}: {given} is none of {known}"
        if (
            field.max_length is not None
            and isinstance(value, str)
            and (len(value) > field.max_length)
        ):
            return "too_long", (
                f"field {name!r}: {len(value):,} characters, and {field.max_length:,} may be"
            )
    return None
