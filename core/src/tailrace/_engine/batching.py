"""Batching: records go together up to a count and a size, no key twice."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from tailrace._engine.flow import Parcel, Records
from tailrace.errors import RejectedError
from tailrace.http import encode_json
from tailrace.records import Action, Batch, Row, RowRecords
from tailrace.schema import Schema

TOGETHER = 16
"""Batches in a row that lie ready at most; as many share a commit."""

_log = logging.getLogger("tailrace")

Weigh = Callable[[Mapping[str, Any]], int]


@attrs.frozen
class Batching:
    """Cut a stream of records into batches; one record heavier than `max_bytes` goes alone."""

    run_id: str
    action: Action
    batch_size: int
    max_bytes: int | None = None
    weigh: Weigh | None = None
    after: int = 0

    def cut(self, pages: Iterable[Records], file: str = "", offset: int = 0) -> Iterator[Parcel]:
        """Give batches, each with the schema that its records have made known.

        after: batches that the run has made before. file, offset: where the records' lines stand.
        """
        open_ = _Open(self.run_id, self.action, file, self.after, offset)
        for page in pages:
            if open_.rows and page.late != open_.late:
                yield open_.close()
            open_.schema, open_.late = page.schema, page.late
            at = 0
            while at < len(page.rows):
                until = self._reach(open_, page, at)
                open_.take(page, slice(at, until))
                at = until
                left = len(page.rows) - at
                if left or len(open_.rows) >= self.batch_size:
                    yield open_.close(more=left >= self.batch_size)
        if open_.rows:
            yield open_.close()

    def _reach(self, open_: "_Open", page: Records, at: int) -> int:
        """Tell how far into a page the open batch reaches, from a place on."""
        until = min(len(page.rows), at + self.batch_size - len(open_.rows))
        if page.schema.key:
            until = at + open_.fresh(page.keys[at:until])
        if self.max_bytes is not None:
            until = at + self._light(open_, page.rows[at:until], self.max_bytes)
        return until if until > at or open_.rows else at + 1

    def _light(self, open_: "_Open", rows: list[Row], most: int) -> int:
        """Count the rows that the open batch can still bear; the first of a batch goes anyway."""
        for count, row in enumerate(rows):
            weight = self._weight(row)
            if open_.size + weight > most and (count or open_.rows):
                return count
            open_.size += weight
        return len(rows)

    def _weight(self, row: Mapping[str, Any]) -> int:
        if self.weigh is not None:
            try:
                return self.weigh(row)
            except Exception:  # noqa: BLE001  # a plugin's bug must not cost the record its answer
                _log.exception("the destination's weigh() failed; a row's length as JSON counts")
        try:
            return len(encode_json(row)) + 1
        except RejectedError:
            # Writing it will tell, and refuse this record alone.
            return 0


@attrs.define
class _Open:
    """Gather the records of the next batch."""

    run_id: str
    action: Action
    file: str
    count: int
    offset: int
    schema: Schema = attrs.field(factory=Schema)
    late: float = 0.0
    seen: set[Any] = attrs.field(factory=set)
    keys: list[Any] = attrs.field(factory=list)
    rows: list[Row] = attrs.field(factory=list)
    numbers: list[int] = attrs.field(factory=list)
    lines: list[bytes] = attrs.field(factory=list)
    changed: list[frozenset[str] | None] = attrs.field(factory=list)
    remotes: list[str | None] = attrs.field(factory=list)
    # One byte more than its records with a comma each: the brackets of an array.
    size: int = 1

    def fresh(self, keys: Sequence[Any]) -> int:
        """Count the keys, from the first on, that the batch does not have."""
        new = set(keys)
        if len(new) == len(keys) and self.seen.isdisjoint(new):
            return len(keys)
        seen = set(self.seen)
        for count, key in enumerate(keys):
            if key in seen:
                return count
            seen.add(key)
        return len(keys)

    def take(self, page: Records, part: slice) -> None:
        """Take a part of a page in."""
        self.keys += page.keys[part]
        self.rows += page.rows[part]
        self.numbers += (page.numbers or page.keys)[part]
        self.lines += page.lines[part]
        self.changed += page.changed[part]
        self.remotes += page.remotes[part]
        if page.schema.key:
            self.seen.update(page.keys[part])

    def close(self, *, more: bool = False) -> Parcel:
        """Give the batch, and begin the next; more: which can be filled at once."""
        self.count += 1
        more = more and self.count % TOGETHER > 0
        name, body = f"{self.run_id}-{self.count:06d}", b"".join(self.lines)
        records = RowRecords(self.keys, self.rows, self.changed, self.remotes)
        batch = Batch(name, self.action, self.schema, records=records)
        parcel = Parcel(
            batch, self.numbers, body, self.file, self.offset, late=self.late, more=more
        )
        self.offset += len(body)
        self.keys, self.rows, self.numbers, self.lines = [], [], [], []
        self.changed, self.remotes, self.size = [], [], 1
        self.seen.clear()
        return parcel
