"""PostgreSQL as a source: a cursor on the server, or Arrow where a driver for it is installed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

import tailrace
from tailrace_sql import _arrow
from tailrace_sql._query import Query, query_of
from tailrace_sql._rows import Rows, loads, near

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tailrace_sql._source import Since, SourceOptions

_GIVEN = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "client_encoding": "utf8",
    "fallback_application_name": "tailrace",
}
_CURSOR = "tailrace"
_DECLARE = f'DECLARE "{_CURSOR}" CURSOR FOR '
"""What psycopg puts before a query, and the server counts when it tells where an error lies."""
_SETTINGS = """
SELECT set_config('timezone', 'UTC', true), set_config('statement_timeout', %s, true),
 set_config('lock_timeout', %s, true), set_config('extra_float_digits', '3', true),
 set_config('cursor_tuple_fraction', '1', true),
 set_config('idle_in_transaction_session_timeout', '0', true)
"""
_NAMES = """
SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
 AND c.relnamespace NOT IN (CAST('pg_catalog' AS regnamespace),
 CAST('information_schema' AS regnamespace)) LIMIT 10000
"""
_AS_TEXT = (
    "inet", "cidr", "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange",
    "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange",
    "tstzmultirange",
)  # fmt: skip
_MOMENTS = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")
_WRITES = ("insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "copy")
_READS_ONLY = "the source only reads: give a query that begins with SELECT, WITH, VALUES or TABLE"


@contextmanager
def read(options: "SourceOptions", url: "URL", since: "Since | None") -> Iterator[Any]:
    """Give the rows of a query."""
    query = query_of(options, since)
    connection = _connected(url)
    cursor = connection.cursor(name=_CURSOR)

    def release() -> None:
        with suppress(psycopg.Error):
            cursor.close()
        connection.close()

    with ExitStack() as stack:
        stack.callback(release)
        with _judged(query):
            _begin(connection, options)
        with _judged(query, connection):
            if query.values:
                cursor.execute(query.spelled("%({})s".format, _doubled), query.values)
            else:
                cursor.execute(query.text)
        columns = list(cursor.description or ())
        if options.arrow and since is None and not query.values and _arrow.serves(columns):
            release()
            patience = options.statement_timeout
            yield stack.enter_context(_arrow.read(_conninfo(url), query.text, columns, patience))
            return
        names = [each.name for each in columns]
        yield Rows(names, cursor.fetchmany, lambda: _judged(query), release)


def _doubled(text: str) -> str:
    return text.replace("%", "%%")


def _conninfo(url: "URL") -> str:
    given = {name: each for name, each in _GIVEN.items() if name not in url.query}
    whole = url.set(drivername="postgresql").update_query_dict(given)
    return whole.render_as_string(hide_password=False)


def _connected(url: "URL") -> psycopg.Connection[Any]:
    with _judged(None):
        connection = psycopg.connect(_conninfo(url), prepare_threshold=None)
    connection.read_only = True
    _adapt(connection)
    return connection


def _begin(connection: psycopg.Connection[Any], options: "SourceOptions") -> None:
    limit = f"{options.statement_timeout:.0f}s"
    connection.execute(_SETTINGS, (limit, limit))


def _adapt(connection: psycopg.Connection[Any]) -> None:
    """Have values come as the engine knows them, and text where Python has none."""
    adapters = connection.adapters
    set_json_loads(loads, connection)
    for name in _AS_TEXT:
        with suppress(KeyError):  # one that this psycopg does not know comes as text anyway
            adapters.register_loader(adapters.types[name].oid, TextLoader)
    for name in _MOMENTS:
        oid = adapters.types[name].oid
        plain: Any = adapters.get_loader(oid, Format.TEXT)
        adapters.register_loader(oid, _tolerant(plain))


def _tolerant(plain: Any) -> type[Loader]:
    """Make a loader that gives text for what Python has no value for, such as `infinity`."""

    class Tolerant(Loader):
        format = Format.TEXT

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._load = plain(oid, context).load

        def load(self, data: Buffer) -> Any:
            try:
                return self._load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return Tolerant


@contextmanager
def _judged(
    query: Query | None, connection: psycopg.Connection[Any] | None = None
) -> Iterator[None]:
    """Turn an error into the engine's, with what to do; connection: to ask for near names."""
    try:
        yield
    except psycopg.Error as error:
        raise tailrace.SourceError(_told(error, query, connection)) from None


def _told(
    error: psycopg.Error, query: Query | None, connection: psycopg.Connection[Any] | None
) -> str:
    state, diag = error.sqlstate, error.diag
    if not state:
        told = " ".join(str(error).split())
        return f"{told}; look at the option url" if query is None else told
    told = diag.message_primary or type(error).__name__
    if state.startswith("22"):
        told = told.partition(': "')[0]  # what follows is a value of a row, or a parameter
    place, word = "", ""
    if query is not None and diag.statement_position:
        position = int(diag.statement_position) - len(_DECLARE)
        place = query.place(position)
        word = query.numbered[max(position - 1, 0) :].split(None, 1)[0].lower()
    if state == "42601" and (word in _WRITES or "multiple commands" in told):
        told = f"{told}: {_READS_ONLY}"
    elif state in ("25006", "0A000"):
        told = f"{told}; the source only reads"
    elif state == "42P01" and connection is not None:
        told += _near(told, connection)
    elif state == "42501":
        told += "; grant the role SELECT on it"
    elif state == "42P18":
        told += "; say its type, as in CAST(:name AS text)"
    elif state == "57014":
        told += "; the option statement_timeout gives it more time"
    hint = f". {diag.message_hint}" if diag.message_hint and state.startswith("42") else ""
    return f"{told}{hint}{place} (SQLSTATE {state})"


def _near(told: str, connection: psycopg.Connection[Any]) -> str:
    """Name the tables that may have been meant."""
    name = told.partition('"')[2].partition('"')[0].rpartition(".")[2]
    with suppress(psycopg.Error):
        connection.rollback()
        names = [each for (each,) in connection.execute(_NAMES)]
        return near(name, names)
    return ""
