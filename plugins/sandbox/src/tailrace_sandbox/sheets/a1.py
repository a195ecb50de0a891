"""A1 notation: from text to rectangles and back."""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

MAX_COLUMNS = 18_278
_CORNER = re.compile(r"\$?([A-Za-z]{1,3})?\$?([1-9][0-9]{0,8})?")
_R1C1 = re.compile(r"R([1-9][0-9]{0,8})C([1-9][0-9]{0,5})", re.IGNORECASE)
_PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIKE_A_CELL = re.compile(r"[A-Za-z]{1,3}[0-9]+|R[0-9]*C[0-9]*|TRUE|FALSE", re.IGNORECASE)


@attrs.frozen
class Area:
    """Hold a rectangle of cells, half-open and counted from 0; None is an open end."""

    top: int = 0
    bottom: int | None = None
    left: int = 0
    right: int | None = None

    @property
    def height(self) -> int | None:
        return None if self.bottom is None else self.bottom - self.top

    @property
    def width(self) -> int | None:
        return None if self.right is None else self.right - self.left

    def within(self, rows: int, columns: int) -> Area:
        """Return this area with its open ends, and those beyond a grid, at the grid's edge."""
        bottom = rows if self.bottom is None else min(self.bottom, rows)
        right = columns if self.right is None else min(self.right, columns)
        return Area(self.top, bottom, self.left, right)

    def overlaps(self, other: Area) -> bool:
        """Tell whether two areas have a cell in common."""
        return _meet(self.top, self.bottom, other.top, other.bottom) and _meet(
            self.left, self.right, other.left, other.right
        )


def _meet(first: int, first_end: int | None, second: int, second_end: int | None) -> bool:
    return (second_end is None or first < second_end) and (first_end is None or second < first_end)


@lru_cache(maxsize=20_000)
def letters(index: int) -> str:
    """Return the letters of a column counted from 0: 0 is A, 26 is AA."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(65 + rest) + text
    return text


def column(text: str) -> int:
    """Return the column that letters stand for, counted from 0."""
    index = 0
    for letter in text.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def split(text: str) -> tuple[str | None, str | None]:
    """Split a range into the tab's title and the cells; what it lacks is None.

    A text without `!` and without quotes comes back as cells, since only the spreadsheet knows
    whether it is a tab's title. Raises ValueError for quotes that do not close.
    """
    if text.startswith("'"):
        end = 1
        while True:
            end = text.find("'", end)
            if end < 0:
                raise ValueError(text)
            if text[end : end + 2] != "''":
                break
            end += 2
        title, rest = text[1:end].replace("''", "'"), text[end + 1 :]
        if not rest:
            return title, None
        if not rest.startswith("!"):
            raise ValueError(text)
        return title, rest[1:]
    title, mark, cells = text.rpartition("!")
    return (title, cells) if mark else (None, text)


def area(cells: str) -> Area | None:
    """Read the cells of a range, such as `B2:C`; None when it is none."""
    first, colon, last = cells.strip().partition(":")
    start = _corner(first)
    end = _corner(last) if colon else start
    if start is None or end is None:
        return None
    if not colon and None in start:
        return None
    top, bottom = _span(start[0], end[0])
    left, right = _span(start[1], end[1])
    if right is not None and right > MAX_COLUMNS:
        return None
    return Area(top, bottom, left, right)


def _corner(text: str) -> tuple[int | None, int | None] | None:
    match = _R1C1.fullmatch(text)
    if match:
        return int(match[1]) - 1, int(match[2]) - 1
    match = _CORNER.fullmatch(text)
    if not match or not (match[1] or match[2]):
        return None
    return (
        int(match[2]) - 1 if match[2] else None,
        column(match[1]) if match[1] else None,
    )


def _span(first: int | None, last: int | None) -> tuple[int, int | None]:
    if first is not None and last is not None:
        return min(first, last), max(first, last) + 1
    return (first if first is not None else last) or 0, None


def quote(title: str) -> str:
    """Return a tab's title as it stands in a range: in quotes unless it is a plain word."""
    if _PLAIN_TITLE.fullmatch(title) and not _LIKE_A_CELL.fullmatch(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def write(title: str, cells: Area) -> str:
    """Write a range the way Google does: `Sheet1!A1:B2`, one cell as `Sheet1!A1`."""
    start, end = _write_corners(cells)
    return f"{quote(title)}!{start}" if start == end else f"{quote(title)}!{start}:{end}"


def _write_corners(cells: Area) -> tuple[str, str]:
    bottom, right = cells.bottom, cells.right
    if bottom is None and right is None:
        return f"A{cells.top + 1}", letters(MAX_COLUMNS - 1)
    start = f"{letters(cells.left)}{cells.top + 1}"
    if bottom is None and right is not None:
        return (start if cells.top else letters(cells.left)), letters(right - 1)
    if right is None:
        return (start if cells.left else str(cells.top + 1)), str(bottom)
    return start, f"{letters(right - 1)}{bottom}"
