"""Notion as a destination: rows become pages of a database, found again by one of its properties."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace
from tailrace_notion._ids import identifier, is_loopback

_PACE = 3.0
"""Requests a second that Notion grants a connection."""


@attrs.frozen(kw_only=True)
class Options:
    """Name the data source whose pages are written, and who writes."""

    data_source: str | None = tailrace.option(
        None, help="The data source's id, as `Manage data sources` copies it."
    )
    database: str | None = tailrace.option(
        None,
        help="In its place, the id or address of the database, if that has one data source only.",
    )
    token: tailrace.Secret | None = tailrace.option(
        None,
        help="The integration's secret (`ntn_...`); may be left out for a loopback address.",
    )
    create_options: bool = tailrace.option(
        False, help="Whether select options that Notion does not have yet are made, or refused."
    )
    per_second: float | None = tailrace.option(
        None,
        help="Requests a second, at most; left out: 3, and as many as it takes at a loopback address.",
    )
    base_url: str = tailrace.option(
        "https://api.notion.com", help="Where the API is; a loopback address for the sandbox."
    )


@contextmanager
def open_notion(
    options: Options, *, http: tailrace.Http, mode: str, key: Sequence[str]
) -> Iterator[Any]:
    """Give the writer, once the login, the data source's properties and the key are known to fit."""
    from tailrace_notion._opening import open_writer

    yield open_writer(options, http, mode, tuple(key))


@tailrace.hookimpl
def tailrace_destination(options: Options | None) -> tailrace.DestinationSpec:
    """Give the destination; each page is a request of its own, and a batch shares one query."""
    return tailrace.DestinationSpec(
        options=Options,
        open=open_notion,
        modes={"append", "insert", "update", "upsert", "mirror"},
        batch_size=50,
        # A request takes Notion up to a second, so that one after the other would not make three.
        max_in_flight=4,
        rate=() if options is None else _rate(options),
        # To create a page again doubles it: what may have been created is looked for by its key.
        delivery={
            "append": "probe",
            "insert": "probe",
            "update": "idempotent",
            "upsert": "probe",
            "delete": "idempotent",
        },
    )


def _rate(options: Options) -> tuple[tailrace.Rate, ...]:
    """Give the pace; raises a ConfigError of all options that cannot be."""
    problems = [tailrace.Problem(*each) for each in _unfit(options)]
    if problems:
        raise tailrace.ConfigError(*problems)
    pace = options.per_second
    if pace is None:
        pace = None if is_loopback(options.base_url) else _PACE
    return () if pace is None else (tailrace.Rate(pace),)


def _unfit(options: Options) -> Iterator[tuple[str, str]]:
    if (options.data_source is None) == (options.database is None):
        yield "data_source", "says where pages go, or database does; give one of them"
    for name in ("data_source", "database"):
        given = getattr(options, name)
        if given is not None and identifier(given) is None:
            yield name, f"{given!r} holds no id, which is 32 digits of 0-9 and a-f"
    if options.per_second is not None and not 0 < options.per_second < float("inf"):
        yield "per_second", "is a number above 0"
    if not options.base_url.startswith("https://") and not is_loopback(options.base_url):
        yield "base_url", f"{options.base_url!r} is neither https nor a loopback address"
