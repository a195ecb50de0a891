"""Calls: what each endpoint does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import attrs
import orjson

from tailrace_sandbox.salesforce import soql
from tailrace_sandbox.salesforce.bulk import Jobs
from tailrace_sandbox.salesforce.collection import Collection, shown
from tailrace_sandbox.salesforce.errors import ApiError
from tailrace_sandbox.salesforce.objects import SObject
from tailrace_sandbox.salesforce.org import PER_DAY, Org
from tailrace_sandbox.wire import Answer, Request

PAGE = 2000


@attrs.frozen
class Call:
    """Hold one call: `names` are the parts of its path that differ from call to call."""

    org: Org
    jobs: Jobs
    request: Request
    names: tuple[str, ...]

    @property
    def body(self) -> Mapping[str, Any]:
        """Return the request's JSON; raises ApiError where it is no object."""
        try:
            told = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError:
            raise ApiError(400, "JSON_PARSER_ERROR", "The body is no JSON") from None
        if not isinstance(told, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The body is no object")
        return told

    @property
    def collection(self) -> Collection:
        """Return what acts on several records."""
        rule = self.request.headers.get("sforce-duplicate-rule-header", "")
        return Collection(self.org, "allowsave=true" in rule.replace(" ", "").lower())

    @property
    def kind(self) -> SObject:
        """Return the object that is meant."""
        return self.org.find(self.names[0])


def versions(_: Call) -> Any:
    """List the API's versions."""
    numbers = range(55, 66)
    return [
        {"label": f"v{each}", "url": f"/services/data/v{each}.0", "version": f"{each}.0"}
        for each in numbers
    ]


def resources(_: Call) -> Any:
    """List what there is."""
    names = ("sobjects", "query", "composite", "limits", "jobs")
    return {name: f"/services/data/v62.0/{name}" for name in names}


def limits(call: Call) -> Any:
    """Tell what is left of the day's calls."""
    left = max(0, PER_DAY - call.org.used)
    return {
        "DailyApiRequests": {"Max": PER_DAY, "Remaining": left},
        "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
    }


def overview(call: Call) -> Any:
    """List the objects."""
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list(map(_row, _all(call)))}


def describe(call: Call) -> Any:
    """Tell an object's fields."""
    fields = [each.described() for each in call.kind.fields.values()]
    return {**_row(call.kind), "fields": fields}


def _all(call: Call) -> list[SObject]:
    return list(call.org.objects.values())


def _row(kind: SObject) -> dict[str, Any]:
    return {
        "name": kind.name,
        "label": kind.name,
        "keyPrefix": kind.prefix,
        "custom": kind.name.endswith("__c"),
        **dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True),
    }


def collection(call: Call) -> Any:
    """Create, update or delete several records."""
    if call.request.method == "POST":
        return call.collection.create(call.body)
    if call.request.method == "PATCH":
        return call.collection.update(call.body)
    return call.collection.delete(call.request.parameter("ids").split(","))


def upsert(call: Call) -> Any:
    """Upsert several records by an external id."""
    return call.collection.upsert(call.names[0], call.names[1], call.body)


def fetch(call: Call) -> Any:
    """Give several records by their ids."""
    return call.collection.fetch(call.names[0], call.body)


def create(call: Call) -> Answer:
    """Create one record."""
    given = {**call.body, "attributes": {"type": call.kind.name}}
    told = call.collection.create({"records": [given]})[0]
    return _single(told, HTTPStatus.CREATED)


def record(call: Call) -> Any:
    """Give, change or delete one record."""
    kind, name = call.kind, call.kind.full(call.names[1])
    if call.request.method == "DELETE":
        return _single(call.collection.remove(name), HTTPStatus.NO_CONTENT)
    if call.request.method == "PATCH":
        given = {**call.body, "Id": name, "attributes": {"type": kind.name}}
        return _single(call.collection.update({"records": [given]})[0], HTTPStatus.NO_CONTENT)
    if name not in kind.records:
        raise ApiError(404)
    return shown(kind, kind.records[name], list(kind.fields))


def by_value(call: Call) -> Any:
    """Give, upsert or delete the record with that value of an external id."""
    kind, field, value = call.kind, call.kind.by(call.names[1]), call.names[2]
    found = kind.named(field, value)
    if len(found) > 1:
        urls = [f"/services/data/v62.0/sobjects/{kind.name}/{each}" for each in found]
        return Answer(status=HTTPStatus.MULTIPLE_CHOICES, body=orjson.dumps(urls))
    if call.request.method == "PATCH":
        given = {**call.body, field.name: value, "attributes": {"type": kind.name}}
        told = call.collection.upsert(kind.name, field.name, {"records": [given]})[0]
        return _single(told, HTTPStatus.CREATED if told.get("created") else HTTPStatus.OK)
    if not found:
        raise ApiError(404)
    return record(attrs.evolve(call, names=(kind.name, found[0])))


def _single(told: Mapping[str, Any], status: int) -> Answer:
    if told["success"]:
        return Answer(
            status=status, body=b"" if status == HTTPStatus.NO_CONTENT else orjson.dumps(told)
        )
    error = told["errors"][0]
    body = [
        {"message": error["message"], "errorCode": error["statusCode"], "fields": error["fields"]}
    ]
    missing = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY")
    status = HTTPStatus.NOT_FOUND if error["statusCode"] in missing else HTTPStatus.BAD_REQUEST
    return Answer(status=status, body=orjson.dumps(body))


def query(call: Call) -> Any:
    """Look records up."""
    text, first = call.request.parameter("q"), int(call.request.parameter("from", "0") or 0)
    asked = soql.parse(text, call.org.find)
    kind = call.org.find(asked.of)
    found = [each for each in kind.records.values() if asked.keep(each)]
    if asked.order is not None:
        name = asked.order
        found.sort(key=lambda each: (each.get(name) is None, each.get(name)))
    found = found[: asked.limit]
    if not asked.fields:
        return {"totalSize": len(found), "done": True, "records": []}
    rows = [shown(kind, each, asked.fields) for each in found[first : first + PAGE]]
    told: dict[str, Any] = {"totalSize": len(found), "done": True, "records": rows}
    if first + PAGE < len(found):
        more = urlencode({"q": text, "from": first + PAGE})
        told |= {"done": False, "nextRecordsUrl": f"/services/data/v62.0/query/?{more}"}
    return told


def job(call: Call) -> Any:
    """Make a job, or list them."""
    if call.request.method == "POST":
        return call.jobs.create(call.body)
    return {"done": True, "records": [each.shown() for each in call.jobs.kept.values()]}


def one_job(call: Call) -> Any:
    """Tell of a job, close or delete it."""
    found = call.jobs.find(call.names[0])
    if call.request.method == "PATCH":
        return call.jobs.close(found, call.body.get("state"))
    if call.request.method == "DELETE":
        del call.jobs.kept[found.id]
        return Answer(status=HTTPStatus.NO_CONTENT)
    return found.shown()


def content(call: Call) -> Answer:
    """Take a job's rows."""
    call.jobs.upload(call.jobs.find(call.names[0]), call.request.body)
    return Answer(status=HTTPStatus.CREATED)


def results(call: Call) -> Answer:
    """Give a job's rows, by what became of them."""
    body = call.jobs.results(call.jobs.find(call.names[0]), call.names[1])
    return Answer(body=body, content_type="text/csv; charset=UTF-8")
