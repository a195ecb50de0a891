"""Events: all objects once, then those that events tell of, as the last of them left them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from tailrace import Page
from tailrace.errors import SourceError
from tailrace_stripe._api import Api, Object
from tailrace_stripe._order import oldest_first
from tailrace_stripe._seen import Seen
from tailrace_stripe._values import Rows

DELETED = "deleted"
_DAY = 86_400


@attrs.frozen
class Events:
    """Read a list's objects, then what became of them.

    Of several events of an object the newest is read, once for each run: they come newest first.
    """

    api: Api
    events: Api
    rows: Rows
    asked: Mapping[str, Any]
    types: Sequence[str]
    days: int

    def read(self, position: Any) -> Iterator[Page]:
        """Read all objects, or those of the events since a position."""
        if not isinstance(position, Mapping) or "events" not in position:
            # What happens while all is read is read again next time.
            begun = self._now()
            for page in self.api.pages(self.asked):
                yield Page([{**self.rows.row(each), DELETED: False} for each in page])
            yield Page((), begun)
            return
        seen, fresh = Seen.of(position["events"]), Seen()
        for rows in oldest_first(self._changed(position.get("at"), seen, fresh)):
            yield Page(rows)
        yield Page((), self._position(seen.then(fresh)))

    def _changed(self, before: int | None, seen: Seen, fresh: Seen) -> Iterator[list[Object]]:
        """Give the rows of what changed since the last run, which was then; newest first."""
        told = set[str]()
        for page in self._pages({"created": {"gte": seen.begin or 0}}):
            self._check(before)
            rows = []
            for event in page:
                fresh.note(event)
                subject = event["data"]["object"]
                if not self._is_ours(subject) or subject["id"] in told:
                    continue
                told.add(subject["id"])
                if event["id"] not in seen.ids:
                    gone = event["type"].endswith(".deleted")
                    rows.append({**self.rows.row(subject), DELETED: gone})
            yield rows
        self._check(before)

    def _now(self) -> Any:
        """Give the position behind the newest event."""
        seen = Seen()
        for page in self._pages({}):
            seen.note(page[0])
            break
        if seen.begin is not None:
            for page in self._pages({"created": {"gte": seen.begin}}):
                for event in page:
                    seen.note(event)
        return self._position(seen)

    def _pages(self, asked: Mapping[str, Any]) -> Iterator[list[Object]]:
        types = {"types": list(self.types)} if self.types else {}
        return self.events.pages({**asked, **types})

    def _position(self, seen: Seen) -> Any:
        return {"events": seen.position(), "at": self.events.now()}

    def _check(self, before: int | None) -> None:
        """Refuse to read on where Stripe may have let go of events since the last run."""
        now = self.events.now()
        if now is not None and before is not None and now - before > self.days * _DAY:
            told = (
                f"the last run is {(now - before) // _DAY} days ago, and Stripe keeps events for"
                f" {self.days}; run once with --restart to read all anew"
            )
            raise SourceError(f"events: {told}")

    def _is_ours(self, subject: Mapping[str, Any]) -> bool:
        """Tell whether an object is one of the list: `checkout.session` of `checkout.sessions`."""
        kind = str(subject.get("object"))
        return "id" in subject and _bare(kind) == _bare(self.api.name.removesuffix("s"))


def _bare(name: str) -> str:
    # The client says invoice_items where objects say invoiceitem.
    return name.replace("_", "")
