"""Rows of an executed query, as the engine takes them: from a cursor, or as Arrow."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Any

import attrs

import tailrace

_AT_ONCE = 5_000
"""Rows that are asked of a database at a time."""


@attrs.define(eq=False)
class Rows:
    """Hand out rows as tuples; the connection is let go of with the last one.

    names: of the columns. judged: turns a database's errors into the engine's. fixes: what makes a
    value of a column what it means, by its place.
    """

    names: Sequence[str]
    fetch: Callable[[int], Sequence[Sequence[Any]]]
    judged: Callable[[], AbstractContextManager[None]]
    release: Callable[[], None]
    fixes: Sequence[tuple[int, Callable[[Any], Any]]] = ()
    _waiting: Iterator[Sequence[Any]] = attrs.field(factory=lambda: iter(()), init=False)
    _ended: bool = attrs.field(default=False, init=False)

    @property
    def description(self) -> list[tuple[str]]:
        """Name the columns, as cursors do."""
        return [(name,) for name in self.names]

    def fetchmany(self, size: int) -> list[Sequence[Any]]:
        """Give up to so many rows; none says that there are no more."""
        page = [row for _, row in zip(range(size), self._waiting, strict=False)]
        if not page and not self._ended:
            self._ask()
            page = [row for _, row in zip(range(size), self._waiting, strict=False)]
        return page

    def _ask(self) -> None:
        with self.judged():
            rows = self.fetch(_AT_ONCE)
            if not rows:
                self._ended = True
                self.release()
        self._waiting = map(self._fixed, rows) if self.fixes else iter(rows)

    def _fixed(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, fix in self.fixes:
            if values[place] is not None:
                values[place] = fix(values[place])
        return values


@attrs.define(eq=False)
class Stream:
    """Hand out Arrow batches, and say why they ended early; Arrow itself has only texts for that."""

    reader: Any = None
    problem: tailrace.SourceError | None = None

    @classmethod
    def of(cls, schema: Any, batches: Iterator[Any]) -> "Stream":
        """Make a stream of batches."""
        import pyarrow as pa

        stream = cls()
        stream.reader = pa.RecordBatchReader.from_batches(schema, stream._noting(batches))
        return stream

    @property
    def schema(self) -> Any:
        """Give the columns."""
        return self.reader.schema

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:  # the Arrow protocol
        return self.reader.__arrow_c_stream__(requested_schema)

    def _noting(self, batches: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from batches
        except tailrace.SourceError as error:
            self.problem = error
            raise

    def failed(self, error: Exception) -> Exception:
        """Give what an error of the stream came from."""
        return self.problem or error


def _number(text: str) -> float | Decimal:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)


loads = partial(json.loads, parse_float=_number)
"""Read JSON with all digits of its numbers."""


def near(name: str, names: Sequence[str]) -> str:
    """Give the end of a sentence that names what may have been meant."""
    found = get_close_matches(name, names, 3)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
