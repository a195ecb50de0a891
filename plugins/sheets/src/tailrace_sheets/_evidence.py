"""Evidence: whether rows that may have been sent stand in a tab that people have changed since.

Where a batch was to go is known by the few rows above it, whose marks are kept with its
reservation: they tell whether rows were inserted or deleted since. What the sheet does not tell
for sure stays in doubt.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from tailrace_sheets._marks import Marks
from tailrace_sheets._plans import Entry, Plan
from tailrace_sheets._tab import Tab

ABOVE = 5
"""Rows above a batch by which its place is known again."""


class Fate(Enum):
    """Say what became of a row that may have been sent."""

    HERE = "here"
    ABSENT = "absent"
    DOUBT = "doubt"


@attrs.frozen
class Verdict:
    """Hold what became of each entry, and by how many rows they stand lower than reserved."""

    fates: Mapping[Any, Fate]
    offset: int = 0

    def keys(self, fate: Fate) -> set[Any]:
        """Give the keys of the entries that met a fate."""
        return {key for key, each in self.fates.items() if each is fate}


@attrs.frozen
class _Place:
    """Say where a batch's rows are to be looked for, and from which row on the tab is read.

    sure: what stood above the batch stands where it stood; else a sort may have mixed all rows, and
    a row counts only where no other in the tab is the same.
    """

    since: int
    offset: int = 0
    sure: bool = True


def judge(tab: Tab, marks: Marks, plan: Plan, entries: Mapping[Any, Entry]) -> Verdict:
    """Tell which entries stand in the tab, and which never came there."""
    tab.grid.look()
    last = tab.last_row()
    mine = {key: marks.of(entry.cells) for key, entry in entries.items()}
    place = _find(tab, marks, plan, last, {*mine.values()})
    rows = {key: entry.row + place.offset for key, entry in entries.items()}
    since = min([place.since, *rows.values()])
    there = dict(enumerate(marks.read(tab, since, last), since))
    fates = {
        key: _fate(mark, there.get(rows[key], ""), entries[key])
        for key, mark in mine.items()
        if mark
    }
    home = {rows[key] for key, fate in fates.items() if fate is Fate.HERE}
    strays = {mark for row, mark in there.items() if row not in home}
    if not place.sure:
        doubtful = {key for key in fates if mine[key] in strays}
        fates.update(dict.fromkeys(doubtful, Fate.DOUBT))
    absent = {key for key, fate in fates.items() if fate is Fate.ABSENT}
    below = last < plan.first + place.offset
    known = place.sure or below or all(entries[key].missed for key in absent)
    clear = known and Fate.DOUBT not in fates.values()
    if not clear or any(mine[key] in strays for key in absent):
        fates.update(dict.fromkeys(absent, Fate.DOUBT))
    others = set(fates.values())
    for key, entry in entries.items():
        if key not in fates:
            fates[key] = _unmarked(entry, others, below=last < min(rows.values()))
    return Verdict(fates, place.offset)


def _find(tab: Tab, marks: Marks, plan: Plan, last: int, mine: set[str]) -> _Place:
    """Find a batch's place by the rows that stood above it, unless they may be its own."""
    above, at = plan.above, plan.first - 1
    if at <= 1:
        return _Place(plan.first)
    if not any(above):
        return _Place(2, sure=False)
    if marks.read(tab, plan.first - len(above), at) == list(above):
        return _Place(plan.first)
    ends = _ends(marks.read(tab, 2, last), above) if {*above} - mine - {""} else []
    if len(ends) != 1:
        return _Place(2, sure=False)
    return _Place(2, ends[0] + 1 - at, sure=False)


def _ends(every: Sequence[str], above: Sequence[str]) -> list[int]:
    """Give after how many rows some rows come to their end, wherever they follow each other."""
    count = len(above)
    ends = range(count, len(every) + 1)
    return [end for end in ends if every[end - count : end] == list(above)]


def _fate(mark: str, there: str, entry: Entry) -> Fate:
    if there == mark:
        return Fate.HERE
    return Fate.DOUBT if there and not entry.missed else Fate.ABSENT


def _unmarked(entry: Entry, others: set[Fate], *, below: bool) -> Fate:
    """Tell of a row that can be known by nothing: what was sent with it tells, if anything does.

    below: all of its batch was to go below everything that is there.
    """
    if all(cell in (None, "") for cell in entry.cells) or Fate.HERE in others:
        return Fate.HERE
    if others:
        return Fate.DOUBT if Fate.DOUBT in others else Fate.ABSENT
    return Fate.ABSENT if below else Fate.DOUBT
