"""Store: one sync's ledger as a SQLite file: its form, its transactions, its checks.

Every transaction asserts that this process still holds the lease, and every row carries a seal, a
digest of what it says, so that a value that was altered is found and never believed.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs
import orjson

from tailrace._engine.codec import canary
from tailrace._engine.disk import create, sync_folder
from tailrace._engine.forms import FORMAT, INDEXES, KEYS, STEPS, TABLES, migrate
from tailrace.errors import InternalError, StateError

Row = dict[str, Any]

_MAGIC = b"SQLite format 3\0"
_FULL_DISK = ("disk is full", "disk I/O error", "unable to open", "readonly", "read-only")


_WRITES = {
    table: f"INSERT OR REPLACE INTO {table} ({', '.join([*names, 'seal'])})"  # noqa: S608  # our own words
    f" VALUES ({', '.join('?' * (len(names) + 1))})"
    for table, names in TABLES.items()
}


def seal_of(row: Mapping[str, Any]) -> str:
    """Give the digest that a row carries of its own values."""
    told = orjson.dumps([each for each in sorted(row.items()) if each[0] != "seal"], default=repr)
    return blake2b(told, digest_size=8).hexdigest()


@attrs.define(eq=False)
class Store:
    """Hold the connection; used by several threads, one transaction at a time.

    fence: raises unless this process may still write. committed: is told how many commits there
    are, once they outlast a power cut.
    """

    path: Path
    connection: sqlite3.Connection
    fence: Callable[[], None] = lambda: None
    committed: Callable[[int], None] = lambda _: None
    commits: int = 0
    _lasting: bool = True
    _lock: threading.RLock = attrs.field(factory=threading.RLock)

    @contextmanager
    def transaction(self) -> Iterator["Store"]:
        """Do all that is in the block, or nothing; raises StateError where it cannot be kept."""
        with self._lock, self.told():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.fence()
                yield self
                self._put("meta", {"name": "commits", "value": self.commits + 1})
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            self.commits += 1
            if self._lasting:
                self.committed(self.commits)

    def held(self) -> None:
        """Raise StateError unless this process may still write."""
        with self._lock, self.told():
            self.fence()

    def put(self, table: str, *rows: Row) -> None:
        """Write whole rows, over those with the same keys; inside a transaction."""
        if not self.connection.in_transaction:
            raise InternalError(f"a row of {table} was written outside a transaction")
        self._put(table, *rows)

    def change(self, table: str, row: Row, **values: Any) -> Row:
        """Write a row that was read before with some values changed; give it as it is now."""
        changed = {**row, **values}
        self.put(table, changed)
        return changed

    def drop(self, table: str, where: str = "1", *values: Any) -> int:
        """Delete rows; inside a transaction."""
        done = self.connection.execute(f"DELETE FROM {table} WHERE {where}", values)  # noqa: S608  # our own words
        return done.rowcount

    def rows(self, table: str, where: str = "1", *values: Any) -> list[Row]:
        """Give rows, each checked against its seal."""
        return list(self.each(table, where, *values))

    def each(self, table: str, where: str = "1", *values: Any) -> Iterator[Row]:
        """Give rows one by one, each checked against its seal."""
        names = TABLES[table]
        chosen = ", ".join([*names, "seal"])
        query = f"SELECT {chosen} FROM {table} WHERE {where}"  # noqa: S608  # our own words
        with self._lock, self.told(), closing(self.connection.execute(query, values)) as found:
            pages = found.fetchall()
        for values_ in pages:
            row = dict(zip(names, values_, strict=False))
            if seal_of(row) != values_[-1]:
                what = ", ".join(str(row[name]) for name in KEYS[table])
                raise StateError(
                    f"{self.path}: the entry {what} of {table} was altered outside tailrace"
                )
            yield row

    def one(self, table: str, where: str = "1", *values: Any) -> Row | None:
        """Give the first row, or None."""
        return next(iter(self.rows(table, where, *values)), None)

    def meta(self, name: str) -> Any:
        """Give a single fact, or None."""
        row = self.one("meta", "name = ?", name)
        return None if row is None else row["value"]

    def set_meta(self, name: str, value: Any) -> None:
        """Keep a single fact; None forgets it."""
        if value is None:
            self.drop("meta", "name = ?", name)
        else:
            self.put("meta", {"name": name, "value": value})

    def durable(self, on: bool) -> None:
        """Choose whether commits outlast a power cut, or only a crash of the process."""
        with self._lock, self.told():
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if on else 'NORMAL'}")
            self._lasting = on

    def backup(self, path: Path) -> None:
        """Copy the whole ledger to another file, that only this user can read."""
        create(path).close()
        with self._lock, self.told(), closing(sqlite3.connect(path)) as copy:
            self.connection.backup(copy)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._lock:
            self.connection.close()

    def tidy(self) -> None:
        """Bring the log to its end: what was overwritten is nowhere any more."""
        with self._lock, self.told():
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def check(self) -> None:
        """Raise StateError unless all of the file, and every sealed row, is as it was written."""
        with self.told():
            found = self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise StateError(f"{self.path} is damaged: {found}")
        for table in TABLES:
            if table not in ("answers", "batches"):
                self.rows(table)
        self.rows("batches", "run IN (SELECT number FROM runs WHERE state <> 'closed')")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what a failure of SQLite means for a person."""
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self.wrong(error) from error

    def wrong(self, error: sqlite3.DatabaseError | UnicodeDecodeError) -> StateError:
        """Give the error that says what a failure of SQLite means for a person."""
        if any(word in str(error) for word in _FULL_DISK):
            return StateError(
                f"{self.path} cannot be written ({error}): see to space and permissions, then run"
                " again; it goes on where it stopped"
            )
        return StateError(f"{self.path} is damaged ({error})")

    def _put(self, table: str, *rows: Row) -> None:
        wholes = [{name: row.get(name) for name in TABLES[table]} for row in rows]
        written = [[*whole.values(), seal_of(whole)] for whole in wholes]
        if len(rows) == 1:
            self.connection.execute(_WRITES[table], written[0])
        else:
            self.connection.executemany(_WRITES[table], written)


def make_store(path: Path, sync: str) -> None:
    """Make an empty ledger that only this user can read: the whole of it, or nothing."""
    new = path.with_name(f"{path.name}.new")
    new.with_name(f"{new.name}-journal").unlink(missing_ok=True)
    create(new).close()
    with closing(_connected(new, path)) as store, store.told():
        connection = store.connection
        connection.execute("BEGIN IMMEDIATE")
        for name, columns in TABLES.items():
            listed, key = ", ".join(columns), ", ".join(KEYS[name])
            connection.execute(
                f"CREATE TABLE {name} ({listed}, seal, PRIMARY KEY ({key})) WITHOUT ROWID"
            )
        for name, place in INDEXES.items():
            connection.execute(f"CREATE INDEX {name} ON {place}")
        facts = {"format": FORMAT, "sync": sync, "canary": canary(), "epoch": 0, "version": 0}
        for fact, value in facts.items():
            store.put("meta", {"name": fact, "value": value})
        connection.execute("COMMIT")
    os.replace(new, path)  # noqa: PTH105  # a pair of paths
    sync_folder(path.parent)


@contextmanager
def looked_into(path: Path, sync: str) -> Iterator[Store]:
    """Open a ledger to look at, which changes nothing of it; one of an older form is brought up.

    Raises StateError for a newer form, damage, or another sync's ledger.
    """
    with path.open("rb") as file:
        # Else SQLite would begin anew with a file that is empty.
        if file.read(len(_MAGIC)) != _MAGIC:
            raise StateError(f"{path} is no ledger of tailrace")
    with closing(_connected(f"{path.resolve().as_uri()}?mode=ro", path)) as store:
        form = _form(store)
        if form == FORMAT:
            _believe(store, sync)
            yield store
            return
        with closing(_connected(":memory:", path)) as copy:
            with store.told():
                store.connection.backup(copy.connection)
                migrate(copy.connection, form, seal_of)
            _believe(copy, sync)
            yield copy


def open_store(path: Path, copy: Callable[[Store], None]) -> Store:
    """Open a ledger that was looked into; `copy` is called before a migration changes the file."""
    store = _connected(path, path)
    try:
        with store.told():
            store.connection.execute("PRAGMA journal_mode = WAL")
            store.durable(True)
            form = _form(store)
            if form != FORMAT:
                copy(store)
                migrate(store.connection, form, seal_of)
        store.commits = store.meta("commits") or 0
    except BaseException:
        store.close()
        raise
    return store


def _connected(place: Path | str, path: Path) -> Store:
    try:
        connection = sqlite3.connect(
            place, isolation_level=None, check_same_thread=False, uri=isinstance(place, str)
        )
    except sqlite3.Error as error:
        raise StateError(f"{path} cannot be opened: {error}") from None
    store = Store(path, connection)
    try:
        with store.told():
            for setting in ("trusted_schema = OFF", "foreign_keys = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA busy_timeout = 5000")
    except BaseException:
        connection.close()
        raise
    return store


def _form(store: Store) -> int:
    """Give the format of a ledger, one that this version can read."""
    with store.told():
        if ("table", "meta") not in _objects(store):
            raise StateError(f"{store.path} is no ledger of tailrace")
        row = store.connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    form = row[0] if row else None
    if isinstance(form, int) and form > FORMAT:
        raise StateError(
            f"{store.path} was written by a newer tailrace (format {form}, this one knows"
            f" {FORMAT}); install that version again, or the newest"
        )
    if not isinstance(form, int) or (form != FORMAT and form not in STEPS):
        raise StateError(f"{store.path} is damaged: it has a format that never was ({form!r})")
    return form


def _objects(store: Store) -> set[tuple[str, str]]:
    found = store.connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    return {(kind, name) for kind, name in found if not name.startswith("sqlite_")}


def _believe(store: Store, sync: str) -> None:
    """See that a ledger is of this form and of this sync, and whole."""
    expected = {("table", name) for name in TABLES} | {("index", name) for name in INDEXES}
    with store.told():
        strange = _objects(store) ^ expected
        for name, columns in TABLES.items():
            told = store.connection.execute(f"PRAGMA table_info({name})").fetchall()
            if {each[1] for each in told} != {*columns, "seal"}:
                strange.add(("table", name))
    if strange:
        what = ", ".join(sorted(f"{kind} {name}" for kind, name in strange))
        raise StateError(f"{store.path} was altered outside tailrace: {what}")
    store.check()
    named = store.meta("sync")
    if named != sync:
        raise StateError(f"{store.path} is the state of the sync {named!r}, not of {sync!r}")
    store.commits = store.meta("commits") or 0
