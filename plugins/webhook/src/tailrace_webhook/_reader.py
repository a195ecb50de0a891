"""The reader: what an endpoint has received, as rows; what is settled is dropped."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from logging import Logger
from typing import TYPE_CHECKING, Any

import attrs

import tailrace
from tailrace.errors import SourceError
from tailrace_webhook._bodies import parse, rows_of
from tailrace_webhook._inbox import Inbox, Kept

if TYPE_CHECKING:
    from tailrace_webhook import Options


@attrs.frozen
class Reader:
    """Read an inbox for some syncs; a position is an inbox's name and a request's number."""

    inbox: Inbox
    options: "Options"
    syncs: Sequence[str]
    log: Logger

    def read(self, position: Any) -> Iterator[tailrace.Page]:
        """Drop what is settled, and give what lies after it."""
        after = self._after(position)
        path = self.options.path
        self.inbox.settle(path, self.syncs, after, self.options.forget)
        for page in self.inbox.pages(path, after):
            here = {"inbox": self.inbox.id, "after": page[-1].number}
            yield tailrace.Page(self._rows(page), here)

    def _after(self, position: Any) -> int:
        """Give the number to read on from: all of an inbox that was made anew is unread."""
        if not isinstance(position, Mapping) or position.get("inbox") != self.inbox.id:
            return 0
        number, last = int(position["after"]), self.inbox.last
        if number > last:
            raise SourceError(
                f"{self.inbox.path} is an older copy of the inbox: it has known {last:,} requests, and"
                f" {number:,} have been read; put the newer one back, or run with --restart"
            )
        return number

    def _rows(self, page: Sequence[Kept]) -> Iterator[dict[str, Any]]:
        fields = self.options.fields
        for kept in page:
            rows = rows_of(parse(kept.kind, kept.body), kept.rows_at)
            for at in range(len(rows)) if kept.chosen is None else kept.chosen:
                yield rows[at] | dict(_added(fields, kept, at))


def _added(fields: Mapping[str, str], kept: Kept, at: int) -> Iterator[tuple[str, Any]]:
    """Give the fields that the options add; what a request did not have, its rows do not have."""
    for name, told in fields.items():
        if told == "received_at":
            yield name, datetime.fromtimestamp(kept.received, UTC)
        elif told == "id":
            found = kept.ids[at] if isinstance(kept.ids, list) else kept.ids
            if found is not None:
                yield name, found
        else:
            header = told.removeprefix("header:").lower()
            if header in kept.headers:
                yield name, kept.headers[header]
