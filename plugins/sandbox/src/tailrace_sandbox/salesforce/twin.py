"""The Salesforce twin: requests in, answers out, one at a time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from tailrace_sandbox.salesforce import calls
from tailrace_sandbox.salesforce.bulk import Jobs
from tailrace_sandbox.salesforce.calls import Call
from tailrace_sandbox.salesforce.errors import ApiError
from tailrace_sandbox.salesforce.fields import Field
from tailrace_sandbox.salesforce.org import PER_DAY, Org, Trap
from tailrace_sandbox.sheets.a1 import letters
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

SHOWN_TEXT = 2000
SECONDS = 0.2
"""For which a bulk job waits, and then works."""
_V = r"/services/data/v\d+\.0"
_O = r"([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[[Call], Any]], ...] = (
    ("GET", "/services/data/?", calls.versions),
    ("GET", f"{_V}/?", calls.resources),
    ("GET", f"{_V}/limits/?", calls.limits),
    ("GET", f"{_V}/query/?", calls.query),
    ("(POST|PATCH|DELETE)", f"{_V}/composite/sobjects/?", calls.collection),
    ("PATCH", f"{_V}/composite/sobjects/{_O}/{_O}", calls.upsert),
    ("POST", f"{_V}/composite/sobjects/{_O}", calls.fetch),
    ("GET", f"{_V}/sobjects/?", calls.overview),
    ("GET", f"{_V}/sobjects/{_O}/describe/?", calls.describe),
    ("POST", f"{_V}/sobjects/{_O}/?", calls.create),
    ("(GET|PATCH|DELETE)", f"{_V}/sobjects/{_O}/{_O}", calls.record),
    ("(GET|PATCH|DELETE)", f"{_V}/sobjects/{_O}/{_O}/{_O}", calls.by_value),
    ("(GET|POST)", f"{_V}/jobs/ingest/?", calls.job),
    ("(GET|PATCH|DELETE)", f"{_V}/jobs/ingest/{_O}/?", calls.one_job),
    ("PUT", f"{_V}/jobs/ingest/{_O}/batches/?", calls.content),
    (
        "GET",
        f"{_V}/jobs/ingest/{_O}/(successfulResults|failedResults|unprocessedrecords)/?",
        calls.results,
    ),
)
ROUTES = tuple((re.compile(verb), re.compile(path), do) for verb, path, do in _ROUTES)


class SalesforceTwin:
    """Stand in for an org at its My Domain address.

    `clock` gives the seconds by which bulk jobs go on; each waits for `seconds` and works for as
    many.
    """

    name = "salesforce"
    title = "Salesforce"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._denied: tuple[str, str] | None = None
        self.clock: Callable[[], float] = time.monotonic
        self.seconds = SECONDS
        self.reset()

    @property
    def org(self) -> str:
        """Return the org's id."""
        return self._org.id

    @org.setter
    def org(self, name: str) -> None:
        with self._lock:
            found = self._org.objects["Organization"].records.pop(self._org.id)
            self._org.objects["Organization"].records[name] = {**found, "Id": name}
            self._org.id = name

    def records(self, of: str) -> list[dict[str, Any]]:
        """Return what an object holds, the oldest first."""
        with self._lock:
            self._advance()
            return [dict(each) for each in self._org.find(of).records.values()]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the bulk jobs, the oldest first."""
        with self._lock:
            self._advance()
            return [each.shown() for each in self._jobs.kept.values()]

    def add_object(self, name: str, *fields: Field) -> None:
        """Make a custom object, or give one more fields."""
        with self._lock:
            self._org.define(name, *fields)

    def fail(self, of: str, code: str, *, times: int = 1, value: Any = None) -> None:
        """Refuse the next records of an object with a code: any, or those that hold a value."""
        with self._lock:
            self._org.traps.append(Trap(of, code, times, value))

    def fail_calls(self, of: str, code: str, *, value: Any, times: int = 1_000) -> None:
        """Refuse all records of calls that have one with a value, as a trigger does it."""
        with self._lock:
            self._org.traps.append(Trap(of, code, times, value, whole=True))

    def forbid(self, path: str, code: str, message: str) -> None:
        """Refuse all calls with such a part in their path (403)."""
        with self._lock:
            self._forbidden[path] = ApiError(HTTPStatus.FORBIDDEN, code, message)

    def break_job(self, after: int) -> None:
        """Let the next job fail when it has done so many records."""
        with self._lock:
            self._jobs.breaks_after = after

    def add_rule(self, of: str, field: str | None) -> None:
        """Take records with the same value of a field for duplicates; None ends that."""
        with self._lock:
            self._org.find(of).rule = field

    def spend_day(self, left: int = 0) -> None:
        """Use the day's calls up, but for so many."""
        with self._lock:
            self._org.used = PER_DAY - left

    def crowd(self, times: int = 1) -> None:
        """Refuse the next calls because too many long ones are going on."""
        with self._lock:
            self._crowded = times

    def deny(self, error: str, description: str) -> None:
        """Give no more tokens, for such a reason."""
        with self._lock:
            self._denied = (error, description)

    def expire(self) -> None:
        """End all sessions there are."""
        with self._lock:
            self._ended |= self._seen

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        with self._lock:
            self._advance()
            try:
                if request.path.rstrip("/") == "/services/oauth2/token":
                    return self._token(request)
                self._admit(request)
                answer = self._serve(request)
            except ApiError as error:
                answer = error.answer()
            used = ("Sforce-Limit-Info", f"api-usage={self._org.used}/{PER_DAY}")
        return Answer(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=(*answer.headers, used),
        )

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status in Salesforce's shape, and do nothing."""
        return ApiError(status).answer()

    def reset(self) -> None:
        """Forget all records, jobs, sessions and custom objects."""
        with self._lock:
            self._org = Org()
            self._jobs = Jobs(self._org, self.clock, self.seconds)
            self._seen: set[str] = set()
            self._ended: set[str] = set()
            self._crowded = 0
            self._denied = None
            self._forbidden: dict[str, ApiError] = {}

    def things(self) -> list[Thing]:
        """Return the org, once it holds something, and its objects."""
        with self._lock:
            self._advance()
            hidden = ("Organization", "User")
            kinds = [e for e in self._org.objects.values() if e.records and e.name not in hidden]
            parts = tuple(
                Part(id=each.name, title=each.name, detail=str(len(each.records))) for each in kinds
            )
            return [Thing(id=self.org, title=f"Org {self.org}", parts=parts)][: len(parts)]

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some records of an object as a grid, their fields' names above them."""
        with self._lock:
            self._advance()
            kind = self._org.objects.get(part)
            if thing != self.org or kind is None:
                return None
            records = list(kind.records.values())
            used = dict.fromkeys(
                name for record in records for name, value in record.items() if value is not None
            )
            names = [name for name in kind.fields if name in used]
            names.sort(key=lambda name: not kind.fields[name].createable)
            lines = [
                [_cell(record.get(name)) for name in names]
                for record in records[max(0, first - 1) : first + count - 1]
            ]
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

    def _advance(self) -> None:
        self._jobs.clock, self._jobs.seconds = self.clock, self.seconds
        self._jobs.advance()

    def _admit(self, request: Request) -> None:
        """Let a call in; raises ApiError where its session has ended, or the day's share has."""
        token = request.headers.get("authorization", "")
        if token in self._ended:
            raise ApiError(HTTPStatus.UNAUTHORIZED)
        if token:
            self._seen.add(token)
        for path, error in self._forbidden.items():
            if path in request.path:
                raise error
        if self._org.used >= PER_DAY:
            raise ApiError(HTTPStatus.FORBIDDEN)
        self._org.used += 1
        if self._crowded:
            self._crowded -= 1
            said = "ConcurrentPerOrgLongTxn Limit exceeded."
            raise ApiError(HTTPStatus.FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", said)

    def _token(self, request: Request) -> Answer:
        """Give a token; which login it is for is looked at, and not whether it is right."""
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        needed = {
            "urn:ietf:params:oauth:grant-type:jwt-bearer": ("assertion",),
            "client_credentials": ("client_id", "client_secret"),
            "refresh_token": ("refresh_token", "client_id"),
        }.get(form.get("grant_type", ""))
        refusal = self._denied
        if needed is None:
            refusal = ("unsupported_grant_type", "grant type not supported")
        elif not all(form.get(each) for each in needed):
            refusal = ("invalid_grant", "authentication failure")
        if refusal is not None:
            told = dict(zip(("error", "error_description"), refusal, strict=True))
            return Answer(status=HTTPStatus.BAD_REQUEST, body=orjson.dumps(told))
        base = f"http://{request.headers.get('host', '')}/{self.name}"
        return Answer(
            body=orjson.dumps(
                {
                    "access_token": f"{self.org[:15]}!token{next(self._numbers)}",
                    "instance_url": base,
                    "id": f"{base}/id/{self.org}/{self._org.user}",
                    "token_type": "Bearer",
                    "issued_at": str(int(time.time() * 1000)),
                }
            )
        )

    def _serve(self, request: Request) -> Answer:
        for verb, path, do in ROUTES:
            found = path.fullmatch(request.raw_path)
            if found is None or not verb.fullmatch(request.method):
                continue
            names = tuple(unquote(each) for each in found.groups())
            made = do(Call(self._org, self._jobs, request, names))
            return made if isinstance(made, Answer) else Answer(body=orjson.dumps(made))
        raise ApiError(HTTPStatus.NOT_FOUND)


def _cell(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).upper(), "b"]
    text = str(value)
    text = text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "\u2026"
    return [text, "n" if isinstance(value, (int, float)) else "s"]
