"""Staging: the records of a large read on disk: an index for DuckDB, and the values apart."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from tailrace._engine.arrow import PAGE
from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.disk import create
from tailrace._engine.snapshot import table_of

_PART = 250_000
"""Records that are taken at once; with all that is held of each, some hundred megabytes."""
_NEVER = 2**62
_INDEX = ("number", "name", "hash", "place", "length")


@attrs.frozen
class Staged:
    """Hold a record of a read, as a line, with all that it is compared by."""

    number: int
    name: str
    key: Any
    hash: str
    cursor: str
    line: bytes


def lay_down(folder: Path, records: Iterable[Staged]) -> None:
    """Lay records down."""
    place = 0
    with ExitStack() as stack:
        index = stack.enter_context(create(folder / "index"))
        values = stack.enter_context(create(folder / "values"))
        for each in records:
            key = encode_value(each.key)
            line = b"%b\t%b\t%b\n" % (key.encode(), each.cursor.encode(), each.line)
            told = f"{each.number}\t{each.name}\t{each.hash}\t{place}\t{len(line)}\n"
            index.write(told.encode())
            values.write(line)
            place += len(line)


def index_of(folder: Path) -> str:
    """Give the query of what was laid down, but for the values."""
    return (
        "SELECT number::BIGINT AS number, name, hash, place::BIGINT AS place,"  # noqa: S608
        f" length::BIGINT AS length FROM ({table_of(folder / 'index', _INDEX)})"
    )


def picked(connection: Any, held: str, alike: str) -> Iterator[Any]:
    """Give what is staged and not plainly as it was, with what is held of it, in the read's order.

    alike: the condition for the others; `special` are the names that are looked at all the same.
    Many are taken in parts, since what is held of all of them would not fit into memory.
    """
    connection.execute(
        "CREATE TEMP TABLE picked AS SELECT s.number FROM staged s"  # noqa: S608  # our own words
        f" LEFT JOIN {held} h USING (name) WHERE h.name IS NULL OR NOT ({alike})"
        " OR EXISTS (FROM special x WHERE x.name = s.name) ORDER BY s.number"
    )
    firsts = connection.execute(
        f"SELECT number FROM picked WHERE rowid % {_PART} = 0 ORDER BY number"  # noqa: S608
    ).fetchall()
    for low, high in pairwise([*(number for (number,) in firsts), _NEVER]):
        part = f"number >= {low} AND number < {high}"
        connection.execute(
            "SELECT s.number, s.name, s.hash, s.place, s.length, h.* FROM"  # noqa: S608
            f" (FROM staged WHERE {part} AND number IN (SELECT number FROM picked WHERE {part})) s"
            f" LEFT JOIN {held} h USING (name) ORDER BY s.number"
        )
        while rows := connection.fetchmany(PAGE):
            yield from rows


def taken_up(values: BinaryIO, index: tuple[int, str, str, int, int]) -> Staged:
    """Give a record back by its row of the index."""
    number, name, hash_, place, length = index
    values.seek(place)
    key, cursor, line = values.read(length).rstrip(b"\n").split(b"\t")
    return Staged(number, name, decode_value(key.decode()), hash_, cursor.decode(), line)
