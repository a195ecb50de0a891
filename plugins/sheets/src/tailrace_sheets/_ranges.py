"""A1 notation: rows counted from 1 as the sheet shows them, columns counted from 0."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import attrs


def letters(column: int) -> str:
    """Give the letters of a column: 0 is A, 26 is AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def number(text: str) -> int:
    """Give the column of its letters: A is 0."""
    column = 0
    for letter in text:
        column = column * 26 + ord(letter) - 64
    return column - 1


def cell(row: int, column: int) -> str:
    """Name one cell as people do: B1."""
    return f"{letters(column)}{row}"


def quoted(title: str) -> str:
    """Write a tab's title so that nothing in it is taken for anything else."""
    return "'" + title.replace("'", "''") + "'"


def block(title: str, rows: tuple[int, int], columns: tuple[int, int]) -> str:
    """Name a rectangle of a tab by its first and last row and its first and last column."""
    return f"{quoted(title)}!{cell(rows[0], columns[0])}:{cell(rows[1], columns[1])}"


def whole_rows(title: str, first: int, last: int) -> str:
    """Name rows of a tab in all of their columns."""
    return f"{quoted(title)}!{first}:{last}"


def runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Cut ascending numbers into runs without a gap: first and last of each."""
    first = last = None
    for each in numbers:
        if last is not None and each == last + 1:
            last = each
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = each
    if first is not None and last is not None:
        yield first, last


@attrs.frozen
class Cost:
    """Say what reading costs: windows that fit into one request, rows that are worth one."""

    windows: int
    rows: int


def windows(rows: Sequence[int], cost: Cost) -> list[tuple[int, int]]:
    """Cover ascending rows with the windows that take the fewest requests to read.

    Each window more costs a part of a request, and so does each row between that nobody needs.
    """
    if not rows:
        return []
    gaps = sorted(
        ((after - before - 1, place) for place, (before, after) in enumerate(pairwise(rows))),
        reverse=True,
    )
    span = rows[-1] - rows[0] + 1
    best, kept = 1 / cost.windows + span / cost.rows, 0
    for count, (gap, _) in enumerate(gaps, 1):
        span -= gap
        price = (count + 1) / cost.windows + span / cost.rows
        if gap and price < best:
            best, kept = price, count
    cuts = sorted(place for _, place in gaps[:kept])
    starts = [0, *(place + 1 for place in cuts)]
    ends = [*cuts, len(rows) - 1]
    return [(rows[start], rows[end]) for start, end in zip(starts, ends, strict=True)]


def grouped(found: Iterable[tuple[int, int]], cost: Cost) -> Iterator[list[tuple[int, int]]]:
    """Cut windows into what fits into one request each; a window that is too long is cut too."""
    group: list[tuple[int, int]] = []
    free = cost.rows
    for first, end in found:
        start = first
        while start <= end:
            if not free or len(group) == cost.windows:
                yield group
                group, free = [], cost.rows
            last = min(end, start + free - 1)
            group.append((start, last))
            free -= last - start + 1
            start = last + 1
    if group:
        yield group
