"""Append: each batch gets rows of its own below what is there, before it is sent."""

from collections.abc import Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import Unfit
from tailrace_sheets._rows import Placed, layout, refusal, write
from tailrace_sheets._tab import Tab


@attrs.define
class AppendWriter:
    """Write batches to explicit rows, so that writing one twice does no harm."""

    tab: Tab
    formulas: Sequence[str]
    next_row: int
    _placed: dict[Any, Placed | Unfit] = attrs.field(factory=dict, init=False)

    def reserve(self, batch: tailrace.Batch) -> dict[str, int]:
        """Give the batch its rows, and let the grid hold them."""
        found = layout(self.tab, batch.schema)
        first = self.next_row
        for record in batch:
            try:
                self._placed[record.key] = Placed(self.next_row, found.cells(record))
            except Unfit as unfit:
                self._placed[record.key] = unfit
            else:
                self.next_row += 1
        self.tab.make_room(self.next_row - 1, found.formats())
        return {"first": first, "last": self.next_row - 1}

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        """Write the rows that were reserved; records that fit into no cell are refused."""
        held = [(record, self._placed[record.key]) for record in batch]
        write(self.tab, [each for _, each in held if isinstance(each, Placed)], self.formulas)
        for record, _ in held:
            del self._placed[record.key]
        return [
            refusal(batch, record, each) if isinstance(each, Unfit) else batch.outcome(record)
            for record, each in held
        ]


def open_append(tab: Tab, formulas: Sequence[str]) -> AppendWriter:
    """Find where the tab ends."""
    last = tab.last_row()
    tab.empty = last == 0
    return AppendWriter(tab, formulas, max(last, 1) + 1)
