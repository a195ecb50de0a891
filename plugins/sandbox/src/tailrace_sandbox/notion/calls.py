"""Calls: what each endpoint does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs
import orjson

from tailrace_sandbox.notion.errors import ApiError, invalid
from tailrace_sandbox.notion.pages import Page
from tailrace_sandbox.notion.properties import named
from tailrace_sandbox.notion.sources import LARGEST_PAGE, DataSource
from tailrace_sandbox.notion.views import listed, show_database, show_page, show_source
from tailrace_sandbox.notion.workspace import Workspace, titled
from tailrace_sandbox.wire import Request

ARCHIVED = "2025-09-03"
"""The newest version that still knows `archived`."""
VERSIONS = (ARCHIVED, "2026-03-11")
HEAVIEST = 500_000
"""Bytes of a request."""


@attrs.frozen(kw_only=True)
class Call:
    """Hold one call: `names` are the ids in its path, `most` the pages that a query can give."""

    workspace: Workspace
    request: Request
    names: tuple[str, ...]
    body: Mapping[str, Any]
    now: datetime
    most: int = 10_000
    lag: int = 0

    @property
    def newest(self) -> bool:
        """Tell whether the version that is asked for has no `archived` any more."""
        return self.request.headers.get("notion-version", "") > ARCHIVED

    @property
    def me(self) -> dict[str, Any]:
        """Return who calls."""
        return self.workspace.bot(self.request.headers.get("authorization", ""))

    def moment(self) -> datetime:
        """Return the minute, which is as exact as times of pages are."""
        return self.now.replace(second=0, microsecond=0)


def body_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON object that was sent; raises ApiError for what is none, or is too large."""
    if len(request.body) > HEAVIEST:
        raise ApiError(400, f"body is {len(request.body)} bytes, and may be {HEAVIEST}.")
    if not request.body:
        return {}
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "Error parsing JSON body.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise ApiError(400, "body should be an object.", code="invalid_request")
    return body


def myself(call: Call) -> dict[str, Any]:
    """Tell which integration calls."""
    return call.me


def users(call: Call) -> dict[str, Any]:
    """List the people, and the integration itself."""
    return listed([*call.workspace.people.values(), call.me], "user")


def user(call: Call) -> dict[str, Any]:
    """Tell who one of them is."""
    return call.me if call.names[0] == call.me["id"] else call.workspace.person(call.names[0])


def search(call: Call) -> dict[str, Any]:
    """List the data sources that are shared, or the pages; texts are not searched."""
    wanted = (call.body.get("filter") or {}).get("value")
    hidden = call.workspace.hidden
    shared = [
        source
        for source in call.workspace.sources.values()
        if not {source.id, source.database} & hidden
    ]
    found = [show_source(call, each) for each in shared] if wanted != "page" else []
    if wanted != "data_source":
        found += [show_page(call, each, page) for each in shared for page in each.living()]
    return listed(found[:LARGEST_PAGE], "page_or_data_source")


def make_database(call: Call) -> dict[str, Any]:
    """Make a database with its first data source."""
    start = call.body.get("initial_data_source") or {}
    title = titled(call.body.get("title"), "body.title")
    made = call.workspace.add_database(title, start.get("properties") or {"Name": {"title": {}}})
    return show_database(call, made)


def database(call: Call) -> dict[str, Any]:
    """Tell of a database: which data sources it has."""
    return show_database(call, call.workspace.database(call.names[0]))


def make_source(call: Call) -> dict[str, Any]:
    """Make another data source of a database."""
    home = call.workspace.database((call.body.get("parent") or {}).get("database_id"))
    title = titled(call.body.get("title"), "body.title")
    return show_source(call, call.workspace.add_source(home, title, call.body.get("properties")))


def source(call: Call) -> dict[str, Any]:
    """Tell of a data source, or change its properties."""
    found = call.workspace.source(call.names[0])
    if call.request.method == "PATCH":
        found.define(call.body.get("properties") or {})
    return show_source(call, found)


def query(call: Call) -> dict[str, Any]:
    """Find pages."""
    of = call.workspace.source(call.names[0])
    pages, after, whole = of.query(call.body, call.most, call.workspace.hidden)
    asked = call.request.query.get("filter_properties") or []
    names = [named(of.properties, each).id for each in asked]
    made = listed([show_page(call, of, page, names) for page in pages], "page_or_data_source")
    state = "complete" if whole else "incomplete"
    return {
        **made,
        "next_cursor": after,
        "has_more": after is not None,
        "request_status": {"type": state},
    }


def make_page(call: Call) -> dict[str, Any]:
    """Add a page to a data source; other places are not known here."""
    parent = call.body.get("parent")
    if not isinstance(parent, Mapping) or "data_source_id" not in parent:
        raise invalid("body.parent.data_source_id", "should be defined, instead was `undefined`.")
    of = call.workspace.source(parent["data_source_id"])
    _check_archived(call)
    if call.body.get("children"):
        raise ApiError(400, "The sandbox does not support the body of pages.")
    values = of.kept(call.body.get("properties") or {})
    call.workspace.check(of, values)
    return show_page(call, of, of.create(values, call.me["id"], call.moment(), call.lag))


def page(call: Call) -> dict[str, Any]:
    """Tell of a page, or change it; one in the trash only comes back."""
    of, found = call.workspace.page(call.names[0])
    if call.request.method == "PATCH":
        _change(call, of, found)
    return show_page(call, of, found)


def page_property(call: Call) -> dict[str, Any]:
    """Give all references that a property has."""
    of, found = call.workspace.page(call.names[0])
    kind = named(of.properties, call.names[1])
    value = found.values.get(kind.id, kind.empty())
    if kind.type not in ("relation", "people", "title", "rich_text"):
        return {"object": "property_item", "id": kind.id, "type": kind.type, kind.type: value}
    each = [{"object": "property_item", "type": kind.type, kind.type: one} for one in value]
    return {
        **listed(each, "property_item"),
        "property_item": {"id": kind.id, "type": kind.type, kind.type: {}},
    }


def _change(call: Call, of: DataSource, found: Page) -> None:
    _check_archived(call)
    trash = call.body.get("in_trash", call.body.get("archived"))
    if found.in_trash and trash is not False:
        told = "Can't edit block that is archived. You must unarchive the block before editing."
        raise ApiError(400, told)
    values = of.kept(call.body.get("properties") or {})
    call.workspace.check(of, values)
    found.values.update(values)
    found.in_trash = found.in_trash if trash is None else bool(trash)
    found.last_edited_time = call.moment()


def _check_archived(call: Call) -> None:
    if call.newest and "archived" in call.body:
        raise invalid("body.archived", "should be not present, instead was `true`.")


_N = r"([^/]+)"
ROUTES: tuple[tuple[str, str, Callable[[Call], Any]], ...] = (
    ("GET", "/v1/users/me", myself),
    ("GET", "/v1/users", users),
    ("GET", f"/v1/users/{_N}", user),
    ("POST", "/v1/search", search),
    ("POST", "/v1/databases", make_database),
    ("GET", f"/v1/databases/{_N}", database),
    ("POST", "/v1/data_sources", make_source),
    ("GET|PATCH", f"/v1/data_sources/{_N}", source),
    ("POST", f"/v1/data_sources/{_N}/query", query),
    ("POST", "/v1/pages", make_page),
    ("GET|PATCH", f"/v1/pages/{_N}", page),
    ("GET", f"/v1/pages/{_N}/properties/{_N}", page_property),
)
