"""Collections: up to 200 records a call, each with a result of its own, in the request's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs

from tailrace_sandbox.salesforce.errors import ApiError, RecordError
from tailrace_sandbox.salesforce.objects import SObject
from tailrace_sandbox.salesforce.org import Org

MOST = 200
CHUNKS = 10
FETCHED = 2000
Given = Mapping[str, Any]
Result = dict[str, Any]


@attrs.frozen
class Collection:
    """Do one thing to several records of an org."""

    org: Org
    save_duplicates: bool = False

    def create(self, body: Given) -> list[Result]:
        """Create records."""
        return self._each(self._records(body), self._create)

    def update(self, body: Given) -> list[Result]:
        """Change records, which are named by their ids."""
        return self._each(self._records(body), self._update)

    def upsert(self, of: str, by: str, body: Given) -> list[Result]:
        """Create or change records of one object by an external id."""
        kind = self.org.find(of)
        field = kind.by(by)
        records = self._records(body)
        for each in records:
            if str(each["attributes"]["type"]).lower() != of.lower():
                said = "The type of each record has to be the one in the URL"
                raise ApiError(400, "INVALID_TYPE", said)
            if any(name.lower() == "id" for name in each) and field.name != "Id":
                said = "The Id field should not be specified in the sobject data."
                raise ApiError(400, "INVALID_FIELD", said)
        seen: set[Any] = set()

        def do(kind: SObject, given: Given) -> Result:
            wanted = field.folded(given.get(field.name))
            if wanted in seen:
                said = f"Duplicate external id specified: {given.get(field.name)}"
                raise RecordError("DUPLICATE_VALUE", said, field.name)
            seen.add(wanted)
            how = {"save_duplicates": self.save_duplicates}
            name, new = kind.upsert(field, given, **how)
            return {"id": name, "success": True, "errors": [], "created": new}

        return self._each(records, do)

    def delete(self, names: Sequence[str]) -> list[Result]:
        """Delete records by their ids."""
        self._few(len(names))
        return [self.remove(each) for each in names]

    def remove(self, name: str) -> Result:
        """Delete one record."""
        kinds = [each for each in self.org.objects.values() if name.startswith(each.prefix)]
        try:
            if not kinds:
                raise RecordError("MALFORMED_ID", f"malformed id {name}")
            kinds[0].delete(name)
        except RecordError as error:
            return {"id": name, **error.result()}
        return {"id": name, "success": True, "errors": []}

    def fetch(self, of: str, body: Given) -> list[Result | None]:
        """Give records by their ids."""
        kind = self.org.find(of)
        names, fields = body.get("ids"), body.get("fields")
        if not isinstance(names, list) or not isinstance(fields, list) or len(names) > FETCHED:
            raise ApiError(400, "MALFORMED_QUERY", "ids and fields are lists; at most 2,000 ids")
        unknown = [each for each in fields if kind.field(str(each)) is None]
        if unknown:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{unknown[0]}'")
        return [self._shown(kind, kind.full(str(each)), fields) for each in names]

    def _each(self, records: list[Given], do: Callable[[SObject, Given], Result]) -> list[Result]:
        refusal = self.org.trapped_whole(str(records[0]["attributes"]["type"]), records)
        if refusal is not None:
            return [refusal.result() for _ in records]
        return [self.one(each, do) for each in records]

    def one(self, given: Given, do: Callable[[SObject, Given], Result]) -> Result:
        """Do something to one record and give its result."""
        try:
            kind = self.org.find(str(given["attributes"]["type"]))
            self.org.trapped(kind.name, given)
            return do(kind, given)
        except RecordError as error:
            return error.result()

    def _create(self, kind: SObject, given: Given) -> Result:
        name = kind.create(given, save_duplicates=self.save_duplicates)
        return {"id": name, "success": True, "errors": []}

    def _update(self, kind: SObject, given: Given) -> Result:
        name = given.get("Id") or given.get("id")
        if not name:
            raise RecordError("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        kind.update(str(name), given)
        return {"id": kind.full(str(name)), "success": True, "errors": []}

    def _shown(self, kind: SObject, name: str, fields: Sequence[str]) -> Result | None:
        record = kind.records.get(name)
        if record is None:
            return None
        return shown(kind, record, fields)

    def _records(self, body: Given) -> list[Given]:
        records = body.get("records")
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            raise ApiError(400, "JSON_PARSER_ERROR", "records is a list of objects")
        self._few(len(records))
        types = [(each.get("attributes") or {}).get("type") for each in records]
        if None in types:
            raise ApiError(400, "INVALID_TYPE", "attributes.type is needed in each record")
        if 1 + sum(one != other for one, other in pairwise(types)) > CHUNKS:
            raise ApiError(400, "LIMIT_EXCEEDED", f"at most {CHUNKS} chunks of types in a call")
        return records

    def _few(self, count: int) -> None:
        if not 0 < count <= MOST:
            said = f"A collection has 1 to {MOST} records, and this one {count}"
            raise ApiError(400, "EXCEEDED_ID_LIMIT", said)


def shown(kind: SObject, record: Given, fields: Sequence[str]) -> Result:
    """Return a record as the API gives it."""
    url = f"/services/data/v62.0/sobjects/{kind.name}/{record['Id']}"
    names = [found.name for each in fields if (found := kind.field(each)) is not None]
    return {
        "attributes": {"type": kind.name, "url": url},
        **{name: record.get(name) for name in names},
    }
