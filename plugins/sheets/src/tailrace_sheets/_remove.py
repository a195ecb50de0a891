"""Remove: rows are taken out by their keys, and put back where another row was taken instead.

Google deletes rows by their numbers, and people may sort or insert between a look and a deletion.
So one request, done as a whole or not at all, copies the rows to a hidden tab and deletes them:
what then stands there is what was deleted. The tab's id is chosen beforehand and can be given
once, so that the request is done once, however often it arrives.
"""

import secrets
from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import attrs

import tailrace
from tailrace_sheets._bin import Bin
from tailrace_sheets._cells import Unfit
from tailrace_sheets._grid import MOST_CELLS, Sizes, read_sizes
from tailrace_sheets._index import Index, key_of, read_index
from tailrace_sheets._plans import filled
from tailrace_sheets._tab import Tab

_AT_ONCE = 5_000
"""Rows that one request deletes: it takes two steps for each that stands alone."""
_BINS = 1_000
"""Ids that a batch keeps for its hidden tabs."""
_TRIES = 4
"""How often rows are looked for again while people move them."""

Keys = Mapping[Any, Hashable | None]
"""The keys of records as the sheet would hold them; None where no cell can."""


@attrs.define(eq=False)
class Remover:
    """Remove the rows of keys, and no others.

    done: how many hidden tabs each reservation of this process has used. sent: the rows of tabs that
    are still to be gone through. kept: tabs that stay to the end, so that a late request is refused.
    """

    tab: Tab
    key: tuple[str, ...]
    _done: dict[int, int] = attrs.field(factory=dict, init=False)
    _sent: dict[int, list[int] | None] = attrs.field(factory=dict, init=False)
    _kept: dict[int, Bin] = attrs.field(factory=dict, init=False)

    def reserve(self) -> dict[str, Any]:
        """Give a batch the first of the ids that its hidden tabs will have."""
        base = secrets.randbelow(2**31 - 1 - _BINS) + 1
        self._done[base] = 0
        return {"bin": base}

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Remove rows; a key that is not in the sheet is skipped."""
        keys = self._keys(batch)
        base = (batch.reservation or self.reserve())["bin"]
        removed, tries = self._set_right(base, keys), 0
        while tries < _TRIES:
            index, sizes = self._look()
            wanted = {*keys.values()} & index.rows.keys() - index.twice.keys() - removed
            if wanted:
                free = (MOST_CELLS - sizes.others(None)) // self.tab.grid.columns
                rows = sorted(index.rows[key] for key in wanted)[: max(1, min(_AT_ONCE, free))]
                taken = self._remove(rows, base, keys, sizes)
                tries = 0 if taken - removed else tries + 1
                removed |= taken
            if wanted <= removed:
                return [self._answer(batch, each, keys[each.key], index, removed) for each in batch]
        raise tailrace.RetryableError(
            f"tab {self.tab.title!r}: its rows keep being moved while some are removed"
        )

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which keys are gone, after what was taken instead of them is put back."""
        keys = self._keys(batch)
        removed = set[Hashable]()
        if batch.reservation is not None:
            removed = self._set_right(batch.reservation["bin"], keys)
        index, _ = self._look()
        left = index.rows.keys() - removed
        return [
            batch.outcome(
                record,
                failed="its row is still there" if keys[record.key] in left else None,
                reason="not_arrived",
            )
            for record in batch
        ]

    def close(self) -> None:
        """Remove the hidden tabs that were kept so that a late request would be refused."""
        for each in self._kept.values():
            each.let_go()

    def _keys(self, batch: tailrace.Batch) -> Keys:
        keys: dict[Any, Hashable | None] = {}
        for record in batch:
            try:
                cells = [self._cell(batch.schema, name, record.values[name]) for name in self.key]
            except Unfit:
                keys[record.key] = None
            else:
                keys[record.key] = key_of(cells)
        return keys

    def _cell(self, schema: tailrace.Schema, name: str, value: Any) -> Any:
        field = schema.get(name)
        kind = tailrace.FieldType.ANY if field is None else field.type
        return "" if value is None else self.tab.cells.of(value, kind)

    def _look(self) -> tuple[Index, Sizes]:
        """Read where all keys are, and how large all tabs are."""
        sizes = self.tab.grid.look()
        if self._has_key():
            (header,) = self.tab.book.read(self.tab.rows(1, 1))
            self.tab.columns.compare([*header, []][0], self.key)
        return read_index(self.tab, self.key), sizes

    def _has_key(self) -> bool:
        return all(name in self.tab.columns for name in self.key)

    @staticmethod
    def _answer(
        batch: tailrace.Batch,
        record: tailrace.Record,
        key: Hashable | None,
        index: Index,
        removed: AbstractSet[Hashable],
    ) -> tailrace.Outcome:
        if key is not None and key in removed:
            return batch.outcome(record)
        refused = None if key is None else index.nowhere(batch, record, key)
        told = "its key is not in the sheet"
        return refused or batch.outcome(record, skipped=told, reason="not_found")

    def _remove(self, rows: list[int], base: int, keys: Keys, sizes: Sizes) -> set[Hashable]:
        """Take rows out; give the keys that were in them."""
        bin_ = Bin(self.tab, base + self._done.get(base, 0))
        late = base not in self._done or bin_.id in self._sent
        try:
            bin_.take(rows, sizes)
        except tailrace.UnansweredError:
            self._sent[bin_.id] = rows if self._sent.get(bin_.id, rows) == rows else None
            raise
        except tailrace.RejectedError:
            # The id is taken where a request that brought no answer was done after all.
            if bin_.id not in read_sizes(self.tab.book).grids:
                raise
            return self._sort_out(bin_, base, keys, None)
        self._sent[bin_.id] = rows
        return self._sort_out(bin_, base, keys, rows, keep=late)

    def _set_right(self, base: int, keys: Keys) -> set[Hashable]:
        """Go through the hidden tabs that requests without an answer have left; give their keys."""
        removed: set[Hashable] = set()
        ids = {base + at for at in range(_BINS)} - self._kept.keys()
        if base in self._done and not ids & self._sent.keys():
            return removed
        for each in read_sizes(self.tab.book).grids.keys() & ids:
            bin_ = Bin(self.tab, each)
            removed |= self._sort_out(bin_, base, keys, self._sent.get(each))
        return removed

    def _sort_out(
        self,
        bin_: Bin,
        base: int,
        keys: Keys,
        places: list[int] | None,
        *,
        keep: bool = False,
    ) -> set[Hashable]:
        """See what was deleted, and put back what was not to be."""
        header, held = bin_.read()
        columns = self._places_in(header)
        found = [_key_in(row, columns) for row in held]
        meant = {*keys.values()} - {None}
        back = [at for at, row in enumerate(held) if found[at] not in meant and filled(row)]
        if not back:
            bin_.let_go(keep=keep)
        else:
            self._same_columns(bin_, header)
            self.tab.log.warning(
                "tab %r: someone has moved rows meanwhile; %d of them were put back",
                self.tab.title,
                len(back),
            )
            bin_.put_back(back, places, keep=keep)
        self._sent.pop(bin_.id, None)
        self._done[base] = max(self._done.get(base, 0), bin_.id - base + 1)
        if keep:
            self._kept[bin_.id] = bin_
        return {key for key in found if key in meant}

    def _places_in(self, header: Sequence[Any]) -> list[int] | None:
        """Find the key's columns by a header, None when they are not among it."""
        if not self._has_key():
            return None
        names = [cell.strip() if isinstance(cell, str) else cell for cell in header]
        places = []
        for name in self.key:
            at = self.tab.columns[name]
            if name.strip() in names:
                at = names.index(name.strip())
            elif at >= len(names) or isinstance(names[at], str):
                return None
            places.append(at)
        return places

    def _same_columns(self, bin_: Bin, header: Sequence[Any]) -> None:
        """Raise a FatalError when rows would be put back into columns that are not theirs."""
        (now,) = self.tab.book.read(self.tab.rows(1, 1))
        if [*now, []][0] != header:
            raise tailrace.FatalError(
                f"tab {self.tab.title!r}: someone has moved rows and columns meanwhile; rows of"
                f" theirs stand in the hidden tab {bin_.title!r}: put them back, and delete it"
            )


def _key_in(cells: Sequence[Any], places: Sequence[int] | None) -> Hashable | None:
    """Give the key that a row holds in some columns, None when it holds none."""
    if places is None:
        return None
    return key_of([cells[at] if at < len(cells) else None for at in places])
