"""Foreign: sources that have to be asked or awaited, and rows of other kinds than mappings."""

import asyncio
import dataclasses
import inspect
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import wait
from contextlib import suppress
from typing import Any

import attrs

_AHEAD = 1_000
"""Rows that an asynchronous source is read ahead."""
_HEARING = 0.2
"""Seconds between two looks at whether a signal came."""


def asked(source: Any) -> Any:
    """Give what is to be read of a source: a lazy frame collected, a coroutine awaited."""
    if inspect.isawaitable(source):
        return _awaited(source)
    if isinstance(source, AsyncIterable):
        return _Loop().rows(source)
    if callable(getattr(source, "collect_schema", None)) and hasattr(source, "collect"):
        return source.collect(engine="streaming")  # a polars.LazyFrame
    return source


def row_of(value: Any) -> Any:
    """Give the mapping that a row of another kind holds, and what is none as it is."""
    kind = type(value)
    if kind not in _converters:
        _converters[kind] = _converter(kind)
    convert = _converters[kind]
    return value if convert is None else convert(value)


_converters: dict[type, Callable[[Any], Mapping[str, Any]] | None] = {}


def _converter(kind: type) -> Callable[[Any], Mapping[str, Any]] | None:
    if dataclasses.is_dataclass(kind):
        return dataclasses.asdict
    if attrs.has(kind):
        return attrs.asdict
    if callable(getattr(kind, "model_dump", None)):
        return kind.model_dump  # type: ignore[attr-defined, no-any-return]  # a pydantic model
    if hasattr(kind, "_mapping"):
        return lambda row: dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name
    if issubclass(kind, tuple) and hasattr(kind, "_asdict"):
        return kind._asdict  # type: ignore[no-any-return]  # a named tuple
    return None


def _awaited(source: Any) -> Any:
    loop = _Loop()
    try:
        found = loop.do(_result(source))
        if isinstance(found, AsyncIterable):
            rows, loop = loop.rows(found), None  # type: ignore[assignment]  # they end it
            return rows
    finally:
        if loop is not None:
            loop.close()
    return asked(found)


async def _result(source: Any) -> Any:
    return await source


@dataclasses.dataclass(frozen=True)
class _End:
    error: BaseException | None


class _Loop:
    """Be an event loop on a thread of its own, so that it also works where one is running."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tailrace-async", daemon=True
        )
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give the result of a coroutine, or raise what it raises."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not future.done():
            wait([future], _HEARING)
        return future.result()

    def rows(self, source: AsyncIterable[Any]) -> Iterator[Any]:
        """Give the rows of an asynchronous source; the loop ends with them."""
        pump = None
        try:
            queue, pump = self.do(self._pump(source))
            while True:
                for row in self.do(_ready(queue)):
                    if isinstance(row, _End):
                        if row.error is not None:
                            raise row.error
                        return
                    yield row
        finally:
            self.do(_closed(source, pump))
            self.close()

    async def _pump(self, source: AsyncIterable[Any]) -> tuple[asyncio.Queue[Any], Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue(_AHEAD)

        async def fill() -> None:
            error = None
            try:
                async for row in source:
                    await queue.put(row)
            except asyncio.CancelledError:
                raise
            except BaseException as raised:  # noqa: BLE001  # raised where it is read
                error = raised
            await queue.put(_End(error))

        return queue, self._loop.create_task(fill())

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _ready(queue: asyncio.Queue[Any]) -> list[Any]:
    """Give the rows that lie ready, at least one."""
    rows = [await queue.get()]
    while not queue.empty():
        rows.append(queue.get_nowait())
    return rows


async def _closed(source: Any, pump: Any) -> None:
    if pump is not None:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump
    if hasattr(source, "aclose"):
        await source.aclose()
