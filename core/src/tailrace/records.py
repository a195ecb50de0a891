"""Records and batches: rows on their way to one destination."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import repeat
from typing import Any, overload

import attrs

from tailrace.outcomes import Outcome, Status
from tailrace.schema import Schema

Row = dict[str, Any]


class Action(StrEnum):
    """Name what a batch asks the destination to do."""

    APPEND = "append"
    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class Mode(StrEnum):
    """Name what a sync makes of the destination."""

    APPEND = "append"
    REPLACE = "replace"
    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    MIRROR = "mirror"


@attrs.frozen
class Record:
    """Hold one row and what names it.

    `key` is the bare value of a key of one field, a tuple of several, and without a key the
    record's place in the read, counted from 1. A field that is not in `values` is unset, which is
    not the same as None. changed: the fields that differ from what was delivered last, None for a
    record that is new or whose state is not known. remote_id: the service's own name for it, where
    an earlier outcome gave one.
    """

    key: Any
    values: Mapping[str, Any]
    changed: frozenset[str] | None = attrs.field(default=None, kw_only=False, eq=False)
    remote_id: str | None = attrs.field(default=None, eq=False)


@attrs.frozen(eq=False)
class RowRecords(Sequence[Record]):
    """Be the records of rows, each made when it is asked for; most writers want the rows alone."""

    keys: Sequence[Any]
    rows: Sequence[Row]
    changed: Sequence[frozenset[str] | None] = ()
    remotes: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Record]:
        return map(
            Record,
            self.keys,
            self.rows,
            self.changed or repeat(None),
            self.remotes or repeat(None),
        )

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> "RowRecords": ...

    def __getitem__(self, place: int | slice) -> "Record | RowRecords":
        if isinstance(place, slice):
            return RowRecords(
                self.keys[place], self.rows[place], self.changed[place], self.remotes[place]
            )
        return Record(
            self.keys[place],
            self.rows[place],
            self.changed[place] if self.changed else None,
            self.remotes[place] if self.remotes else None,
        )


@attrs.frozen(eq=False)
class Batch:
    """Hold records that are written together: one action, one schema, no key twice.

    `id` is the same on each re-send, also after a crash. `reservation` is what the writer's
    `reserve` gave.
    """

    id: str
    action: Action
    schema: Schema = attrs.field(repr=False)
    records: Sequence[Record] = attrs.field(repr=False, kw_only=True)
    reservation: Any = attrs.field(default=None, kw_only=True)

    def rows(self) -> list[Row]:
        """Give the rows as plain dicts, made anew on each call."""
        if isinstance(self.records, RowRecords):
            return list(map(dict, self.records.rows))
        return [dict(record.values) for record in self.records]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def outcome(
        self,
        record: Record,
        *,
        rejected: str | None = None,
        skipped: str | None = None,
        failed: str | None = None,
        reason: str | None = None,
        remote_id: str | None = None,
    ) -> Outcome:
        """Answer for one record: delivered, unless one of the three messages is given.

        `reason` is a short word for the kind of refusal, by which refusals are grouped.
        """
        for status, message in (
            (Status.REJECTED, rejected),
            (Status.SKIPPED, skipped),
            (Status.FAILED, failed),
        ):
            if message is not None:
                return Outcome(
                    record.key, status, reason=reason, message=message, remote_id=remote_id
                )
        return Outcome(record.key, Status.DELIVERED, remote_id=remote_id)
