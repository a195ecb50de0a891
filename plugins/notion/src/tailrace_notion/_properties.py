"""Properties: what Notion says of a data source's columns."""

from collections.abc import Mapping
from typing import Any

import attrs

import tailrace

KEYS = ("title", "rich_text", "number", "email", "phone_number", "url")
"""Types that pages can be found by."""
CHOICES = ("select", "status")
_TYPES = {
    "title": "string",
    "rich_text": "string",
    "number": "number",
    "checkbox": "boolean",
    "select": "string",
    "multi_select": "any",
    "status": "string",
    "date": "any",
    "url": "string",
    "email": "string",
    "phone_number": "string",
    "relation": "any",
    "people": "any",
    "files": "any",
}


@attrs.frozen
class Property:
    """Hold one column and the options it takes.

    id: what requests call it: its id, which stays when it is renamed, or its name, where its id is
    the name of another column (that of the title is `title`). open: whether an option that is not
    there yet is made.
    """

    id: str
    name: str
    kind: str
    options: tuple[str, ...] = ()
    open: bool = False
    by_name: bool = False

    def field(self) -> tailrace.Field:
        """Describe it to the engine, which refuses what does not fit before anything is sent."""
        chosen = None
        if self.kind in CHOICES and not self.open:
            numbers = (int(each) for each in self.options if each.isdecimal() and each[:1] != "0")
            chosen = (*self.options, *numbers, "")
        return tailrace.Field(
            self.name,
            tailrace.FieldType(_TYPES.get(self.kind, "any")),
            options=chosen,
            read_only=self.kind not in _TYPES,
        )


def read_properties(told: Mapping[str, Any], *, create_options: bool) -> dict[str, Property]:
    """Take the columns of a data source as Notion tells them, by their names."""
    given = told.get("properties")
    if not isinstance(given, Mapping):
        raise tailrace.FatalError("Notion tells no properties of the data source")
    found = {}
    for name, each in given.items():
        kind = str(each.get("type"))
        inner = each.get(kind)
        options = inner.get("options") if isinstance(inner, Mapping) else None
        known = str(each.get("id"))
        taken = known in given and known != name
        found[name] = Property(
            name if taken else known,
            name,
            kind,
            tuple(str(option.get("name")) for option in options or ()),
            open=create_options and kind in ("select", "multi_select"),
            by_name=taken,
        )
    return found
