"""Batching: records go together up to a count and a size, no key twice."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from tailrace._engine.flow import Records
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

    def cut(self, pages: Iterable[Records]) -> Iterator[Batch]:
        """Give batches, each with the schema that its records have made known."""
        count = 0
        open_: list[Record] = []
        keys: set[Any] = set()
        # One byte more than its records with a comma each: the brackets of an array.
        size = 1
        schema = Schema()
        for page in pages:
            schema = page.schema
            for key, row in zip(page.keys, page.rows, strict=True):
                weight = 0 if self.max_bytes is None else self._weight(row)
                full = len(open_) >= self.batch_size or key in keys
                if open_ and (full or size + weight > (self.max_bytes or size + weight)):
                    count += 1
                    yield self._batch(count, open_, schema)
                    open_, size = [], 1
                    keys.clear()
                open_.append(Record(key, row))
                keys.add(key)
                size += weight
        if open_:
            yield self._batch(count + 1, open_, schema)

    def _batch(self, count: int, records: list[Record], schema: Schema) -> Batch:
        return Batch(f"{self.run_id}-{count:06d}", self.action, schema, records=records)

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
