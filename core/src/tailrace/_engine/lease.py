"""Lease: one run at a time on one sync's state, and a witness of what its ledger must know."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from tailrace._engine.clock import Clock
from tailrace.errors import LockedError, StateError

_POLL = 0.02
"""Seconds between two looks at a lock that somebody else holds."""
_WIDTH = 20


@attrs.define(eq=False)
class Lease:
    """Hold a sync's lock file; the system lets go of it when the process ends, however it ends."""

    path: Path
    handle: int
    _inode: tuple[int, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        found = os.fstat(self.handle)
        self._inode = (found.st_dev, found.st_ino)

    def check(self) -> None:
        """Raise StateError if the lock file is no longer the one that is held."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  # called before each request
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            raise StateError(
                f"{self.path} was removed or replaced while the run held it, so that another run"
                " may have begun; this one has stopped. Run again"
            )

    def witnessed(self) -> int:
        """Give the number of commits that the ledger is known to have."""
        text = os.pread(self.handle, _WIDTH, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else 0

    def witness(self, commits: int) -> None:
        """Note how many commits the ledger has.

        What was committed stays so where that cannot be noted: it may lag, and must not lead.
        """
        with suppress(OSError):
            os.pwrite(self.handle, f"{commits:<{_WIDTH - 1}}\n".encode(), 0)


@contextmanager
def hold(path: Path, sync: str, wait: float, clock: Clock) -> Iterator[Lease]:
    """Hold the lock for the time of a block; LockedError if another run has it after `wait` s."""
    # Whoever looks whether it is held has it for an instant, too.
    until = clock.monotonic() + max(wait, 2 * _POLL)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            if _locked(handle):
                lease = Lease(path, handle)
                # Somebody may have put another file in its place between opening and locking.
                if _same(path, handle):
                    yield lease
                    return
            elif clock.monotonic() >= until or clock.stopping:
                raise LockedError(
                    f"another run has the state of {sync!r} ({path}); wait for it to end, or let"
                    " this one wait: --wait SECONDS"
                )
        finally:
            os.close(handle)
        clock.sleep(_POLL)


def is_held(path: Path) -> bool:
    """Tell whether a run has the lock right now."""
    handle = os.open(path, os.O_RDWR)
    try:
        return not _locked(handle)
    finally:
        os.close(handle)


def _same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))  # noqa: PTH116  # both are needed
    except OSError:
        return False


def _locked(handle: int) -> bool:
    """Take the lock if it is free."""
    try:
        import fcntl
    except ImportError:  # not POSIX
        return _locked_there(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_there(handle: int) -> bool:
    """Take the lock on Windows, where it is untested."""
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # Windows
    except OSError:
        return False
    return True
