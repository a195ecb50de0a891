"""Lists: all objects, or those that were made since the last run."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tailrace import Page
from tailrace.errors import SourceError
from tailrace_stripe._api import Api, Object
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
        """Read newest first; the position is behind all of it."""
        seen = Seen.of(position) if self.incremental else Seen()
        begin = seen.begin if self.since is None else self.since
        fresh = Seen()
        for page in self.api.pages({**self.asked, **_from(self.asked, begin)}):
            if self.incremental:
                self._note(fresh, page)
            yield Page([self.rows.row(each) for each in page if each["id"] not in seen.ids])
        if self.incremental:
            yield Page((), seen.then(fresh).position())

    def _note(self, fresh: Seen, page: list[Object]) -> None:
        for each in page:
            if "created" not in each:
                told = "its objects do not tell when they were made; leave out incremental"
                raise SourceError(f"{self.api.name}: {told}")
            fresh.note(each)


def _from(asked: Mapping[str, Any], begin: int | None) -> Mapping[str, Any]:
    """Give what to ask of `created`, which the user may have bounded too."""
    given = asked.get("created", {})
    if begin is None:
        return {}
    return {"created": {**given, "gte": max(begin, given.get("gte", begin))}}
