"""A tab's grid: large enough before anything is written, with the formats that dates need."""

import threading
from collections.abc import Mapping

import attrs

import tailrace
from tailrace_sheets._book import FULL, Book, Json

MOST_CELLS = 10_000_000
_SPARE = 500
"""Rows more than needed, at least, so that growing stays rare."""
SIZES = "sheets(properties(sheetId,title,gridProperties(rowCount,columnCount,frozenRowCount)))"

Formats = Mapping[int, Mapping[str, str]]


def area(sheet: int, rows: tuple[int, int | None], columns: tuple[int, int]) -> Json:
    """Give a GridRange: counted from 0, ends not part of it; None is the grid's own end."""
    found = {
        "sheetId": sheet,
        "startRowIndex": rows[0],
        "startColumnIndex": columns[0],
        "endColumnIndex": columns[1],
    }
    return found if rows[1] is None else found | {"endRowIndex": rows[1]}


def formatted(where: Json, shown: Mapping[str, str] | None) -> Json:
    """Give the request that sets the number format of an area; None takes it away."""
    cell = {"userEnteredFormat": {"numberFormat": dict(shown)}} if shown else {}
    return {
        "repeatCell": {"range": where, "cell": cell, "fields": "userEnteredFormat.numberFormat"}
    }


def appended(sheet: int, dimension: str, length: int) -> Json:
    """Give the request that adds rows or columns at a grid's end."""
    return {"appendDimension": {"sheetId": sheet, "dimension": dimension, "length": length}}


def removed(sheet: int, dimension: str, start: int, end: int) -> Json:
    """Give the request that removes rows or columns, from one to before another."""
    where = {"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": end}
    return {"deleteDimension": {"range": where}}


@attrs.frozen
class Sizes:
    """Hold how large the grids of a spreadsheet are: rows and columns by the tabs' ids.

    frozen: how many rows at the top stay in sight, which Google never leaves without another.
    """

    titles: Mapping[int, str]
    grids: Mapping[int, tuple[int, int]]
    frozen: Mapping[int, int] = attrs.field(factory=dict)

    def of(self, sheet: int, title: str) -> tuple[int, int]:
        """Give the size of a tab; raises a FatalError when it is gone."""
        if sheet not in self.grids:
            raise tailrace.FatalError(f"the tab {title!r} was deleted meanwhile; run again")
        return self.grids[sheet]

    def check(self, sheet: int | None, rows: int, columns: int, note: str = "") -> None:
        """Raise a FatalError when the spreadsheet would have too many cells."""
        total = self.others(sheet) + rows * columns
        if total > MOST_CELLS:
            raise tailrace.FatalError(
                f"the spreadsheet would have {total:,} cells, and Google allows {MOST_CELLS:,} in"
                f" all tabs together, empty ones counted{note}; delete empty rows, columns or tabs,"
                " or use another spreadsheet"
            )

    def resized(self, sheet: int, rows: int) -> "Sizes":
        """Give the sizes as they are when a tab has so many rows."""
        return attrs.evolve(self, grids={**self.grids, sheet: (rows, self.grids[sheet][1])})

    def others(self, sheet: int | None) -> int:
        """Count the cells of all tabs but one."""
        return sum(rows * columns for each, (rows, columns) in self.grids.items() if each != sheet)


def read_sizes(book: Book) -> Sizes:
    """Read the sizes and titles of all tabs."""
    titles, grids, frozen = {}, {}, {}
    for each in book.describe(SIZES)["sheets"]:
        properties = each["properties"]
        titles[properties["sheetId"]] = properties["title"]
        grid = properties.get("gridProperties")
        if grid is not None:
            grids[properties["sheetId"]] = (grid["rowCount"], grid["columnCount"])
            frozen[properties["sheetId"]] = grid.get("frozenRowCount", 0)
    return Sizes(titles, grids, frozen)


@attrs.define(eq=False)
class Grid:
    """Keep one tab's grid large enough; it grows at its ends.

    formats: the number formats of the columns of dates that have one. bare: the first column of
    those that hold nothing at all, in a tab that has no rows; if nothing else makes the
    spreadsheet's cells suffice, those are removed.
    """

    book: Book
    sheet: int
    title: str
    rows: int
    columns: int
    formats: dict[int, Mapping[str, str]] = attrs.field(factory=dict)
    note: str = ""
    bare: int | None = None
    _most: int = attrs.field(default=MOST_CELLS, init=False)
    _widest: int = attrs.field(default=1, init=False)
    _own: int = attrs.field(default=0, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def ensure(self, rows: int, columns: int, formats: Formats, own: int = 0) -> None:
        """Make room for so many rows and columns, and show columns of dates as dates.

        own: how many of the rows are this run's, by which it is guessed how many more will come.
        A lost answer is followed by a look, since growing twice would not be the same as once.
        """
        with self._lock:
            missing = {at: shown for at, shown in formats.items() if at not in self.formats}
            if rows <= self.rows and columns <= self.columns and not missing:
                return
            self._own, self._widest = max(self._own, own), max(self._widest, columns)
            try:
                self._grow(rows, columns, missing)
            except tailrace.RejectedError as error:
                raise tailrace.FatalError(str(error), status=error.status) from None

    def look(self) -> Sizes:
        """Read the tab's size again, after someone may have changed it; give those of all tabs."""
        with self._lock:
            return self._look()

    def _look(self) -> Sizes:
        sizes = read_sizes(self.book)
        self.rows, self.columns = sizes.of(self.sheet, self.title)
        return sizes

    def _grow(self, rows: int, columns: int, missing: Formats) -> None:
        taller, wider = self._spared(rows), max(columns, self.columns)
        squeezed = False
        for again in (True, True, False):
            requests = self._requests(taller, wider, missing)
            growing = (taller, wider) != (self.rows, self.columns)
            if not requests:
                return
            try:
                self.book.change(requests, repeat=not growing)
            except tailrace.FatalError as error:
                if FULL not in str(error) or not again:
                    raise
                taller, wider = self._squeezed(self._look(), rows, columns)
                squeezed = True
            except tailrace.UnansweredError as error:
                if not growing:
                    raise
                self._look()
                if not again:
                    told = f"tab {self.title!r}: nothing tells whether it was made larger: {error}"
                    raise tailrace.RetryableError(told) from None
                taller = max(taller, self.rows)
                wider = wider if squeezed else max(wider, self.columns)
            else:
                self.rows, self.columns = taller, wider
                self.formats.update(missing)
                return

    def _squeezed(self, sizes: Sizes, rows: int, columns: int) -> tuple[int, int]:
        """Give the rows and columns that do fit: no more to spare than that, and none bare."""
        taller, wider = max(rows, self.rows), max(columns, self.columns)
        if self.bare is not None:
            wider, self.bare = max(self.bare, self._widest), None
        sizes.check(self.sheet, taller, wider, self.note)
        self._most = (MOST_CELLS - sizes.others(self.sheet)) // wider
        return self._spared(rows), wider

    def _spared(self, rows: int) -> int:
        """Give the rows to have where so many are needed: some more, so that growing stays rare."""
        if rows <= self.rows:
            return self.rows
        return max(rows, min(rows + max(self._own // 2, _SPARE), self._most))

    def _requests(self, rows: int, columns: int, missing: Formats) -> list[Json]:
        requests: list[Json] = []
        if columns < self.columns:
            requests.append(removed(self.sheet, "COLUMNS", columns, self.columns))
        if columns > self.columns:
            requests.append(appended(self.sheet, "COLUMNS", columns - self.columns))
        if rows > self.rows:
            requests.append(appended(self.sheet, "ROWS", rows - self.rows))
            requests += [
                formatted(area(self.sheet, (self.rows, None), (at, at + 1)), shown)
                for at, shown in sorted(self.formats.items())
                if at < columns
            ]
        requests += [
            formatted(area(self.sheet, (1, None), (at, at + 1)), shown)
            for at, shown in sorted(missing.items())
        ]
        return requests
