"""One tab: what stands in it when it is opened, and how rows get into it."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._book import BOUNDARY, UNPARSED, Book, Json
from tailrace_sheets._cells import FORMATS, MOMENTS, Cells, Shown
from tailrace_sheets._columns import Columns
from tailrace_sheets._grid import SIZES, Formats, Grid

_FIRST_CELLS, _MOST_CELLS = 30_000, 300_000
"""Cells that are read at once to find the last row: at first, and at most."""

_FIELDS = (
    "properties(timeZone),sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),"
    "data(rowData(values(formattedValue,effectiveFormat(numberFormat)))))"
)

Row = tuple[int, list[Shown]]
"""A row's number and its cells from column A on; None leaves a cell alone."""


@attrs.frozen
class Tab:
    """Hold what the writers of all modes need of a tab; `seen` where people look at it."""

    book: Book
    id: int
    title: str
    cells: Cells
    columns: Columns
    grid: Grid
    formulas: frozenset[str]
    log: Any
    seen: bool = True

    @property
    def identity(self) -> str:
        """Name the destination, whoever logs in and whatever the tab is called."""
        return f"{self.book.base_url}/{self.book.id}#{self.id}"

    def rows(self, first: int, last: int) -> str:
        """Name whole rows."""
        return _ranges.whole_rows(self.title, first, last)

    def last_row(self) -> int:
        """Find the last row that holds anything, reading from the bottom; 0 when none does."""
        return max(self.bottom(1), default=0)

    def bottom(self, count: int) -> dict[int, list[Any]]:
        """Give the last row that holds anything, and at most so many with those above it.

        Only what is empty is read, and the window in which the last row lies.
        """
        first, found = self._last_rows()
        last = first + len(found) - 1
        self.grid.bare = self.columns.width if last <= 1 else None
        return dict(list(enumerate(found, first))[-count:])

    def _last_rows(self) -> tuple[int, list[list[Any]]]:
        end, size = self.grid.rows, max(1, _FIRST_CELLS // self.grid.columns)
        while end > 0:
            first = max(1, end - size + 1)
            # As formulas: one that shows nothing is something all the same.
            (found,) = self.book.read(self.rows(first, end), formulas=True)
            if found:
                self.columns.width = max(self.columns.width, *map(len, found))
                return first, found
            end = first - 1
            size = min(size * 2, max(1, _MOST_CELLS // self.grid.columns))
        return 1, []

    def formats(self, schema: tailrace.Schema) -> dict[int, Mapping[str, str]]:
        """Give the number formats that columns of dates should have, unless they have one."""
        return {
            self.columns[field.name]: FORMATS[field.type]
            for field in schema
            if self.seen and field.type in FORMATS
        }

    def ensure(self, rows: Sequence[Row], formats: Formats, own: int = 0) -> None:
        """Make room for rows, and for the headers that are still to be written."""
        wide = [len(cells) for _, cells in rows] + [at + 1 for at in self.columns.pending()]
        bottom = max([number for number, _ in rows], default=1)
        self.grid.ensure(bottom, max(wide, default=1), formats, own)

    def put(self, rows: Sequence[Row], formats: Formats) -> None:
        """Write ascending rows, and what of the header nothing has confirmed yet."""
        pending = self.columns.pending()
        data = [*self._header(pending), *self._blocks(rows)]
        if not data:
            return
        repeat = not self.seen
        try:
            self.book.write(data, repeat=repeat)
        except tailrace.RejectedError as error:
            if BOUNDARY not in str(error):
                raise
            # Someone has deleted rows or columns of the grid.
            self.grid.look()
            self.ensure(rows, formats)
            self.book.write(data, repeat=repeat)
        self.columns.confirm(pending)
        self.enter(rows)

    def enter(self, rows: Sequence[Row]) -> None:
        """Write the columns of ascending rows that are entered as if typed."""
        typed = self._typed(rows)
        if typed:
            self.book.write(typed, parsed=True, repeat=not self.seen)

    def _header(self, pending: Mapping[int, str]) -> list[Json]:
        return [
            self._block(1, first, [[pending[at] for at in range(first, last + 1)]])
            for first, last in _ranges.runs(pending)
        ]

    def _blocks(self, rows: Sequence[Row]) -> list[Json]:
        """Give what is written as it is: the rows without the columns that are parsed."""
        parsed = set(self.parsed())
        left = min((_first(cells) for _, cells in rows), default=0)
        data = []
        for block in _together(rows):
            lines = [cells[left:] for _, cells in block]
            if parsed:
                lines = [
                    [None if at in parsed else value for at, value in enumerate(line, left)]
                    for line in lines
                ]
            if not parsed or any(value is not None for line in lines for value in line):
                data.append(self._block(block[0][0], left, lines))
        return data

    def parsed(self) -> list[int]:
        """Give the columns that are entered as if typed."""
        return sorted(self.columns[name] for name in self.formulas if name in self.columns)

    def _typed(self, rows: Sequence[Row]) -> list[Json]:
        data = []
        for first, last in _ranges.runs(self.parsed()):
            for block in _together(rows):
                lines = [cells[first : last + 1] for _, cells in block]
                if any(value is not None for line in lines for value in line):
                    data.append(self._block(block[0][0], first, lines))
        return data

    def _block(self, row: int, left: int, lines: list[Any]) -> Json:
        last = row + len(lines) - 1
        right = left + max(1, *map(len, lines)) - 1
        return {"range": _ranges.block(self.title, (row, last), (left, right)), "values": lines}


def _first(cells: Sequence[Shown]) -> int:
    return next((at for at, value in enumerate(cells) if value is not None), 0)


def _together(rows: Sequence[Row]) -> list[list[Row]]:
    """Cut ascending rows into those that follow each other."""
    blocks: list[list[Row]] = []
    for row in rows:
        if blocks and blocks[-1][-1][0] + 1 == row[0]:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def open_tab(book: Book, title: str, formulas: frozenset[str], log: Any) -> Tab:
    """Read a tab's size, header and formats, and the spreadsheet's clock."""
    try:
        found = book.describe(_FIELDS, _ranges.whole_rows(title, 1, 2))
    except tailrace.FatalError as error:
        if UNPARSED not in str(error):
            raise
        there = [each["properties"]["title"] for each in book.describe(SIZES)["sheets"]]
        raise tailrace.FatalError(
            f"there is no tab {title!r} in the spreadsheet; it has {', '.join(map(repr, there))}"
        ) from None
    (sheet,) = found["sheets"]
    properties = sheet["properties"]
    size = properties.get("gridProperties")
    if size is None:
        raise tailrace.FatalError(f"the tab {title!r} is a chart, and has no cells to write to")
    lines = [row.get("values", []) for data in sheet["data"] for row in data.get("rowData", [])]
    header, second = [*lines, [], []][:2]
    title = properties["title"]
    width = max(_width(header), _width(second))
    names = [each.get("formattedValue", "").strip() for each in header][:width]
    grid = Grid(book, properties["sheetId"], title, size["rowCount"], size["columnCount"])
    for at, each in enumerate(second):
        shown = each.get("effectiveFormat", {}).get("numberFormat", {})
        if shown.get("type") in MOMENTS:
            grid.formats[at] = dict(shown)
    return Tab(
        book,
        properties["sheetId"],
        title,
        Cells(_zone(found.get("properties", {}).get("timeZone", ""))),
        Columns(title, names, width, log),
        grid,
        formulas,
        log,
    )


def _width(cells: Sequence[Json]) -> int:
    """Count cells up to the last that shows something; a format alone is nothing."""
    held = [at for at, each in enumerate(cells) if each.get("formattedValue")]
    return max(held, default=-1) + 1


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
