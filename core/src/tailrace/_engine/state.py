"""State: one sync's folder: the lease, the ledger, and sealed files that never change."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.lease import Lease, hold
from tailrace._engine.store import Row, Store, open_store
from tailrace.errors import ConfigError, StateError

LEDGER = "ledger.db"
COPY = "ledger.copy"
"""The last verified copy, made at the end of each run."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs", "lustre"}
)


@attrs.frozen(eq=False)
class State:
    """Hold a sync's state for the time of a run."""

    sync: str
    folder: Path
    lease: Lease
    store: Store

    def path(self, name: str) -> Path:
        """Give the path of a file of this state."""
        return self.folder / name

    def seal(self, name: str) -> Row:
        """Make a finished file durable under its own name; give what the ledger keeps of it."""
        path = self.path(name)
        try:
            with self.path(f"{name}.new").open("rb+") as file:
                os.fsync(file.fileno())
            digest, size = digest_of(self.path(f"{name}.new"))
            self.path(f"{name}.new").replace(path)
            sync_folder(self.folder)
        except OSError as error:
            raise self.unwritable(error) from None
        return {"name": name, "digest": digest, "bytes": size}

    def verified(self, row: Row) -> Path:
        """Give the path of a file that is exactly what was sealed, or raise StateError."""
        path = self.path(row["name"])
        try:
            digest, _ = digest_of(path)
        except FileNotFoundError:
            raise StateError(f"{path} is missing") from None
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}") from None
        if digest != row["digest"]:
            raise StateError(f"{path} is not what tailrace wrote: it was altered or damaged")
        return path

    def remove(self, names: Iterable[str]) -> None:
        """Delete files that the ledger no longer names."""
        for name in names:
            with suppress(OSError):
                self.path(name).unlink()

    def sweep(self) -> None:
        """Delete what a process that died left half-made."""
        known = {row["name"] for row in self.store.rows("files")}
        unfinished = "run IN (SELECT number FROM runs WHERE state = 'delivering')"
        known |= {row["file"] for row in self.store.rows("batches", unfinished)}
        for path in self.folder.iterdir():
            ours = path.suffix in (".new", ".lines", ".parquet")
            if ours and path.name not in known:
                self.remove([path.name])

    def keep_copy(self) -> None:
        """Keep a verified copy of the ledger, for the day when it is damaged."""
        self.store.backup(self.path(f"{COPY}.new"))
        try:
            os.replace(self.path(f"{COPY}.new"), self.path(COPY))  # noqa: PTH105  # a pair of paths
        except OSError as error:
            raise self.unwritable(error) from None

    def unwritable(self, error: OSError) -> StateError:
        """Say that the folder cannot be written."""
        return unwritable(self.folder, error)


def unwritable(folder: Path, error: OSError) -> StateError:
    """Say that a state folder cannot be written, and what to do."""
    return StateError(
        f"the state in {folder} cannot be written ({error.strerror or error}): see to space and"
        " permissions, then run again; it goes on where it stopped"
    )


@contextmanager
def open_state(root: Path, sync: str, clock: Clock, wait: float = 0.0) -> Iterator[State]:
    """Open a sync's state, or make it; LockedError if another run has it.

    Raises StateError, with the way out, for what cannot be believed; no file is changed then.
    """
    folder = folder_of(root, sync)
    with ExitStack() as stack:
        try:
            _refuse_network(root)
            _make(folder)
            lease = stack.enter_context(hold(folder / "lock", sync, wait, clock))
        except OSError as error:
            raise unwritable(folder, error) from None
        with _way_out(sync):
            state = _opened(folder, sync, lease)
            stack.callback(state.store.close)
            _take(state)
        yield state


@contextmanager
def _way_out(sync: str) -> Iterator[None]:
    try:
        yield
    except StateError as error:
        if "cannot be written" in str(error) or "newer tailrace" in str(error):
            raise
        raise StateError(
            f"{error}. Nothing was sent and no file was changed; `tailrace recover {sync}` tells"
            " what can be done"
        ) from None


def _opened(folder: Path, sync: str, lease: Lease) -> State:
    path = folder / LEDGER
    if not path.exists() and lease.witnessed():
        raise StateError(f"{path} is missing")

    def copy(store: Store) -> None:
        store.backup(folder / f"{LEDGER}.before-migration")

    with _private():
        store = open_store(path, sync, copy)
    store.committed = lease.witness
    return State(sync, folder, lease, store)


def _take(state: State) -> None:
    """Take the lease in the ledger too: from here on, an older holder commits nothing."""
    store, lease = state.store, state.lease
    try:
        if store.commits < lease.witnessed():
            raise StateError(
                f"{store.path} is older than what this folder has seen: a copy was put back, or"
                " its -wal file was lost"
            )
        for row in store.rows("files"):
            state.verified(row)
        epoch = (store.meta("epoch") or 0) + 1
        with store.transaction():
            store.set_meta("epoch", epoch)
    except BaseException:
        store.close()
        raise

    def fence() -> None:
        lease.check()
        (now,) = store.connection.execute(
            "SELECT value FROM meta WHERE name = 'epoch'"
        ).fetchone() or (None,)
        if now != epoch:
            raise StateError(
                f"another run has taken the state of {state.sync!r} over; this one has stopped"
            )

    store.fence = fence


@contextmanager
def read_state(root: Path, sync: str) -> Iterator[State | None]:
    """Open a sync's state to look at, also while a run has it; None where there is none yet."""
    folder = folder_of(root, sync)
    path = folder / LEDGER
    if not path.exists():
        yield None
        return
    handle = os.open(folder / "lock", os.O_RDONLY)
    try:
        with _way_out(sync):
            store = open_store(path, sync)
        try:
            yield State(sync, folder, Lease(folder / "lock", handle), store)
        finally:
            store.close()
    finally:
        os.close(handle)


def folder_of(root: Path, sync: str) -> Path:
    """Give the folder of a sync's state; a name that is no file name gets a digest."""
    if _PLAIN.fullmatch(sync):
        return root / sync
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", sync).strip("-.")[:40] or "sync"
    return root / f"{plain}-{blake2b(sync.encode(), digest_size=4).hexdigest()}"


def put_aside(folder: Path, moment: str) -> Path:
    """Move all of a state but its lock out of the way; give where it is now."""
    aside = folder.with_name(f"{folder.name}.aside-{moment}")
    aside.mkdir(mode=0o700)
    for path in folder.iterdir():
        if path.name != "lock":
            shutil.move(path, aside / path.name)
    return aside


def digest_of(path: Path) -> tuple[str, int]:
    """Give a file's digest and its length in bytes."""
    digest = blake2b(digest_size=16)
    size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _private() -> Iterator[None]:
    """Make files that no other user can read, SQLite's own with them."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def create(path: Path) -> Any:
    """Open a new file that no other user can read."""
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb+")


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def _refuse_network(root: Path) -> None:
    """Refuse a file system of another machine: SQLite's log needs memory that all see."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    place = root.resolve()
    best, kind = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        parts = line.split()
        where = Path(parts[1].replace("\\040", " "))
        if (where == place or where in place.parents) and len(where.parts) > best:
            best, kind = len(where.parts), parts[2]
    if kind in _NETWORK:
        raise ConfigError(
            f"state: {root} is on a network file system ({kind}), where locks and SQLite's log"
            " cannot be trusted; name a folder on a disk of this machine"
        )
