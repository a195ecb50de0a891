"""The HubSpot twin: requests in, answers out, one at a time."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import orjson

from tailrace_sandbox.hubspot import calls
from tailrace_sandbox.hubspot.calls import Call
from tailrace_sandbox.hubspot.errors import ApiError, error_answer, limited
from tailrace_sandbox.hubspot.portal import Portal
from tailrace_sandbox.quotas import Quota
from tailrace_sandbox.sheets.a1 import letters
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

PORTAL = 62_515
PER_INTERVAL, INTERVAL = 100, 10.0
PER_DAY = 250_000
SHOWN_TEXT = 2000
_O = r"([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[[Call], Any]], ...] = (
    ("GET", "/account-info/v3/details", calls.account),
    ("POST", f"/crm/v3/objects/{_O}/batch/(create|read|update|upsert|archive)", calls.batch),
    ("POST", f"/crm/v3/objects/{_O}/search", calls.find),
    ("(GET|POST)", f"/crm/v3/objects/{_O}", calls.collection),
    ("(GET|PATCH|DELETE)", f"/crm/v3/objects/{_O}/{_O}", calls.record),
    ("(GET|POST)", f"/crm/v3/properties/{_O}", calls.properties),
    ("(GET|PATCH|DELETE)", f"/crm/v3/properties/{_O}/{_O}", calls.definition),
    ("(GET|POST)", "/(?:crm-object-schemas/v3|crm/v3)/schemas", calls.schemas),
    ("GET", f"/(?:crm-object-schemas/v3|crm/v3)/schemas/{_O}", calls.schema),
    ("GET", f"/crm/v4/associations/{_O}/{_O}/labels", calls.labels),
    ("POST", f"/crm/v4/associations/{_O}/{_O}/batch/(create|read|archive)", calls.associate),
    ("GET", f"/crm/v4/objects/{_O}/{_O}/associations/{_O}", calls.associated),
)
ROUTES = tuple((re.compile(verb), re.compile(path), do) for verb, path, do in _ROUTES)


class HubSpotTwin:
    """Stand in for api.hubapi.com.

    `portal` is the account's number. With `partly` (as it is to start with), inputs of a batch that
    have trace ids are judged one by one; without, one that is bad refuses all.
    """

    name = "hubspot"
    title = "HubSpot"

    def __init__(self, *, quotas: bool = False) -> None:
        self._lock = threading.RLock()
        self._quota = Quota(PER_INTERVAL, INTERVAL) if quotas else None
        self.partly = True
        self.reset()

    @property
    def portal(self) -> int:
        """Return the account's number."""
        return self._portal.id

    @portal.setter
    def portal(self, number: int) -> None:
        with self._lock:
            self._portal.id = number

    def records(self, of: str) -> list[dict[str, str]]:
        """Return the properties of an object's records, the oldest first."""
        with self._lock:
            return [dict(each.values) for each in self._portal.kind(of).living()]

    def associations(self, of: str, name: str, to: str) -> dict[str, list[int]]:
        """Return what a record is associated with: ids, and the ids of types."""
        with self._lock:
            ends = (self._portal.kind(of).name, self._portal.kind(to).name)
            return self._portal.ties.of(ends, name)

    def forbid(self, path: str, scope: str) -> None:
        """Refuse all requests with such a part in their path, for want of a scope."""
        with self._lock:
            self._forbidden[path] = scope

    def spend_day(self, left: int = 0) -> None:
        """Use the day's share of requests up, but for so many."""
        with self._lock:
            self._left = left

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        with self._lock:
            refusal = self._limits(request)
            if refusal is not None:
                return refusal
            try:
                answer = self._serve(request)
            except ApiError as error:
                answer = error_answer(error)
        return Answer(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=(*answer.headers, *self._told(request)),
        )

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status in HubSpot's shape, and do nothing."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return limited("TEN_SECONDLY_ROLLING")
        return error_answer(ApiError(status))

    def reset(self) -> None:
        """Forget all records, custom objects and what is forbidden."""
        with self._lock:
            self._portal = Portal(PORTAL)
            self._forbidden: dict[str, str] = {}
            self._left = PER_DAY
            if self._quota is not None:
                self._quota.clear()

    def things(self) -> list[Thing]:
        """Return the account, once it holds something, and its objects."""
        with self._lock:
            kinds = [each for each in self._portal.kinds.values() if each.records]
            parts = tuple(
                Part(id=each.name, title=each.name, detail=str(len(each.living())))
                for each in kinds
            )
            return [Thing(id=str(self.portal), title=f"Account {self.portal}", parts=parts)][
                : len(parts)
            ]

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some records of an object as a grid, their properties' names above them."""
        with self._lock:
            kind = self._portal.kinds.get(part)
            if thing != str(self.portal) or kind is None:
                return None
            records = kind.living()
            used = dict.fromkeys(name for record in records for name in record.values)
            names = [name for name in kind.properties if name in used]
            names.sort(key=lambda name: kind.properties[name].read_only)
            shown = records[max(0, first - 1) : first + count - 1]
            lines = [[_cell(record.values.get(name, "")) for name in names] for record in shown]
        head = [[[name, "s"] for name in names]] if first == 0 else []
        return {
            "kind": "grid",
            "title": part,
            "rows": [*head, *lines],
            "first": first,
            "columns": [letters(at) for at in range(max(len(names), 12))],
            "filled": len(records) + 1,
            "size": [len(records) + 1, max(len(names), 12)],
            "frozen": 1,
        }

    def _limits(self, request: Request) -> Answer | None:
        if self._left <= 0:
            return limited("DAILY")
        self._left -= 1
        if self._quota is not None and not self._quota.take(_caller(request)):
            return limited("TEN_SECONDLY_ROLLING")
        for path, scope in self._forbidden.items():
            if path in request.path:
                error = ApiError(403, code="MISSING_SCOPES", context={"requiredScopes": [scope]})
                return error_answer(error)
        return None

    def _told(self, request: Request) -> tuple[tuple[str, str], ...]:
        """Return the headers that tell of the limits, where there are any."""
        if self._quota is None:
            return ()
        told: Mapping[str, object] = {
            "Daily": PER_DAY,
            "Daily-Remaining": self._left,
            "Interval-Milliseconds": int(INTERVAL * 1000),
            "Max": PER_INTERVAL,
            "Remaining": self._quota.left(_caller(request)),
        }
        search = request.path.endswith("/search")
        return tuple(
            (f"X-HubSpot-RateLimit-{name}", str(value))
            for name, value in told.items()
            if not search or name.startswith("Daily")
        )

    def _serve(self, request: Request) -> Answer:
        for verb, path, do in ROUTES:
            found = path.fullmatch(request.raw_path)
            if found is None or not verb.fullmatch(request.method):
                continue
            body = calls.body_of(request)
            names = tuple(unquote(each) for each in found.groups())
            made = do(Call(self._portal, request, names, body, self.partly))
            if isinstance(made, Answer):
                return made
            created = request.method == "POST" and not request.path.endswith(("search", "read"))
            status = HTTPStatus.CREATED if created else HTTPStatus.OK
            return Answer(status=status, body=orjson.dumps(made))
        text = "<html><body><h2>HTTP ERROR 404 Not Found</h2></body></html>\n"
        return Answer(
            status=HTTPStatus.NOT_FOUND, body=text.encode(), content_type="text/html; charset=UTF-8"
        )


def _caller(request: Request) -> str:
    return request.headers.get("authorization", "")


def _cell(value: str) -> list[str]:
    return [value if len(value) <= SHOWN_TEXT else value[:SHOWN_TEXT] + "\u2026", "s"]
