"""Pages: the rows of a data source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tailrace_sandbox.notion.properties import Property

REFERENCES = 25
"""References of one property that a page is given with."""


def written(moment: datetime) -> str:
    """Return a moment as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


@attrs.define(kw_only=True, eq=False)
class Page:
    """Hold one page; times are those of the minute. `unseen` queries do not find it yet."""

    id: str
    number: int
    author: str
    created_time: datetime
    last_edited_time: datetime
    values: dict[str, Any]
    in_trash: bool = False
    unseen: int = 0

    def value(self, of: Property) -> dict[str, Any]:
        """Return a property's value as the API gives it."""
        user = {"object": "user", "id": self.author}
        made: Mapping[str, Any] = {
            "created_time": written(self.created_time),
            "last_edited_time": written(self.last_edited_time),
            "created_by": user,
            "last_edited_by": user,
            "unique_id": {"prefix": of.more.get("prefix"), "number": self.number},
            "formula": {"type": "string", "string": None},
            "rollup": {"type": "number", "number": None, "function": "count"},
        }
        held = made[of.type] if of.type in made else self.values.get(of.id, of.empty())
        shown: dict[str, Any] = {"id": of.id, "type": of.type, of.type: held}
        if of.type == "people":
            shown["people"] = [{"object": "user", **each} for each in held[:REFERENCES]]
        if of.type == "relation":
            shown["relation"] = held[:REFERENCES]
            shown["has_more"] = len(held) > REFERENCES
        return shown
