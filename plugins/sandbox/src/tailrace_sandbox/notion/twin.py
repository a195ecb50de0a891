"""The Notion twin: requests in, answers out, one at a time."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import attrs
import orjson

from tailrace_sandbox.notion import texts
from tailrace_sandbox.notion.calls import ROUTES, VERSIONS, Call, body_of
from tailrace_sandbox.notion.errors import ApiError, error_answer
from tailrace_sandbox.notion.pages import Page
from tailrace_sandbox.notion.properties import Property
from tailrace_sandbox.notion.workspace import Workspace
from tailrace_sandbox.quotas import Quota
from tailrace_sandbox.sheets.a1 import letters
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

PER_CONNECTION, SECOND = 3, 1.0
PER_WORKSPACE, MINUTE = 600, 60.0
MOST_FOUND = 10_000
SHOWN_TEXT = 2000
_ROUTES = tuple((re.compile(verb), re.compile(path), do) for verb, path, do in ROUTES)


class NotionTwin:
    """Stand in for api.notion.com.

    `lag`: so many queries do not find a page that was just made. `most_found`: pages that one
    query can give, beyond which it is incomplete and says so in one place only. `now` gives the
    time.
    """

    name = "notion"
    title = "Notion"

    def __init__(self, *, quotas: bool = False) -> None:
        self._lock = threading.RLock()
        self._connection = Quota(PER_CONNECTION, SECOND) if quotas else None
        self._workspace_quota = Quota(PER_WORKSPACE, MINUTE) if quotas else None
        self.now: Callable[[], datetime] = _now
        self.reset()

    @property
    def workspace(self) -> str:
        """Return the workspace's id."""
        return self._workspace.id

    @property
    def people(self) -> dict[str, str]:
        """Return the ids of people, by their names."""
        return {each["name"]: name for name, each in self._workspace.people.items()}

    def move(self) -> None:
        """Let the workspace be another one, with the same content."""
        with self._lock:
            self._workspace.id = Workspace().id

    def add_database(self, title: str, properties: dict[str, Any]) -> str:
        """Make a database, its properties as the API takes them; return its data source's id."""
        with self._lock:
            return self._workspace.add_database(title, properties).sources[0]

    def pages(self, source: str, *, trash: bool = False) -> list[dict[str, Any]]:
        """Return the pages of a data source, the oldest first: plain values by property name."""
        with self._lock:
            found = self._workspace.sources[source]
            pages = [page for page in found.pages.values() if page.in_trash is trash]
            return [_plain(found.properties.values(), page) for page in pages]

    def hide(self, name: str) -> None:
        """Let a page, data source or database be one that is not shared with the integration."""
        with self._lock:
            self._workspace.hidden.add(name)

    def forbid(self, path: str, method: str = "") -> None:
        """Refuse all requests with such a part in their path, for want of a capability."""
        with self._lock:
            self._forbidden.append((method, path))

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        with self._lock:
            moment = self.now()
            try:
                self._check(request)
                answer = self._serve(request, moment)
            except ApiError as error:
                waits = (error.more or {}).get("retry_after")
                headers = () if waits is None else (("Retry-After", str(waits)),)
                answer = error_answer(error, *headers)
        date = ("Date", format_datetime(moment.astimezone(UTC), usegmt=True))
        return attrs.evolve(answer, headers=(*answer.headers, date))

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status in Notion's shape, and do nothing."""
        return error_answer(ApiError(status))

    def reset(self) -> None:
        """Begin again with a new workspace."""
        with self._lock:
            self._workspace = Workspace()
            self._forbidden: list[tuple[str, str]] = []
            self.lag = 0
            self.most_found = MOST_FOUND
            for quota in (self._connection, self._workspace_quota):
                if quota is not None:
                    quota.clear()

    def things(self) -> list[Thing]:
        """Return the workspace, once it holds pages, and its data sources."""
        with self._lock:
            filled = [each for each in self._workspace.sources.values() if each.pages]
            parts = tuple(
                Part(id=each.id, title=each.title, detail=str(len(each.living())))
                for each in filled
            )
            return [Thing(id=self.workspace, title="Workspace", parts=parts)][: len(parts)]

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some pages of a data source as a grid, the properties' names above them."""
        with self._lock:
            source = self._workspace.sources.get(part)
            if thing != self.workspace or source is None:
                return None
            pages = source.living()
            columns = list(source.properties.values())
            lines = [
                [_cell(_value(of, page)) for of in columns]
                for page in pages[max(0, first - 1) : first + count - 1]
            ]
        head = [[[of.name, "s"] for of in columns]] if first == 0 else []
        return {
            "kind": "grid",
            "title": source.title,
            "rows": [*head, *lines],
            "first": first,
            "columns": [letters(at) for at in range(max(len(columns), 12))],
            "filled": len(pages) + 1,
            "size": [len(pages) + 1, max(len(columns), 12)],
            "frozen": 1,
        }

    def _check(self, request: Request) -> None:
        caller = request.headers.get("authorization", "")
        for quota, whose, reason, waits in (
            (self._connection, caller, "connection", 1),
            (self._workspace_quota, "", "workspace", int(MINUTE)),
        ):
            if quota is not None and not quota.take(whose):
                more = {"rate_limit_reason": reason, "retry_after": waits}
                raise ApiError(429, more=more)
        version = request.headers.get("notion-version")
        if not version:
            told = "Notion-Version header failed validation: it should be defined."
            raise ApiError(400, told, code="missing_version")
        if version not in VERSIONS:
            raise ApiError(400, f"Notion-Version header should be one of {', '.join(VERSIONS)}.")
        for method, path in self._forbidden:
            if path in request.path and method in ("", request.method):
                raise ApiError(403)

    def _serve(self, request: Request, moment: datetime) -> Answer:
        for verb, path, do in _ROUTES:
            found = path.fullmatch(request.raw_path)
            if found is None or not verb.fullmatch(request.method):
                continue
            call = Call(
                workspace=self._workspace,
                request=request,
                names=tuple(unquote(each) for each in found.groups()),
                body=body_of(request),
                now=moment,
                most=self.most_found,
                lag=self.lag,
            )
            return Answer(body=orjson.dumps(do(call)))
        raise ApiError(400, "Invalid request URL.", code="invalid_request_url")


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(columns: Any, page: Page) -> dict[str, Any]:
    return {"id": page.id, **{of.name: _value(of, page) for of in columns}}


def _value(of: Property, page: Page) -> Any:
    """Return a value as people think of it: texts, names of options, ids."""
    value = page.value(of)[of.type]
    if of.type in ("relation", "people"):
        value = page.values.get(of.id) or []
    match of.type:
        case "title" | "rich_text":
            return texts.plain(value)
        case "select" | "status":
            return None if value is None else value["name"]
        case "multi_select":
            return [each["name"] for each in value]
        case "relation" | "people":
            return [each["id"] for each in value]
        case "files":
            return [each["external"]["url"] for each in value]
        case "date" if value is not None:
            return {name: told for name, told in value.items() if told is not None}
    return value


def _cell(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = value.values()
    text = ", ".join(map(str, value)) if not isinstance(value, (str, int, float)) and value else ""
    if isinstance(value, (str, int, float)):
        text = str(value)
    return [text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "\u2026", "s"]
