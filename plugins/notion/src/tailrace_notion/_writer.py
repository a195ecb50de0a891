"""The writer: rows become pages, one request each, and changed rows change them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

import tailrace
from tailrace_notion._api import Api, MissingPageError, Page, same
from tailrace_notion._drafts import Draft, drawn_up
from tailrace_notion._properties import Property
from tailrace_notion._reading import holds
from tailrace_notion._search import Search
from tailrace_notion._turns import in_turn

There = Mapping[Any, Sequence[Page]]
"""The pages that there are, by what they are found by."""


@attrs.frozen
class Writer:
    """Write the pages of one data source; a `remote_id` is a page's id."""

    api: Api
    source: str
    properties: Mapping[str, Property] = attrs.field(repr=False)
    search: Search | None
    me: str
    identity: str

    def describe(self) -> tailrace.Schema:
        """Give the data source's properties."""
        return tailrace.Schema([each.field() for each in self.properties.values()])

    def reserve(self, batch: tailrace.Batch) -> str | None:
        """Keep the minute, by Notion's clock, before which no page of an append was made."""
        if batch.action != "append" or self.search is None or self.api.heard is None:
            return None
        return self.api.heard.replace(second=0, microsecond=0).isoformat()

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Send a page after the other, but for records that Notion could only refuse."""
        drafts, refused = drawn_up(batch, self.properties, self.search)
        there: There = {}
        if batch.action != "append":
            new = batch.action == "insert"
            there = self._there([each for each in drafts if new or each.record.remote_id is None])
        return [*refused, *in_turn(batch, drafts, lambda draft: self._done(batch, draft, there))]

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which pages are as they were to become, where a key finds them.

        One that is not is sent again, which creates nothing that a query finds. What an append may
        have made stays in doubt where the page says something else.
        """
        if self.search is None or (batch.action == "append" and batch.reservation is None):
            return []
        drafts, fate = drawn_up(batch, self.properties, self.search)
        there = self._there(drafts)
        for each in drafts:
            found = [page for page in there[each.name] if self._may_be(batch, each, page)]
            whole = [page for page in found if holds(page.values, each.values)]
            if whole:
                fate.append(batch.outcome(each.record, remote_id=whole[0].id))
            elif not found or batch.action != "append":
                told = "Notion does not have it"
                fate.append(
                    batch.outcome(each.record, failed=told, remote_id=each.record.remote_id)
                )
        return fate

    def _may_be(self, batch: tailrace.Batch, draft: Draft, page: Page) -> bool:
        """Tell whether a page of the same key may be what became of a draft."""
        if batch.action != "append":
            return draft.record.remote_id in (None, page.id)
        # An older page, or one of somebody else, may be the same in all it says.
        made = datetime.fromisoformat(page.created)
        return same(page.author, self.me) and made >= datetime.fromisoformat(batch.reservation)

    def _there(self, drafts: Sequence[Draft]) -> There:
        if self.search is None:
            return {}
        names = [each.name for each in drafts if each.name is not None]
        asked = dict.fromkeys(name for each in drafts for name in each.values)
        return self.search.find(list(dict.fromkeys(names)), tuple(asked))

    def _done(self, batch: tailrace.Batch, draft: Draft, there: There) -> tailrace.Outcome:
        """Make a record's page what it should be."""
        known = draft.record.remote_id
        if batch.action == "append":
            return self._create(batch, draft)
        if known is not None and batch.action != "insert":
            try:
                return self._change(batch, draft, known)
            except MissingPageError as gone:
                if batch.action == "delete" and gone.trashed:
                    return batch.outcome(draft.record, remote_id=known)
                if batch.action == "delete":
                    return _skipped(batch, draft, f"its page is gone: {gone}")
                if gone.trashed and batch.action == "upsert":
                    self.api.change(known, {"in_trash": False})
                    return self._change(batch, draft, known)
            there = self._there([draft])
        pages = there.get(draft.name, ())
        if len(pages) > 1:
            return self._doubled(batch, draft, pages)
        return self._found(batch, draft, pages[0] if pages else None)

    def _found(self, batch: tailrace.Batch, draft: Draft, page: Page | None) -> tailrace.Outcome:
        if page is None:
            if batch.action in ("update", "delete"):
                return _skipped(batch, draft, "Notion has no page of this key")
            return self._create(batch, draft)
        if batch.action == "insert":
            told = "Notion has a page of this key"
            return batch.outcome(draft.record, skipped=told, reason="exists", remote_id=page.id)
        if batch.action != "delete" and holds(page.values, draft.values):
            return batch.outcome(draft.record, remote_id=page.id)
        return self._change(batch, draft, page.id)

    def _create(self, batch: tailrace.Batch, draft: Draft) -> tailrace.Outcome:
        return batch.outcome(draft.record, remote_id=self.api.create(self.source, draft.values))

    def _change(self, batch: tailrace.Batch, draft: Draft, page: str) -> tailrace.Outcome:
        body: dict[str, Any] = {"in_trash": True}
        if batch.action != "delete":
            body = {"properties": draft.values}
        return batch.outcome(draft.record, remote_id=self.api.change(page, body))

    def _doubled(
        self, batch: tailrace.Batch, draft: Draft, pages: Sequence[Page]
    ) -> tailrace.Outcome:
        by = self.search.by.name if self.search is not None else ""
        ids = ", ".join(page.id for page in pages[:5])
        told = f"several pages have this {by}, and nothing tells which is meant: {ids}; keep one"
        return batch.outcome(draft.record, rejected=told, reason="several")


def _skipped(batch: tailrace.Batch, draft: Draft, told: str) -> tailrace.Outcome:
    return batch.outcome(draft.record, skipped=told, reason="not_found")
