"""Any other database that SQLAlchemy has a dialect for, as a source."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, exc, text
from sqlalchemy.pool import NullPool

import tailrace
from tailrace_sql._query import query_of
from tailrace_sql._rows import Rows

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tailrace_sql._source import Since, SourceOptions

_PAGE = 5_000


@contextmanager
def read(options: "SourceOptions", url: "URL", since: "Since | None") -> Iterator[Any]:
    """Give the rows of a query; the transaction that it runs in is never committed."""
    try:
        engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
    except (ImportError, exc.ArgumentError, exc.NoSuchModuleError) as error:
        told = f"{type(error).__name__}: no driver for {url.drivername} is installed"
        raise tailrace.ConfigError(tailrace.Problem("url", told)) from None
    quote = engine.dialect.identifier_preparer.quote_identifier
    # What the driver would take for a mark is doubled where the text is written out.
    plain = _undoubled if engine.dialect.paramstyle in ("format", "pyformat") else str
    query = query_of(options, since, lambda name: plain(quote(name)))
    with _judged():
        connection = engine.connect()
    with connection:
        with _judged():
            streamed = connection.execution_options(stream_results=True, yield_per=_PAGE)
            result = streamed.execute(
                text(query.spelled(":{}".format, _escaped)), dict(query.values)
            )
            if not result.returns_rows:
                raise tailrace.SourceError("the query gives no rows; the source only reads")
        yield Rows(list(result.keys()), result.fetchmany, _judged, connection.close)


def _undoubled(name: str) -> str:
    return name.replace("%%", "%")


def _escaped(part: str) -> str:
    return re.sub(r":(?=\w)", r"\:", part)


@contextmanager
def _judged() -> Iterator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        raise tailrace.SourceError(str(error.orig)) from None
    except exc.SQLAlchemyError as error:
        raise tailrace.SourceError(f"{type(error).__name__}: {error}") from None
