"""One tab: its header, its grid, and how far it is filled."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs

import tailrace
from tailrace_sheets._cells import FORMATS
from tailrace_sheets._google import Api
from tailrace_sheets._ranges import column
from tailrace_sheets._ranges import rows as named_rows

MOST_CELLS = 10_000_000
MOST_COLUMNS = 18_278
_WINDOW = 1_000
_TRIES = 4

_FIELDS = (
    "properties(timeZone),sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),"
    "data(rowData(values(formattedValue,userEnteredFormat(numberFormat(type))))))"
)
_GRIDS = "sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)))"


@attrs.define
class Tab:
    """Know a tab as it was last seen; `header` also holds columns that are not written yet.

    Only the engine's one thread that makes room calls what changes it.
    """

    api: Api
    title: str
    sheet_id: int
    rows: int
    columns: int
    zone: tzinfo
    header: list[str]
    dated: set[int]
    written: int = 0
    empty: bool = False

    def places(self, names: Sequence[str]) -> list[int]:
        """Give each field's column, adding those that are new at the end of the header."""
        known = {name: at for at, name in reversed(list(enumerate(self.header))) if name}
        found = []
        for name in names:
            if name not in known:
                known[name] = len(self.header)
                self.header.append(name)
            found.append(known[name])
        if len(self.header) > MOST_COLUMNS:
            raise tailrace.FatalError(
                f"tab {self.title!r}: {len(self.header):,} columns, and a sheet has {MOST_COLUMNS:,}"
            )
        return found

    def check(self, names: Sequence[str]) -> None:
        """Raise a FatalError when a field's column stands there twice."""
        for name in names:
            found = [f"{column(at)}1" for at, each in enumerate(self.header) if each == name]
            if len(found) > 1:
                raise tailrace.FatalError(
                    f"tab {self.title!r}: the header {name!r} stands in {' and '.join(found)};"
                    " rename all but one"
                )

    def last_row(self) -> int:
        """Find the last row that holds something, looking from the bottom up."""
        end, size = self.rows, _WINDOW
        while end > 0:
            first = max(1, end - size + 1)
            (found,) = self.api.read([named_rows(self.title, first, end)])
            if found:
                return first + len(found) - 1
            end, size = first - 1, size * 4
        return 0

    def make_room(self, rows: int, formats: dict[int, tailrace.FieldType]) -> None:
        """Let the grid hold so many rows and the whole header; columns of dates get a format.

        Grows by half as much again, so that growing stays rare. A request that changes the grid
        is not repeated blindly: after an answer that got lost, what is there is looked at first.
        """
        fresh = {at: kind for at, kind in formats.items() if at not in self.dated}
        for _ in range(_TRIES):
            requests = [*self._growth(rows), *(self.format(*each) for each in fresh.items())]
            if not requests:
                break
            try:
                self.api.change(requests)
            except tailrace.UnansweredError:
                self.look()
                continue
            self.dated |= set(fresh)
            fresh = {}
            if "deleteDimension" in requests[0]:
                self.look()
            else:
                self._grown(requests)
        else:
            raise tailrace.UnansweredError(
                f"tab {self.title!r}: Google did not say whether it grew"
            )

    def look(self) -> None:
        """See how large the tab's grid is now."""
        for each in self.api.describe(_GRIDS)["sheets"]:
            if each["properties"]["sheetId"] == self.sheet_id:
                grid = each["properties"]["gridProperties"]
                self.rows, self.columns = grid["rowCount"], grid["columnCount"]

    def _grown(self, requests: list[dict[str, Any]]) -> None:
        for each in requests:
            growth = each.get("appendDimension", {})
            self.rows += growth.get("length", 0) if growth.get("dimension") == "ROWS" else 0
            self.columns += growth.get("length", 0) if growth.get("dimension") == "COLUMNS" else 0

    def _growth(self, rows: int) -> list[dict[str, Any]]:
        requests = []
        columns = max(self.columns, len(self.header))
        if rows > self.rows:
            if rows * columns > MOST_CELLS and self.empty and len(self.header) < self.columns:
                return [self._dimension("deleteDimension", "COLUMNS", len(self.header))]
            wanted = max(rows, min(rows + rows // 2, MOST_CELLS * 9 // 10 // columns))
            requests.append(self._append("ROWS", wanted - self.rows))
        if columns > self.columns:
            requests.append(self._append("COLUMNS", columns - self.columns))
        return requests

    def _append(self, dimension: str, length: int) -> dict[str, Any]:
        growth = {"sheetId": self.sheet_id, "dimension": dimension, "length": length}
        return {"appendDimension": growth}

    def _dimension(self, what: str, dimension: str, start: int) -> dict[str, Any]:
        area = {"sheetId": self.sheet_id, "dimension": dimension, "startIndex": start}
        return {what: {"range": area | {"endIndex": self.columns}}}

    def format(self, at: int, kind: tailrace.FieldType) -> dict[str, Any]:
        """Give the request that formats a column of dates, below its header."""
        return {
            "repeatCell": {
                "range": {
                    "sheetId": self.sheet_id,
                    "startRowIndex": 1,
                    "startColumnIndex": at,
                    "endColumnIndex": at + 1,
                },
                "cell": {"userEnteredFormat": {"numberFormat": dict(FORMATS[kind])}},
                "fields": "userEnteredFormat.numberFormat",
            }
        }


def open_tab(api: Api, title: str) -> Tab:
    """Read a tab's size, header and formats; raises a FatalError that names the tabs there are."""
    try:
        found = api.describe(_FIELDS, (named_rows(title, 1, 2),))
    except tailrace.RejectedError as error:
        if error.status != 400:
            raise
        found = {"sheets": []}
    own = [each for each in found.get("sheets", []) if each["properties"]["title"] == title]
    if not own:
        there = api.describe(_GRIDS)["sheets"]
        titles = ", ".join(repr(each["properties"]["title"]) for each in there)
        raise tailrace.FatalError(f"there is no tab {title!r} in the spreadsheet; it has {titles}")
    grid = own[0]["properties"].get("gridProperties")
    if grid is None:
        raise tailrace.FatalError(f"the tab {title!r} is no grid of cells")
    lines = [
        row.get("values", []) for data in own[0].get("data", []) for row in data.get("rowData", [])
    ]
    header = [str(each.get("formattedValue", "")).strip() for each in (lines or [[]])[0]]
    while header and not header[-1]:
        header.pop()
    return Tab(
        api,
        title,
        own[0]["properties"]["sheetId"],
        grid["rowCount"],
        grid["columnCount"],
        _zone(found.get("properties", {}).get("timeZone", "")),
        header,
        {at for line in lines[1:2] for at, each in enumerate(line) if _is_dated(each)},
        written=len(header),
    )


def _is_dated(found: dict[str, Any]) -> bool:
    number = found.get("userEnteredFormat", {}).get("numberFormat", {})
    return number.get("type") in ("DATE", "DATE_TIME", "TIME")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC
