"""Addresses: which database an option `url` means; nothing of it is shown but its place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tailrace

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tailrace_sql import Options

AT_ONCE = 4
"""Transactions at once: more would rather wait for each other's locks than write more."""
_KINDS = ("postgresql", "sqlite", "duckdb", "mysql", "mariadb")


def kind_of(options: "Options") -> str:
    """Tell the kind of database; raises ConfigError for an address that is none."""
    return address_of(options.url).get_backend_name()


@contextmanager
def opened(options: "Options") -> Iterator[Any]:
    """Give the database at the address."""
    url = address_of(options.url)
    kind = url.get_backend_name()
    if kind == "duckdb":
        from tailrace_sql._duck import duck

        with duck(url.database or "", create=options.create) as database:
            yield database
        return
    from tailrace_sql._served import served

    port = "" if url.port is None else f":{url.port}"
    place = f"{kind} {url.host or url.query.get('host') or 'localhost'}{port}/{url.database}"
    if kind == "sqlite":
        place = f"sqlite {Path(url.database or '').resolve()}"
    with served(options, url, place) as database:
        yield database


def address_of(secret: tailrace.Secret, known: Sequence[str] | None = _KINDS) -> "URL":
    """Read an address; raises ConfigError for one that is none, or of a kind that is not known."""
    from sqlalchemy import exc, make_url

    text = secret.reveal()
    if text.startswith("postgres://"):
        text = text.replace("postgres", "postgresql", 1)
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):  # either would show the password
        told = "is no database's address, such as postgresql://user:password@host/database"
        raise tailrace.ConfigError(tailrace.Problem("url", told)) from None
    kind = url.get_backend_name()
    if known is not None and kind not in known:
        raise tailrace.ConfigError(tailrace.Problem("url", f"is of none of {', '.join(known)}"))
    if kind in ("sqlite", "duckdb") and (url.database or ":memory:").startswith(
        (":memory:", "file:")
    ):
        told = f"names no file, such as {kind}:///people.db; what is in memory would be lost"
        raise tailrace.ConfigError(tailrace.Problem("url", told))
    return url
