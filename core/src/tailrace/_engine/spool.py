"""Spool: pages of rows, laid down for those that take them at their own pace."""

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.codec import decode, decode_value, encode, encode_all, encode_value
from tailrace._engine.disk import make_folder
from tailrace._engine.lease import hold, is_held
from tailrace.records import Row

_PREFIX = ".spool-"
_NAMES = ""
"""The label of a row's own names, where they are not those of its page; it sorts before all others."""


@contextmanager
def spool_folder(root: Path | None, clock: Clock) -> Iterator[Path]:
    """Give a folder for the time of a block, beside the states; those of killed runs are removed."""
    with ExitStack() as stack:
        try:
            if root is not None:
                make_folder(root)
                _sweep(root)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        except OSError:
            # Whether the states can be written is for each of the syncs to say.
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(hold(folder / "lock", "spool", 0.0, clock))
        yield folder


def _sweep(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if not is_held(folder / "lock"):
                shutil.rmtree(folder, ignore_errors=True)


@attrs.frozen
class _Page:
    """Say where a page lies; `kept` holds, by their places, the rows that have no form on disk."""

    offset: int
    size: int
    rows: int
    kept: Mapping[int, Any]


@attrs.define(eq=False)
class Spool:
    """Lay rows down and give them back as they were, each time anew, to any thread.

    Fields keep their order. A value that has no form on disk stays in memory, with its row.
    """

    _file: BinaryIO
    _pages: list[_Page] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _labels: list[str] = attrs.field(factory=list)

    def __len__(self) -> int:
        return len(self._pages)

    def add(self, page: Sequence[Any]) -> None:
        """Lay a page down; what is no row at all is given back like any other."""
        first = next((tuple(row) for row in page if type(row) is dict), ())
        kept = {place: row for place, row in enumerate(page) if type(row) is not dict}
        try:
            head = encode_value(list(first)).encode()
            rows = [row for row in page if type(row) is dict]
            lines = encode_all([self._labelled(row, first) for row in rows]) if rows else []
        except TypeError:
            head, first = b"[]", ()
            lines = list(self._one_by_one(page, kept))
        text = b"\n".join((head, *lines))
        with self._lock:
            offset = self._file.seek(0, 2)
            self._file.write(text)
            self._pages.append(_Page(offset, len(text), len(page), kept))

    def _one_by_one(self, page: Sequence[Any], kept: dict[int, Any]) -> Iterator[bytes]:
        for place, row in enumerate(page):
            if place in kept:
                continue
            try:
                yield encode(self._labelled(row, ()))
            except TypeError:
                kept[place] = row

    def _labelled(self, row: Row, first: tuple[Any, ...]) -> Row:
        """Name the values by their places, since what encodes them sorts them by their names."""
        labels = self._labels
        while len(labels) < len(row):
            labels.append(f"{len(labels):06d}")
        labelled = dict(zip(labels, row.values(), strict=False))
        if tuple(row) != first:
            labelled[_NAMES] = list(row)
        return labelled

    def page(self, at: int) -> list[Any]:
        """Give a page."""
        page = self._pages[at]
        with self._lock:
            self._file.seek(page.offset)
            head, *lines = self._file.read(page.size).split(b"\n")
        first = decode_value(head.decode())
        read = (self._row(line, first) for line in lines)
        return [
            _copied(page.kept[place]) if place in page.kept else next(read)
            for place in range(page.rows)
        ]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @staticmethod
    def _row(line: bytes, first: Sequence[Any]) -> Row:
        row = decode(line)
        names = row.pop(_NAMES, first)
        return dict(zip(names, row.values(), strict=True))


def _copied(row: Any) -> Any:
    return row.copy() if type(row) is dict else row
