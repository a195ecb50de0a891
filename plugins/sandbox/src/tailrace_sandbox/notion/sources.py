"""Data sources: pages under one set of properties, and the queries for them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import attrs

from tailrace_sandbox.notion.errors import ApiError, invalid
from tailrace_sandbox.notion.filters import compiled
from tailrace_sandbox.notion.pages import Page
from tailrace_sandbox.notion.properties import Property, named, numbers

LARGEST_PAGE = 100


@attrs.define(kw_only=True)
class DataSource:
    """Hold the properties, by id, and the pages of one data source."""

    id: str
    database: str
    title: str
    properties: dict[str, Property] = attrs.field(factory=dict)
    pages: dict[str, Page] = attrs.field(factory=dict)
    made: int = 0
    _numbers: Iterator[int] = attrs.field(factory=numbers)

    def define(self, given: Any) -> None:
        """Add, change, rename and remove properties; raises ApiError for what cannot be."""
        if not isinstance(given, Mapping):
            raise invalid("body.properties", "should be an object.")
        for name, told in given.items():
            known = [
                each
                for each in self.properties.values()
                if each.name == name
                or (each.is_named(name) and each.type in (told or (each.type,)))
            ]
            if told is None:
                self.properties.pop(named(self.properties, name).id)
            elif isinstance(told, Mapping) and set(told) == {"name"}:
                named(self.properties, name).name = str(told["name"])
            else:
                made = Property.of(name, told, next(self._numbers))
                if known:
                    made.id = known[0].id
                    made.options = made.options or known[0].options
                self.properties[made.id] = made
        titles = [each for each in self.properties.values() if each.type == "title"]
        if len(titles) != 1:
            raise ApiError(400, "Title is not provided, or provided more than once.")

    def kept(self, given: Any) -> dict[str, Any]:
        """Return values as they are kept, by the properties' ids."""
        if not isinstance(given, Mapping):
            raise invalid("body.properties", "should be an object.")
        found = {}
        for name, told in given.items():
            of = named(self.properties, name)
            if not isinstance(told, Mapping) or of.type not in told:
                told_path = f"body.properties.{of.name}.{of.type}"
                raise invalid(told_path, "should be defined, instead was `undefined`.")
            found[of.id] = of.kept(told[of.type])
        return found

    def create(self, values: Mapping[str, Any], author: str, now: datetime, unseen: int) -> Page:
        """Add a page."""
        self.made += 1
        page = Page(
            id=str(uuid4()),
            number=self.made,
            author=author,
            created_time=now,
            last_edited_time=now,
            values=dict(values),
            unseen=unseen,
        )
        self.pages[page.id] = page
        return page

    def living(self) -> list[Page]:
        """Return the pages that are not in the trash, the oldest first."""
        return [page for page in self.pages.values() if not page.in_trash]

    def query(
        self, body: Mapping[str, Any], most: int, hidden: Container[str] = ()
    ) -> tuple[list[Page], str | None, bool]:
        """Return a page of pages, where the next begins, and whether all of them can be had.

        Not more than `most` can, and none that is not shared.
        """
        size = body.get("page_size", LARGEST_PAGE)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_PAGE:
            raise invalid("body.page_size", f"should be \u2264 `{LARGEST_PAGE}` and > `0`.")
        test = compiled(body["filter"], self.properties) if body.get("filter") else None
        trash = bool(body.get("in_trash", body.get("archived", False)))
        found = []
        for page in self.pages.values():
            if page.unseen > 0:
                page.unseen -= 1
            elif page.in_trash is trash and page.id not in hidden and (test is None or test(page)):
                found.append(page)
        if _descends(body.get("sorts")):
            found.reverse()
        whole, found = len(found) <= most, found[:most]
        first = _place(found, body.get("start_cursor"))
        rest = found[first + size :]
        return found[first : first + size], rest[0].id if rest else None, whole


def _place(pages: list[Page], cursor: Any) -> int:
    if cursor is None:
        return 0
    for at, page in enumerate(pages):
        if page.id == cursor:
            return at
    raise ApiError(400, "The start_cursor provided is invalid.")


def _descends(sorts: Any) -> bool:
    """Tell whether the newest come first; other orders are not known here."""
    return bool(sorts) and sorts[0].get("direction") == "descending"
