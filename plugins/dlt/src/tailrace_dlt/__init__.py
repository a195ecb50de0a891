"""Resources of dlt as sources, and its destination functions as destinations, without a pipeline."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

import tailrace

if TYPE_CHECKING:
    from tailrace_dlt._destination import Destination
    from tailrace_dlt._source import Source

__all__ = ["destination", "source"]


def source(resource: Any, name: str | None = None) -> "Source":
    """Make a dlt resource, or one resource of a dlt source by its name, a source of tailrace.

    It has `key`, the names of the resource's primary key, for `tailrace.run(..., key=...)`. What the
    resource keeps in dlt's state, incrementals above all, becomes the position that tailrace keeps.
    """
    from tailrace_dlt._source import Source, find

    return Source(find(resource, name))


def destination(
    function: Any,
    *,
    table: Any = None,
    modes: Iterable[str] = ("append",),
    delivery: str | Mapping[str, str] = "at_most_once",
    max_in_flight: int = 1,
) -> "Destination":
    """Make a function that `dlt.destination` has decorated a destination of tailrace.

    Its arguments are options; those that are not given are looked for where dlt does. table: the
    name, or a resource whose hints the function is to see. delivery: "idempotent" where calling it
    twice with the same rows does no harm. max_in_flight: calls at the same time, at most.
    """
    from tailrace_dlt._destination import Destination

    return Destination(function, table, modes=modes, delivery=delivery, max_in_flight=max_in_flight)


@attrs.frozen(kw_only=True)
class ResourceOptions:
    """Name a resource in a Python file."""

    file: Path = tailrace.option(help="The Python file that it is in.")
    resource: str = tailrace.option(
        help="What the resource, or the source it is in, is called there."
    )
    name: str | None = tailrace.option(None, help="The one resource of a source that is read.")
    arguments: Mapping[str, Any] = tailrace.option(
        factory=dict, help="What it is called with; what is left out, dlt looks for."
    )


@attrs.frozen(kw_only=True)
class FunctionOptions:
    """Name a decorated function in a Python file, and say what it is called with."""

    file: Path = tailrace.option(help="The Python file that it is in.")
    function: str = tailrace.option(help="What the decorated function is called there.")
    table: str | None = tailrace.option(None, help="The table's name that it is told.")
    arguments: Mapping[str, Any] = tailrace.option(
        factory=dict, help="Its arguments; what is left out, dlt looks for."
    )
    secrets: Mapping[str, tailrace.Secret] = tailrace.option(
        factory=dict, help="Those of its arguments that are secret."
    )
    delivery: Literal["at_most_once", "idempotent"] = tailrace.option(
        "at_most_once", help="`idempotent` where a call with the same rows again does no harm."
    )
    max_in_flight: int = tailrace.option(1, help="Calls at the same time, at most.")


@contextmanager
def open_resource(options: ResourceOptions) -> Iterator[Any]:
    """Give the reader of the named resource."""
    from tailrace_dlt._files import resource_of

    found = source(resource_of(options.file, options.resource, options.arguments), options.name)
    with found.tailrace_source().open(None) as reader:
        yield reader


@contextmanager
def open_function(options: FunctionOptions) -> Iterator[Any]:
    """Give the writer that calls the named function."""
    with _function(options).opened({**options.arguments, **options.secrets}) as writer:
        yield writer


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source that project files name."""
    return tailrace.SourceSpec(options=ResourceOptions, open=open_resource)


@tailrace.hookimpl
def tailrace_destination(options: FunctionOptions | None) -> tailrace.DestinationSpec:
    """Give the destination that project files name, as its function wants it."""
    if options is None:
        return tailrace.DestinationSpec(
            options=FunctionOptions, open=open_function, modes=("append", "upsert")
        )
    return attrs.evolve(_function(options).spec, options=FunctionOptions, open=open_function)


def _function(options: FunctionOptions) -> "Destination":
    from tailrace_dlt._files import found_in

    return destination(
        found_in(options.file, options.function, "function"),
        table=options.table,
        modes=("append", "upsert"),
        delivery=options.delivery,
        max_in_flight=options.max_in_flight,
    )
