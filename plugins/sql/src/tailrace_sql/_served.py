"""PostgreSQL, SQLite and MySQL, through SQLAlchemy: connections, transactions, catalogues."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy import MetaData, create_engine, event, exc, inspect
from sqlalchemy import Table as Reflected
from sqlalchemy.engine import URL, Connection, Engine

import tailrace
from tailrace_sql._address import AT_ONCE
from tailrace_sql._columns import Column, Table, bits, of_kind
from tailrace_sql._statements import Form
from tailrace_sql._values import Fitting
from tailrace_sql._verdicts import of_mysql, of_postgres, of_sqlite

if TYPE_CHECKING:
    from tailrace_sql import Options

_CONNECT = 10
"""Seconds that a connection may take, or that SQLite waits for another writer."""
_TYPES = """
SELECT a.attname, format_type(a.atttypid, -1)
FROM pg_catalog.pg_attribute a WHERE a.attrelid = CAST(%s AS regclass) AND a.attnum > 0
"""
_LIMITS = """
SELECT set_config('timezone', 'UTC', true), set_config('statement_timeout', %s, true),
 set_config('lock_timeout', %s, true)
"""


_RIGHTS = """
SELECT has_any_column_privilege(t, %s), has_any_column_privilege(t, %s),
 has_any_column_privilege(t, %s), has_table_privilege(t, %s) FROM CAST(%s AS regclass) t
"""
_ASKED = ("SELECT", "INSERT", "UPDATE", "DELETE")


@attrs.frozen
class Session:
    """Run statements in one transaction."""

    connection: Connection

    def run(self, sql: str, values: Sequence[Any]) -> tuple[list[tuple[Any, ...]] | None, int]:
        """Run one; give the rows that it tells, None where it tells none, and how many it touched."""
        result = self.connection.exec_driver_sql(sql, tuple(values))
        if not result.returns_rows:
            return None, result.rowcount
        rows = [tuple(row) for row in result]
        return rows, len(rows)


@attrs.frozen
class Served:
    """Hold one database."""

    kind: str
    engine: Engine
    form: Form
    fitting: Fitting
    place: str
    statement_timeout: float
    judge: Callable[..., tailrace.WriteError]

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session; it is committed at the end of the block, and undone by an exception."""
        with self._judged():
            connection = self.engine.connect()
        with connection:
            with self._judged():
                if self.kind == "postgresql":
                    limit = f"{self.statement_timeout:.0f}s"
                    connection.exec_driver_sql(_LIMITS, (limit, limit))
                yield Session(connection)
            with self._judged(committing=True):
                connection.commit()

    @contextmanager
    def _judged(self, *, committing: bool = False) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            raise self.judge(error.orig, committing=committing) from None
        except exc.TimeoutError:
            raise tailrace.RetryableError("all connections are in use") from None

    def look(self, schema: str | None, name: str) -> Table | None:
        """Describe a table, or give None where there is none."""
        with self.transaction() as session, warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)  # types that SQLAlchemy does not know
            seen = inspect(session.connection)
            try:
                described = seen.get_columns(name, schema)
            except exc.NoSuchTableError:
                return None
            types: Mapping[str, str] = {}
            if self.kind == "postgresql":
                where = self.form.name(schema, name).replace("%%", "%")
                told, _ = session.run(_TYPES, (where,))
                types = dict(told or [])
            primary = seen.get_pk_constraint(name, schema)["constrained_columns"]
            uniques: list[Sequence[str | None]] = [
                each["column_names"] for each in seen.get_unique_constraints(name, schema)
            ]
            uniques += [
                each["column_names"]
                for each in seen.get_indexes(name, schema)
                if each["unique"] and not _partial(each)
            ]
        found = [primary, *uniques] if primary else uniques
        columns = {each["name"]: self._column(each, types, primary) for each in described}
        return Table(columns, frozenset(frozenset(filter(None, each)) for each in found))

    def rights(self, schema: str | None, name: str) -> frozenset[str] | None:
        """Give what the login may do with a table; None where a database does not tell."""
        if self.kind != "postgresql":
            return None
        where = self.form.name(schema, name).replace("%%", "%")
        with self.transaction() as session:
            rows, _ = session.run(_RIGHTS, (*_ASKED, where))
        [granted] = rows or []
        return frozenset(right for right, may in zip(_ASKED, granted, strict=True) if may)

    def _column(self, told: Any, types: Mapping[str, str], primary: Sequence[str]) -> Column:
        name, kind = told["name"], told["type"]
        facts = of_kind(kind)
        if self.kind != "postgresql" and facts["type"] is tailrace.FieldType.INTEGER:
            facts.update(bits(64))
        if self.kind == "sqlite":
            facts["zoned"] = None
            facts.pop("scale", None)  # a promise that SQLite does not keep
        identity = told.get("identity") or {}
        rowid = self.kind == "sqlite" and list(primary) == [name]
        numbered = rowid and facts["type"] is tailrace.FieldType.INTEGER
        return Column(
            name=name,
            sql=types.get(name, "").replace("%", "%%"),
            nullable=bool(told["nullable"]),
            filled=told.get("default") is not None
            or bool(identity)
            or told.get("autoincrement") is True
            or numbered,
            read_only=told.get("computed") is not None or bool(identity.get("always")),
            **facts,
        )

    def stage(self, schema: str | None, name: str, staging: str) -> None:
        """Make an empty table like another, in place of one that a dead run has left."""
        place, new = self.form.name(schema, name), self.form.name(schema, staging)
        with self.transaction() as session:
            session.run(f"DROP TABLE IF EXISTS {new}", ())
            if self.kind == "postgresql":
                like = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES"
                session.run(f"CREATE TABLE {new} (LIKE {place} {like} INCLUDING GENERATED)", ())
                return
            table = Reflected(name, MetaData(), schema=schema, autoload_with=session.connection)
            copy = table.to_metadata(MetaData(), name=staging)
            copy.indexes.clear()
            for constraint in copy.constraints:
                constraint.name = None
            copy.create(session.connection)


def _partial(index: Any) -> bool:
    """Tell whether an index is of some rows only, or of what is computed from columns."""
    options = index.get("dialect_options") or {}
    return bool(index.get("expressions")) or any(
        name.endswith("_where") and value is not None for name, value in options.items()
    )


@contextmanager
def served(options: "Options", url: URL, place: str) -> Iterator[Served]:
    """Give the database at an address, with a pool of connections that ends with the block."""
    kind = url.get_backend_name()
    arguments: dict[str, Any] = {"pool_size": AT_ONCE, "max_overflow": 0}
    judge: Callable[..., tailrace.WriteError] = of_mysql
    most, fitting = 65_535, Fitting()
    if kind == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        given: dict[str, Any] = {
            "connect_timeout": _CONNECT,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": int(options.statement_timeout * 1000) + 60_000,
            "client_encoding": "utf8",
            "fallback_application_name": "tailrace",
            # What is prepared stays with the server's connection, which a pooler gives to others.
            "prepare_threshold": None,
        }
        judge, fitting = of_postgres, Fitting(no_nul=True)
    elif kind == "sqlite":
        if not options.create and not Path(url.database or "").is_file():
            raise tailrace.FatalError(f"there is no file {url.database}, and create is not given")
        given, judge, fitting, most = {"timeout": _CONNECT}, of_sqlite, Fitting(plain=True), 32_766
    else:
        seconds = int(options.statement_timeout)
        given = {"connect_timeout": _CONNECT, "read_timeout": seconds, "write_timeout": seconds}
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_recycle=1800,
            pool_timeout=options.statement_timeout,
            connect_args={name: each for name, each in given.items() if name not in url.query},
            **arguments,
        )
    except (ImportError, exc.ArgumentError, exc.NoSuchModuleError) as error:
        told = f"{type(error).__name__}: no driver for {url.drivername} is installed"
        raise tailrace.ConfigError(tailrace.Problem("url", told)) from None
    if kind == "sqlite":
        event.listen(engine, "connect", _as_is)
        event.listen(engine, "begin", _begin)
    form = Form(
        quote=engine.dialect.identifier_preparer.quote_identifier,
        mark="?" if kind == "sqlite" else "%s",
        most=most,
        casts=kind == "postgresql",
        lists=kind == "postgresql",
        mysql=kind not in ("postgresql", "sqlite"),
    )
    try:
        yield Served(kind, engine, form, fitting, place, options.statement_timeout, judge)
    finally:
        engine.dispose()


def _as_is(connection: Any, _: Any) -> None:
    """Let nobody but us begin transactions, and have foreign keys kept."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    """Begin as a writer, since one who becomes it later may find another one there."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
