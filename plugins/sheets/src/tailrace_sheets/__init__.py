"""Google Sheets as a destination: rows are appended, kept by key, mirrored, or replaced as one."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import weigh

_ADDRESS = re.compile(r"/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]+)")
_ID = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen(kw_only=True)
class Options:
    """Name the tab that is written to, and who writes."""

    spreadsheet: str = tailrace.option(help="The spreadsheet's id, or its address in the browser.")
    tab: str = tailrace.option("Sheet1", help="The tab's title.")
    credentials: tailrace.Secret | None = tailrace.option(
        None,
        help="The JSON of a service account's key or of an authorized user, or the path of such a"
        " file; left out: application default credentials, and none for a loopback address.",
    )
    base_url: str = tailrace.option(
        "https://sheets.googleapis.com",
        help="Where the API is; a loopback address for the sandbox.",
    )
    formulas: tuple[str, ...] = tailrace.option(
        (), help="Columns that are entered as if typed, so that formulas compute; never a key."
    )


@contextmanager
def open_sheet(
    options: Options, *, http: tailrace.Http, mode: str, key: Sequence[str], log: Any
) -> Iterator[Any]:
    """Give the writer of a mode; one read shows whether the tab can be written to."""
    from tailrace_sheets._append import Appender
    from tailrace_sheets._book import open_book
    from tailrace_sheets._replace import Replacer
    from tailrace_sheets._tab import open_tab
    from tailrace_sheets._upsert import Upserter

    _check(options, key)
    book = open_book(_spreadsheet(options.spreadsheet), options.credentials, options.base_url, http)
    tab = open_tab(book, options.tab, frozenset(options.formulas), log)
    if mode == "replace":
        with Replacer(tab) as replacer:
            yield replacer
    elif mode == "append":
        yield Appender(tab)
    else:
        tab.columns.check(key)
        with Upserter(tab, tuple(key)) as upserter:
            yield upserter


def _check(options: Options, key: Sequence[str]) -> None:
    for name in options.formulas:
        if name in key:
            told = f"{name!r} is the key; what the sheet parses may come out as something else"
            raise tailrace.ConfigError(tailrace.Problem("formulas", told))


def _spreadsheet(given: str) -> str:
    """Take the id out of an address, or an id as it is."""
    text = given.strip()
    if "/" not in text and _ID.fullmatch(text):
        return text
    found = _ADDRESS.search(text)
    if found is None or found[1] == "e":
        told = f"{given!r} is no spreadsheet's id, nor its address as the browser shows it"
        raise tailrace.ConfigError(tailrace.Problem("spreadsheet", told))
    return found[1]


@tailrace.hookimpl
def tailrace_destination() -> tailrace.DestinationSpec:
    """Give the destination; the rates are Google's, per minute and user of a project."""
    return tailrace.DestinationSpec(
        options=Options,
        open=open_sheet,
        modes={"append", "insert", "update", "upsert", "mirror", "replace"},
        batch_size=50_000,
        # With the ranges and the header, a body stays below the 2 MB that Google recommends.
        max_bytes=1_950_000,
        # One at a time: rows are looked at right before they are written, and the next batch is
        # made ready meanwhile. More would gain little and hold more rows in memory.
        max_in_flight=1,
        rate=(tailrace.Rate(60, 60, "read"), tailrace.Rate(60, 60, "write")),
        # Rows that may have been appended or deleted are looked up: sent again, the first would go
        # below themselves, and the second would be others.
        delivery={
            "append": "probe",
            "insert": "idempotent",
            "update": "idempotent",
            "upsert": "idempotent",
            "delete": "probe",
        },
        weigh=weigh,
    )
