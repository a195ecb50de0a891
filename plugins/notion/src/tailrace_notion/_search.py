"""Searching: the pages that have certain values of the key, since Notion knows no unique ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_notion._api import Api, Page, pages_of
from tailrace_notion._properties import Property
from tailrace_notion._reading import read

Name = str | float
"""A key's value as pages are compared by it."""
_PAGE = 100
"""Pages that a query gives at once."""
_DEEPEST = 1_000
"""Answers of one query before it counts as endless."""


@attrs.frozen
class Search:
    """Find pages of a data source by one property; `slim`: whether ids name what is asked for."""

    api: Api
    source: str
    by: Property
    slim: bool

    def name(self, value: Any) -> Name:
        """Give what a value, as it is written, is compared by."""
        found: Name = read(self.by.kind, value)
        return found

    def find(self, names: Sequence[Name], properties: Sequence[str]) -> dict[Name, list[Page]]:
        """Give the pages of each name, with some of their properties.

        Of a name that more pages have than Notion lists, not all of them are given, but several.
        """
        found: dict[Name, list[Page]] = {name: [] for name in names}
        asked = tuple(dict.fromkeys([self.by.id, *properties])) if self.slim else ()
        if names:
            self._collect(names, asked, found)
        return found

    def _collect(
        self, names: Sequence[Name], properties: Sequence[str], found: dict[Name, list[Page]]
    ) -> None:
        """Find pages; where an answer is incomplete, ask for half of the names at a time."""
        pages = []
        for page in self._asked(names, properties):
            if page is None:
                break
            pages.append(page)
        else:
            for each in pages:
                self._sort_in(each, found)
            return
        if len(names) == 1:
            for each in pages:
                self._sort_in(each, found)
            if len(found[names[0]]) < 2:
                told = f"more pages are like {names[0]!r} in {self.by.name} than Notion lists"
                raise tailrace.RejectedError(told, reason="several")
            return
        middle = len(names) // 2
        self._collect(names[:middle], properties, found)
        self._collect(names[middle:], properties, found)

    def _sort_in(self, page: Page, found: dict[Name, list[Page]]) -> None:
        # Notion's own comparison is not ours: it may take two spellings for one.
        name = read(self.by.kind, page.values.get(self.by.id, {}).get(self.by.kind))
        if name in found:
            found[name].append(page)

    def _asked(self, names: Sequence[Name], properties: Sequence[str]) -> Iterator[Page | None]:
        """Give the pages of a query, and None at its end if it is incomplete."""
        tests = [{"property": self.by.id, self.by.kind: {"equals": name}} for name in names]
        asked: dict[str, Any] = {
            "filter": {"or": tests} if len(tests) > 1 else tests[0],
            "page_size": _PAGE,
        }
        for _ in range(_DEEPEST):
            told = self.api.query(self.source, asked, properties)
            yield from pages_of(told)
            if _is_incomplete(told):
                yield None
                return
            if not told.get("has_more"):
                return
            asked = {**asked, "start_cursor": told.get("next_cursor")}
        raise tailrace.FatalError("Notion's list of pages does not end")


def _is_incomplete(told: Mapping[str, Any]) -> bool:
    """Tell that pages are missing, which Notion says here alone, and not in `has_more`."""
    status = told.get("request_status")
    return isinstance(status, Mapping) and status.get("type") == "incomplete"
