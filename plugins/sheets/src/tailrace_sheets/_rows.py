"""Rows on their way into a tab: where each one goes, and what its cells are."""

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets._cells import FORMATS, Cell, Unfit, cell
from tailrace_sheets._ranges import block
from tailrace_sheets._tab import Tab


@attrs.frozen
class Placed:
    """Hold the row that a record goes to, from 1, and its cells by the tab's columns."""

    row: int
    cells: list[Cell]
    fresh: bool = True


@attrs.frozen
class Layout:
    """Turn the records of one batch into cells."""

    tab: Tab
    columns: Sequence[int]
    names: Sequence[str]
    kinds: Sequence[tailrace.FieldType]

    def cells(self, record: tailrace.Record, unset: Cell = None) -> list[Cell]:
        """Give a row as wide as the header; None leaves a cell as it is. Raises Unfit."""
        found: list[Cell] = [None] * (max(self.columns, default=-1) + 1)
        for name, at, kind in zip(self.names, self.columns, self.kinds, strict=True):
            if name in record.values:
                value = cell(name, record.values[name], kind, self.tab.zone)
                found[at] = unset if value is None else value
        return found

    def formats(self) -> dict[int, tailrace.FieldType]:
        """Give the columns that hold dates."""
        pairs = zip(self.columns, self.kinds, strict=True)
        return {at: kind for at, kind in pairs if kind in FORMATS}


def layout(tab: Tab, schema: tailrace.Schema) -> Layout:
    """Find the columns of a schema's fields, adding those that are new."""
    tab.check(schema.names)
    return Layout(
        tab, tab.places(schema.names), schema.names, [field.type for field in schema.fields]
    )


def write(tab: Tab, placed: Iterable[Placed], formulas: Sequence[str]) -> None:
    """Write rows, and what of the header is not there yet, with as few ranges as there are blocks."""
    width = len(tab.header)
    parsed = {at for at, name in enumerate(tab.header) if name in formulas}
    ordered = sorted(placed, key=lambda each: each.row)
    if not ordered:
        return
    plain = _blocks(tab, ordered, parsed)
    if tab.written < width:
        missing: list[Any] = [tab.header[tab.written :]]
        where = block(tab.title, 1, tab.written, width - tab.written, 1)
        plain.insert(0, {"range": where, "values": missing})
    tab.api.write(plain)
    tab.written = max(tab.written, width)
    for at in sorted(parsed):
        cells = [
            attrs.evolve(each, cells=[each.cells[at]])
            for each in ordered
            if at < len(each.cells) and each.cells[at] is not None
        ]
        if cells:
            tab.api.write(_blocks(tab, cells, set(), left=at), parsed=True)


def _blocks(
    tab: Tab, ordered: Sequence[Placed], without: set[int], left: int = 0
) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    held: list[list[Cell]] = []
    first = 0
    for each in ordered:
        if held and each.row != first + len(held):
            data.append(_range(tab, first, left, held))
            held = []
        if not held:
            first = each.row
        cells = each.cells
        if without:
            cells = [None if at in without else value for at, value in enumerate(cells)]
        held.append(cells)
    data.append(_range(tab, first, left, held))
    return data


def _range(tab: Tab, first: int, left: int, rows: list[list[Cell]]) -> dict[str, Any]:
    width = max(1, *(len(row) for row in rows))
    return {"range": block(tab.title, first, left, width, len(rows)), "values": rows}


def refusal(batch: tailrace.Batch, record: tailrace.Record, unfit: Unfit) -> tailrace.Outcome:
    """Answer for a record that no cell can hold."""
    return batch.outcome(record, rejected=str(unfit), reason=unfit.reason)
