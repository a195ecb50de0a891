"""DuckDB as a source: a file opened for reading, and one SELECT."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

import tailrace
from tailrace_sql._query import Query, query_of, quoted
from tailrace_sql._rows import Rows, Stream, loads
from tailrace_sql._verdicts import without_values

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tailrace_sql._source import Since, SourceOptions

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONED = "TIMESTAMP WITH TIME ZONE"
_PLAIN = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "DOUBLE", "VARCHAR", "DATE", "TIME", "TIMESTAMP", "BLOB", _ZONED,
})  # fmt: skip
"""Types that arrive in Arrow as they do in Python."""


@contextmanager
def read(options: "SourceOptions", url: "URL", since: "Since | None") -> Iterator[Any]:
    """Give the rows of a query."""
    path = Path(url.database or "")
    if not path.is_file():
        raise tailrace.SourceError(f"there is no file {path}")
    query = query_of(options, since)
    with _judged():
        connection = duckdb.connect(str(path), read_only=True)
    try:
        with _judged():
            connection.execute("SET TimeZone = 'UTC'")
            text = query.spelled("${}".format)
            _only_reads(connection, query)
            values = dict(query.values)
            told = connection.execute(f"DESCRIBE {text}", values or None).fetchall()
        columns = [(name, kind) for name, kind, *_ in told]
        if options.arrow and since is None and _in_arrow(columns):
            import pyarrow as pa

            with _judged():
                relation = connection.sql(text, params=values or None)
                batches = pa.RecordBatchReader.from_stream(relation)
            yield Stream.of(batches.schema, _batches(pa, batches, connection.close))
            batches.close()
            return
        chosen = ", ".join(
            f"epoch_us({quoted(name)})" if kind == _ZONED else quoted(name)
            for name, kind in columns
        )
        with _judged():
            connection.execute(f"SELECT {chosen} FROM (\n{text}\n)", values or None)  # noqa: S608  # quoted
        yield Rows(
            [name for name, _ in columns],
            connection.fetchmany,
            _judged,
            connection.close,
            [(place, _FIXES[kind]) for place, (_, kind) in enumerate(columns) if kind in _FIXES],
        )
    finally:
        connection.close()


def _only_reads(connection: duckdb.DuckDBPyConnection, query: Query) -> None:
    """Refuse all but one SELECT: a COPY, for one, writes files."""
    found = connection.extract_statements(query.spelled("${}".format))
    if [each.type for each in found] != [duckdb.StatementType.SELECT]:
        raise tailrace.SourceError("the source only reads: give one SELECT")


def _in_arrow(columns: list[tuple[str, str]]) -> bool:
    return find_spec("pyarrow") is not None and all(
        kind in _PLAIN or kind.startswith("DECIMAL(") for _, kind in columns
    )


def _batches(pa: Any, batches: Any, release: Callable[[], None]) -> Iterator[Any]:
    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise tailrace.SourceError(without_values(str(error))) from None
    batches.close()
    release()


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


_FIXES: dict[str, Callable[[Any], Any]] = {"JSON": loads, _ZONED: _moment}


@contextmanager
def _judged() -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        told = "another process has the file open; DuckDB lets in only one that writes"
        raise tailrace.SourceError(told if "lock" in str(error) else str(error)) from None
    except duckdb.DataError as error:
        raise tailrace.SourceError(without_values(str(error))) from None
    except duckdb.Error as error:
        raise tailrace.SourceError(str(error)) from None
