"""Quota: declared rates that all processes of this machine share, through one file.

A process leases a few slots at a time, as many as it has lately used up in a tenth of a second. A
slot that is not used in time is lost, so that what a process takes with it when it dies is back
within that tenth of a second. Times are the system's monotonic clock, which is one for all
processes; a jump of the wall clock moves nothing.
"""

import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs
import orjson

from tailrace._engine.disk import make_folder, unwritable
from tailrace._engine.window import Window
from tailrace.components import Rate
from tailrace.errors import StateError

QUOTA = "quota.sqlite"
"""The file's name in the state's root folder."""

_PORTION = 0.075
"""Seconds' worth of slots in one lease, at most."""
_KEEP = 0.1
"""Seconds for which a slot stays good."""
_BUSY = 10.0
"""Seconds to wait for another process, which takes well under a thousandth of one."""


@attrs.define(eq=False)
class Shared:
    """Give slots of one rate, leased from what all processes share; guarded by its caller."""

    quota: "Quota"
    name: str
    rate: Rate
    _slots: deque[tuple[float, float]] = attrs.field(factory=deque)
    _late: list[tuple[float, float]] = attrs.field(factory=list)
    _portion: int = 1

    @property
    def speed(self) -> float:
        """Give the requests a second that there is room for, for all processes together."""
        return Window.of(self.rate).speed

    def earliest(self, now: float, at: float) -> float:
        """Give the first moment, not before `at`, when one more request may begin."""
        lost = False
        while self._slots and self._slots[0][1] < at:
            self._slots.popleft()
            lost = True
        if not self._slots:
            self._lease(now, at, lost)
        return max(at, self._slots[0][0])

    def take(self, begins: float) -> None:
        """Take the slot of that moment."""
        self._slots.popleft()

    def late(self, slot: float, by: float) -> None:
        """Take in that the request of a slot left later than it might; told with the next lease."""
        self._late.append((slot, by))

    def _lease(self, now: float, at: float, lost: bool) -> None:
        most = max(1, int(self.rate.count / self.rate.per * _PORTION))
        self._portion = 1 if lost else min(2 * self._portion, most)
        with self.quota.row(self.name) as row:
            window = Window.of(self.rate)
            if row.told is not None:
                window.restore(row.told, now)
            for slot, by in self._late:
                window.late(slot, by)
            self._late.clear()
            count = min(self._portion, window.room)
            begins = window.earliest(now, at, count)
            keep = _KEEP if count > 1 else 0.0
            slots = window.take(begins, count, keep)
            row.told = window.as_json()
        good = max(_KEEP, window.step)
        self._slots.extend((slot, slot + good) for slot in slots)


@attrs.define
class _Row:
    told: list[Any] | None = None


@attrs.frozen(eq=False)
class Quota:
    """Hold the file that processes share; its rows are named by digests alone."""

    path: Path
    connection: sqlite3.Connection
    salt: bytes

    def shared(self, account: Sequence[str], rate: Rate) -> Shared:
        """Give the slots of a rate of one account, of whose names only a digest is kept."""
        told = orjson.dumps([*account, rate.scope, rate.count, rate.per])
        return Shared(self, blake2b(told, key=self.salt, digest_size=16).hexdigest(), rate)

    @contextmanager
    def row(self, name: str) -> Iterator[_Row]:
        """Change a row, with all other processes waiting; nothing is kept of a block that fails."""
        with _told(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                found = self.connection.execute(
                    "SELECT told FROM quotas WHERE name = ?", (name,)
                ).fetchone()
                row = _Row(None if found is None else orjson.loads(found[0]))
                yield row
                self.connection.execute(
                    "INSERT OR REPLACE INTO quotas (name, told) VALUES (?, ?)",
                    (name, orjson.dumps(row.told).decode()),
                )
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise


@contextmanager
def open_quota(root: Path) -> Iterator[Quota]:
    """Open the file in a state's root folder, or make it; StateError for one that is no such file."""
    path = root / QUOTA
    with _told(path):
        make_folder(root)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(path, flags, 0o600))
        connection = sqlite3.connect(
            path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
    try:
        with _told(path):
            salt = _made(connection)
        yield Quota(path, connection, salt)
    finally:
        connection.close()


def _made(connection: sqlite3.Connection) -> bytes:
    """Make the tables where there are none; give the key of this file's digests."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS quotas (name TEXT PRIMARY KEY, told TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS salt (value BLOB)")
    (known,) = connection.execute("SELECT value FROM salt").fetchone() or (None,)
    if known is None:
        known = os.urandom(16)
        connection.execute("INSERT INTO salt VALUES (?)", (known,))
    connection.execute("COMMIT")
    return bytes(known)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what is wrong with the file: to go on without it could exceed what others share."""
    try:
        yield
    except OSError as error:
        raise unwritable(path.parent, error) from None
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise StateError(
            f"{path}, which shares rate limits between processes, cannot be used ({error}). Delete"
            " it while no run is going on, and run again: it holds nothing that lasts"
        ) from None
