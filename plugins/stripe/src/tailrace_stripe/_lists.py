"""Lists: all objects, or those that were made since the last run."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tailrace import Page
from tailrace.errors import SourceError
from tailrace_stripe._api import Api, Object
from tailrace_stripe._order import oldest_first
from tailrace_stripe._seen import Seen
from tailrace_stripe._values import Rows


@attrs.frozen
class Lists:
    """Read a list.

    since: the second from which on it is read, that one included.
    """

    api: Api
    rows: Rows
    asked: Mapping[str, Any]
    incremental: bool
    since: int | None

    def read(self, position: Any) -> Iterator[Page]:
        """Read newest first; what was made since a position, the oldest first."""
        if not self.incremental:
            for page in self.api.pages(self._from(self.since)):
                yield Page([self.rows.row(each) for each in page])
            return
        seen, fresh = Seen.of(position), Seen()
        begin = seen.begin if self.since is None else self.since
        for page in oldest_first(self._unseen(begin, seen, fresh)):
            yield Page([self.rows.row(each) for each in page])
        yield Page((), seen.then(fresh).position())

    def _unseen(self, begin: int | None, seen: Seen, fresh: Seen) -> Iterator[list[Object]]:
        for page in self.api.pages(self._from(begin)):
            self._note(fresh, page)
            yield [each for each in page if each["id"] not in seen.ids]

    def _from(self, begin: int | None) -> Mapping[str, Any]:
        """Give what to ask for, from a second on; the user may have bounded `created` too."""
        if begin is None:
            return self.asked
        given = self.asked.get("created", {})
        return {**self.asked, "created": {**given, "gte": max(begin, given.get("gte", begin))}}

    def _note(self, fresh: Seen, page: list[Object]) -> None:
        for each in page:
            if "created" not in each:
                told = "its objects do not tell when they were made; leave out incremental"
                raise SourceError(f"{self.api.name}: {told}")
            fresh.note(each)
