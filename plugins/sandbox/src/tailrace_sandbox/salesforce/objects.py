"""Objects: the records of one type, and what may be done to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import attrs

from tailrace_sandbox.salesforce.errors import ApiError, RecordError
from tailrace_sandbox.salesforce.fields import Field
from tailrace_sandbox.salesforce.schema import DEFAULTS

Values = dict[str, Any]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(short: str) -> str:
    """Return an id of 18 characters, which is the same whatever becomes of its capitals."""
    bits = [
        sum(each.isupper() << at for at, each in enumerate(short[n : n + 5])) for n in (0, 5, 10)
    ]
    return short + "".join(_LETTERS[each] for each in bits)


def now() -> str:
    """Return this moment as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@attrs.define(kw_only=True)
class SObject:
    """Hold the records of one type."""

    name: str
    prefix: str
    fields: dict[str, Field]
    find_other: Callable[[str], SObject]
    records: dict[str, Values] = attrs.field(factory=dict)
    gone: set[str] = attrs.field(factory=set)
    rule: str | None = None
    _by_value: dict[tuple[str, Any], set[str]] = attrs.field(factory=dict)
    _numbers: count[int] = attrs.field(factory=lambda: count(1))

    def field(self, name: str) -> Field | None:
        """Return a field; names know no capitals."""
        found = self.fields.get(name)
        if found is not None:
            return found
        folded = name.lower()
        return next((each for at, each in self.fields.items() if at.lower() == folded), None)

    def by(self, name: str) -> Field:
        """Return a field that records are found by; raises ApiError where it is none."""
        field = self.field(name)
        if field is None or not (field.finds or field.name == "Id"):
            said = f"Provided external ID field does not exist or is not accessible: {name}"
            raise ApiError(404, "NOT_FOUND", said)
        return field

    def named(self, field: Field, value: Any) -> list[str]:
        """Return the ids of the records with that value of a field."""
        if field.name == "Id":
            found = self.full(str(value))
            return [found] if found in self.records else []
        return sorted(self._by_value.get((field.name, field.folded(field.kept(value))), ()))

    def full(self, name: str) -> str:
        """Return an id in its long form."""
        return long_id(name) if len(name) == 15 else name

    def create(self, given: Mapping[str, Any], *, save_duplicates: bool = False) -> str:
        """Add a record and return its id."""
        values = self._checked(given, new=True)
        for name, field in self.fields.items():
            missing = values.get(name) is None and not field.nillable and field.createable
            if missing and not field.defaulted:
                raise RecordError(
                    "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", name
                )
            if field.defaulted and values.get(name) is None and field.createable:
                values[name] = self._default(field)
        self._free(values, None)
        if not save_duplicates and self._is_double(values):
            raise RecordError("DUPLICATES_DETECTED", "Use one of these records?")
        name = long_id(f"{self.prefix}xx{next(self._numbers):010d}")
        self.records[name] = values
        values["Id"] = name
        values["CreatedDate"] = values["LastModifiedDate"] = now()
        if "Name" in self.fields and not self.fields["Name"].createable:
            self._rename(values)
        self._index(values)
        return name

    def update(self, name: str, given: Mapping[str, Any]) -> None:
        """Change a record."""
        name = self.full(name)
        self._there(name)
        values = self._checked(given, new=False)
        for at, value in values.items():
            if value is None and not self.fields[at].nillable:
                raise RecordError(
                    "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{at}]", at
                )
        self._free(values, name)
        record = self.records[name]
        self._unindex(record)
        record.update(values, LastModifiedDate=now())
        if "Name" in self.fields and not self.fields["Name"].createable:
            self._rename(record)
        self._index(record)

    def upsert(self, by: Field, given: Mapping[str, Any], **how: bool) -> tuple[str, bool]:
        """Create or change the record of that value; return its id and whether it is new."""
        wanted = given.get(by.name)
        if wanted is None or wanted == "":
            raise RecordError("MISSING_ARGUMENT", f"{by.name} not specified", by.name)
        found = self.named(by, wanted)
        if len(found) > 1:
            said = f"{by.name}: more than one record found for external id field: {found}"
            raise RecordError("DUPLICATE_EXTERNAL_ID", said)
        if found:
            self.update(found[0], given)
            return found[0], False
        return self.create(given, **how), True

    def delete(self, name: str) -> None:
        """Delete a record."""
        name = self.full(name)
        self._there(name)
        self._unindex(self.records.pop(name))
        self.gone.add(name)

    def _there(self, name: str) -> None:
        if name in self.gone:
            raise RecordError("ENTITY_IS_DELETED", "entity is deleted")
        if name not in self.records:
            if len(name) not in (15, 18) or not name.isalnum():
                raise RecordError("MALFORMED_ID", f"bad id {name}", "Id")
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    def _checked(self, given: Mapping[str, Any], *, new: bool) -> Values:
        """Return values as they are kept."""
        kept: Values = {}
        for name, value in given.items():
            if name in ("attributes", "Id", "id"):
                continue
            field = self.field(name)
            if field is None:
                link = next((e for e in self.fields.values() if e.relationship == name), None)
                if link is None or not isinstance(value, (Mapping, type(None))):
                    said = f"No such column '{name}' on sobject of type {self.name}"
                    raise RecordError("INVALID_FIELD", said, name)
                kept[link.name] = None if value is None else self._linked(link, value)
                continue
            if not (field.createable if new else field.updateable):
                said = f"Unable to create/update fields: {name}. Please check its security settings"
                raise RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", said, name)
            kept[field.name] = field.kept(value)
            if field.type == "reference" and kept[field.name] is not None:
                kept[field.name] = self._referred(field, kept[field.name])
        return kept

    def _linked(self, link: Field, value: Mapping[str, Any]) -> str:
        other = self.find_other(str(link.target))
        [(by, wanted)] = [each for each in value.items() if each[0] != "attributes"]
        found = other.named(other.by(by), wanted)
        if len(found) != 1:
            said = (
                f"Foreign key external ID: {wanted} not found for field {by} in entity {other.name}"
            )
            raise RecordError("INVALID_FIELD", said)
        return found[0]

    def _referred(self, field: Field, value: str) -> str:
        other = self.find_other(str(field.target))
        found = other.full(value)
        if found in other.records:
            return found
        said = f"{field.label or field.name}: id value of incorrect type: {value}"
        raise RecordError("MALFORMED_ID", said, field.name)

    def _free(self, values: Values, mine: str | None) -> None:
        for name, value in values.items():
            field = self.fields[name]
            if value is None or not field.unique:
                continue
            others = self._by_value.get((name, field.folded(value)), set()) - {mine}
            if others:
                said = f"duplicate value found: {name} duplicates value on record with id"
                raise RecordError("DUPLICATE_VALUE", f"{said}: {min(map(str, others))[:15]}")

    def _default(self, field: Field) -> Any:
        if field.target is not None:
            return next(iter(self.find_other(field.target).records), None)
        return False if field.type == "boolean" else DEFAULTS.get(field.name)

    def _is_double(self, values: Values) -> bool:
        """Tell whether the duplicate rule knows a record like it."""
        value = None if self.rule is None else values.get(self.rule)
        if self.rule is None or value is None:
            return False
        return bool(self._by_value.get((self.rule, self.fields[self.rule].folded(value))))

    def _rename(self, values: Values) -> None:
        parts = (values.get("FirstName"), values.get("LastName"))
        values["Name"] = " ".join(each for each in parts if each)

    def _index(self, values: Values) -> None:
        for name, value in values.items():
            if value is not None and self._keeps(name):
                key = (name, self.fields[name].folded(value))
                self._by_value.setdefault(key, set()).add(values["Id"])

    def _unindex(self, values: Values) -> None:
        for name, value in values.items():
            if value is not None and self._keeps(name):
                self._by_value.get((name, self.fields[name].folded(value)), set()).discard(
                    values["Id"]
                )

    def _keeps(self, name: str) -> bool:
        field = self.fields.get(name)
        return field is not None and (field.finds or field.unique or name == self.rule)
