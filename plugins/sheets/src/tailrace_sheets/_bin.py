"""Bin: a hidden tab that takes the rows of one deletion, from which they can be put back."""

from collections.abc import Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets import _ranges
from tailrace_sheets._book import Json
from tailrace_sheets._grid import Sizes, appended, area, removed
from tailrace_sheets._tab import Tab

_NOTE = ", and deleting copies rows to a hidden tab before"


@attrs.frozen
class Bin:
    """Fill a hidden tab with rows of another, and empty it again; its id is known beforehand.

    Its first row is the other tab's header as it was then, which tells where each field stood.
    """

    tab: Tab
    id: int

    @property
    def title(self) -> str:
        """Give the hidden tab's title, which no other has."""
        suffix = f" (tailrace removed {self.id})"
        return self.tab.title[: 100 - len(suffix)] + suffix

    def take(self, rows: Sequence[int], sizes: Sizes) -> None:
        """Move ascending rows into the bin, in one request that Google does once at most."""
        tab, width = self.tab.id, self.tab.grid.columns
        sizes.check(None, len(rows) + 1, width, _NOTE)
        properties = {
            "sheetId": self.id,
            "title": self.title,
            "hidden": True,
            "gridProperties": {"rowCount": len(rows) + 1, "columnCount": width},
        }
        requests: list[Json] = [{"addSheet": {"properties": properties}}]
        runs = list(_ranges.runs(rows))
        done = 0
        for first, last in [(1, 1), *runs]:
            count = last - first + 1
            requests.append(
                _copied(
                    area(tab, (first - 1, last), (0, width)),
                    area(self.id, (done, done + count), (0, width)),
                )
            )
            done += count
        if self.tab.grid.rows - len(rows) <= max(1, sizes.frozen.get(tab, 0)):
            requests.append(appended(tab, "ROWS", 1))
        requests += [removed(tab, "ROWS", first - 1, last) for first, last in reversed(runs)]
        self.tab.book.change(requests)

    def read(self) -> tuple[list[Any], list[list[Any]]]:
        """Give the header that its rows had, and the rows."""
        (found,) = self.tab.book.read(_ranges.quoted(self.title))
        header, *rows = found or [[]]
        return header, rows

    def put_back(self, back: Sequence[int], places: Sequence[int] | None, *, keep: bool) -> None:
        """Put some of its rows back, counted from 0, and let go of the others, all or nothing.

        places: the rows that all of them had; left out, they go below everything that is there.
        keep: leave the tab itself, so that its id stays taken.
        """
        self.tab.book.change([*self._moved(back, places), self._gone(keep=keep)])

    def _moved(self, back: Sequence[int], places: Sequence[int] | None) -> list[Json]:
        sizes = self.tab.grid.look()
        rows, columns = self.tab.grid.rows, self.tab.grid.columns
        width = (0, min(columns, sizes.of(self.id, self.title)[1]))
        if places is None:
            last = self.tab.last_row()
            targets = [last + at for at in range(1, len(back) + 1)]
        else:
            # What stood above it and stays away is no longer counted.
            targets = [places[at] - (at - before) for before, at in enumerate(back)]
        requests: list[Json] = []
        for count, (at, target) in enumerate(zip(back, targets, strict=True)):
            start = min(target - 1, rows + count)
            requests += [
                _inserted(self.tab.id, start),
                _copied(
                    area(self.id, (at + 1, at + 2), width),
                    area(self.tab.id, (start, start + 1), width),
                ),
            ]
        return requests

    def let_go(self, *, keep: bool = False) -> None:
        """Let go of its rows, none of which is missed; if that cannot be done, only a hint is due."""
        try:
            self.tab.book.change([self._gone(keep=keep)], repeat=True)
        except tailrace.RejectedError:
            self.tab.log.debug("the hidden tab %r is gone already", self.title)
        except tailrace.WriteError as error:
            self.tab.log.warning("the hidden tab %r may be left over: %s", self.title, error)

    def _gone(self, *, keep: bool) -> Json:
        if keep:
            return {"updateCells": {"range": {"sheetId": self.id}, "fields": "*"}}
        return {"deleteSheet": {"sheetId": self.id}}


def _copied(source: Json, destination: Json) -> Json:
    where = {"source": source, "destination": destination, "pasteType": "PASTE_NORMAL"}
    return {"copyPaste": where}


def _inserted(sheet: int, start: int) -> Json:
    where = {"sheetId": sheet, "dimension": "ROWS", "startIndex": start, "endIndex": start + 1}
    return {"insertDimension": {"range": where, "inheritFromBefore": start > 0}}
