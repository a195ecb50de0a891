"""Staging: the records of a large read on disk: an index for DuckDB, and the values apart."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.disk import create
from tailrace._engine.snapshot import table_of

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


def taken_up(values: BinaryIO, index: tuple[int, str, str, int, int]) -> Staged:
    """Give a record back by its row of the index."""
    number, name, hash_, place, length = index
    values.seek(place)
    key, cursor, line = values.read(length).rstrip(b"\n").split(b"\t")
    return Staged(number, name, decode_value(key.decode()), hash_, cursor.decode(), line)
