"""Opening: a sync's source and destination, each for the time of a block."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

import attrs

from tailrace._engine.flow import Refuse
from tailrace._engine.http import Client
from tailrace._engine.mapping import Mapper, mapper
from tailrace._engine.preparing import Prepared
from tailrace._engine.ratelimit import SOURCE
from tailrace._engine.reading import broken
from tailrace._engine.sharing import Shared
from tailrace.components import SourceSpec
from tailrace.errors import (
    ConfigError,
    FatalError,
    MissingOption,
    Problem,
    RejectedError,
    TailraceError,
    WriteError,
)
from tailrace.options import Places


def code_of(error: TailraceError) -> int:
    """Tell how a run ends that was refused before anything was sent."""
    if isinstance(error, (FatalError, RejectedError)):
        return 3
    return 9 if isinstance(error, WriteError) else error.exit_code


def open_destination(prepared: Prepared, client: Client) -> AbstractContextManager[Any]:
    """Open the destination; gives its writer."""
    offered = {
        "http": client.http(),
        "log": log_of(prepared.places),
        "mode": prepared.mode,
        "key": prepared.key,
    }
    return _open(prepared.destination.open, prepared.options, offered, prepared.places)


@contextmanager
def open_source(
    prepared: Prepared, client: Client, cursor: Any = None, syncs: Sequence[str] = ()
) -> Iterator[Any]:
    """Open the source; gives its rows in any form, or a reader.

    syncs: those that read it, where it is not this one alone.
    """
    if isinstance(prepared.source, Shared):
        shared = prepared.source
        taken = shared.take(prepared.cursor, cursor)
        if taken is not None:
            yield taken
            return
        prepared = attrs.evolve(prepared, source=shared.source)
    if not isinstance(prepared.source, SourceSpec):
        yield _reading_on(prepared.source, cursor)
        return
    offered = {
        "http": client.http(SOURCE),
        "log": log_of(prepared.source_places, "source"),
        "cursor": cursor,
        "syncs": syncs or (prepared.name,),
        "cursor_field": prepared.cursor,
    }
    opening = _open(prepared.source.open, prepared.source_options, offered, prepared.source_places)
    with ExitStack() as stack:
        try:
            source = stack.enter_context(opening)
        except TailraceError:
            raise
        except Exception as error:
            raise broken(error, 0) from error
        yield source


def _reading_on(source: Any, cursor: Any) -> Any:
    """Give a function that takes `cursor` the position to read on from."""
    if not inspect.isfunction(source) or "cursor" not in inspect.signature(source).parameters:
        return source
    return partial(source, cursor=cursor)


@contextmanager
def _open(
    opener: Callable[..., Any], options: Any, offered: Mapping[str, Any], places: Places
) -> Iterator[Any]:
    """Open with what is asked for by name; a problem of an option gets the option's whole path."""
    asked = inspect.signature(opener).parameters
    wanted = {name: value for name, value in offered.items() if name in asked}
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(opener(options, **wanted))
        except MissingOption as error:
            told = f"{error.message}; looked in {places.looked(error.option)}"
            raise ConfigError(Problem(f"{places.path}.{error.option}", told)) from None
        except ConfigError as error:
            raise ConfigError(
                *(
                    Problem(
                        f"{places.path}.{each.path}" if each.path else places.path, each.message
                    )
                    for each in error.problems
                )
            ) from None
        yield opened


def log_of(places: Places, kind: str = "destination") -> logging.Logger:
    """Give a plugin's logger."""
    return logging.getLogger(f"tailrace.{places.plugin or kind}")


def takes_http(prepared: Prepared) -> bool:
    """Tell whether all that a plugin sends goes through the engine's client."""
    opener = prepared.destination.open
    told = getattr(opener, "takes_http", None)
    return bool(told) if told is not None else "http" in inspect.signature(opener).parameters


def open_mapper(prepared: Prepared, refuse: Refuse, writer: Any) -> Mapper:
    """Make the mapper, with what the destination says of its fields."""
    made = mapper(prepared.mapping, prepared.key, refuse)
    describe = getattr(writer, "describe", None)
    accepts = None if describe is None else describe()
    return attrs.evolve(made, accepts=accepts, cursor=prepared.cursor)
