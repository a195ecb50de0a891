"""Batches: up to 100 inputs a call; an answer in no particular order, which may be one in part."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import attrs
import orjson

from tailrace_sandbox.hubspot.associations import Associations
from tailrace_sandbox.hubspot.errors import ApiError
from tailrace_sandbox.hubspot.objects import ID, ObjectType, Record, now
from tailrace_sandbox.wire import Answer

MOST = 100
DEFAULTS = ("createdate", "email", "firstname", "lastname", "lastmodifieddate", "name", ID)

Input = Mapping[str, Any]
Done = dict[str, Any]


@attrs.frozen
class Batch:
    """Do what one batch call asks for.

    partly: whether inputs that all have a trace id of their own are judged one by one; where not,
    one that is bad refuses all.
    """

    kind: ObjectType
    ids: count[int]
    ties: Associations
    partly: bool

    def serve(self, what: str, body: Mapping[str, Any]) -> Answer:
        """Answer a call."""
        inputs = self._inputs(body)
        if what == "archive":
            for each in inputs:
                self.kind.archive(str(each.get("id")))
            return Answer(status=204)
        if what == "read":
            return self._read(body, inputs)
        do = {"create": self.create, "update": self._update, "upsert": self._upsert}[what]
        self._no_twins(what, inputs)
        traces = [each.get("objectWriteTraceId") for each in inputs]
        partly = self.partly and None not in traces and len(set(traces)) == len(traces)
        if not partly:
            self._rehearse(do, inputs)
        return self._write(do, inputs, 201 if what == "create" else 200)

    def _inputs(self, body: Mapping[str, Any]) -> list[Input]:
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
            raise ApiError(400, "Invalid input JSON: inputs is a list of objects")
        if not inputs or len(inputs) > MOST:
            raise ApiError(400, f"A batch has 1 to {MOST} inputs, and this one {len(inputs)}")
        return inputs

    def _write(self, do: Callable[[Input], Done], inputs: list[Input], status: int) -> Answer:
        results, errors = [], []
        for each in inputs:
            trace = each.get("objectWriteTraceId")
            marked = {} if trace is None else {"objectWriteTraceId": str(trace)}
            try:
                results.append({**do(each), **marked})
            except ApiError as error:
                errors.append(error.standard(trace, str(each.get("id", ""))))
        return answer(results, errors, status)

    def _rehearse(self, do: Callable[[Input], Done], inputs: list[Input]) -> None:
        """Raise what would be refused, and do nothing; a record that is not there is no reason."""
        trial = attrs.evolve(
            self.kind,
            records={name: attrs.evolve(each) for name, each in self.kind.records.items()},
            by_value=dict(self.kind._by_value),  # noqa: SLF001  # a copy of it
        )
        for record in trial.records.values():
            record.values = dict(record.values)
        # What would be associated is kept by the trial's ids, which no record has.
        rehearsal = attrs.evolve(self, kind=trial, ids=count(1 << 60))
        act = getattr(rehearsal, do.__name__)
        for each in inputs:
            try:
                act(each)
            except ApiError as error:
                if error.category != "OBJECT_NOT_FOUND":
                    raise

    def create(self, given: Input) -> Done:
        """Create one record."""
        values = self.kind.checked(given.get("properties"))
        ties = [self.ties.target(self.kind.name, each) for each in given.get("associations") or ()]
        record = self.kind.create(values, self.ids)
        for ends, other, types in ties:
            self.ties.put(ends, record.id, other, types)
        return record.shown(self._echoed(record, values))

    def _update(self, given: Input) -> Done:
        values = self.kind.checked(given.get("properties"))
        record = self._found(given)
        if record is None:
            raise ApiError(404, self._missing())
        self.kind.update(record, values)
        return record.shown(self._echoed(record, values))

    def _upsert(self, given: Input) -> Done:
        values = self.kind.checked(given.get("properties"))
        by = self._by(given)
        if by is None:
            raise ApiError(400, "idProperty is needed to upsert by")
        record = self._found(given)
        if record is None:
            name = self.kind.checked({by: given.get("id")})
            record = self.kind.create({**values, **name}, self.ids)
            return record.shown(self._echoed(record, values), new=True)
        self.kind.update(record, values)
        return record.shown(self._echoed(record, values), new=False)

    def _read(self, body: Mapping[str, Any], inputs: list[Input]) -> Answer:
        by = self._by(body)
        names = body.get("properties") or [
            each for each in DEFAULTS if each in self.kind.properties
        ]
        found: dict[str, Record] = {}
        missing = []
        for each in inputs:
            record = self.kind.find(str(each.get("id")), by)
            if record is None:
                missing.append(str(each.get("id")))
            else:
                found[record.id] = record
        errors = []
        if missing:
            told = ApiError(404, self._missing()).standard(None, "")
            errors = [{**told, "context": {"ids": missing}}]
        return answer([each.shown((*names, ID)) for each in found.values()], errors, 200)

    def _by(self, given: Input) -> str | None:
        by = given.get("idProperty")
        if by is not None and not self.kind.is_unique(str(by)):
            what = f"non-unique {self.kind.type_id} property {by}"
            raise ApiError(400, f"Unable to perform update/upsert by {what}")
        return None if by is None else str(by)

    def _found(self, given: Input) -> Record | None:
        return self.kind.find(str(given.get("id")), self._by(given))

    def _no_twins(self, what: str, inputs: list[Input]) -> None:
        """Raise where two inputs are the same record."""
        if what == "create":
            return
        seen: set[str] = set()
        for each in inputs:
            record = self._found(each)
            name = str(each.get("id"))
            folded = name.lower() if each.get("idProperty") in self.kind.unique else name
            known = folded if record is None else f"#{record.id}"
            if known in seen:
                told = f"Duplicate IDs found in batch input: [{name}]. IDs must be unique"
                raise ApiError(400, told, code="DUPLICATE_ID")
            seen.add(known)

    def _missing(self) -> str:
        return (
            f"Could not get some {self.kind.title.upper()} objects, they may be deleted or not"
            " exist. Check that ids are valid."
        )

    def _echoed(self, record: Record, values: Mapping[str, str]) -> list[str]:
        own = [name for name in record.values if name.endswith(("date", ID))]
        return [*values, *own, *(name for name in self.kind.unique if name in record.values)]


def answer(results: list[Done], errors: list[Done], status: int) -> Answer:
    """Return the answer to a batch: never in the order of its inputs, but the same each time."""
    random.Random(len(results)).shuffle(results)  # noqa: S311  # an order, nothing to guess
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now(),
        "completedAt": now(),
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Answer(status=207 if errors else status, body=orjson.dumps(body))
