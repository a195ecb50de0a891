"""Associations: which records belong together, in both directions, and by which types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import attrs

from tailrace_sandbox.hubspot.errors import ApiError

Ends = tuple[str, str]
Known = Callable[[str, str], bool]
"""Tell whether an object has a record of an id."""

CATEGORY = "HUBSPOT_DEFINED"
FIRST_OWN = 1000
TYPES: Mapping[Ends, Mapping[int, str | None]] = {
    ("contacts", "companies"): {279: None, 1: "Primary"},
    ("companies", "contacts"): {280: None, 2: "Primary"},
    ("contacts", "deals"): {4: None},
    ("deals", "contacts"): {3: None},
    ("contacts", "tickets"): {15: None},
    ("tickets", "contacts"): {16: None},
    ("deals", "companies"): {341: None, 5: "Primary"},
    ("companies", "deals"): {342: None, 6: "Primary"},
    ("tickets", "companies"): {339: None},
    ("companies", "tickets"): {340: None},
    ("deals", "tickets"): {27: None},
    ("tickets", "deals"): {28: None},
}
"""The ids of types between two objects, and their labels; the way back has them in the same order."""


@attrs.define
class Associations:
    """Keep the types of each pair of records, by the names of their objects and their ids."""

    known: Known
    _types: dict[tuple[Ends, str, str], set[int]] = attrs.field(factory=dict)
    _kinds: dict[Ends, Mapping[int, str | None]] = attrs.field(factory=lambda: {**TYPES})
    _next: count[int] = attrs.field(factory=lambda: count(FIRST_OWN))

    def kinds(self, ends: Ends) -> Mapping[int, str | None]:
        """Return the ids and labels of the types between two objects, of which one may be custom."""
        if ends not in self._kinds:
            for way in (ends, ends[::-1]):
                self._kinds.setdefault(way, {next(self._next): None})
        return self._kinds[ends]

    def labels(self, ends: Ends) -> list[dict[str, Any]]:
        """Return the types between two objects as the API gives them."""
        return [
            {"category": CATEGORY, "typeId": each, "label": label}
            for each, label in self.kinds(ends).items()
        ]

    def target(self, of: str, tie: Any) -> tuple[Ends, str, set[int]]:
        """Tell what a new record is to be associated with; only the types' ids say of which object."""
        try:
            wanted = {int(each["associationTypeId"]) for each in tie["types"]}
            other = str(tie["to"]["id"])
        except (KeyError, TypeError, ValueError):
            raise ApiError(400, "An association has to.id, and types") from None
        for ends, types in self._kinds.items():
            if wanted and ends[0] == of and wanted <= types.keys():
                self._exists(ends[1], other)
                return ends, other, wanted
        raise ApiError(400, f"No association of {of} has the types {sorted(wanted)}")

    def create(self, ends: Ends, given: Any) -> dict[str, Any]:
        """Associate two records; raises ApiError where one is not there, or the type is of others."""
        try:
            one, other = str(given["from"]["id"]), str(given["to"]["id"])
            wanted = {int(each["associationTypeId"]) for each in given["types"]}
        except (KeyError, TypeError, ValueError):
            raise ApiError(400, "An association has from.id, to.id and types") from None
        if not wanted or not wanted <= self.kinds(ends).keys():
            raise ApiError(400, f"No association of {ends[0]} has the types {sorted(wanted)}")
        for of, name in zip(ends, (one, other), strict=True):
            self._exists(of, name)
        self.put(ends, one, other, wanted)
        labels = [
            str(label) for each, label in self.kinds(ends).items() if each in wanted and label
        ]
        return {"fromObjectId": one, "toObjectId": other, "labels": labels}

    def put(self, ends: Ends, one: str, other: str, types: set[int]) -> None:
        """Keep an association, and the way back."""
        back = ends[::-1]
        ways = dict(zip(self.kinds(ends), self.kinds(back), strict=True))
        self._types.setdefault((ends, one, other), set()).update(types)
        self._types.setdefault((back, other, one), set()).update(ways[each] for each in types)

    def remove(self, ends: Ends, one: str, other: str) -> None:
        """Take an association away, in both directions."""
        self._types.pop((ends, one, other), None)
        self._types.pop((ends[::-1], other, one), None)

    def of(self, ends: Ends, name: str) -> dict[str, list[int]]:
        """Return what a record is associated with: ids, and the ids of types."""
        return {
            other: sorted(types)
            for (found, one, other), types in self._types.items()
            if found == ends and one == name
        }

    def _exists(self, of: str, name: str) -> None:
        if not self.known(of, name):
            told = f"Object {of} {name} does not exist"
            raise ApiError(404, told, category="OBJECT_NOT_FOUND")
