"""DuckDB, through its own client: one connection, since a file lets in one process only."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import duckdb
from sqlalchemy.engine.default import DefaultDialect

import tailrace
from tailrace_sql._columns import Column, Table, bits
from tailrace_sql._statements import Form
from tailrace_sql._values import Fitting
from tailrace_sql._verdicts import of_duckdb

_COLUMNS = """
SELECT c.column_name, c.data_type, c.is_nullable, c.column_default, i.is_generated = 'ALWAYS'
FROM duckdb_columns() c JOIN information_schema.columns i ON i.table_catalog = c.database_name
 AND i.table_schema = c.schema_name AND i.table_name = c.table_name
 AND i.column_name = c.column_name
WHERE c.database_name = current_database() AND c.schema_name = coalesce(?, current_schema())
 AND c.table_name = ? ORDER BY c.column_index
"""
_UNIQUE = """
SELECT constraint_column_names FROM duckdb_constraints()
WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND database_name = current_database()
 AND schema_name = coalesce(?, current_schema()) AND table_name = ?
"""
_INTEGERS = {
    f"{sign}{name}": bits(count, signed=not sign)
    for sign in ("", "U")
    for name, count in (
        ("TINYINT", 8),
        ("SMALLINT", 16),
        ("INTEGER", 32),
        ("BIGINT", 64),
        ("HUGEINT", 128),
    )
}
_WORDS = tailrace.FieldType
_TYPES: dict[str, dict[str, Any]] = {
    "BOOLEAN": {"type": _WORDS.BOOLEAN},
    "FLOAT": {"type": _WORDS.NUMBER},
    "DOUBLE": {"type": _WORDS.NUMBER},
    "VARCHAR": {"type": _WORDS.STRING},
    "UUID": {"type": _WORDS.STRING, "uuid": True},
    "DATE": {"type": _WORDS.DATE},
    "TIME": {"type": _WORDS.TIME},
    "TIMESTAMP": {"type": _WORDS.DATETIME},
    "TIMESTAMP WITH TIME ZONE": {"type": _WORDS.DATETIME, "zoned": True},
    "BLOB": {"type": _WORDS.BYTES},
    "JSON": {"type": _WORDS.JSON},
    **{name: {"type": _WORDS.INTEGER, **limits} for name, limits in _INTEGERS.items()},
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")


@attrs.frozen
class Session:
    """Run statements in one transaction."""

    connection: duckdb.DuckDBPyConnection

    def run(self, sql: str, values: Sequence[Any]) -> tuple[list[tuple[Any, ...]] | None, int]:
        """Run one; give the rows that it tells, None where it tells none, and how many it touched."""
        result = self.connection.execute(sql, list(values))
        rows = result.fetchall()
        told = result.description or []
        if [each[0] for each in told] == ["Count"] and " RETURNING " not in sql:
            return None, int(rows[0][0]) if rows else 0
        return rows, len(rows)


@attrs.frozen
class Duck:
    """Hold one file."""

    connection: duckdb.DuckDBPyConnection
    form: Form
    place: str
    fitting: Fitting = Fitting()
    kind: str = "duckdb"
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session; it is committed at the end of the block, and undone by an exception."""
        with self._lock:
            with _judged():
                self.connection.execute("BEGIN TRANSACTION")
            try:
                with _judged():
                    yield Session(self.connection)
                with _judged(committing=True):
                    self.connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # what failed in COMMIT is undone already
                    self.connection.execute("ROLLBACK")
                raise

    def look(self, schema: str | None, name: str) -> Table | None:
        """Describe a table, or give None where there is none."""
        with self.transaction() as session:
            told, _ = session.run(_COLUMNS, (schema, name))
            uniques, _ = session.run(_UNIQUE, (schema, name))
        if not told:
            return None
        columns = {each[0]: _column(*each) for each in told}
        return Table(columns, frozenset(frozenset(names) for (names,) in uniques or []))

    def rights(self, schema: str | None, name: str) -> None:
        """Give nothing: whoever may open the file may do all."""

    def stage(self, schema: str | None, name: str, staging: str) -> None:
        """Make an empty table like another, in place of one that a dead run has left."""
        table = self.look(schema, name)
        assert table is not None
        new, quote = self.form.name(schema, staging), self.form.quote
        parts = [
            f"{quote(each.name)} {each.full}{f' DEFAULT {each.default}' if each.default else ''}"
            f"{'' if each.nullable else ' NOT NULL'}"
            for each in table.columns.values()
            if not each.read_only
        ]
        parts += [f"UNIQUE ({', '.join(map(quote, sorted(each)))})" for each in table.uniques]
        with self.transaction() as session:
            session.run(f"DROP TABLE IF EXISTS {new}", ())
            session.run(f"CREATE TABLE {new} ({', '.join(parts)})", ())


def _column(name: str, kind: str, nullable: bool, default: str | None, computed: bool) -> Column:
    facts = _TYPES.get(kind, {"type": _WORDS.ANY, "native": True})
    if found := _DECIMAL.fullmatch(kind):
        facts = {"type": _WORDS.DECIMAL, "scale": int(found[1])}
    elif kind.startswith("ENUM("):
        facts = {"type": _WORDS.STRING}
    return Column(
        name=name,
        sql=kind,
        full=kind,
        nullable=nullable,
        default=None if computed else default,
        filled=default is not None,
        read_only=computed,
        **facts,
    )


@contextmanager
def _judged(*, committing: bool = False) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise of_duckdb(error, committing=committing) from None


@contextmanager
def duck(path: str, *, create: bool) -> Iterator[Duck]:
    """Give the database in a file."""
    if not create and not Path(path).is_file():
        raise tailrace.FatalError(f"there is no file {path}, and create is not given")
    with _judged():
        connection = duckdb.connect(path)
    quote = DefaultDialect().identifier_preparer.quote_identifier
    form = Form(quote=quote, mark="?", most=65_535, casts=True, lists=True)
    try:
        with _judged():
            connection.execute("SET TimeZone = 'UTC'")
        yield Duck(connection, form, f"duckdb {Path(path).resolve()}")
    finally:
        connection.close()
