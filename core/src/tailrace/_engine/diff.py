"""Diff: what of the read is to be sent, at most once a key.

So far it knows no snapshot: every record that was read is a change. What a keyed mode needs even
so is the whole read before the first write: records that are equal count once, and records that
share a key and differ are all refused, since none of them is the right one. A small read stays in
memory; a larger one is laid down on disk, with the hashes of its keys spread over files that are
small enough to be looked through one by one.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, time
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import Any, Self

import attrs

from tailrace._engine.arrow import PAGE
from tailrace._engine.codec import decode, digest, encode
from tailrace._engine.flow import Records, Refuse
from tailrace.records import Row
from tailrace.schema import Schema

IN_MEMORY = 20_000
"""Records of a read that are kept in memory; some tens of megabytes."""

_FILES = 64
_HASH = 16

_DAY = datetime(1970, 1, 1)  # noqa: DTZ001  # what both sides of a difference leave out

Skip = Callable[[Any, str, str], None]
Doubles = Mapping[Any, bool]
"""Names that stand for several records, each with whether those differ."""


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
        records = []
        for page in pages:
            for key, row, line in self._written(page):
                records.append((key, key, row))
                known = first.setdefault(key, line)
                if known is not line:
                    differ[key] = differ.get(key, False) or known != line
        return _paged(self._standing(records, differ), pages[-1].schema if pages else Schema())

    def _large(self, pages: Iterable[Records]) -> Iterator[Records]:
        folder = Path(self._folder.name)
        schema = Schema()
        with ExitStack() as stack:
            rows = stack.enter_context((folder / "rows").open("wb"))
            spread = [
                stack.enter_context((folder / f"{number}").open("wb")) for number in range(_FILES)
            ]
            for page in pages:
                schema = page.schema
                for key, _, line in self._written(page):
                    name = digest(encode({"": _plain(key)}))
                    rows.write(name.hex().encode() + line + b"\n")
                    spread[name[0] % _FILES].write(name + digest(line))
        differ: dict[Any, bool] = {}
        for number in range(_FILES):
            differ.update(_doubles((folder / f"{number}").read_bytes()))
        return _paged(self._standing(_laid(folder / "rows", schema), differ), schema)

    def _standing(
        self, records: Iterable[tuple[Any, Any, Row]], doubles: Doubles
    ) -> Iterator[tuple[Any, Row]]:
        sent: set[Any] = set()
        for name, key, row in records:
            if name not in doubles:
                yield key, row
            elif doubles[name]:
                message = "several records of this read have this key and differ; none was sent"
                self.refuse(key, "double_key", message)
            elif name in sent:
                self.skip(key, "double", "an equal record of this read has this key")
            else:
                sent.add(name)
                yield key, row

    def _written(self, page: Records) -> Iterator[tuple[Any, Row, bytes]]:
        """Give the records whose values can be laid down, as lines too; the others are refused."""
        for key, row in zip(page.keys, page.rows, strict=True):
            try:
                line = encode(row)
            except TypeError as error:
                self.refuse(key, "value", f"{error} cannot be kept; give a plain value")
            else:
                yield key, row, line


def _paged(records: Iterable[tuple[Any, Row]], schema: Schema) -> Iterator[Records]:
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        yield Records([key for key, _ in page], [row for _, row in page], schema)


def _laid(path: Path, schema: Schema) -> Iterator[tuple[bytes, Any, Row]]:
    names = schema.names
    with path.open("rb") as rows:
        for line in rows:
            laid = decode(line[2 * _HASH :])
            # A line has its names sorted; a person who sees the row expects the source's order.
            row = {name: laid[name] for name in names if name in laid} | laid
            values = tuple(row[name] for name in schema.key)
            name = bytes.fromhex(line[: 2 * _HASH].decode())
            yield name, values[0] if len(values) == 1 else values, row


def _doubles(hashes: bytes) -> dict[bytes, bool]:
    """Find the hashes of keys that occur twice, each with whether their records differ."""
    first: dict[bytes, bytes] = {}
    differ: dict[bytes, bool] = {}
    for at in range(0, len(hashes), 2 * _HASH):
        name, row = hashes[at : at + _HASH], hashes[at + _HASH : at + 2 * _HASH]
        known = first.setdefault(name, row)
        if known is not row:
            differ[name] = differ.get(name, False) or known != row
    return differ


def _plain(key: Any) -> Any:
    """Give equal keys one form: 1, 1.0 and Decimal(1) name the same record."""
    if isinstance(key, tuple):
        return [_plain(each) for each in key]
    if isinstance(key, (int, float, Decimal)):
        return list(key.as_integer_ratio()) if isfinite(key) else float(key)
    if isinstance(key, (datetime, time)) and (offset := key.utcoffset()) is not None:
        moment = key if isinstance(key, datetime) else datetime.combine(_DAY, key)
        return moment.replace(tzinfo=None) - _DAY - offset
    return key
