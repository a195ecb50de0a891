"""Google Sheets as a destination: append, upsert by key, and replace a whole tab."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import weight

_ADDRESS = re.compile(r"/spreadsheets/d/([A-Za-z0-9_-]+)")


@attrs.frozen(kw_only=True)
class Options:
    """Name the tab to write to, and who writes."""

    spreadsheet: str = tailrace.option(help="The spreadsheet's id, or its address in the browser.")
    tab: str = tailrace.option("Sheet1", help="The tab's title.")
    credentials: tailrace.Secret | None = tailrace.option(
        None,
        help="A service account's key (or an authorized user's file): its JSON, or its path."
        " Left out: Google's application default credentials; none for a loopback address.",
    )
    base_url: str = tailrace.option(
        "https://sheets.googleapis.com", help="Where the API is; the sandbox's address for a try."
    )
    formulas: tuple[str, ...] = tailrace.option(
        (), help="Columns whose texts the sheet may read as formulas; all others stay text."
    )


@contextmanager
def open_sheet(
    options: Options, *, http: tailrace.Http, mode: str, key: Sequence[str], log: Any
) -> Iterator[Any]:
    """Give the mode's writer; the tab's header is read, nothing is changed."""
    from tailrace_sheets._append import open_append
    from tailrace_sheets._google import connect
    from tailrace_sheets._replace import open_replace
    from tailrace_sheets._tab import open_tab
    from tailrace_sheets._upsert import open_upsert

    found = _ADDRESS.search(options.spreadsheet)
    spreadsheet = found[1] if found else options.spreadsheet
    api = connect(spreadsheet, options.credentials, options.base_url, http)
    tab = open_tab(api, options.tab)
    if mode == "replace":
        with open_replace(tab, options.formulas, log) as writer:
            yield writer
    elif mode == "upsert":
        yield open_upsert(tab, key, options.formulas)
    else:
        yield open_append(tab, options.formulas)


@tailrace.hookimpl
def tailrace_destination() -> tailrace.DestinationSpec:
    """Give the destination's spec; the rates are Google's own, for each user of a project."""
    return tailrace.DestinationSpec(
        options=Options,
        open=open_sheet,
        modes={"append", "replace", "upsert"},
        batch_size=50_000,
        max_bytes=2_000_000,
        max_in_flight=4,
        rate=(tailrace.Rate(60, 60, "read"), tailrace.Rate(60, 60, "write")),
        delivery="idempotent",
        weigh=weight,
    )
