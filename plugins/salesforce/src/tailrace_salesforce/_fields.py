"""Fields: what describe says of an object's fields, and of those that find related records."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

import tailrace
from tailrace_salesforce._api import Api

NAME = re.compile(r"[A-Za-z]\w{0,79}", re.ASCII)
"""The names that objects and fields may have."""
RECORD_ID = "Id"
_KINDS = {
    "boolean": "boolean",
    "int": "int",
    "long": "int",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "multipicklist": "choices",
    "base64": "bytes",
}
_LIMITED = ("string", "textarea", "email", "phone", "url", "encryptedstring")


@attrs.frozen
class Column:
    """Hold one field's definition.

    kind: how its values are written. options: the only values it takes; none where it takes others.
    finds: whether records can be upserted by it. target, relationship: which object it refers to,
    and by what name; None where it is several objects, or none. link: the reference that is meant,
    where this is a field of the record at its other end.
    """

    name: str
    kind: str
    length: int | None = None
    options: tuple[str, ...] = ()
    nillable: bool = True
    defaulted: bool = False
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    finds: bool = False
    cased: bool = False
    target: str | None = None
    relationship: str | None = None
    is_reference: bool = False
    link: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Column":
        """Take a definition as describe gives it."""
        what = str(given.get("type"))
        options: tuple[str, ...] = ()
        if given.get("restrictedPicklist"):
            picks = given.get("picklistValues") or ()
            options = tuple(str(each["value"]) for each in picks if each.get("active", True))
        targets: Sequence[Any] = given.get("referenceTo") or ()
        one = len(targets) == 1
        return cls(
            str(given["name"]),
            _KINDS.get(what, "text"),
            int(given.get("length") or 0) or None if what in _LIMITED else None,
            options,
            nillable=bool(given.get("nillable", True)),
            defaulted=bool(given.get("defaultedOnCreate")),
            createable=bool(given.get("createable")),
            updateable=bool(given.get("updateable")),
            unique=bool(given.get("unique")),
            finds=bool(given.get("externalId") or given.get("idLookup")),
            cased=bool(given.get("caseSensitive")),
            target=str(targets[0]) if one else None,
            relationship=given.get("relationshipName") if one else None,
            is_reference=what == "reference",
        )

    @property
    def is_parent(self) -> bool:
        """Tell whether it names another record, which is locked while this one is written."""
        return self.is_reference or self.link is not None

    def folded(self, value: Any) -> str:
        """Give a value as Salesforce compares it: it knows no capitals, unless the field says so."""
        if self.kind in ("number", "int"):
            return format(Decimal(str(value)).normalize(), "f")
        text = str(value).strip()
        return text if self.cased or self.name == RECORD_ID else text.lower()

    def field(self, mode: str, *, key: bool) -> tailrace.Field:
        """Describe it to the engine, which refuses what does not fit before anything is sent."""
        writable = {"append": self.createable, "insert": self.createable, "update": self.updateable}
        may = writable.get(mode, self.createable or self.updateable)
        needed = not self.nillable and not self.defaulted and self.createable
        return tailrace.Field(
            self.name,
            tailrace.FieldType(self.kind if self.kind in _TYPES else "any"),
            nullable=self.nillable or (self.defaulted and self.kind != "boolean"),
            # What a record refers to may also be named by a field of the other record.
            required=needed and mode != "update" and not self.is_reference,
            options=(*self.options, "") if self.options and self.kind == "text" else None,
            max_length=self.length,
            read_only=not may and not key,
            unique=self.unique,
        )


_TYPES = ("boolean", "number", "date", "datetime", "time")


@attrs.frozen
class Fields(tailrace.Schema):
    """Be an object's fields, and those of related records, which are looked up when asked for."""

    related: Callable[[str], Column | None] = attrs.field(
        default=lambda _: None, repr=False, eq=False, kw_only=True
    )

    def get(self, name: str) -> tailrace.Field | None:
        """Give the field of that name, or None."""
        known = super().get(name)
        if known is not None or "." not in name:
            return known
        column = self.related(name)
        return None if column is None else tailrace.Field(name, max_length=column.length)


@attrs.frozen
class Object:
    """Know one object's fields, and by which fields related records are found."""

    api: Api
    name: str
    columns: Mapping[str, Column] = attrs.field(repr=False)
    _related: dict[str, Column | None] = attrs.field(factory=dict, repr=False)

    def find(self, name: str) -> Column | None:
        """Give a field, or the field `Account.Number__c` of the record that is referred to."""
        known = self.columns.get(name)
        if known is not None or "." not in name:
            return known
        if name not in self._related:
            self._related[name] = self._elsewhere(*name.split(".", 1))
        return self._related[name]

    def _elsewhere(self, link: str, inner: str) -> Column | None:
        reference = next((e for e in self.columns.values() if e.relationship == link), None)
        if reference is None or reference.target is None:
            return None
        found = read_columns(self.api, reference.target).get(inner)
        if found is None or not found.finds:
            return None
        return attrs.evolve(found, name=f"{link}.{inner}", link=reference.name)


def read_columns(api: Api, name: str) -> dict[str, Column]:
    """Read an object's fields; raises a ConfigError where there is no such object."""
    try:
        told = api.get(f"sobjects/{name}/describe")
    except tailrace.RejectedError as error:
        why = f"this user sees no object {name!r} in Salesforce ({error})"
        raise tailrace.ConfigError(tailrace.Problem("object", why)) from None
    fields = told.get("fields") if isinstance(told, Mapping) else None
    if not isinstance(fields, list):
        raise tailrace.UnansweredError(f"Salesforce's description of {name} has no fields")
    found = (Column.of(each) for each in fields if NAME.fullmatch(str(each.get("name"))))
    return {each.name: each for each in found}
