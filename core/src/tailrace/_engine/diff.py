"""Diff: what of the read is to be sent, at most once a key.

So far it knows no snapshot: every record that was read is a change. What a keyed mode needs even
so is the whole read before the first write: records that are equal count once, and records that
share a key and differ are all refused, since none of them is the right one. A small read stays in
memory; a larger one is laid down on disk, and DuckDB finds the keys that occur twice.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import attrs

from tailrace._engine.arrow import PAGE, connect, literal
from tailrace._engine.codec import decode, digest, encode
from tailrace._engine.flow import Records, Refuse
from tailrace.records import Row
from tailrace.schema import Schema

IN_MEMORY = 20_000
"""Records of a read that are kept in memory; some tens of megabytes."""

Skip = Callable[[Any, str, str], None]


@attrs.frozen
class Plan:
    """Hold the records of a whole read by key: each once, those in conflict refused.

    Use it in a `with` block: the files are removed at its end.
    """

    refuse: Refuse
    skip: Skip
    in_memory: int = IN_MEMORY
    _folder: tempfile.TemporaryDirectory[str] = attrs.field(
        init=False, factory=lambda: tempfile.TemporaryDirectory(prefix="tailrace-")
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def make(self, pages: Iterable[Records]) -> Iterator[Records]:
        """Take in all pages at once; give an iterator over the records that stand."""
        iterator = iter(pages)
        held: list[Records] = []
        count = 0
        for page in iterator:
            held.append(page)
            count += len(page.rows)
            if count > self.in_memory:
                return self._large(chain(held, iterator))
        return self._small(held)

    def _small(self, pages: list[Records]) -> Iterator[Records]:
        first: dict[Any, bytes] = {}
        differ: dict[Any, bool] = {}
        records = [pair for page in pages for pair in self._held(page)]
        for key, row in records:
            line = encode(row)
            if first.setdefault(key, line) is not line:
                differ[key] = differ.get(key, False) or first[key] != line
        named = ((key, key, row) for key, row in records)
        return _paged(self._standing(named, differ), pages[-1].schema if pages else Schema())

    def _large(self, pages: Iterable[Records]) -> Iterator[Records]:
        folder = Path(self._folder.name)
        schema = Schema()
        with (folder / "rows").open("wb") as rows, (folder / "hashes").open("wb") as hashes:
            for page in pages:
                schema = page.schema
                for key, row in self._held(page):
                    line = encode(row)
                    name = digest(encode({"": _plain(key)})).hex()
                    rows.write(line + b"\n")
                    hashes.write(f"{name},{digest(line).hex()}\n".encode())
        differ = _doubles(folder / "hashes")
        return _paged(self._standing(_laid(folder, schema.key), differ), schema)

    def _standing(
        self, records: Iterable[tuple[Any, Any, Row]], differ: Mapping[Any, bool]
    ) -> Iterator[tuple[Any, Row]]:
        sent: set[Any] = set()
        for name, key, row in records:
            if name not in differ:
                yield key, row
            elif differ[name]:
                message = "several records of this read have this key and differ; none was sent"
                self.refuse(key, "double_key", message)
            elif name in sent:
                self.skip(key, "double", "an equal record of this read has this key")
            else:
                sent.add(name)
                yield key, row

    def _held(self, page: Records) -> Iterator[tuple[Any, Row]]:
        """Give the records whose values can be laid down; the others are refused."""
        for key, row in zip(page.keys, page.rows, strict=True):
            try:
                encode(row)
            except TypeError as error:
                self.refuse(key, "value", f"{error} cannot be kept; give a plain value")
            else:
                yield key, row


def _paged(records: Iterable[tuple[Any, Row]], schema: Schema) -> Iterator[Records]:
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        yield Records([key for key, _ in page], [row for _, row in page], schema)


def _laid(folder: Path, key: tuple[str, ...]) -> Iterator[tuple[str, Any, Row]]:
    with (folder / "rows").open("rb") as rows, (folder / "hashes").open() as hashes:
        for line, hashed in zip(rows, hashes, strict=True):
            row = decode(line)
            values = tuple(row[name] for name in key)
            yield hashed[:32], values[0] if len(values) == 1 else values, row


def _doubles(path: Path) -> dict[str, bool]:
    """Find the hashes of keys that occur twice, each with whether their records differ."""
    columns = "columns = {'k': 'VARCHAR', 'r': 'VARCHAR'}, header = false, auto_detect = false"
    with connect() as connection:
        connection.execute(f"SET temp_directory = {literal(str(path.parent / 'spill'))}")
        found = connection.execute(
            f"SELECT k, min(r) <> max(r) FROM read_csv({literal(str(path))}, {columns})"  # noqa: S608  # our own file
            " GROUP BY k HAVING count(*) > 1"
        ).fetchall()
    return dict(found)


def _plain(key: Any) -> Any:
    """Give equal keys one form: 1 and 1.0 name the same record."""
    if isinstance(key, tuple):
        return [_plain(each) for each in key]
    return int(key) if isinstance(key, float) and key.is_integer() else key
