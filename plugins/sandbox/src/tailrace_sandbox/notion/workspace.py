"""The workspace: its people, its databases, and what an integration may see of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import attrs

from tailrace_sandbox.notion import texts
from tailrace_sandbox.notion.errors import ApiError, not_found
from tailrace_sandbox.notion.pages import Page
from tailrace_sandbox.notion.sources import DataSource

HOME = "5a1e0000-0000-4000-8000-000000000001"
"""The page that databases are made in."""
PEOPLE = "5a1e0000-0000-4000-8000-0000000000da"
"""The data source that is there to start with, and its database."""
PEOPLE_DATABASE = "5a1e0000-0000-4000-8000-0000000000db"
START: Mapping[str, Any] = {
    "Name": {"title": {}},
    "Email": {"email": {}},
    "Score": {"number": {}},
    "Plan": {"select": {"options": [{"name": "free"}, {"name": "team"}]}},
    "Tags": {"multi_select": {}},
    "Status": {"status": {}},
    "Since": {"date": {}},
    "Active": {"checkbox": {}},
    "Notes": {"rich_text": {}},
    "Site": {"url": {}},
    "Made": {"created_time": {}},
}
NAMES = ("ada", "grace", "edsger", "barbara")
_HEX = re.compile(r"[0-9a-f]{32}")


@attrs.define
class Database:
    """Hold a database, which is no more than the place of its data sources."""

    id: str
    title: str
    sources: list[str] = attrs.field(factory=list)


@attrs.define
class Workspace:
    """Hold what one workspace has; `hidden` are ids of what is not shared."""

    id: str = attrs.field(factory=lambda: str(uuid4()))
    databases: dict[str, Database] = attrs.field(factory=dict)
    sources: dict[str, DataSource] = attrs.field(factory=dict)
    hidden: set[str] = attrs.field(factory=set)
    people: dict[str, dict[str, Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        people = [_person(name) for name in NAMES]
        self.people = {each["id"]: each for each in people}
        self.databases[PEOPLE_DATABASE] = Database(PEOPLE_DATABASE, "People")
        self.add_source(self.databases[PEOPLE_DATABASE], "People", START, name=PEOPLE)

    def bot(self, token: str) -> dict[str, Any]:
        """Return the integration that a token is of."""
        return {
            "object": "user",
            "id": str(uuid5(NAMESPACE_URL, f"bot {token}")),
            "name": "Sync",
            "avatar_url": None,
            "type": "bot",
            "bot": {
                "owner": {"type": "workspace", "workspace": True},
                "workspace_id": self.id,
                "workspace_name": "Sandbox",
            },
        }

    def add_database(self, title: str, properties: Any) -> Database:
        """Make a database with one data source."""
        made = Database(str(uuid4()), title)
        self.add_source(made, title, properties)
        self.databases[made.id] = made
        return made

    def add_source(
        self, database: Database, title: str, properties: Any, *, name: str | None = None
    ) -> DataSource:
        """Make another data source of a database."""
        made = DataSource(id=name or str(uuid4()), database=database.id, title=title)
        made.define(properties)
        self.sources[made.id] = made
        database.sources.append(made.id)
        return made

    def database(self, name: Any) -> Database:
        """Return a database; raises ApiError where there is none that is shared."""
        found: Database = self._found("database", self.databases, name)
        return found

    def source(self, name: Any) -> DataSource:
        """Return a data source; raises ApiError where there is none that is shared."""
        found: DataSource = self._found("data_source", self.sources, name)
        if found.database in self.hidden:
            raise not_found("data_source", str(name))
        return found

    def page(self, name: Any) -> tuple[DataSource, Page]:
        """Return a page and where it is; raises ApiError where there is none that is shared."""
        known = identifier(name)
        for source in self.sources.values():
            if known in source.pages and known not in self.hidden:
                if {source.id, source.database} & self.hidden:
                    break
                return source, source.pages[known]
        raise not_found("page", known)

    def person(self, name: str) -> dict[str, Any]:
        """Return a person; raises ApiError where there is none."""
        found: dict[str, Any] = self._found("user", self.people, name)
        return found

    def check(self, source: DataSource, values: Mapping[str, Any]) -> None:
        """Raise an ApiError where values name pages or people that there are not."""
        for name, value in values.items():
            kind = source.properties[name].type
            for each in value if kind in ("relation", "people") else ():
                if kind == "people":
                    self.person(each["id"])
                else:
                    self.page(each["id"])

    def _found(self, kind: str, there: Mapping[str, Any], name: Any) -> Any:
        known = identifier(name)
        if known not in there or known in self.hidden:
            raise not_found(kind, known)
        return there[known]


def identifier(name: Any) -> str:
    """Return an id with its dashes; raises ApiError for what is none."""
    plain = str(name).lower().replace("-", "")
    if not _HEX.fullmatch(plain):
        told = f"path failed validation: the id should be a valid uuid, instead was `{name}`."
        raise ApiError(400, told)
    return str(UUID(plain))


def titled(elements: Any, path: str) -> str:
    """Return a title that is written as rich text."""
    return texts.plain(texts.kept(elements, path)) if elements else ""


def rich(text: str) -> list[dict[str, Any]]:
    """Return a title as the API gives it."""
    return texts.kept([{"text": {"content": text}}], "title") if text else []


def _person(name: str) -> dict[str, Any]:
    return {
        "object": "user",
        "id": str(uuid5(NAMESPACE_URL, name)),
        "name": name.title(),
        "avatar_url": None,
        "type": "person",
        "person": {"email": f"{name}@example.com"},
    }
