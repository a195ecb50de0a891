"""The header: which field stands in which column, and which columns are still to be made."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sheets import _ranges

MOST = 18_278


@attrs.define(eq=False)
class Columns:
    """Know the header row, and add to its end; safe for several threads.

    width: columns that hold something, with a header or without. New ones come after them.
    """

    tab: str
    header: list[str]
    width: int
    log: Any = None
    _places: dict[str, int] = attrs.field(init=False)
    _pending: dict[int, str] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    @_places.default
    def _find(self) -> dict[str, int]:
        return {name: at for at, name in reversed(list(enumerate(self.header))) if name}

    def __getitem__(self, name: str) -> int:
        return self._places[name.strip()]

    def __contains__(self, name: str) -> bool:
        return name.strip() in self._places

    def name(self, column: int) -> str:
        """Give the header of a column; empty where it has none."""
        return self.header[column] if column < len(self.header) else ""

    def check(self, names: Iterable[str]) -> None:
        """Raise a FatalError when a field could stand in two columns."""
        for name in names:
            found = [at for at, each in enumerate(self.header) if each and each == name.strip()]
            if len(found) > 1:
                cells = " and ".join(_ranges.cell(1, at) for at in found)
                raise tailrace.FatalError(
                    f"tab {self.tab!r}: the header {name!r} stands in {cells}; rename all but one"
                )

    def place(self, names: Sequence[str]) -> list[int]:
        """Give the column of each field; those that have none get one at the end."""
        self.check(names)
        stripped = [name.strip() for name in names]
        for name, bare in zip(names, stripped, strict=True):
            if not bare:
                raise tailrace.FatalError(f"a field named {name!r} can be no column's header")
            if stripped.count(bare) > 1:
                raise tailrace.FatalError(
                    f"several fields are named {bare!r} but for space around it; map them apart"
                )
        with self._lock:
            return [self._place(name) for name in stripped]

    def _place(self, name: str) -> int:
        known = self._places.get(name)
        if known is not None:
            return known
        if self.width >= MOST:
            raise tailrace.FatalError(
                f"tab {self.tab!r}: no column is left for {name!r}; a tab has at most {MOST:,}"
            )
        self._warn(name)
        at = self._places[name] = self.width
        self.header += [""] * (at - len(self.header)) + [name]
        self._pending[at] = name
        self.width += 1
        return at

    def _warn(self, name: str) -> None:
        for at, each in enumerate(self.header):
            if each and _loose(each) == _loose(name) and self.log is not None:
                self.log.warning(
                    "tab %r: %r gets a column of its own; the header %r in %s differs only in case"
                    " or space",
                    self.tab,
                    name,
                    each,
                    _ranges.cell(1, at),
                )

    def pending(self) -> dict[int, str]:
        """Give the headers that nothing has confirmed yet, by their columns."""
        with self._lock:
            return dict(sorted(self._pending.items()))

    def confirm(self, written: Mapping[int, str]) -> None:
        """Note that headers stand in the sheet."""
        with self._lock:
            for at in written:
                self._pending.pop(at, None)

    def compare(self, row: Sequence[Any], names: Iterable[str]) -> None:
        """Raise a FatalError when a field's column is no longer where it was."""
        pending = self.pending()
        for name in names:
            at = self[name]
            cell = row[at] if at < len(row) else ""
            if not isinstance(cell, str) or cell.startswith("="):
                continue  # how a number or a formula is shown is not known here
            there = cell.strip()
            if there != name.strip() and not (at in pending and not there):
                raise tailrace.FatalError(
                    f"tab {self.tab!r}: someone has changed the header meanwhile;"
                    f" {_ranges.cell(1, at)} was {name.strip()!r} and is {there!r}; run again"
                )


def _loose(name: str) -> str:
    return "".join(name.split()).casefold()
