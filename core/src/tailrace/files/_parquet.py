"""Parquet files through DuckDB."""

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from tailrace._engine.arrow import Scan, connect, file_literal, scan
from tailrace.errors import SourceError


def scan_parquet(paths: Sequence[Path]) -> Scan:
    """Start reading files as one; a column that a file lacks is null there."""
    files = f"[{', '.join(file_literal(path) for path in paths)}]"
    connection = connect()
    reading = scan(connection, f"read_parquet({files}, union_by_name = true)", _failed(paths))
    with connect() as other:
        count = other.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({files})")  # noqa: S608  # quoted
        return attrs.evolve(reading, expected=int(count.fetchone()[0]), again=True)


def _failed(paths: Sequence[Path]) -> Callable[[Exception], SourceError]:
    def failed(error: Exception) -> SourceError:
        text = str(error)
        named = next((path for path in paths if str(path) in text), paths[0])
        return SourceError(f"{named}: {text.splitlines()[0]}")

    return failed
