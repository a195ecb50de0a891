"""The org: its objects, its day's share of calls, and what is to be refused in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from tailrace_sandbox.salesforce.errors import ApiError, RecordError
from tailrace_sandbox.salesforce.fields import Field
from tailrace_sandbox.salesforce.objects import SObject
from tailrace_sandbox.salesforce.schema import PREFIXES, STANDARD

PER_DAY = 100_000


@attrs.define
class Trap:
    """Refuse records of an object, as often as is left; only those with a value, if one is given.

    whole: all that come in one call with such a record are refused, as a trigger does it.
    """

    of: str
    code: str
    times: int
    value: Any = None

    whole: bool = False

    def catches(self, of: str, record: Mapping[str, Any]) -> bool:
        """Tell whether a record is refused."""
        if self.times <= 0 or of != self.of:
            return False
        if self.value is not None and self.value not in record.values():
            return False
        self.times -= 1
        return True


@attrs.define
class Org:
    """Hold what one org has."""

    id: str = "00D5g000004xXxXEAU"
    objects: dict[str, SObject] = attrs.field(factory=dict)
    traps: list[Trap] = attrs.field(factory=list)
    used: int = 0
    user: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        for name, fields in STANDARD.items():
            self.objects[name] = SObject(
                name=name,
                prefix=PREFIXES[name],
                fields={each.name: each for each in fields},
                find_other=self.find,
            )
        self.objects["Organization"].records[self.id] = {"Id": self.id, "Name": "Sandbox"}
        self.user = self.objects["User"].create({})
        self.objects["User"].records[self.user]["Name"] = "Ada Lovelace"

    def find(self, name: str) -> SObject:
        """Return an object; names know no capitals."""
        for each in self.objects.values():
            if each.name.lower() == name.lower():
                return each
        said = f"sObject type '{name}' is not supported."
        raise ApiError(404, "NOT_FOUND", said)

    def define(self, name: str, *fields: Field) -> None:
        """Make a custom object, or add fields to one that is there."""
        if name not in self.objects:
            account = STANDARD["Account"]
            own = {each.name: each for each in account if each.name in _EVERYWHERE}
            prefix = f"a{len(self.objects):02d}"
            self.objects[name] = SObject(name=name, prefix=prefix, fields=own, find_other=self.find)
        self.objects[name].fields |= {each.name: each for each in fields}

    def trapped(self, of: str, record: Mapping[str, Any]) -> None:
        """Raise what a record is to be refused with."""
        for trap in self.traps:
            if not trap.whole and trap.catches(of, record):
                raise _refusal(trap)

    def trapped_whole(self, of: str, records: Sequence[Mapping[str, Any]]) -> RecordError | None:
        """Give what all records of a call are to be refused with."""
        whole = [trap for trap in self.traps if trap.whole]
        found = next((t for t in whole if any(t.catches(of, each) for each in records)), None)
        return None if found is None else _refusal(found)


def _refusal(trap: Trap) -> RecordError:
    return RecordError(trap.code, _SAID.get(trap.code, "refused by the sandbox"))


_EVERYWHERE = ("Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp", "OwnerId")
_SAID = {
    "UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record or 1 records",
    "DUPLICATE_VALUE": "duplicate value found: <unknown> duplicates value on record with id",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of the sandbox",
}
