"""Sharing: one source that several syncs read, each at its own pace, while it is read once."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine.arrow import (
    Scan,
    connect,
    ended_when,
    file_literal,
    identifier,
    literal,
    scan,
)
from tailrace._engine.disk import create, unwritable
from tailrace._engine.flow import Handed
from tailrace._engine.reading import Reading, broken, open_reading
from tailrace._engine.shapes import unwrapped
from tailrace._engine.spool import Spool
from tailrace.errors import TailraceError

_LOOK = 0.05
"""Seconds between two looks of who waits at whether it is to stop."""


@attrs.define(eq=False)
class Shared:
    """Be the source of several syncs: one thread reads it (`fill`), those of the syncs `take` it.

    source: as it was given. users: the syncs that have not ended. What can be read again without
    asking anybody (a list, a Parquet file) is not laid down: each reads it itself.
    """

    source: Any
    folder: Path
    users: int
    _changed: threading.Condition = attrs.field(factory=threading.Condition)
    _sought: bool = False
    _opened: bool = False
    _ended: bool = False
    _apart: bool = False
    _asked: int = 0
    _failed: BaseException | None = None
    _problem: TailraceError | None = None
    _complete: bool = False
    _position: Any = None
    _reading: Reading | None = None
    _file: Path | None = None
    _spool: Spool | None = None

    # What the threads of the syncs call.

    def take(self, field: str | None = None, since: Any = None) -> Any:
        """Give what to read, without what lies before a cursor's value; None: the source itself."""
        with self._changed:
            self._sought = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._opened)
        if self._failed is not None:
            raise self._failed
        if self._apart:
            return None
        if self._file is not None:
            taken = self._scanned(self._file)
            if since is None:
                return taken
            rows = (
                [dict(zip(taken.schema.names, row, strict=True)) for row in page] for page in taken
            )
            return Handed(taken.schema, lambda _: _later(rows, field, since), lambda: True)
        assert self._reading is not None
        return Handed(
            self._reading.schema,
            lambda stopped: _later(self._pages(stopped), field, since),
            lambda: self._complete,
            self._reading.expected,
            lambda: self._position,
        )

    def leave(self) -> None:
        """Say that a sync has come to its end."""
        with self._changed:
            self.users -= 1
            self._changed.notify_all()

    def _pages(self, stopped: Callable[[], bool]) -> Generator[Sequence[Any], None, None]:
        at = 0
        while (there := self._await(at, stopped)) is not False:
            # An empty page lets who reads see that it is to stop.
            yield [] if there is None else self._page(at)
            at += 0 if there is None else 1
        if self._problem is not None:
            raise self._problem

    def _page(self, at: int) -> list[Any]:
        assert self._spool is not None
        try:
            return self._spool.page(at)
        except OSError as error:
            raise unwritable(self.folder, error) from None

    def _await(self, at: int, stopped: Callable[[], bool]) -> bool | None:
        """Wait for a page; False: there is none any more. None: who waits is to stop."""
        assert self._spool is not None
        with self._changed:
            self._asked = max(self._asked, at + 1)
            self._changed.notify_all()
            while len(self._spool) <= at and not self._ended:
                if stopped():
                    return None
                self._changed.wait(_LOOK)
            return len(self._spool) > at

    def _scanned(self, file: Path) -> Scan:
        assert self._reading is not None and self._reading.scan is not None
        names = [each.name for each in self._reading.scan.columns]
        taken = scan(connect(), f"read_parquet({file_literal(file)})", names=names)
        return attrs.evolve(taken, expected=self._reading.expected, again=True)

    # What the thread that reads calls.

    def sought(self) -> bool:
        """Wait until somebody wants to read; False where nobody is left that could."""
        with self._changed:
            while not self._sought and self.users:
                self._changed.wait(_LOOK)
            return self._sought

    def fill(self, opened: Any, stopping: Callable[[], bool], position: Any = None) -> None:
        """Read the opened source, as far ahead as the fastest of the syncs wants it."""
        if type(opened) in (list, tuple):
            self._open(apart=True)
            return
        reading = open_reading(
            opened, _unheard, lambda: stopping() or not self.users, position=position
        )
        try:
            if reading.scan is not None and reading.scan.again:
                self._open(apart=True)
            else:
                self._reading = reading
                self._lay(reading)
        finally:
            reading.close()

    def _lay(self, reading: Reading) -> None:
        if reading.scan is not None and _fits(reading.scan, self.folder):
            file = self.folder / "rows.parquet"
            try:
                counted = _copied(reading.scan, file, reading.stopped)
            except TailraceError:
                raise
            except Exception as error:
                raise broken(error, 0) from error
            if counted is not None:
                reading.expected = counted
                self._file = file
                self._open()
                return
        self._spool = Spool(create(self.folder / "rows"))
        self._open()
        try:
            for page in reading.raw():
                if page:
                    self._spool.add(unwrapped(page))
                    self._until_asked()
        except OSError as error:
            self._problem = unwritable(self.folder, error)
        self._problem = self._problem or reading.problem
        self._complete, self._position = reading.complete, reading.position

    def part(self) -> None:
        """Let each of the syncs read the source itself."""
        self._open(apart=True)

    def end(self, failed: BaseException | None = None) -> None:
        """Say that no more comes; where the source could not even be opened, why."""
        with self._changed:
            if not self._opened:
                self._failed, self._opened = failed, True
            self._ended = True
            self._changed.notify_all()

    def _open(self, *, apart: bool = False) -> None:
        with self._changed:
            self._apart, self._opened = apart, True
            self._changed.notify_all()

    def _until_asked(self) -> None:
        """Wait until somebody has taken all that lies ready, and wants more."""
        assert self._spool is not None
        with self._changed:
            self._changed.notify_all()
            while self._asked <= len(self._spool) and self.users:
                self._changed.wait(_LOOK)

    def close(self) -> None:
        """Let go of what was laid down, once all syncs have ended."""
        if self._spool is not None:
            self._spool.close()


def _unheard(*_: Any) -> None:
    """Leave it to each sync to refuse what is no row."""


def _later(
    pages: Iterator[Sequence[Any]], field: str | None, since: Any
) -> Generator[Sequence[Any], None, None]:
    """Leave out what lies before a cursor's value; a source that is shared begins at the least."""
    for page in pages:
        yield page if since is None else [row for row in page if not _before(row, field, since)]


def _before(row: Any, field: str | None, since: Any) -> bool:
    value = row.get(field) if type(row) is dict else None
    try:
        return value is not None and bool(value < since)
    except TypeError:
        return False


def _fits(scanned: Scan, folder: Path) -> bool:
    """Tell whether a Parquet file keeps the types of all columns."""
    import duckdb

    probe = folder / "types.parquet"
    kinds = [each.kind for each in scanned.columns]
    chosen = ", ".join(
        f"CAST(NULL AS {each.kind}) AS {identifier(each.own)}" for each in scanned.columns
    )
    create(probe).close()
    with connect(folder) as connection:
        try:
            connection.execute(f"COPY (SELECT {chosen}) TO {_target(probe)}")
            told = connection.execute(
                f"DESCRIBE FROM read_parquet({file_literal(probe)})"
            ).fetchall()
        except duckdb.Error:
            return False
    return [kind for _, kind, *_ in told] == kinds


def _copied(scanned: Scan, into: Path, stopped: Callable[[], bool]) -> int | None:
    """Lay a columnar source down as it is; give how many rows, None where it was to stop."""
    chosen = ", ".join(identifier(each.own) for each in scanned.columns)
    create(into).close()
    with scanned.reading() as connection, ended_when(connection, stopped) as ended:
        connection.execute(f"SET temp_directory = {literal(str(into.parent))}")
        (count,) = connection.execute(
            f"COPY (SELECT {chosen} FROM {scanned.relation}) TO {_target(into)}"  # noqa: S608  # quoted names
        ).fetchone()
    return None if ended else int(count)


def _target(path: Path) -> str:
    return f"{literal(str(path))} (FORMAT parquet, USE_TMP_FILE false)"
