"""Any Singer tap as a source: a process of its own that writes one stream's records."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import Logger
from pathlib import Path
from typing import Any, Literal

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Options:
    """Say which tap is run, with what configuration, and which of its streams is read."""

    tap: str = tailrace.option(
        "", help="The tap's command; with `pip` that of the package, and its name when left out."
    )
    pip: str | tuple[str, ...] = tailrace.option(
        (),
        help="The tap's package (`tap-x==1.2.0`), or a list of it and what it needs besides;"
        " installed once, into an environment of its own.",
    )
    environments: Path = tailrace.option(
        Path(".tailrace-taps"), help="The folder in which those environments lie."
    )
    config: Mapping[str, Any] | Path = tailrace.option(
        factory=dict, help="The tap's configuration, or the JSON file that holds it."
    )
    secrets: Mapping[str, tailrace.Secret] = tailrace.option(
        factory=dict,
        help="What is secret of the configuration; `auth.password` goes into its table `auth`.",
    )
    stream: str | None = tailrace.option(
        None,
        help="The stream that is read; left out, the only one, or the only one that is selected.",
    )
    select: tuple[str, ...] = tailrace.option(
        (), help="The fields that are read, besides those that the tap always gives; or all."
    )
    replication_method: Literal["FULL_TABLE", "INCREMENTAL", "LOG_BASED"] | None = tailrace.option(
        None, help="How the stream is replicated, where the tap leaves that to the catalog."
    )
    replication_key: str | None = tailrace.option(
        None, help="The field that an incremental replication goes by."
    )
    catalog: Path | None = tailrace.option(
        None, help="A catalog file; left out, the tap is asked for its catalog in each run."
    )
    discover: bool = tailrace.option(
        True, help="Whether the tap can be asked for a catalog (`--discover`)."
    )
    start: Path | None = tailrace.option(
        None, help="A file with the tap's state to begin from, as long as no run has kept one."
    )
    timeout: float = tailrace.option(
        3600.0, help="Seconds that the tap may be silent, on both of its outputs."
    )


@contextmanager
def open_tap(options: Options, *, log: Logger) -> Iterator[Any]:
    """Give the reader of the chosen stream, once the tap has told of it."""
    from tailrace_singer._opening import opened

    with opened(options, log) as reader:
        yield reader


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source."""
    return tailrace.SourceSpec(options=Options, open=open_tap)
