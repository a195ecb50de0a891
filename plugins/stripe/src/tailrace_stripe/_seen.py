"""What was seen of a list that only grows: the newest second, and which ids around it."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

OVERLAP = 10
"""Seconds before the newest that are read again, since Stripe may show an object late."""


@attrs.define
class Seen:
    """Note the newest objects; a position is the second of the newest, and those near it."""

    newest: int | None = None
    ids: dict[str, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, position: Any) -> Self:
        """Take a position of an earlier run; what is none is the beginning."""
        if not isinstance(position, Mapping) or "created" not in position:
            return cls()
        return cls(position["created"], dict(position["ids"]))

    @property
    def begin(self) -> int | None:
        """Give the second from which on to read; None for the beginning."""
        return None if self.newest is None else max(0, self.newest - OVERLAP)

    def note(self, each: Mapping[str, Any]) -> None:
        """Note an object, of those that come newest first."""
        created = each["created"]
        self.newest = created if self.newest is None else max(self.newest, created)
        if created >= self.newest - OVERLAP:
            self.ids[each["id"]] = created

    def then(self, fresh: "Seen") -> "Seen":
        """Give what was seen here and later."""
        known = [each for each in (self.newest, fresh.newest) if each is not None]
        if not known:
            return Seen()
        newest = max(known)
        near = {
            id_: created
            for id_, created in {**self.ids, **fresh.ids}.items()
            if created >= newest - OVERLAP
        }
        return Seen(newest, near)

    def position(self) -> Any:
        """Give it as JSON; None where there was nothing."""
        return None if self.newest is None else {"created": self.newest, "ids": self.ids}
