"""Replace: the new content is laid down in a tab of its own, and put in place in one step.

The tab keeps its id, so that charts and formulas that look at it go on; it is never empty, and
never half old and half new.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace
from tailrace_sheets._append import AppendWriter
from tailrace_sheets._cells import FORMATS
from tailrace_sheets._google import Api
from tailrace_sheets._tab import Tab

_TRIES = 4
_ROWS = 1_000
_SUFFIX = " (tailrace)"
_TABS = "sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)))"


@attrs.define
class ReplaceWriter:
    """Append to a staging tab; `commit` makes its content the tab's."""

    tab: Tab
    formulas: Sequence[str]
    log: Any
    _staged: AppendWriter | None = attrs.field(default=None, init=False)
    _formats: dict[int, tailrace.FieldType] = attrs.field(factory=dict, init=False)
    _done: bool = attrs.field(default=False, init=False)

    def reserve(self, batch: tailrace.Batch) -> dict[str, int]:
        """Give the batch its rows in the staging tab, which the first batch makes."""
        if self._staged is None:
            staging = _stage(self.tab, len(batch.schema))
            self._staged = AppendWriter(staging, self.formulas, 2)
        for at, field in enumerate(batch.schema.fields):
            if field.type in FORMATS:
                self._formats[at] = field.type
        return self._staged.reserve(batch)

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        """Write the batch to the staging tab."""
        if self._staged is None:
            raise tailrace.FatalError("a batch was written that had no place")
        return self._staged.write(batch)

    def commit(self) -> None:
        """Put the staged content in place, in one request that is done as a whole or not at all."""
        for _ in range(_TRIES):
            self.tab.look()
            try:
                self.tab.api.change(self._requests())
            except tailrace.UnansweredError:
                if self._staged is not None and self._staged.tab.title not in _titles(self.tab.api):
                    break
                continue
            break
        else:
            raise tailrace.UnansweredError(
                f"tab {self.tab.title!r}: Google did not say whether it was replaced"
            )
        self._done = True

    def drop(self) -> None:
        """Remove the staging tab of a run that did not come to its end."""
        if self._staged is None or self._done:
            return
        try:
            self.tab.api.change([{"deleteSheet": {"sheetId": self._staged.tab.sheet_id}}])
        except (
            tailrace.FatalError,
            tailrace.RejectedError,
            tailrace.RetryableError,
            tailrace.UnansweredError,
            tailrace.UnsentError,
        ) as error:
            self.log.warning("the tab %r is left over: %s", self._staged.tab.title, error)

    def _requests(self) -> list[dict[str, Any]]:
        if self._staged is None:
            return [self._cleared(1, self.tab.rows, 0, self.tab.columns)]
        staging, height = self._staged.tab, self._staged.next_row - 1
        width = len(staging.header)
        requests: list[dict[str, Any]] = []
        for dimension, wanted, there in (
            ("ROWS", height, self.tab.rows),
            ("COLUMNS", width, self.tab.columns),
        ):
            if wanted > there:
                growth = {"sheetId": self.tab.sheet_id, "dimension": dimension}
                requests.append({"appendDimension": growth | {"length": wanted - there}})
        paste = "PASTE_FORMULA" if self.formulas else "PASTE_VALUES"
        requests.append(
            {
                "copyPaste": {
                    "source": _area(staging.sheet_id, 0, height, 0, width),
                    "destination": _area(self.tab.sheet_id, 0, height, 0, width),
                    "pasteType": paste,
                }
            }
        )
        if self.tab.rows > height:
            requests.append(self._cleared(height, self.tab.rows, 0, self.tab.columns))
        if self.tab.columns > width:
            requests.append(self._cleared(0, height, width, self.tab.columns))
        requests += [self.tab.format(at, kind) for at, kind in self._formats.items()]
        return [*requests, {"deleteSheet": {"sheetId": staging.sheet_id}}]

    def _cleared(self, top: int, bottom: int, left: int, right: int) -> dict[str, Any]:
        area = _area(self.tab.sheet_id, top, bottom, left, right)
        return {"updateCells": {"range": area, "fields": "userEnteredValue"}}


@contextmanager
def open_replace(tab: Tab, formulas: Sequence[str], log: Any) -> Iterator[ReplaceWriter]:
    """Give a writer that leaves nothing of itself behind."""
    writer = ReplaceWriter(tab, formulas, log)
    try:
        yield writer
    finally:
        writer.drop()


def _stage(tab: Tab, columns: int) -> Tab:
    """Make the staging tab, in place of one that a dead run has left."""
    title = tab.title + _SUFFIX
    grid = {"rowCount": _ROWS, "columnCount": max(columns, 1)}
    added = {"addSheet": {"properties": {"title": title, "hidden": True, "gridProperties": grid}}}
    for _ in range(_TRIES):
        # After a lost answer this is the tab that was just made, or still the old one: either goes.
        old = _titles(tab.api).get(title)
        drop = [] if old is None else [{"deleteSheet": {"sheetId": old}}]
        try:
            made = tab.api.change([*drop, added])[-1]["addSheet"]["properties"]["sheetId"]
        except tailrace.UnansweredError:
            continue
        break
    else:
        raise tailrace.UnansweredError(f"Google did not say whether it made the tab {title!r}")
    return Tab(
        tab.api, title, made, grid["rowCount"], grid["columnCount"], tab.zone, [], set(), empty=True
    )


def _titles(api: Api) -> dict[str, int]:
    found = api.describe(_TABS)["sheets"]
    return {each["properties"]["title"]: each["properties"]["sheetId"] for each in found}


def _area(sheet: int, top: int, bottom: int, left: int, right: int) -> dict[str, int]:
    return {
        "sheetId": sheet,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }
