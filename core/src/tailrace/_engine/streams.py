"""Streams: what is delivered while the source is still read.

Each batch's lines are durable before its intent. The running digest of all records so far goes
with them, so that a source that is read again from its start can be taken up where a run died.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import Any, Self

import attrs

from tailrace._engine.codec import digest, encode, encode_all, name_of
from tailrace._engine.disk import create
from tailrace._engine.flow import Parcel, Records
from tailrace._engine.lines import Change, write, write_all
from tailrace._engine.state import State
from tailrace.errors import PreflightError
from tailrace.records import Batch, Row, RowRecords


@attrs.define(eq=False)
class Running:
    """Digest the records of a read, in their order."""

    _digest: Any = attrs.field(factory=lambda: blake2b(digest_size=16))

    def take(self, lines: Sequence[bytes]) -> None:
        """Take in more records."""
        if lines:
            self._digest.update(b"\n".join(lines))
            self._digest.update(b"\n")

    def told(self) -> str:
        """Give the digest of all records so far."""
        return str(self._digest.copy().hexdigest())


def line_of(row: Mapping[str, Any]) -> bytes:
    """Give a row as a line; nothing for one with a value that cannot be kept."""
    try:
        return encode(row)
    except TypeError:
        return b""


def lines_of(rows: Sequence[Row]) -> list[bytes]:
    """Give rows as lines, as `line_of` does."""
    try:
        return encode_all(rows)
    except TypeError:
        return list(map(line_of, rows))


def rows_of(batch: Batch) -> Sequence[Row]:
    """Give a batch's own rows, which nobody is to change."""
    if isinstance(batch.records, RowRecords):
        return batch.records.rows
    return batch.rows()


def laid(parcel: Parcel, place: int) -> bytes:
    """Lay down a record of a replacement, of which no plan is kept, since all of it goes again."""
    record, number = parcel.batch.records[place], parcel.numbers[place]
    action, values = str(parcel.batch.action), line_of(record.values)
    name = str(number)
    return write(Change(number=number, action=action, name=name, key=record.key, line=values))


@attrs.define(eq=False)
class Segments:
    """Lay the lines of batches down, each before it is sent; use it in a `with` block.

    durable: each outlasts a power cut. keyed: records have keys of their own.
    """

    state: State
    name: str
    action: str
    running: Running
    keyed: bool = False
    durable: bool = True
    _file: Any = None
    _at: int = 0

    def __enter__(self) -> Self:
        try:
            self._file = create(self.state.path(self.name))
        except OSError as error:
            raise self.state.unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        # What is in it was written through before it was sent.
        with suppress(OSError):
            self._file.close()

    def seal(self, parcels: Iterable[Parcel]) -> Iterator[Parcel]:
        """Give each parcel with its lines, which are on disk by then."""
        for group in _together(parcels):
            values = iter(lines_of([row for each in group for row in rows_of(each.batch)]))
            sealed = [self._sealed(each, list(islice(values, len(each)))) for each in group]
            try:
                self._file.write(b"".join([each.body for each in sealed]))
                self._file.flush()
                if self.durable:
                    os.fsync(self._file.fileno())
            except OSError as error:
                raise self.state.unwritable(error) from None
            yield from sealed

    def _sealed(self, parcel: Parcel, values: Sequence[bytes]) -> Parcel:
        self.running.take(values)
        body, at = self._body(parcel, values), self._at
        self._at += len(body)
        return Parcel(
            parcel.batch,
            parcel.numbers,
            body,
            self.name,
            at,
            read=parcel.numbers[-1],
            prefix=self.running.told(),
            more=parcel.more,
        )

    def _body(self, parcel: Parcel, values: Sequence[bytes]) -> bytes:
        if not self.keyed:
            return write_all(self.action, parcel.numbers, values)
        changes = (
            Change(
                number=number,
                action=self.action,
                name=name_of(record.key),
                key=record.key,
                hash=digest(line).hex(),
                line=line,
            )
            for number, record, line in zip(parcel.numbers, parcel.batch, values, strict=True)
        )
        return b"".join(map(write, changes))


def _together(parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
    """Give parcels that come without a wait for the source in one list."""
    group: list[Parcel] = []
    for parcel in parcels:
        group.append(parcel)
        if not parcel.more:
            yield group
            group = []


@attrs.frozen
class Taken:
    """Hold what earlier runs have taken of a source that was not read to an end that counts.

    marks: the records read and their digest, after each batch. complete: there were no more.
    doubts, refused: of some of them, by number.
    """

    marks: Sequence[tuple[int, str]]
    complete: bool = False
    doubts: Mapping[int, str] = attrs.field(factory=dict)
    refused: Mapping[int, str] = attrs.field(factory=dict)

    @property
    def count(self) -> int:
        """Give the records that were taken."""
        return self.marks[-1][0]


@attrs.define(eq=False)
class Continuing:
    """Skip what was taken of a source before, if it is the same.

    ended: tells, after the last page, whether the source has come to its end.
    """

    taken: Taken
    verdicts: Any
    running: Running
    sync: str
    ended: Callable[[], bool] = lambda: True
    _checked: bool = False

    def go_on(self, pages: Iterable[Records]) -> Iterator[Records]:
        """Give the records that come after; raises PreflightError if the source is another.

        Where the earlier read had come to its end, other records are simply new ones; where this
        one does not come so far, nothing can be told.
        """
        iterator = iter(pages)
        first, told = self.taken.marks[0]
        held, beyond = _until(iterator, first)
        trial = Running()
        trial.take([line for page in held for line in lines_of(page.rows)])
        if trial.told() != told:
            if not self.ended() and not _reaches(held, first):
                self._leave(held)
                return
            if self.taken.complete:
                yield from held
                yield from beyond
                yield from iterator
                return
            raise self._another()
        for page in held:
            self._skip(page)
        count = self.taken.count
        for page in _chained(beyond, iterator):
            before, after = _cut(page, count)
            if before.rows:
                self._skip(before)
            if after.rows:
                self._same()
                yield after
        if self.ended():
            self._same()

    def _same(self) -> None:
        if self.running.told() != self.taken.marks[-1][1] and not self._checked:
            raise self._another()
        self._checked = True

    def _skip(self, page: Records) -> None:
        self.running.take(lines_of(page.rows))
        for number, key in zip(page.numbers, page.keys, strict=True):
            if number in self.taken.doubts:
                self.verdicts.doubt(key, self.taken.doubts[number])
            elif number in self.taken.refused:
                self.verdicts.skip(key, "refused", f"refused before: {self.taken.refused[number]}")
            else:
                self.verdicts.skip(key, "sent_before", "a run that broke off had sent it")

    def _leave(self, pages: Iterable[Records]) -> None:
        told = "not sent: the source was not read as far as it had been before"
        for page in pages:
            for key in page.keys:
                self.verdicts.fail(key, told)

    def _another(self) -> PreflightError:
        return PreflightError(
            f"an earlier run has sent {self.taken.count:,} records of this source and broke off;"
            " the source now begins with other records, so it cannot go on where that one stopped."
            f" To send all that it has now: tailrace run {self.sync} --restart"
        )


def _until(pages: Iterator[Records], count: int) -> tuple[list[Records], list[Records]]:
    """Take pages up to a number of records; give those, and what of the last page is beyond."""
    held = []
    for page in pages:
        before, after = _cut(page, count)
        held.append(before)
        if after.rows or (page.numbers and page.numbers[-1] >= count):
            return held, [after]
    return held, []


def _reaches(pages: Sequence[Records], count: int) -> bool:
    return bool(pages and pages[-1].numbers and pages[-1].numbers[-1] >= count)


def _chained(first: Iterable[Records], rest: Iterator[Records]) -> Iterator[Records]:
    yield from first
    yield from rest


def _cut(page: Records, count: int) -> tuple[Records, Records]:
    """Part a page after the record with that number."""
    at = next((at for at, number in enumerate(page.numbers) if number > count), len(page.numbers))
    return _part(page, slice(None, at)), _part(page, slice(at, None))


def _part(page: Records, part: slice) -> Records:
    return attrs.evolve(
        page,
        keys=page.keys[part],
        rows=page.rows[part],
        numbers=page.numbers[part],
        cursors=page.cursors[part],
    )
