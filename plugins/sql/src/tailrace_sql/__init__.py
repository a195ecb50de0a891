"""Tables as source and destination: PostgreSQL, SQLite and DuckDB, and others in part."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs

import tailrace
from tailrace_sql._source import SourceOptions, open_rows


@attrs.frozen(kw_only=True)
class Options:
    """Name the table that is written to, and how."""

    url: tailrace.Secret = tailrace.option(
        help="The database's address: `postgresql://user:password@host/database`,"
        " `sqlite:///file`, `duckdb:///file`; four slashes before a path from the root."
    )
    table: str = tailrace.option(help="The table's name.")
    schema: str | None = tailrace.option(
        None, help="The schema it is in; left out, the one that the login finds first."
    )
    create: bool = tailrace.option(
        False, help="Whether to make the table, with the key as its primary key, if there is none."
    )
    version: str | None = tailrace.option(
        None, help="A column that only grows: an older row never overwrites a newer one."
    )
    statement_timeout: float = tailrace.option(
        60.0, help="Seconds that one statement, or a wait for a lock, may take on PostgreSQL."
    )


@contextmanager
def open_table(options: Options, *, mode: str) -> Iterator[Any]:
    """Give the writer of a mode; one look at the catalogue shows whether the table is there."""
    from tailrace_sql._address import opened
    from tailrace_sql._replace import Replacer
    from tailrace_sql._writer import TableWriter

    with ExitStack() as stack:
        database = stack.enter_context(opened(options))
        writer = TableWriter(
            database, options.schema, options.table, mode, options.create, options.version
        )
        writer.look()
        yield stack.enter_context(Replacer(writer)) if mode == "replace" else writer


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source."""
    return tailrace.SourceSpec(options=SourceOptions, open=open_rows)


@tailrace.hookimpl
def tailrace_destination(options: Options | None) -> tailrace.DestinationSpec:
    """Give the destination; how many batches go at once depends on the database."""
    from tailrace_sql._address import AT_ONCE, kind_of

    modes = {"append", "insert", "update", "upsert", "mirror", "replace"}
    at_once = AT_ONCE
    if options is not None:
        problems = _problems(options)
        kind = kind_of(options)
        if kind in ("sqlite", "duckdb"):
            at_once = 1
        elif kind != "postgresql":
            modes = {"append", "upsert", "mirror"}
            if options.create or options.version is not None:
                name = "create" if options.create else "version"
                problems.append(tailrace.Problem(name, f"is not there for {kind}"))
        if problems:
            raise tailrace.ConfigError(*problems)
    return tailrace.DestinationSpec(
        options=Options,
        open=open_table,
        modes=modes,
        batch_size=5_000,
        max_bytes=8_000_000,
        max_in_flight=at_once,
        # An error before COMMIT has undone the batch, so that it may be sent again in any mode.
        # Where COMMIT itself has no answer, what has a key is sent again, and the rest is in doubt.
        delivery={
            "append": "at_most_once",
            "insert": "idempotent",
            "update": "idempotent",
            "upsert": "idempotent",
            "delete": "idempotent",
        },
    )


def _problems(options: Options) -> list[tailrace.Problem]:
    problems = []
    if not options.table:
        problems.append(tailrace.Problem("table", "is empty"))
    if not 1 <= options.statement_timeout <= 86_400:
        told = "is a number of seconds, from 1 to 86400"
        problems.append(tailrace.Problem("statement_timeout", told))
    return problems
