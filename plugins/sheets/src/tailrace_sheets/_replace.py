"""Replace: the new content is laid down in a tab of its own, and put in place in one step.

The tab itself stays, with its id: charts, formulas and formats that refer to it go on working. It
is never empty, and never half old and half new.
"""

import secrets
import threading
from collections.abc import Sequence
from typing import Any, Self

import attrs

import tailrace
from tailrace_sheets._append import Appender
from tailrace_sheets._book import Json
from tailrace_sheets._cells import FORMATS
from tailrace_sheets._columns import Columns
from tailrace_sheets._grid import (
    MOST_CELLS,
    Grid,
    Sizes,
    appended,
    area,
    formatted,
    read_sizes,
    removed,
)
from tailrace_sheets._tab import Tab

_SUFFIX = " (tailrace staging)"
_NOTE = ", and a replacement needs room for the old and the new content at the same time"


@attrs.define(eq=False)
class Replacer:
    """Write to a staging tab; `commit` puts what is there in place of the tab's content."""

    tab: Tab
    _staging: Tab = attrs.field(init=False)
    _writer: Appender = attrs.field(init=False)
    _schema: tailrace.Schema = attrs.field(factory=tailrace.Schema, init=False)
    _dated: dict[str, tailrace.FieldType] = attrs.field(factory=dict, init=False)
    _made: bool = attrs.field(default=False, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @_staging.default
    def _a_new_tab(self) -> Tab:
        title = self.tab.title[: 100 - len(_SUFFIX)] + _SUFFIX
        sheet = secrets.randbelow(2**31 - 1) + 1
        grid = Grid(self.tab.book, sheet, title, 0, 0, note=_NOTE)
        return attrs.evolve(
            self.tab, id=sheet, title=title, columns=Columns(title, [], 0), grid=grid, seen=False
        )

    @_writer.default
    def _a_writer(self) -> Appender:
        return Appender(self._staging, shared=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._made:
            return
        try:
            self.tab.book.change([_deleted(self._staging.id)], repeat=True)
        except tailrace.RejectedError:
            self.tab.log.debug("the tab %r is gone already", self._staging.title)
        except (
            tailrace.FatalError,
            tailrace.RetryableError,
            tailrace.UnansweredError,
            tailrace.UnsentError,
        ) as error:
            self.tab.log.warning(
                "the tab %r is left over, and will be removed by the next replacement: %s",
                self._staging.title,
                error,
            )

    def reserve(self, batch: tailrace.Batch) -> dict[str, Any]:
        """Give a batch its rows in the staging tab."""
        self._schema = batch.schema
        for field in batch.schema:
            if field.type in FORMATS:
                self._dated.setdefault(field.name, field.type)
        return self._writer.reserve(batch)

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Write a batch to the staging tab, which the first one makes."""
        if batch.reservation is not None and not self._writer.knows(batch):
            raise tailrace.FatalError(
                "a replacement that broke off is begun anew, as nothing of it was shown; this batch"
                " is a part of one"
            )
        with self._lock:
            if not self._made:
                self._make(len(batch))
        return self._writer.write(batch)

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records stand in the staging tab; those of a dead run are lost with its own."""
        if self._made and self._writer.knows(batch):
            return self._writer.lookup(batch)
        told = "its replacement broke off before it was shown"
        return [batch.outcome(each, failed=told, reason="not_arrived") for each in batch]

    @property
    def identity(self) -> str:
        """Name the destination."""
        return self.tab.identity

    def commit(self) -> None:
        """Put the new content in place, in one request that is done as a whole or not at all.

        It removes the staging tab, so that Google refuses it when it arrives a second time.
        """
        requests = self._requests(read_sizes(self.tab.book))
        if not requests:
            return
        try:
            self.tab.book.change(requests, repeat=True)
        except (tailrace.RejectedError, tailrace.UnansweredError) as error:
            if not self._made or self._staging.id in read_sizes(self.tab.book).grids:
                raise tailrace.FatalError(str(error), status=error.status) from None
        self._made = False

    def _make(self, rows: int) -> None:
        """Make the staging tab, in place of one that a dead run has left."""
        sizes = read_sizes(self.tab.book)
        title, columns = self._staging.title, max(1, len(self._staging.columns.header))
        sizes.check(None, rows + 1, columns, _NOTE)
        properties = {
            "sheetId": self._staging.id,
            "title": title,
            "hidden": True,
            "gridProperties": {"rowCount": rows + 1, "columnCount": columns},
        }
        requests = [*self._left_over(sizes), {"addSheet": {"properties": properties}}]
        try:
            self.tab.book.change(requests, repeat=True)
        except tailrace.RejectedError as error:
            # Our own id is taken where the first of two such requests was done, and its answer lost.
            if self._staging.id not in read_sizes(self.tab.book).grids:
                raise tailrace.FatalError(str(error), status=error.status) from None
        self._staging.grid.rows, self._staging.grid.columns = rows + 1, columns
        self._made = True

    def _left_over(self, sizes: Sizes) -> list[Json]:
        title = self._staging.title
        return [_deleted(sheet) for sheet, each in sizes.titles.items() if each == title]

    def _requests(self, sizes: Sizes) -> list[Json]:
        """Say how the old content becomes the new; the order matters."""
        target = self.tab.id
        there = sizes.of(target, self.tab.title)
        order = self._order()
        height = self._writer.height
        if not self._made:
            return [*_cleared(target, there, height, 0), *self._left_over(sizes)]
        requests: list[Json] = []
        spare = sizes.of(self._staging.id, self._staging.title)[0]
        if spare > height:
            requests.append(removed(self._staging.id, "ROWS", height, spare))
            sizes = sizes.resized(self._staging.id, height)
        rows, columns = max(there[0], height), max(there[1], len(order), 1)
        if sizes.others(target) + rows * columns > MOST_CELLS:
            columns = max(len(order), 1)
        sizes.check(target, rows, columns, _NOTE)
        if columns < there[1]:
            requests.append(removed(target, "COLUMNS", columns, there[1]))
        if columns > there[1]:
            requests.append(appended(target, "COLUMNS", columns - there[1]))
        if rows > there[0]:
            requests.append(appended(target, "ROWS", rows - there[0]))
        parses = [self._staging.columns.name(column) in self.tab.formulas for column in order]
        for to, start, width in _moves(order, parses):
            requests.append(
                {
                    "copyPaste": {
                        "source": area(self._staging.id, (0, height), (start, start + width)),
                        "destination": area(target, (0, height), (to, to + width)),
                        "pasteType": "PASTE_FORMULA" if parses[to] else "PASTE_VALUES",
                    }
                }
            )
        requests += _cleared(target, (rows, columns), height, len(order))
        requests += self._formats(order)
        return [*requests, _deleted(self._staging.id)]

    def _order(self) -> list[int]:
        """Give the staging tab's columns in the order of the schema as it came to be."""
        columns = self._staging.columns
        if self._staging.parsed():
            return list(range(columns.width))  # a formula that moves would look elsewhere
        return [columns[name] for name in self._schema.names]

    def _formats(self, order: Sequence[int]) -> list[Json]:
        """Show dates as dates, and nothing else as dates that came to stand in such a column."""
        dated = {name.strip(): kind for name, kind in self._dated.items()}
        requests = []
        for at, column in enumerate(order):
            name = self._staging.columns.name(column)
            known = self.tab.grid.formats.get(at)
            stays = self.tab.columns.name(at) == name
            where = area(self.tab.id, (1, None), (at, at + 1))
            if name in dated:
                shown = known if known and stays else FORMATS[dated[name]]
                requests.append(formatted(where, shown))
            elif known and not stays:
                requests.append(formatted(where, None))
        return requests


def _moves(order: Sequence[int], parses: Sequence[bool]) -> list[tuple[int, int, int]]:
    """Cut columns into runs of one kind that stay together: where to, where from, how many."""
    kinds = [(column - at, parses[at]) for at, column in enumerate(order)]
    starts = [at for at in range(len(order)) if at == 0 or kinds[at] != kinds[at - 1]]
    return [
        (start, order[start], end - start)
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True)
    ]


def _cleared(sheet: int, size: tuple[int, int], height: int, width: int) -> list[Json]:
    """Empty what lies below and right of the new content."""
    rows, columns = size
    areas = []
    if rows > height:
        areas.append(area(sheet, (height, rows), (0, columns)))
    if columns > width and width:
        areas.append(area(sheet, (0, min(height, rows)), (width, columns)))
    return [{"updateCells": {"range": each, "fields": "userEnteredValue"}} for each in areas]


def _deleted(sheet: int) -> Json:
    return {"deleteSheet": {"sheetId": sheet}}
