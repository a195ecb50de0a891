"""Resources of dlt as sources, and its destination functions as destinations, without a pipeline."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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
