"""A spreadsheet: its properties, its tabs, and what is marked on them."""

from __future__ import annotations

import copy
import random
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from tailrace_sandbox.sheets import a1
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.errors import ApiError, bad
from tailrace_sandbox.sheets.evaluation import Evaluator
from tailrace_sandbox.sheets.grid import Grid

MAX_CELLS = 10_000_000
NEW_ROWS = 1000
NEW_COLUMNS = 26
DEFAULT_FORMAT: Mapping[str, Any] = {
    "backgroundColor": {"red": 1, "green": 1, "blue": 1},
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": {"red": 1, "green": 1, "blue": 1}},
}
_IDS = string.ascii_letters + string.digits + "-_"
_CROWDED = "This action would increase the number of cells in the workbook above the limit of 10000000 cells."


@attrs.define(kw_only=True, eq=False)
class Tab:
    """Hold one tab: `properties` lacks only what the grid and the order of tabs know."""

    id: int
    title: str
    grid: Grid
    properties: dict[str, Any] = attrs.field(factory=dict)
    frozen: dict[str, Any] = attrs.field(factory=dict)
    merges: list[Area] = attrs.field(factory=list)
    filter: dict[str, Any] | None = None
    widths: dict[str, dict[int, dict[str, Any]]] = attrs.field(factory=dict)

    def fork(self) -> Tab:
        """Return a copy that can be changed on its own."""
        return attrs.evolve(
            self,
            grid=self.grid.fork(),
            properties=copy.deepcopy(self.properties),
            frozen=dict(self.frozen),
            merges=list(self.merges),
            filter=copy.deepcopy(self.filter),
            widths=copy.deepcopy(self.widths),
        )

    def bounded(self, area: Area) -> Area:
        """Return an area without open ends; raises when it leaves the grid."""
        rows, columns = self.grid.rows, self.grid.columns
        beyond = max(area.top + 1, area.bottom or 0) > rows
        if beyond or max(area.left + 1, area.right or 0) > columns:
            raise self.exceeded(area)
        return area.within(rows, columns)

    def exceeded(self, area: Area) -> ApiError:
        """Return the error of an area that leaves the grid."""
        return bad(
            f"Range ({a1.write(self.title, area)}) exceeds grid limits. "
            f"Max rows: {self.grid.rows}, max columns: {self.grid.columns}"
        )


@attrs.define(kw_only=True, eq=False)
class Book:
    """Hold one spreadsheet."""

    id: str
    properties: dict[str, Any]
    tabs: list[Tab] = attrs.field(factory=list)
    named: list[dict[str, Any]] = attrs.field(factory=list)
    protected: list[dict[str, Any]] = attrs.field(factory=list)
    metadata: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    file: dict[str, Any] = attrs.field(factory=dict)
    forbidden: str | None = None

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    def fork(self) -> Book:
        """Return a copy that can be changed on its own, cheap whatever the spreadsheet holds."""
        return attrs.evolve(
            self,
            properties=copy.deepcopy(self.properties),
            tabs=[tab.fork() for tab in self.tabs],
            named=copy.deepcopy(self.named),
            protected=copy.deepcopy(self.protected),
            metadata=copy.deepcopy(self.metadata),
        )

    def adopt(self) -> None:
        """Own every grid again, once the copy that shared them is gone."""
        for tab in self.tabs:
            tab.grid.adopt()

    def touch(self) -> None:
        """Note the time of a change."""
        self.file["modifiedTime"] = timestamp()

    def tab(self, sheet_id: int) -> Tab:
        """Return the tab of an id."""
        for tab in self.tabs:
            if tab.id == sheet_id:
                return tab
        raise bad(f"No grid with id: {sheet_id}")

    def titled(self, title: str) -> Tab | None:
        """Return the tab of a title, whatever its case."""
        wanted = title.casefold()
        found = [tab for tab in self.tabs if tab.title.casefold() == wanted]
        return next((tab for tab in found if tab.title == title), found[0] if found else None)

    def locate(self, text: str) -> tuple[Tab, Area]:
        """Return the tab and the area that a range names."""
        refusal = bad(f"Unable to parse range: {text}")
        try:
            title, cells = a1.split(text)
        except ValueError:
            raise refusal from None
        if title is None and cells is not None:
            area = a1.area(cells)
            if area is not None:
                return self.first_shown(), area
            return self._locate_name(cells, refusal)
        tab = self.titled(title or "")
        if tab is None:
            raise refusal
        area = Area() if cells is None else a1.area(cells)
        return (tab, area) if area is not None else self._named_place(cells or "", refusal)

    def first_shown(self) -> Tab:
        """Return the first tab that is not hidden."""
        return next((tab for tab in self.tabs if not tab.properties.get("hidden")), self.tabs[0])

    def _locate_name(self, name: str, refusal: ApiError) -> tuple[Tab, Area]:
        tab = self.titled(name)
        if tab is not None:
            return tab, Area()
        return self._named_place(name, refusal)

    def _named_place(self, name: str, refusal: ApiError) -> tuple[Tab, Area]:
        for named in self.named:
            if named.get("name", "").casefold() == name.casefold():
                return self.grid_range(named["range"])
        raise refusal

    def grid_range(self, value: Mapping[str, Any]) -> tuple[Tab, Area]:
        """Return the tab and the area of a GridRange."""
        tab = self.tab(value.get("sheetId", 0))
        top, left = value.get("startRowIndex", 0), value.get("startColumnIndex", 0)
        bottom, right = value.get("endRowIndex"), value.get("endColumnIndex")
        for name, start, end in (("Row", top, bottom), ("Column", left, right)):
            if start < 0 or (end is not None and end <= start):
                kind = name.lower()
                raise bad(
                    f"GridRange has no {kind}s: start{name}Index {start}, end{name}Index {end}"
                )
        return tab, Area(top, bottom, left, right)

    def check_size(self, extra: int = 0) -> None:
        """Raise when the grids of all tabs hold more cells than Google allows."""
        total = sum(tab.grid.rows * tab.grid.columns for tab in self.tabs)
        if total + extra > MAX_CELLS:
            raise bad(_CROWDED)

    def check_protection(self, tab: Tab, area: Area) -> None:
        """Raise when an area may not be written to."""
        for protection in self.protected:
            if protection.get("warningOnly") or not self._covers(protection, tab, area):
                continue
            raise bad(
                "You are trying to edit a protected cell or object. Please contact the "
                "spreadsheet owner to remove protection if you need to edit."
            )

    def _covers(self, protection: Mapping[str, Any], tab: Tab, area: Area) -> bool:
        where = protection.get("range")
        if where is None:
            names = [n for n in self.named if n["namedRangeId"] == protection.get("namedRangeId")]
            where = names[0]["range"] if names else None
        if where is None or where.get("sheetId", 0) != tab.id:
            return False
        if not self.grid_range(where)[1].overlaps(area):
            return False
        free = [self.grid_range(hole)[1] for hole in protection.get("unprotectedRanges", ())]
        bounded = area.within(tab.grid.rows, tab.grid.columns)
        return not any(
            _holds(hole.within(tab.grid.rows, tab.grid.columns), bounded) for hole in free
        )

    def evaluator(self) -> Evaluator:
        """Return what computes this spreadsheet's formulas as they stand now."""
        return Evaluator(self.titled)

    def new_tab_id(self) -> int:
        """Return an id that no tab has."""
        taken = {tab.id for tab in self.tabs}
        while True:
            found = random.randrange(1, 2**31)  # noqa: S311 - a number, not a secret
            if found not in taken:
                return found


def _holds(outer: Area, inner: Area) -> bool:
    assert outer.bottom is not None
    assert outer.right is not None
    assert inner.bottom is not None
    assert inner.right is not None
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and outer.bottom >= inner.bottom
        and outer.right >= inner.right
    )


def new_id() -> str:
    """Return an id like those of Google's files."""
    return "1" + "".join(secrets.choice(_IDS) for _ in range(43))


def timestamp() -> str:
    """Return now as Drive writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_properties(title: str) -> dict[str, Any]:
    """Return the properties of a spreadsheet about which nothing was said but its title."""
    return {
        "title": title,
        "locale": "en_US",
        "autoRecalc": "ON_CHANGE",
        "timeZone": "Etc/GMT",
        "defaultFormat": DEFAULT_FORMAT,
    }
