"""Batching: records go together up to a count and a size, no key twice."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

import attrs

from tailrace._engine.flow import Parcel, Records
from tailrace.errors import RejectedError
from tailrace.http import encode_json
from tailrace.records import Action, Batch, Record
from tailrace.schema import Schema

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
            if open_.records and page.late != open_.late:
                yield open_.close()
            open_.schema, open_.late = page.schema, page.late
            facts = zip(
                page.keys,
                page.rows,
                page.numbers or page.keys,
                page.lines or repeat(b""),
                page.changed or repeat(None),
                page.remotes or repeat(None),
                strict=False,
            )
            for key, row, number, line, changed, remote in facts:
                weight = 0 if self.max_bytes is None else self._weight(row)
                full = len(open_.records) >= self.batch_size or key in open_.keys
                heavy = open_.size + weight > (self.max_bytes or open_.size + weight)
                if open_.records and (full or heavy):
                    yield open_.close()
                open_.add(Record(key, row, changed, remote), number, line, weight)
        if open_.records:
            yield open_.close()

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
    records: list[Record] = attrs.field(factory=list)
    numbers: list[int] = attrs.field(factory=list)
    lines: list[bytes] = attrs.field(factory=list)
    keys: set[Any] = attrs.field(factory=set)
    # One byte more than its records with a comma each: the brackets of an array.
    size: int = 1

    def add(self, record: Record, number: int, line: bytes, weight: int) -> None:
        self.records.append(record)
        self.numbers.append(number)
        if line:
            self.lines.append(line)
        self.keys.add(record.key)
        self.size += weight

    def close(self) -> Parcel:
        """Give the batch, and begin the next."""
        self.count += 1
        batch = Batch(
            f"{self.run_id}-{self.count:06d}", self.action, self.schema, records=self.records
        )
        parcel = Parcel(batch, self.numbers, self.lines, self.file, self.offset, late=self.late)
        self.offset += parcel.length
        self.records, self.numbers, self.lines, self.size = [], [], [], 1
        self.keys.clear()
        return parcel
