"""MongoDB as a source: documents of a collection, those after a value, or those that changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Options:
    """Name the documents that are read, and where they are."""

    uri: tailrace.Secret = tailrace.option(
        help="The server, as `mongodb://` or `mongodb+srv://`, with the login."
    )
    database: str | None = tailrace.option(
        None, help="The database; left out: the one that the uri names."
    )
    collection: str = tailrace.option(help="The collection, or a view.")
    filter: Mapping[str, Any] = tailrace.option(
        factory=dict, help="A query that documents have to fit, as `find` takes it."
    )
    projection: Mapping[str, Any] | None = tailrace.option(
        None, help="The fields that are read, as `find` takes them; left out: all."
    )
    pipeline: tuple[Mapping[str, Any], ...] | None = tailrace.option(
        None,
        help="Stages of an aggregation, whose results are the rows; `filter` goes before them.",
    )
    cursor: str | None = tailrace.option(
        None,
        help="The field whose values only grow: documents are read in its order, and each run reads"
        " on after the last one.",
    )
    changes: bool = tailrace.option(
        False,
        help="Read all once, then what was changed and deleted since, from the change stream.",
    )
    batch_size: int = tailrace.option(1000, help="Documents that the server hands over at once.")
    timeout: float = tailrace.option(
        30.0, help="Seconds to wait for a server, and for each of its answers."
    )


@contextmanager
def open_collection(options: Options, *, log: Any, cursor: Any = None) -> Iterator[Any]:
    """Give the reader; nothing is asked of the server before it is read."""
    from tailrace_mongo._opening import open_reader

    with open_reader(options, log, cursor) as reader:
        yield reader


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source."""
    return tailrace.SourceSpec(options=Options, open=open_collection)
