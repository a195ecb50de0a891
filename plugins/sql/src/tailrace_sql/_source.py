"""A table or a query as a source, read in one transaction that can write nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class SourceOptions:
    """Name what is read: a table, or a query."""

    url: tailrace.Secret = tailrace.option(
        help="The database's address: `postgresql://user:password@host/database`,"
        " `sqlite:///file`, `duckdb:///file`, or any that SQLAlchemy knows."
    )
    query: str | None = tailrace.option(
        None, help="A query. `:name` in it stands for the parameter of that name."
    )
    table: str | None = tailrace.option(None, help="The table or view, in place of a query.")
    schema: str | None = tailrace.option(
        None, help="The schema the table is in; left out, the one that the login finds first."
    )
    parameters: Mapping[str, Any] = tailrace.option(
        factory=dict, help="Values for the query's parameters; they are bound, never put into text."
    )
    statement_timeout: float = tailrace.option(
        60.0, help="Seconds until PostgreSQL gives the first rows, or the next ones."
    )
    arrow: bool = tailrace.option(
        True, help="Whether to read as Arrow where that is installed and gives the same values."
    )


@contextmanager
def open_rows(options: SourceOptions, *, cursor: Any, cursor_field: str | None) -> Iterator[Any]:
    """Give the rows; the query has begun when they are given."""
    from tailrace_sql._address import address_of

    _check(options)
    url = address_of(options.url, known=None)
    kind = url.get_backend_name()
    if kind == "postgresql":
        from tailrace_sql._from_postgres import read
    elif kind == "sqlite":
        from tailrace_sql._from_sqlite import read
    elif kind == "duckdb":
        from tailrace_sql._from_duckdb import read
    else:
        from tailrace_sql._from_others import read
    since = None if cursor_field is None else Since(cursor_field, cursor)
    with read(options, url, since) as rows:
        yield rows


@attrs.frozen
class Since:
    """Say where a read begins; the value is None where nothing was read before."""

    field: str
    value: Any = attrs.field(repr=False)


def _check(options: SourceOptions) -> None:
    problems = []
    if (options.query is None) == (options.table is None):
        problems.append(tailrace.Problem("query", "give a query or a table, and not both"))
    for name in ("query", "table"):
        given = getattr(options, name)
        if given is not None and not given.strip("; \t\r\n"):
            problems.append(tailrace.Problem(name, "is empty"))
    if options.table is None and options.schema is not None:
        problems.append(tailrace.Problem("schema", "goes with a table; name it in the query"))
    if options.query is None and options.parameters:
        problems.append(tailrace.Problem("parameters", "go with a query"))
    if not 1 <= options.statement_timeout <= 86_400:
        told = "is a number of seconds, from 1 to 86400"
        problems.append(tailrace.Problem("statement_timeout", told))
    if problems:
        raise tailrace.ConfigError(*problems)
