"""Reading: any source becomes pages of rows, each numbered, none dropped, none read twice."""

import logging
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import attrs

from tailrace._engine.arrow import PAGE, Scan, scan_object
from tailrace._engine.flow import Handed, Picked, Refuse, Rows
from tailrace._engine.foreign import asked, row_of
from tailrace._engine.shapes import Known
from tailrace.components import Page
from tailrace.errors import ConfigError, SourceError, TailraceError
from tailrace.schema import Schema

_log = logging.getLogger("tailrace")

Pages = Generator[Sequence[Any], None, None]

_SLOW = 0.05
"""Seconds that a page may take before it is handed on as it is."""
_LOOK = 32
"""Rows of a fast source between two looks at the clock."""


@attrs.define
class Reading:
    """Read a source once; `read` counts its records, `complete` tells that its end was reached.

    `schema` is what the source declares, or None where only its rows tell. `expected` is the count
    of records, where the source knows it. A source that breaks off ends the iteration like any
    other, so that what came before is settled; `problem` tells of it. So does a reader that says in
    the end that there is more. `scan` is a columnar source, which others may read in its place:
    see `pick`.
    """

    _pages: Pages
    schema: Schema | None
    expected: int | None
    refuse: Refuse
    stopped: Callable[[], bool]
    came: Callable[[], Any] = lambda: None
    reader: Any = None
    scan: Scan | None = None
    read: int = 0
    complete: bool = False
    position: Any = None
    problem: TailraceError | None = None

    def __iter__(self) -> Iterator[Rows]:
        known = Known(self.schema or Schema())
        while True:
            page = self._next()
            if page is None:
                return
            if isinstance(page, Picked):
                numbers, self.read = page.numbers, page.read
            else:
                numbers = range(self.read + 1, self.read + 1 + len(page))
                self.read += len(page)
            if self.scan is not None:
                # They have the columns, and the types, that the scan has told.
                yield Rows(numbers, list(page), known.schema)
            else:
                yield self._checked(page, numbers, known)

    def raw(self) -> Iterator[Sequence[Any]]:
        """Give its pages as the source gives them; whoever gets them is to number and check them."""
        while (page := self._next()) is not None:
            self.read += len(page)
            yield page

    def pick(self, pages: Pages) -> None:
        """Take only those rows of the source that somebody picks."""
        self._pages = pages

    def _next(self) -> Sequence[Any] | None:
        if self.stopped():
            return None
        try:
            return next(self._pages)
        except StopIteration:
            self.complete = bool(getattr(self.reader, "complete", True))
            self.position = self.came() if self.complete else None
            if not self.complete:
                told = f"the source says that {self.read:,} records are not all that it has"
                self.problem = SourceError(told)
            return None
        except TailraceError as error:
            self.problem = error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a source is code of others, in Rust too
            _log.debug("the source broke off", exc_info=True)
            self.problem = broken(error, self.read)
        return None

    def close(self) -> None:
        """Let go of the source; a generator that was not read to its end is closed."""
        try:
            self._pages.close()
        except Exception:  # noqa: BLE001  # all of it that was read is answered for
            _log.warning("the source failed while it was closed", exc_info=True)

    def _checked(self, page: Sequence[Any], numbers: Sequence[int], known: "Known") -> Rows:
        rows = [row if type(row) is dict else None for row in page]
        refused = known.see(rows)
        if refused:
            for place, (reason, what) in refused.items():
                given = f"is no mapping of fields but of type {type(page[place]).__name__}"
                self.refuse(numbers[place], reason, f"record {numbers[place]} {what or given}")
            numbers = [number for place, number in enumerate(numbers) if place not in refused]
            rows = [row for place, row in enumerate(rows) if place not in refused]
        return Rows(numbers, rows, known.schema)  # type: ignore[arg-type]  # no None is left


def open_reading(
    source: Any,
    refuse: Refuse,
    stopped: Callable[[], bool],
    now: Callable[[], float] = monotonic,
    position: Any = None,
) -> Reading:
    """Take a source in any of its forms; nothing is read before the first page is asked for.

    position: where a reader is to read on from.
    """
    try:
        # Of what gives rows and can be called as well, the rows are meant.
        if callable(source) and not (
            hasattr(source, "__arrow_c_stream__") or isinstance(source, Iterable)
        ):
            source = source()
        source = asked(source)
        taken = _scanned(source)
        places = [position]
        schema, pages = _pages(taken, _Watch(stopped, now), places)
    except TailraceError:
        raise
    except Exception as error:
        raise broken(error, 0) from error
    reader = source if isinstance(source, Handed) or _is_reader(source) else None
    scan = taken if isinstance(taken, Scan) else None
    came = (lambda: source.position) if isinstance(source, Handed) else (lambda: places[-1])
    return Reading(pages, schema, _expected(source), refuse, stopped, came, reader, scan)


def _expected(source: Any) -> int | None:
    """Give a source's own count of its records, which only progress relies on."""
    if not isinstance(source, Sized):
        return getattr(source, "expected", None)
    with suppress(Exception):
        return len(source)
    return None


@attrs.frozen
class _Watch:
    """See when a page is to be handed on though it is not full: at a stop, or after a while."""

    stopped: Callable[[], bool]
    now: Callable[[], float]


def _scanned(source: Any) -> Any:
    """Give the scan of a source that DuckDB can read, and any other as it is."""
    if not (hasattr(source, "__arrow_c_stream__") or hasattr(source, "iloc")):
        return source
    try:
        return scan_object(source)
    except TailraceError:
        raise
    except Exception:
        if not hasattr(source, "iloc"):
            raise
    # A column of several kinds has no form in Arrow; its values do.
    return source


def _pages(source: Any, watch: _Watch, places: list[Any]) -> tuple[Schema | None, Pages]:
    """Give what the source declares, and its rows page by page, each a dict of its own.

    places: the position to begin at; takes the one behind each page.
    """
    if isinstance(source, Scan):
        return source.schema, _from_tuples(source, source.schema.names)
    if isinstance(source, Handed):
        return source.schema, source.pages(watch.stopped)
    if hasattr(source, "iloc"):
        return None, _from_frame(source)
    if callable(getattr(source, "fetchmany", None)) and hasattr(source, "description"):
        return None, _from_tuples(*_cursor(source))
    if _is_reader(source):
        told = getattr(source, "schema", None)
        return told if isinstance(told, Schema) else None, _from_reader(source, watch, places)
    return None, _from_rows(_iterable(source), watch)


def _is_reader(source: Any) -> bool:
    return callable(getattr(source, "read", None)) and not isinstance(source, Iterator)


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


def _from_rows(rows: Iterable[Any], watch: _Watch) -> Pages:
    page: list[Any] = []
    iterator, look, until = iter(rows), 1, 1
    began = watch.now()
    try:
        while True:
            for row in islice(iterator, look):
                # A copy: a source may yield one dict again and again, filled anew.
                if type(row) is dict:
                    page.append(row.copy())
                else:
                    page.append(dict(row) if isinstance(row, Mapping) else row_of(row))
            if len(page) < until:
                break
            # A slow source must not hold back a stop, or its rows, until its page is full.
            slow = watch.now() - began > _SLOW
            look = 1 if slow else min(2 * look, _LOOK)
            if len(page) == PAGE or slow or watch.stopped():
                yield page
                page, began = [], watch.now()
            look = min(look, PAGE - len(page))
            until = len(page) + look
    except (GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        # What came before the failure was read, and counts.
        yield page
        raise
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
    if page:
        yield page


def _from_tuples(pages: Iterable[Any], names: Sequence[str]) -> Pages:
    for page in pages:
        if page and isinstance(page[0], Mapping):
            yield [dict(row) for row in page]
        else:
            yield [dict(zip(names, row, strict=True)) for row in page]


def _cursor(cursor: Any) -> tuple[Iterator[Any], list[str]]:
    """Give a database cursor's pages, and the names of its columns."""
    if getattr(cursor, "description", None) is None:
        raise SourceError("the cursor holds no rows; execute a query first")
    names = [column[0] for column in cursor.description]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"the query has the column {twice[0]!r} twice; rename one with AS")
    return _fetched(cursor), names


def _fetched(cursor: Any) -> Iterator[Any]:
    while page := cursor.fetchmany(PAGE):
        yield page


def _from_reader(reader: Any, watch: _Watch, places: list[Any]) -> Pages:
    settled, position = getattr(reader, "settled", None), places[-1]
    if settled is not None and position is not None:
        settled(position)
    for page in reader.read(position):
        came = False
        for rows in _from_rows(page.rows if isinstance(page, Page) else page, watch):
            came = True
            yield rows
        if not came:
            # A reader that waits for rows gives empty pages, so that a stop is seen meanwhile.
            yield []
        if isinstance(page, Page) and page.position is not None:
            places[-1] = page.position


def _from_frame(frame: Any) -> Pages:
    names = [str(name) for name in frame.columns]
    for start in range(0, len(frame), PAGE):
        part = frame.iloc[start : start + PAGE].astype(object)
        values = part.where(part.notna(), None).itertuples(index=False, name=None)
        yield [dict(zip(names, row, strict=True)) for row in values]


def broken(error: BaseException, read: int) -> SourceError:
    """Tell where a source of others broke off."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "tailrace/_engine" not in frame.filename.replace("\\", "/")
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    records = "1 record" if read == 1 else f"{read:,} records"
    after = f"after {records}" if read else "before its first record"
    return SourceError(f"the source broke off {after}: {type(error).__name__}: {error}{place}")
