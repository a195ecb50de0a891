"""Properties: what HubSpot says of an object's fields."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs

import tailrace
from tailrace_hubspot._api import Api, is_email, results

LONGEST = 65_536
"""Characters of a text."""
RECORD_ID = "hs_object_id"
_CUSTOM = re.compile(r"2-|p\d+_")
_TYPES = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "number": "number",
    "string": "string",
    "html": "string",
    "phone_number": "string",
    "choice": "string",
}


@attrs.frozen
class Property:
    """Hold one property's definition.

    kind: how its values are written: HubSpot's `type`, but `choice`, `choices` and `boolean` for
    the forms of an enumeration, and `html` for a text that HubSpot shows as HTML. options: the values it takes; none where others keep them.
    """

    name: str
    kind: str
    options: tuple[str, ...] = ()
    unique: bool = False
    read_only: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], *, unique: bool = False) -> "Property":
        """Take a definition as HubSpot gives it."""
        may = given.get("modificationMetadata") or {}
        kind = str(given.get("type"))
        if kind == "bool" or given.get("fieldType") == "booleancheckbox":
            kind = "boolean"
        elif kind == "enumeration":
            kind = "choices" if given.get("fieldType") == "checkbox" else "choice"
        elif kind == "string" and given.get("fieldType") == "html":
            kind = "html"
        options: tuple[str, ...] = ()
        if kind in ("choice", "choices") and not given.get("externalOptions"):
            options = tuple(str(each.get("value")) for each in given.get("options") or ())
        return cls(
            str(given["name"]),
            kind,
            options,
            unique=bool(given.get("hasUniqueValue")) or unique,
            read_only=bool(may.get("readOnlyValue")) or bool(given.get("calculated")),
        )

    def field(self, *, required: bool = False, writable: bool = False) -> tailrace.Field:
        """Describe it to the engine, which refuses what does not fit before anything is sent."""
        numbers = tuple(int(each) for each in self.options if each.isdecimal() and each[:1] != "0")
        choice = self.kind == "choice" and self.options
        return tailrace.Field(
            self.name,
            tailrace.FieldType(_TYPES.get(self.kind, "any")),
            required=required,
            options=(*self.options, *numbers, "") if choice else None,
            max_length=LONGEST if self.kind == "string" else None,
            read_only=self.read_only and not writable,
            unique=self.unique,
        )


def read_properties(api: Api, of: str) -> dict[str, Property]:
    """Read an object's properties; raises a ConfigError where there is no such object."""
    try:
        told = api.get(f"crm/v3/properties/{quote(of, safe='')}")
    except tailrace.RejectedError as error:
        why = f"HubSpot has no object {of!r} for this token ({error})"
        raise tailrace.ConfigError(tailrace.Problem("object", why)) from None
    found = (
        Property.of(given, unique=is_email(of, str(given.get("name")))) for given in results(told)
    )
    return {each.name: each for each in found}


def read_required(api: Api, of: str) -> frozenset[str]:
    """Read what a custom object's records need; nothing where the token may not know it."""
    if not _CUSTOM.match(of):
        return frozenset()
    try:
        told = api.get(f"crm-object-schemas/v3/schemas/{quote(of, safe='')}")
    except tailrace.RejectedError:
        return frozenset()
    except tailrace.FatalError as error:
        if error.status != 403:
            raise
        return frozenset()
    needed = told.get("requiredProperties")
    return frozenset(map(str, needed)) if isinstance(needed, list) else frozenset()
