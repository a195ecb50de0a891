"""SQLite as a source: a file opened for reading, and a query that may do nothing else."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import tailrace
from tailrace_sql._query import query_of, quoted
from tailrace_sql._rows import Rows, loads, near

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tailrace_sql._source import Since, SourceOptions

_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_UNKNOWN = re.compile(r"no such (table|column): (?:\w+\.)?(.+)")


@contextmanager
def read(options: "SourceOptions", url: "URL", since: "Since | None") -> Iterator[Any]:
    """Give the rows of a query."""
    path = Path(url.database or "")
    if not path.is_file():
        raise tailrace.SourceError(f"there is no file {path}")
    query = query_of(options)
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro",
        uri=True,
        timeout=10,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # A text that is none is a row to be refused, and not the end of the read.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        with _judged(connection):
            kinds = {} if query.values else _kinds(connection, query.text)
            if since is not None:
                # Where it was read up to is told in the words that the file has for it.
                kinds.pop(since.field, None)
                if since.value is not None:
                    query = query.since(quoted(since.field), since.value)
            connection.execute("PRAGMA query_only = ON")
            connection.set_authorizer(_reads_only)
            cursor = connection.execute(query.spelled(":{}".format), query.values)
        if cursor.description is None:
            raise tailrace.SourceError("the query gives no rows; the source only reads")
        names = [each[0] for each in cursor.description]
        fixes = [(place, kinds[name]) for place, name in enumerate(names) if name in kinds]
        yield Rows(names, cursor.fetchmany, lambda: _judged(connection), connection.close, fixes)
    finally:
        connection.close()


def _reads_only(action: int, *_: Any) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _kinds(connection: sqlite3.Connection, text: str) -> dict[str, Callable[[Any], Any]]:
    """Tell what is to become of columns, by the types that they were declared with."""
    try:
        connection.execute(f"CREATE TEMP VIEW tailrace_rows AS {text}")
        told = connection.execute("PRAGMA temp.table_info(tailrace_rows)").fetchall()
    except sqlite3.Error:
        return {}  # the query itself tells what is wrong with it
    finally:
        with suppress(sqlite3.Error):
            connection.execute("DROP VIEW IF EXISTS temp.tailrace_rows")
    kinds = {name: _FIXES.get(kind.partition("(")[0].strip().upper()) for _, name, kind, *_ in told}
    return {name: fix for name, fix in kinds.items() if fix is not None}


def _boolean(value: Any) -> Any:
    return bool(value) if type(value) is int and value in (0, 1) else value


def _decimal(value: Any) -> Any:
    return Decimal(repr(value)) if type(value) in (int, float) else value


def _read_by(reader: Callable[[str], Any], pattern: re.Pattern[str] | None = None) -> Any:
    def fix(value: Any) -> Any:
        if type(value) is not str or (pattern is not None and not pattern.fullmatch(value)):
            return value
        try:
            return reader(value)
        except (ValueError, RecursionError):
            return value

    return fix


_moment = _read_by(datetime.fromisoformat, _MOMENT)
_FIXES: Mapping[str, Callable[[Any], Any]] = {
    "BOOLEAN": _boolean,
    "BOOL": _boolean,
    "NUMERIC": _decimal,
    "DECIMAL": _decimal,
    "DATE": _read_by(date.fromisoformat, re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)),
    "DATETIME": _moment,
    "TIMESTAMP": _moment,
    "TIME": _read_by(time.fromisoformat, re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)),
    "JSON": _read_by(loads),
}


@contextmanager
def _judged(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        told = str(error)
        if "not authorized" in told or "prohibited" in told:
            told += ": the source only reads"
        elif found := _UNKNOWN.fullmatch(told):
            told += _near(connection, found[1], found[2])
        elif "one statement at a time" in told:
            told += ": give one query"
        raise tailrace.SourceError(told) from None


def _near(connection: sqlite3.Connection, kind: str, name: str) -> str:
    """Name the tables or columns that may have been meant."""
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    if kind == "column":
        query = (
            "SELECT DISTINCT c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.type IN ('table', 'view')"
        )
    with suppress(sqlite3.Error):
        connection.set_authorizer(None)
        return near(name, [each for (each,) in connection.execute(query)])
    return ""
