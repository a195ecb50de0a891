"""Calls: what each endpoint does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import attrs
import orjson

from tailrace_sandbox.hubspot.batch import DEFAULTS, MOST, Batch, answer
from tailrace_sandbox.hubspot.errors import ApiError
from tailrace_sandbox.hubspot.objects import ID, ObjectType, Record
from tailrace_sandbox.hubspot.portal import Portal
from tailrace_sandbox.hubspot.properties import Property
from tailrace_sandbox.hubspot.search import search
from tailrace_sandbox.wire import Answer, Request


@attrs.frozen
class Call:
    """Hold one call: `names` are the parts of its path that differ from call to call."""

    portal: Portal
    request: Request
    names: tuple[str, ...]
    body: Mapping[str, Any]
    partly: bool

    @property
    def kind(self) -> ObjectType:
        """Return the object that is meant."""
        return self.portal.kind(self.names[0])

    @property
    def ends(self) -> tuple[str, str]:
        """Return the names of the two objects that are meant."""
        return self.kind.name, self.portal.kind(self.names[1]).name

    @property
    def batch(self) -> Batch:
        """Return what does a batch."""
        portal = self.portal
        return Batch(self.kind, portal.ids, portal.ties, self.partly)

    def found(self) -> Record:
        """Return the record that is meant; raises ApiError where there is none."""
        by = self.request.parameter("idProperty") or None
        record = self.kind.find(self.names[1], by)
        if record is None:
            raise ApiError(HTTPStatus.NOT_FOUND)
        return record

    def wanted(self) -> list[str]:
        """Return the properties that are asked for."""
        asked = self.request.parameter("properties")
        names = asked.split(",") if asked else [n for n in DEFAULTS if n in self.kind.properties]
        return [*names, ID]


def body_of(request: Request) -> Mapping[str, Any]:
    """Return a request's JSON; raises ApiError for what is no JSON object."""
    if not request.body:
        return {}
    kind = request.headers.get("content-type", "")
    if "json" not in kind:
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{kind or 'no type'} is not taken here")
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise ApiError(HTTPStatus.BAD_REQUEST, "Invalid input JSON on line 1, column 1") from None
    if not isinstance(found, dict):
        raise ApiError(HTTPStatus.BAD_REQUEST, "Invalid input JSON: it is no object")
    return found


def account(call: Call) -> Any:
    """Tell which account it is."""
    return {
        "portalId": call.portal.id,
        "accountType": "DEVELOPER_TEST",
        "timeZone": "Europe/Berlin",
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": "+01:00",
        "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "eu1",
    }


def batch(call: Call) -> Any:
    """Do a batch."""
    return call.batch.serve(call.names[1], call.body)


def find(call: Call) -> Any:
    """Search."""
    return search(call.kind, call.body)


def collection(call: Call) -> Any:
    """List records by pages, or create one."""
    if call.request.method == "POST":
        return call.batch.create(call.body)
    limit = min(int(call.request.parameter("limit") or 10), MOST)
    after = int(call.request.parameter("after") or 0)
    left = [each for each in call.kind.living() if int(each.id) > after]
    page = left[:limit]
    told: dict[str, Any] = {"results": [each.shown(call.wanted()) for each in page]}
    if len(left) > limit:
        told["paging"] = {"next": {"after": page[-1].id}}
    return told


def record(call: Call) -> Any:
    """Show, change or archive a record."""
    if call.request.method == "DELETE":
        call.kind.archive(call.names[1])
        return Answer(status=HTTPStatus.NO_CONTENT)
    found = call.found()
    if call.request.method == "PATCH":
        call.kind.update(found, call.kind.checked(call.body.get("properties")))
    return found.shown(call.wanted())


def properties(call: Call) -> Any:
    """List an object's properties, or make one."""
    kind = call.kind
    if call.request.method == "GET":
        return {"results": [each.shown() for each in kind.properties.values()]}
    made = Property.of(call.body)
    if made.name in kind.properties:
        raise ApiError(HTTPStatus.CONFLICT, f"Property named '{made.name}' already exists")
    kind.properties[made.name] = made
    return made.shown()


def definition(call: Call) -> Any:
    """Show, change or archive a property."""
    kind, name = call.kind, call.names[1]
    if name not in kind.properties:
        raise ApiError(HTTPStatus.NOT_FOUND, f"Property {name} does not exist")
    if call.request.method == "DELETE":
        del kind.properties[name]
        return Answer(status=HTTPStatus.NO_CONTENT)
    if call.request.method == "PATCH":
        known = {**kind.properties[name].shown(), **call.body}
        kind.properties[name] = Property.of(known)
    return kind.properties[name].shown()


def schemas(call: Call) -> Any:
    """List the custom objects, or make one."""
    if call.request.method == "POST":
        return call.portal.schema(call.portal.define(call.body))
    return {"results": [call.portal.schema(each) for each in call.portal.customs()]}


def schema(call: Call) -> Any:
    """Show a type of object."""
    return call.portal.schema(call.kind)


def labels(call: Call) -> Any:
    """List the types of associations between two objects."""
    return {"results": call.portal.ties.labels(call.ends)}


def associate(call: Call) -> Any:
    """Associate records, tell what they are associated with, or take that away."""
    ends, ties = call.ends, call.portal.ties
    inputs = call.body.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise ApiError(HTTPStatus.BAD_REQUEST, "Invalid input JSON: inputs is a list")
    if call.names[2] == "archive":
        for each in inputs:
            for other in each["to"]:
                ties.remove(ends, str(each["from"]["id"]), str(other["id"]))
        return Answer(status=HTTPStatus.NO_CONTENT)
    if call.names[2] == "read":
        found = [{"from": each, "to": _told(call, str(each["id"]))} for each in inputs]
        return answer([each for each in found if each["to"]], [], HTTPStatus.OK)
    results, errors = [], []
    for each in inputs:
        try:
            kept = ties.create(ends, each)
            types = {"fromObjectTypeId": call.kind.type_id}
            types["toObjectTypeId"] = call.portal.kind(call.names[1]).type_id
            results.append({**kept, **types})
        except ApiError as error:
            errors.append(error.standard(None, str(each["to"]["id"])))
    return answer(results, errors, HTTPStatus.CREATED)


def associated(call: Call) -> Any:
    """Tell what one record is associated with."""
    ends = (call.kind.name, call.portal.kind(call.names[2]).name)
    return {"results": _told(attrs.evolve(call, names=ends), call.names[1])}


def _told(call: Call, name: str) -> list[dict[str, Any]]:
    labels = {each["typeId"]: each for each in call.portal.ties.labels(call.ends)}
    return [
        {"toObjectId": other, "associationTypes": [labels[each] for each in types]}
        for other, types in call.portal.ties.of(call.ends, name).items()
    ]
