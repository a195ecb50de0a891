"""Columnar sources, read through DuckDB as a stream of row tuples."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import Any

import attrs

from tailrace.errors import SourceError
from tailrace.schema import Field, FieldType, Schema

PAGE = 1000
"""Rows that are taken over at a time."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "256MB",
    "autoinstall_known_extensions": False,
}
_POLL = 0.1
"""Seconds between two looks at whether a long query is to stop."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONED = re.compile(r"TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ_NS")
_UNZONED = re.compile(r"TIMESTAMP(?! WITH|TZ)")

_TYPES = {
    "BOOLEAN": FieldType.BOOLEAN,
    "DOUBLE": FieldType.NUMBER,
    "FLOAT": FieldType.NUMBER,
    "VARCHAR": FieldType.STRING,
    "UUID": FieldType.STRING,
    "DATE": FieldType.DATE,
    "TIME": FieldType.TIME,
    "BLOB": FieldType.BYTES,
    "JSON": FieldType.JSON,
    '"NULL"': FieldType.NULL,
}
_FAMILIES = (
    ("DECIMAL", FieldType.DECIMAL),
    ("TIMESTAMP", FieldType.DATETIME),
    ("ENUM", FieldType.STRING),
    ("STRUCT", FieldType.JSON),
    ("MAP", FieldType.JSON),
)


def field_type(name: str) -> FieldType:
    """Tell the type of a column from DuckDB's name for it."""
    if name.endswith("]"):
        return FieldType.JSON
    if name.endswith(("INT", "INTEGER")):
        return FieldType.INTEGER
    if name in _TYPES:
        return _TYPES[name]
    return next((kind for start, kind in _FAMILIES if name.startswith(start)), FieldType.ANY)


def connect(temporary: Path | None = None) -> Any:
    """Open a DuckDB database in memory that stays small, silent and off the network.

    temporary: where it may lay down what is too much for memory.
    """
    import duckdb

    connection = duckdb.connect(":memory:", config=_SETTINGS)
    connection.execute("SET enable_progress_bar = false")
    if temporary is not None:
        connection.execute(f"SET temp_directory = {literal(str(temporary))}")
    return connection


@attrs.frozen
class Column:
    """Name a column as DuckDB knows it and as the source does; `kind` is DuckDB's type."""

    own: str
    name: str
    kind: str

    @property
    def selected(self) -> str:
        """Give what to select of it; zoned moments come without their zone: see `fixes`."""
        return _selected(self.own, self.kind)


@attrs.frozen
class Scan:
    """Hold a relation's columns and stream its rows; closes its connection at the end.

    The relation is read once, by whoever iterates, or by a query of others on its connection;
    `again` says that a part of it may be read for a look ahead.
    """

    connection: Any
    relation: str
    columns: Sequence[Column]
    failed: Callable[[Exception], Exception] = lambda error: error
    expected: int | None = None
    again: bool = False

    @property
    def schema(self) -> Schema:
        """Give the names and types of its columns."""
        return Schema([Field(each.name, field_type(each.kind)) for each in self.columns])

    def __iter__(self) -> Iterator[list[tuple[Any, ...]]]:
        chosen = ", ".join(f"{each.selected} AS {identifier(each.own)}" for each in self.columns)
        fixes_ = fixes(self.columns)
        with self.reading() as connection:
            connection.execute(f"SELECT {chosen} FROM {self.relation}")  # noqa: S608  # quoted names
            while rows := connection.fetchmany(PAGE):
                yield [fixed(row, fixes_) for row in rows] if fixes_ else rows

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Give the connection for one pass; what fails is told as the source tells it."""
        import duckdb

        try:
            yield self.connection
        except duckdb.Error as error:
            raise self.failed(error) from None
        finally:
            self.connection.close()


Fixes = Sequence[tuple[int, Callable[[Any], Any]]]


def fixes(columns: Sequence[Column], after: int = 0) -> Fixes:
    """Give what is to be done to values of columns, each with its place in a row."""
    return [
        (place, _fix(each.kind))
        for place, each in enumerate(columns, after)
        if _is_zoned(each.kind)
    ]


def fixed(row: tuple[Any, ...], fixes_: Fixes) -> tuple[Any, ...]:
    """Give a row as Python is to see it."""
    values = list(row)
    for place, fix in fixes_:
        if values[place] is not None:
            values[place] = fix(values[place])
    return tuple(values)


def scan(
    connection: Any,
    relation: str,
    failed: Callable[[Exception], Exception] = lambda error: error,
    names: Sequence[str] = (),
) -> Scan:
    """Describe a table, view or table function of a connection, which is read later.

    Moments with a time zone come as aware datetimes in UTC; sub-microseconds are cut off. `names`
    are the columns' own: DuckDB's differ where two of them differ in case only.
    """
    import duckdb

    try:
        described = connection.execute(f"DESCRIBE FROM {relation}").fetchall()
        columns = [
            Column(own, names[place] if place < len(names) else own, kind)
            for place, (own, kind, *_) in enumerate(described)
            if not own.startswith("__index_level_")
        ]
        if any(_is_zoned(each.kind) for each in columns):
            connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        connection.close()
        raise failed(error) from None
    return Scan(connection, relation, columns, failed)


def scan_object(source: Any) -> Scan:
    """Start reading an object with `__arrow_c_stream__`, or a pandas frame where pyarrow lacks.

    Where it breaks off, its `failed(error)`, if it has one, gives what is raised.
    """
    names = _names(source)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"the source has the column {twice[0]!r} twice")
    connection = connect()
    try:
        connection.register("source", _stream_of(source))
    except BaseException:
        connection.close()
        raise
    failed = getattr(source, "failed", None)
    return scan(connection, "source", failed if callable(failed) else lambda error: error, names)


@contextmanager
def ended_when(connection: Any, stopped: Callable[[], bool]) -> Iterator[list[bool]]:
    """Interrupt a query when the run is asked to stop; what is given is filled then."""
    import duckdb

    ended: list[bool] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_POLL):
            if stopped():
                ended.append(True)
                connection.interrupt()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield ended
    except duckdb.InterruptException:
        if not ended:
            raise
    finally:
        done.set()
        watcher.join()


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> tuple[Any, Any]:
    """Make a table of rows of text; give DuckDB's connection, which has to live as long, and it."""
    connection = connect(Path(gettempdir()))
    with NamedTemporaryFile("wb", suffix=".csv") as file:
        for row in rows:
            file.write(b",".join(map(_quoted, row)) + b"\n")
        file.flush()
        told = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in columns)
        connection.execute(
            f"CREATE TABLE given AS FROM read_csv({file_literal(Path(file.name))}, header = false,"
            f" auto_detect = false, columns = {{{told}}}, allow_quoted_nulls = false,"
            " quote = '\"', escape = '\"', max_line_size = 16000000, parallel = false)"
        )
    return connection, connection.table("given")


def _quoted(value: str | None) -> bytes:
    if value is None:
        return b""
    return b'"%b"' % value.replace('"', '""').encode("utf-8", "backslashreplace")


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """Quote a file's path for SQL, with nothing in it that DuckDB would take for a pattern."""
    return literal(re.sub(r"[*?\[]", r"[\g<0>]", str(path)))


def _names(source: Any) -> list[str]:
    """Give the names of the columns in their order, where the source tells them, else nothing."""
    for holder in (source, getattr(source, "schema", None)):
        for told in ("column_names", "columns", "names"):
            found = getattr(holder, told, None)
            if found is not None and not callable(found):
                # The names of a pandas frame may be of any type; they travel as text.
                names = [
                    str(name) for name in found if isinstance(name, str) or hasattr(source, "iloc")
                ]
                return names if len(names) == len(found) else []
    return []


def _is_zoned(kind: str) -> bool:
    return _ZONED.search(kind) is not None and not kind.startswith("ENUM")


def _selected(name: str, kind: str) -> str:
    """Select a column; zoned moments in it without their zone, for which DuckDB needs pytz."""
    quoted = identifier(name)
    if not _is_zoned(kind):
        return quoted
    if _ZONED.fullmatch(kind):
        return f"epoch_us(CAST({quoted} AS TIMESTAMPTZ))"
    if _UNZONED.search(kind):
        return quoted
    zoned, unzoned = (_ZONED.sub(put, kind) for put in ("TIMESTAMPTZ", "TIMESTAMP"))
    return f"CAST(CAST({quoted} AS {zoned}) AS {unzoned})"


def _fix(kind: str) -> Callable[[Any], Any]:
    if _ZONED.fullmatch(kind):
        return _moment
    return _plain if _UNZONED.search(kind) else _aware


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _plain(value: Any) -> Any:
    return value


def _aware(value: Any) -> Any:
    """Say of every moment inside a list or mapping that it is in UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, dict):
        return {_aware(name): _aware(each) for name, each in value.items()}
    return [_aware(each) for each in value] if isinstance(value, (list, tuple)) else value


@attrs.frozen
class _Stream:
    source: Any

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:  # the Arrow protocol
        return self.source.__arrow_c_stream__(requested_schema)


@attrs.frozen
class _TypedStream(_Stream):
    """Offer the schema apart, so that a stream that can be read only once is opened once."""

    def __arrow_c_schema__(self) -> Any:  # the Arrow protocol
        own = getattr(self.source, "__arrow_c_schema__", None)
        return own() if own is not None else self.source.schema.__arrow_c_schema__()


def _stream_of(source: Any) -> Any:
    schema = getattr(source, "schema", None)
    if callable(schema):
        schema = None
    if hasattr(source, "__arrow_c_schema__") or hasattr(schema, "__arrow_c_schema__"):
        return _TypedStream(source)
    if schema is not None or not hasattr(source, "columns"):
        return _Stream(source)
    try:
        import pyarrow  # noqa: ICN001  # pandas needs it to offer Arrow
    except ImportError:
        return source if hasattr(source, "iloc") else _Stream(source)
    # To be opened once: a frame is converted, and a relation's query run, each time it is.
    return _TypedStream(pyarrow.RecordBatchReader.from_stream(source))
