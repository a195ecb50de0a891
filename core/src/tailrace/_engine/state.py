"""State: one sync's folder: the lease, the ledger, and sealed files that never change."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.disk import digest_of, make_folder, sync_folder, unwritable
from tailrace._engine.lease import Lease, hold
from tailrace._engine.store import Row, Store, looked_into, make_store, open_store
from tailrace.errors import ConfigError, StateError

T = TypeVar("T")

LEDGER = "ledger.db"
COPY = "ledger.copy"
"""The last verified copy, made at the end of each run."""
NOTES = "notes-{}.lines"
SKIPS = "skips-{}.parquet"
"""What `report.outcomes()` needs besides, of the last run only."""

_LARGE = 1 << 24
"""Bytes of files from which on it pays to go through several at once."""
_AT_ONCE = 4

OF_A_RUN = "kind NOT IN ('snapshot', 'settled', 'since')"
"""Tells the files that belong to one run from those that belong to the sync."""

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
            raise _altered(path)
        return path

    def _verify(self, rows: list[Row]) -> None:
        """Raise StateError unless all these files are what was sealed; large ones at once."""
        if sum(row["bytes"] for row in rows) < _LARGE:
            for row in rows:
                self.verified(row)
            return
        from concurrent.futures import ThreadPoolExecutor

        rows = sorted(rows, key=lambda row: row["bytes"], reverse=True)
        with ThreadPoolExecutor(_AT_ONCE) as executor:
            for _ in executor.map(self.verified, rows):
                pass

    def lines_of(self, batch: Row) -> list[bytes]:
        """Give the lines of a batch as they were when its intent was kept, or raise StateError."""
        path = self.path(batch["file"])
        try:
            with path.open("rb") as file:
                file.seek(batch["offset"])
                lines = file.read(batch["length"])
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}") from None
        if blake2b(lines, digest_size=16).hexdigest() != batch["digest"]:
            raise _altered(path)
        return lines.splitlines(keepends=True)

    def read(self, items: Iterable[T]) -> Iterator[T]:
        """Give what is read from a file of this state, or raise StateError where it cannot be."""
        try:
            yield from items
        except OSError as error:
            raise StateError(f"{self.folder} cannot be read: {error.strerror or error}") from None

    def believe(self) -> None:
        """Raise StateError unless all that the ledger speaks of is as it was written."""
        self._verify(self.store.rows("files"))
        unfinished = "run IN (SELECT number FROM runs WHERE state = 'delivering')"
        for _ in self.store.each("answers", unfinished):
            pass
        for batch in self.store.each("batches", unfinished):
            if batch["file"]:
                self.lines_of(batch)

    def remove(self, names: Iterable[str]) -> None:
        """Delete files that the ledger no longer names."""
        for name in names:
            with suppress(OSError):
                self.path(name).unlink()

    def sweep(self, last: int = 0) -> None:
        """Delete what a process that died left half-made, and what only the run before needed."""
        known = {row["name"] for row in self.store.rows("files")}
        for run in self.store.rows("runs", "state = 'delivering' OR number = ?", last):
            number = run["number"]
            known |= {row["file"] for row in self.store.rows("batches", "run = ?", number)}
            known |= {NOTES.format(number), SKIPS.format(number)}
        for path in self.folder.iterdir():
            if (path.suffix == ".new" or _ours(path)) and path.name not in known:
                self.remove([path.name])

    def keep_copy(self) -> None:
        """Keep a verified copy of the ledger, for the day when it is damaged."""
        self.store.tidy()
        try:
            self.store.backup(self.path(f"{COPY}.new"))
            os.replace(self.path(f"{COPY}.new"), self.path(COPY))  # noqa: PTH105  # a pair of paths
        except OSError as error:
            raise self.unwritable(error) from None

    def unwritable(self, error: OSError) -> StateError:
        """Say that the folder cannot be written."""
        return unwritable(self.folder, error)


@contextmanager
def open_state(root: Path, sync: str, clock: Clock, wait: float = 0.0) -> Iterator[State]:
    """Open a sync's state, or make it; LockedError if another run has it.

    Raises StateError, with the way out, for what cannot be believed; no file is changed then.
    """
    folder = folder_of(root, sync)
    with ExitStack() as stack:
        try:
            _refuse_network(root)
            make_folder(folder)
            lease = stack.enter_context(hold(folder / "lock", sync, wait, clock))
        except OSError as error:
            raise unwritable(folder, error) from None
        with _way_out(sync, folder):
            _looked_into(folder, sync, lease)
            state = _taken(folder, sync, lease)
            stack.callback(state.store.close)
        yield state


@contextmanager
def _way_out(sync: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from None
    except StateError as error:
        if "cannot be written" in str(error) or "newer tailrace" in str(error):
            raise
        raise StateError(
            f"{error}. Nothing was sent and no file was changed; `tailrace recover {sync}` tells"
            " what can be done"
        ) from None


def _looked_into(folder: Path, sync: str, lease: Lease) -> None:
    """Believe all of a state or nothing, before anything of it is changed."""
    path = folder / LEDGER
    if not path.exists():
        if lease.witnessed() or any(_ours(each) for each in folder.iterdir()):
            raise StateError(f"{path} is missing")
        make_store(path, sync)
        return
    with looked_into(path, sync) as store:
        if store.commits < lease.witnessed():
            raise StateError(
                f"{path} is older than what this folder has seen: a copy was put back, or its -wal"
                " file was lost"
            )
        State(sync, folder, lease, store).believe()


def _taken(folder: Path, sync: str, lease: Lease) -> State:
    """Open the ledger, and take the lease in it too: an older holder commits nothing from here."""
    store = open_store(
        folder / LEDGER, lambda store: store.backup(folder / f"{LEDGER}.before-migration")
    )
    store.committed = lease.witness
    try:
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
                f"another run has taken the state of {sync!r} over ({folder}); this one has stopped"
            )

    store.fence = fence
    return State(sync, folder, lease, store)


@contextmanager
def read_state(root: Path, sync: str) -> Iterator[State | None]:
    """Open a sync's state to look at, also while a run has it; None where there is none yet."""
    folder = folder_of(root, sync)
    path = folder / LEDGER
    if not path.exists():
        yield None
        return
    with ExitStack() as stack:
        with _way_out(sync, folder):
            handle = os.open(folder / "lock", os.O_RDONLY)
            stack.callback(os.close, handle)
            store = stack.enter_context(looked_into(path, sync))
        yield State(sync, folder, Lease(folder / "lock", handle), store)


def _altered(path: Path) -> StateError:
    return StateError(f"{path} is not what tailrace wrote: it was altered or damaged")


def _ours(path: Path) -> bool:
    """Tell whether a file can only be there if there was a ledger."""
    return path.suffix in (".lines", ".parquet") or path.name == COPY


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


def _refuse_network(root: Path) -> None:
    """Refuse a file system of another machine: SQLite's log needs memory that all see."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    place = root.resolve()
    best, kind = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        parts = line.split()
        if len(parts) < 3:  # what, where and of which kind
            continue
        where = Path(parts[1].replace("\\040", " "))
        if (where == place or where in place.parents) and len(where.parts) >= best:
            best, kind = len(where.parts), parts[2]
    if kind in _NETWORK:
        raise ConfigError(
            f"state: {root} is on a network file system ({kind}), where locks and SQLite's log"
            " cannot be trusted; name a folder on a disk of this machine"
        )
