"""A1 notation, and rows that lie together."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import attrs


def column(index: int) -> str:
    """Give the letters of a column, counted from 0: A, Z, AA."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def quoted(title: str) -> str:
    """Quote a tab's title."""
    return "'" + title.replace("'", "''") + "'"


def rows(title: str, first: int, last: int) -> str:
    """Name whole rows, counted from 1."""
    return f"{quoted(title)}!{first}:{last}"


def block(title: str, row: int, left: int, width: int, height: int) -> str:
    """Name a block by its first row (from 1), its first column (from 0) and its size."""
    right, bottom = column(left + width - 1), row + height - 1
    return f"{quoted(title)}!{column(left)}{row}:{right}{bottom}"


@attrs.frozen
class Span:
    """Hold the first and the last of some rows that are read together."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def spans(numbers: Iterable[int], most: int) -> list[Span]:
    """Cover rows with at most so many spans, leaving out the widest gaps."""
    ordered = sorted(set(numbers))
    if not ordered:
        return []
    gaps = sorted(
        ((b - a, at) for at, (a, b) in enumerate(pairwise(ordered), 1)),
        reverse=True,
    )
    cuts = sorted(at for width, at in gaps[: most - 1] if width > 1)
    starts, ends = [0, *cuts], [*cuts, len(ordered)]
    return [Span(ordered[a], ordered[b - 1]) for a, b in zip(starts, ends, strict=True)]


def groups(found: Iterable[Span], most_rows: int) -> Iterator[list[Span]]:
    """Cut spans into groups that together hold at most so many rows."""
    group: list[Span] = []
    held = 0
    for span in found:
        first = span.first
        while first <= span.last:
            last = min(span.last, first + most_rows - 1)
            if group and held + last - first + 1 > most_rows:
                yield group
                group, held = [], 0
            group.append(Span(first, last))
            held += last - first + 1
            first = last + 1
    if group:
        yield group
