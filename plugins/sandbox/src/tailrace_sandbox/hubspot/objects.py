"""Objects: one type of record, with its properties, its records and what is unique among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import attrs

from tailrace_sandbox.hubspot.errors import ApiError
from tailrace_sandbox.hubspot.properties import Property

ID = "hs_object_id"


def now() -> str:
    """Return this moment as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@attrs.define
class Record:
    """Hold one record."""

    id: str
    values: dict[str, str]
    created: str = attrs.field(factory=now)
    updated: str = attrs.field(factory=now)
    archived: bool = False

    def shown(self, names: Iterable[str], **more: Any) -> dict[str, Any]:
        """Return it as the API gives it, with some of its properties."""
        wanted = dict.fromkeys(names)
        found = {name: self.values.get(name, "") for name in wanted}
        return {
            "id": self.id,
            "properties": {name: value for name, value in found.items() if value != ""},
            "createdAt": self.created,
            "updatedAt": self.updated,
            "archived": self.archived,
            **more,
        }


@attrs.define(kw_only=True)
class ObjectType:
    """Hold a type's records; `unique` names properties that are unique without saying so."""

    name: str
    type_id: str
    title: str
    properties: dict[str, Property]
    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    records: dict[str, Record] = attrs.field(factory=dict)
    _by_value: dict[tuple[str, str], str] = attrs.field(factory=dict)

    def is_unique(self, name: str) -> bool:
        """Tell whether records can be found by a property."""
        return name in self.unique or (name in self.properties and self.properties[name].unique)

    def checked(self, given: Any) -> dict[str, str]:
        """Return values as they are kept; raises ApiError for what the type does not take."""
        if not isinstance(given, Mapping):
            raise ApiError(400, "Invalid input JSON: properties is an object")
        for name in given:
            if name not in self.properties:
                told = f'Property "{name}" does not exist'
                said = f'Property values were not valid: [{{"isValid":false,"message":"{told}"}}]'
                context = {"propertyName": [name]}
                raise ApiError(400, said, code="PROPERTY_DOESNT_EXIST", context=context)
        return {name: self.properties[name].kept(value) for name, value in given.items()}

    def find(self, name: str, by: str | None) -> Record | None:
        """Return the record of that id, or of that value of a unique property."""
        at = self._by_value.get((by, self._folded(by, name))) if by is not None else name
        record = self.records.get(at) if at is not None else None
        return None if record is None or record.archived else record

    def create(self, values: Mapping[str, str], ids: count[int]) -> Record:
        """Add a record; raises ApiError where it lacks something or is there already."""
        missing = [name for name in self.required if not values.get(name)]
        if missing:
            said = f"Error creating {self.title.upper()}. Some required properties were not set."
            raise ApiError(400, said, code="REQUIRED_FIELD", context={"properties": missing})
        self._free(values, None)
        record = Record(str(next(ids)), {**values})
        record.values[ID] = record.id
        record.values[self._dated("created")] = record.created
        self.records[record.id] = record
        self._touch(record)
        return record

    def update(self, record: Record, values: Mapping[str, str]) -> None:
        """Change a record; raises ApiError where another one has its unique value."""
        self._free(values, record)
        self._forget(record)
        record.values.update(values)
        self._touch(record)

    def archive(self, name: str) -> None:
        """Archive a record; there may be none."""
        record = self.find(name, None)
        if record is not None:
            record.archived = True
            self._forget(record)

    def living(self) -> list[Record]:
        """Return the records that are not archived, the oldest first."""
        return [record for record in self.records.values() if not record.archived]

    def _touch(self, record: Record) -> None:
        record.updated = now()
        record.values[self._dated("modified")] = record.updated
        for name, value in record.values.items():
            if value and self.is_unique(name):
                self._by_value[name, self._folded(name, value)] = record.id

    def _forget(self, record: Record) -> None:
        for name, value in record.values.items():
            if self.is_unique(name):
                self._by_value.pop((name, self._folded(name, value)), None)

    def _free(self, values: Mapping[str, str], mine: Record | None) -> None:
        for name, value in values.items():
            if not value or not self.is_unique(name):
                continue
            other = self._by_value.get((name, self._folded(name, value)))
            if other is None or (mine is not None and other == mine.id):
                continue
            if name in self.unique:
                raise ApiError(409, f"{self.title} already exists. Existing ID: {other}")
            said = f"Cannot set {name} to {value}. {other} already has that value."
            raise ApiError(400, said, code="CONFLICTING_UNIQUE_VALUE")

    def _folded(self, name: str | None, value: str) -> str:
        return value.lower() if name in self.unique else value

    def _dated(self, what: str) -> str:
        names = {"created": "createdate", "modified": "lastmodifieddate"}
        return next(each for each in self.properties if each.endswith(names[what]))
