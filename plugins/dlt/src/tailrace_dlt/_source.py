"""A resource of dlt, read without a pipeline."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import attrs
from dlt.common.configuration.container import Container
from dlt.common.json import json
from dlt.common.pipeline import StateInjectableContext
from dlt.extract import DltResource, DltSource
from dlt.extract.pipe_iterator import PipeIterator

import tailrace
from tailrace_dlt._hints import Hints


class Source:
    """Be a dlt resource as a source of tailrace."""

    def __init__(self, resource: DltResource) -> None:
        self.__name__ = str(resource.name)
        self.resource = resource
        self.hints = Hints.of(resource)

    def __repr__(self) -> str:
        return f"tailrace_dlt.source({self.__name__})"

    @property
    def key(self) -> tuple[str, ...]:
        """Name the fields of the resource's primary key; none where it has none."""
        return self.hints.key

    @tailrace.hookimpl
    def tailrace_source(self) -> tailrace.SourceSpec:
        """Give the source's spec."""
        return tailrace.SourceSpec(open=self._open)

    @contextmanager
    def _open(self, options: Any) -> Iterator["ResourceReader"]:
        yield ResourceReader(self.resource, self.hints)


def find(resource: Any, name: str | None) -> DltResource:
    """Find the resource that is meant."""
    if isinstance(resource, DltSource):
        found = resource.resources
        chosen = [name] if name is not None else list(resource.selected_resources)
        if len(chosen) != 1 or chosen[0] not in found:
            told = f"the dlt source {resource.name} has {', '.join(found)}; name one of them"
            raise tailrace.ConfigError(tailrace.Problem("source", told))
        one: DltResource = found[chosen[0]]
        return one
    if not isinstance(resource, DltResource):
        given = getattr(resource, "__name__", None) or type(resource).__name__
        told = f"{given} is no dlt resource or source; call a decorated source to get one"
        raise tailrace.ConfigError(tailrace.Problem("source", told))
    if name is not None and name != resource.name:
        told = f"the dlt resource is called {resource.name}, not {name}"
        raise tailrace.ConfigError(tailrace.Problem("source", told))
    return resource


@attrs.frozen
class ResourceReader:
    """Read a resource; its state in dlt, as dlt writes it, is the position."""

    resource: DltResource
    hints: Hints

    @property
    def schema(self) -> tailrace.Schema | None:
        """Give the fields that the resource's contract fixes."""
        return self.hints.schema

    def read(self, position: str | None) -> Iterator[tailrace.Page]:
        """Read all that the resource gives, with the state of before."""
        state: dict[str, Any] = {}
        if position is not None:
            state["sources"] = json.typed_loads(position)
        # What reads the resource finds this state in its context, and changes it.
        with Container().injectable_context(StateInjectableContext(state=state)):  # type: ignore[arg-type]  # a part of one
            items = iter(self.resource)
        with closing(_iterator_of(items)):
            yield tailrace.Page(self._rows(items))
        if state.get("sources"):
            yield tailrace.Page((), json.typed_dumps(state["sources"]))

    def _rows(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            for row in _rows_of(item):
                yield self.hints.fit(dict(row)) if isinstance(row, Mapping) else row


def _iterator_of(items: Iterator[Any]) -> Any:
    """Find what reads the resource, which has threads and generators to close, behind its items."""
    mapped = (each for each in gc.get_referents(items) if isinstance(each, map))
    iterators = (each for held in mapped for each in gc.get_referents(held))
    for each in iterators:
        for found in each if isinstance(each, tuple) else (each,):
            if isinstance(found, PipeIterator):
                return found
    return items


def _rows_of(item: Any) -> Iterator[Any]:
    """Give the rows of what a resource yields: one, a model of one, or a table of many."""
    if hasattr(item, "iloc") or hasattr(item, "__arrow_c_stream__"):
        import pyarrow as pa

        if hasattr(item, "iloc"):
            table = pa.Table.from_pandas(item, preserve_index=False)
        else:
            table = pa.table(item)
        for batch in table.to_batches(max_chunksize=1000):
            yield from batch.to_pylist()
    elif hasattr(item, "model_dump"):
        yield item.model_dump()
    else:
        yield item
