"""Views: databases, data sources and pages as the API gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tailrace_sandbox.notion.pages import Page, written
from tailrace_sandbox.notion.sources import DataSource
from tailrace_sandbox.notion.workspace import Database, rich

if TYPE_CHECKING:
    from tailrace_sandbox.notion.calls import Call


def show_database(call: Call, of: Database) -> dict[str, Any]:
    """Return a database as the API gives it."""
    known = call.workspace.sources
    shown = [{"id": each, "name": known[each].title} for each in of.sources]
    return {
        "object": "database",
        "id": of.id,
        "title": rich(of.title),
        "in_trash": False,
        "data_sources": shown,
        "url": f"https://www.notion.so/{of.id.replace('-', '')}",
    }


def show_source(call: Call, of: DataSource) -> dict[str, Any]:
    """Return a data source as the API gives it."""
    return {
        "object": "data_source",
        "id": of.id,
        "title": rich(of.title),
        "parent": {"type": "database_id", "database_id": of.database},
        "in_trash": False,
        "properties": {each.name: each.shown() for each in of.properties.values()},
        "url": f"https://www.notion.so/{of.id.replace('-', '')}",
    }


def show_page(call: Call, of: DataSource, page: Page, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return a page as the API gives it, with all properties or those of the given ids."""
    shown = [each for each in of.properties.values() if not names or each.id in names]
    made = {
        "object": "page",
        "id": page.id,
        "created_time": written(page.created_time),
        "created_by": {"object": "user", "id": page.author},
        "last_edited_time": written(page.last_edited_time),
        "last_edited_by": {"object": "user", "id": page.author},
        "cover": None,
        "icon": None,
        "parent": {
            "type": "data_source_id",
            "data_source_id": of.id,
            "database_id": of.database,
        },
        "in_trash": page.in_trash,
        "properties": {each.name: page.value(each) for each in shown},
        "url": f"https://www.notion.so/{page.id.replace('-', '')}",
        "public_url": None,
    }
    return made if call.newest else {**made, "archived": page.in_trash}


def listed(results: list[Any], kind: str) -> dict[str, Any]:
    """Return a list as the API gives it."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": None,
        "has_more": False,
        "type": kind,
        kind: {},
    }
