"""The portal: one account's objects, and which name means which."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import attrs

from tailrace_sandbox.hubspot.associations import Associations
from tailrace_sandbox.hubspot.errors import ApiError
from tailrace_sandbox.hubspot.objects import ObjectType, now
from tailrace_sandbox.hubspot.properties import OWN, REQUIRED, STANDARD, UNIQUE, Property

TITLES = {
    "contacts": ("0-1", "Contact"),
    "companies": ("0-2", "Company"),
    "deals": ("0-3", "Deal"),
    "tickets": ("0-5", "Ticket"),
}
FIRST_ID = 101
FIRST_TYPE = 3_000_001


@attrs.define
class Portal:
    """Hold what one account has."""

    id: int
    kinds: dict[str, ObjectType] = attrs.field(factory=dict)
    ids: count[int] = attrs.field(factory=lambda: count(FIRST_ID))
    ties: Associations = attrs.field(init=False)
    _types: count[int] = attrs.field(factory=lambda: count(FIRST_TYPE))

    def __attrs_post_init__(self) -> None:
        self.ties = Associations(lambda of, name: self.kinds[of].find(name, None) is not None)
        for name, (type_id, title) in TITLES.items():
            self.kinds[name] = ObjectType(
                name=name,
                type_id=type_id,
                title=title,
                properties={each.name: each for each in STANDARD[name]},
                required=REQUIRED.get(name, ()),
                unique=UNIQUE.get(name, ()),
            )

    def kind(self, name: str) -> ObjectType:
        """Return an object by its name, its singular, its type's id, or p and its name."""
        for each in self.kinds.values():
            known = (each.name, each.title.lower(), each.type_id)
            if name.lower() in known or name == self._full(each):
                return each
        raise ApiError(400, f"Unable to infer object type from: {name}")

    def define(self, body: Mapping[str, Any]) -> ObjectType:
        """Make a custom object; raises ApiError for one that is there, or needs what it lacks."""
        name = body.get("name")
        if not isinstance(name, str) or not name:
            raise ApiError(400, "Some required fields were not set: [name]")
        if name in self.kinds:
            raise ApiError(409, f"Object type with the name '{name}' already exists")
        own = [Property.of({"fieldType": "text", **each}) for each in body.get("properties") or ()]
        properties = {each.name: each for each in (*own, *OWN)}
        required = tuple(body.get("requiredProperties") or ())
        missing = [each for each in required if each not in properties]
        if missing:
            raise ApiError(400, f"requiredProperties names what is no property: {missing}")
        title = str((body.get("labels") or {}).get("singular") or name)
        made = ObjectType(
            name=name,
            type_id=f"2-{next(self._types)}",
            title=title,
            properties=properties,
            required=required,
        )
        self.kinds[name] = made
        return made

    def schema(self, kind: ObjectType) -> dict[str, Any]:
        """Return what the API says of a type of object."""
        return {
            "id": kind.type_id.partition("-")[2],
            "objectTypeId": kind.type_id,
            "name": kind.name,
            "fullyQualifiedName": self._full(kind),
            "labels": {"singular": kind.title, "plural": kind.name},
            "requiredProperties": list(kind.required),
            "properties": [each.shown() for each in kind.properties.values()],
            "associations": [],
            "archived": False,
            "createdAt": now(),
            "updatedAt": now(),
        }

    def customs(self) -> list[ObjectType]:
        """Return the custom objects."""
        return [each for each in self.kinds.values() if each.name not in TITLES]

    def _full(self, kind: ObjectType) -> str:
        return f"p{self.id}_{kind.name}"
