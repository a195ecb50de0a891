"""Reading: any source becomes pages of rows, each numbered, none dropped, none read twice."""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine.arrow import PAGE, scan_object
from tailrace._engine.flow import Refuse, Rows
from tailrace.components import Page
from tailrace.errors import ConfigError, SourceError, TailraceError
from tailrace.records import Row
from tailrace.schema import Schema, type_of

_log = logging.getLogger("tailrace")


@attrs.define
class Reading:
    """Read a source once; `read` counts its records, `complete` tells that its end was reached.

    `schema` is what the source declares, or None where only its rows tell. `expected` is the count
    of records, where the source knows it. A source that breaks off ends the iteration like any
    other, so that what came before is settled; `problem` tells of it.
    """

    _pages: Iterator[Sequence[Any]]
    schema: Schema | None
    expected: int | None
    refuse: Refuse
    stopped: Callable[[], bool]
    read: int = 0
    complete: bool = False
    problem: TailraceError | None = None

    def __iter__(self) -> Iterator[Rows]:
        known = _Known(self.schema or Schema())
        while True:
            page = self._next()
            if page is None:
                return
            first = self.read + 1
            self.read += len(page)
            yield self._checked(page, first, known)

    def _next(self) -> Sequence[Any] | None:
        if self.stopped():
            return None
        try:
            return next(self._pages)
        except StopIteration:
            self.complete = True
            return None
        except TailraceError as error:
            self.problem = error
        except Exception as error:  # noqa: BLE001  # a source is code of others
            _log.debug("the source broke off", exc_info=True)
            self.problem = _broken(error, self.read)
        return None

    def _checked(self, page: Sequence[Any], first: int, known: "_Known") -> Rows:
        rows = [dict(row) if isinstance(row, Mapping) else None for row in page]
        refused = known.see(rows)
        numbers: Sequence[int] = range(first, first + len(page))
        if refused:
            for place, (reason, what) in refused.items():
                given = f"is no mapping of fields but of type {type(page[place]).__name__}"
                self.refuse(first + place, reason, f"record {first + place} {what or given}")
            numbers = [first + place for place in range(len(page)) if place not in refused]
            rows = [row for place, row in enumerate(rows) if place not in refused]
        return Rows(numbers, rows, known.schema)  # type: ignore[arg-type]  # no None is left


def open_reading(source: Any, refuse: Refuse, stopped: Callable[[], bool]) -> Reading:
    """Take a source in any of its forms; nothing is read before the first page is asked for."""
    if callable(source) and not hasattr(source, "__arrow_c_stream__"):
        try:
            source = source()
        except TailraceError:
            raise
        except Exception as error:
            raise _broken(error, 0) from error
    expected = len(source) if isinstance(source, Sized) else getattr(source, "expected", None)
    schema: Schema | None = None
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "iloc"):
        source = scan_object(source)
    if hasattr(source, "schema") and isinstance(source.schema, Schema):
        schema = source.schema
        pages = _from_tuples(source, schema.names)
    elif callable(getattr(source, "fetchmany", None)) and getattr(source, "description", None):
        names = tuple(column[0] for column in source.description)
        pages = _from_tuples(iter(lambda: source.fetchmany(PAGE), []), names)
    elif callable(getattr(source, "read", None)) and not isinstance(source, Iterator):
        pages = _from_pages(source)
    else:
        pages = _from_rows(_iterable(source))
    return Reading(pages, schema, expected, refuse, stopped)


def _iterable(source: Any) -> Iterable[Any]:
    if isinstance(source, (Mapping, str, bytes, Path)) or not isinstance(source, Iterable):
        hint = {
            Mapping: "; put it into a list",
            Path: '; read a file with source="file", source_options={"path": ...}',
        }
        told = next((text for kind, text in hint.items() if isinstance(source, kind)), "")
        raise ConfigError(
            f"source: a value of type {type(source).__name__} is no source: give an iterable of mappings, a data"
            f" frame or table, a function that returns one, or a plugin's name{told}"
        )
    return source


def _from_rows(rows: Iterable[Any]) -> Iterator[list[Any]]:
    page: list[Any] = []
    try:
        for row in rows:
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
    except Exception:
        # What came before the failure was read, and counts.
        yield page
        raise
    if page:
        yield page


def _from_tuples(pages: Iterable[Any], names: tuple[str, ...]) -> Iterator[list[Row]]:
    for page in pages:
        yield [dict(zip(names, row, strict=True)) for row in page]


def _from_pages(reader: Any) -> Iterator[list[Any]]:
    for page in reader.read(None):
        yield list(page.rows if isinstance(page, Page) else page)


@attrs.define
class _Known:
    """Widen a schema by rows; rows of a shape that was seen before cost next to nothing."""

    schema: Schema
    _shapes: set[Any] = attrs.field(factory=set)

    def see(self, rows: list[Row | None]) -> dict[int, tuple[str, str]]:
        """Learn from rows; give the places of those that are none, each with reason and message."""
        refused = {}
        shapes = self._shapes
        for place, row in enumerate(rows):
            if row is None:
                refused[place] = ("no_mapping", "")
            elif (shape := (*row, *map(type, row.values()))) in shapes:
                continue
            elif not all(type(name) is str for name in row):
                refused[place] = ("field_name", "has a field name that is no text")
            else:
                self._learn(row, shape)
        return refused

    def _learn(self, row: Row, shape: tuple[Any, ...]) -> None:
        wrapped = any(_is_wrapped(value) for value in row.values())
        if wrapped:
            _unwrap(row)
        elif len(self._shapes) < 10_000:
            self._shapes.add(shape)
        self.schema = self.schema.widen({name: type_of(value) for name, value in row.items()})


_NOTHING = frozenset({"NaTType", "NAType"})


def _is_wrapped(value: Any) -> bool:
    return type(value).__module__ == "numpy" or type(value).__name__ in _NOTHING


def _unwrap(row: Row) -> None:
    """Put plain values for what numpy and pandas wrap."""
    for name, value in row.items():
        if type(value).__name__ in _NOTHING:
            row[name] = None
        elif type(value).__module__ == "numpy" and hasattr(value, "item"):
            row[name] = value.item()


def _broken(error: Exception, read: int) -> SourceError:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "tailrace/_engine" not in frame.filename.replace("\\", "/")
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    after = f"after {read:,} records" if read else "before its first record"
    return SourceError(f"the source broke off {after}: {type(error).__name__}: {error}{place}")
