"""Store: one sync's ledger as a SQLite file: its form, its transactions, its checks.

Every transaction asserts that this process still holds the lease, and every row carries a seal, a
digest of what it says, so that a value that was altered is found and never believed.
"""

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
from tailrace._engine.forms import FORMAT, KEYS, TABLES, migrate
from tailrace.errors import InternalError, StateError

Row = dict[str, Any]

_FULL_DISK = ("disk is full", "disk I/O error", "unable to open", "readonly", "read-only")


def seal_of(row: Mapping[str, Any]) -> str:
    """Give the digest that a row carries of its own values."""
    told = orjson.dumps([[name, row[name]] for name in sorted(row) if name != "seal"])
    return blake2b(told, digest_size=8).hexdigest()


@attrs.define(eq=False)
class Store:
    """Hold the connection; used by several threads, one transaction at a time.

    fence: raises unless this process may still write. durable: each commit outlasts a power cut;
    else only a crash of the process.
    """

    path: Path
    connection: sqlite3.Connection
    fence: Callable[[], None] = lambda: None
    committed: Callable[[int], None] = lambda _: None
    commits: int = 0
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
            self.committed(self.commits)

    def put(self, table: str, row: Row) -> None:
        """Write one whole row, over the one with the same key; inside a transaction."""
        if not self.connection.in_transaction:
            raise InternalError(f"a row of {table} was written outside a transaction")
        self._put(table, row)

    def change(self, table: str, row: Row, **values: Any) -> Row:
        """Write a row that was read before with some values changed; give it as it is now."""
        changed = {**row, **values}
        changed.pop("seal", None)
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
        with self._lock:
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if on else 'NORMAL'}")

    def backup(self, path: Path) -> None:
        """Copy the whole ledger to another file."""
        with self._lock, self.told(), closing(sqlite3.connect(path)) as copy:
            self.connection.backup(copy)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._lock:
            self.connection.close()

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
        except sqlite3.DatabaseError as error:
            raise self.wrong(error) from error

    def wrong(self, error: sqlite3.DatabaseError) -> StateError:
        """Give the error that says what a failure of SQLite means for a person."""
        if any(word in str(error) for word in _FULL_DISK):
            return StateError(
                f"{self.path} cannot be written ({error}): see to space and permissions, then run"
                " again; it goes on where it stopped"
            )
        return StateError(f"{self.path} is damaged ({error})")

    def _put(self, table: str, row: Row) -> None:
        names = TABLES[table]
        values = [row.get(name) for name in names]
        places = ", ".join("?" * (len(names) + 1))
        told = ", ".join([*names, "seal"])
        seal = seal_of(dict(zip(names, values, strict=True)))
        self.connection.execute(
            f"INSERT OR REPLACE INTO {table} ({told}) VALUES ({places})",  # noqa: S608  # our own words
            [*values, seal],
        )


def open_store(path: Path | None, sync: str, copy: Callable[[Store], None] | None = None) -> Store:
    """Open a ledger, or make one; a newer form, damage or another sync's file is a StateError.

    copy: is called before a migration changes the file. Without a path it lives in memory.
    """
    there = path is not None and path.exists()
    try:
        connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise StateError(f"{path} cannot be opened: {error}") from None
    store = Store(path or Path(":memory:"), connection)
    try:
        with store.told():
            _settings(connection, path)
            if there:
                _known(store, sync, copy)
            else:
                _make(store, sync)
    except BaseException:
        connection.close()
        raise
    return store


def _settings(connection: sqlite3.Connection, path: Path | None) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA busy_timeout = 5000")
    if path is not None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")


def _make(store: Store, sync: str) -> None:
    connection = store.connection
    connection.execute("BEGIN IMMEDIATE")
    for name, columns in TABLES.items():
        listed = ", ".join(columns)
        key = ", ".join(KEYS[name])
        connection.execute(
            f"CREATE TABLE {name} ({listed}, seal, PRIMARY KEY ({key})) WITHOUT ROWID"
        )
    connection.execute("CREATE INDEX doubts_by_name ON doubts (name)")
    connection.execute("CREATE INDEX answers_by_name ON answers (name)")
    facts = {"format": FORMAT, "sync": sync, "canary": canary(), "epoch": 0, "version": 0}
    for fact, value in facts.items():
        store.put("meta", {"name": fact, "value": value})
    connection.execute("COMMIT")


def _known(store: Store, sync: str, copy: Callable[[Store], None] | None) -> None:
    """See that a ledger is of this form and of this sync, and whole."""
    tables = {
        name for (name,) in store.connection.execute("SELECT name FROM sqlite_master").fetchall()
    }
    if "meta" not in tables:
        raise StateError(f"{store.path} is no ledger of tailrace")
    form = store.connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    form = form[0] if form else None
    if not isinstance(form, int):
        raise StateError(f"{store.path} is damaged: it does not say which format it has")
    if form > FORMAT:
        raise StateError(
            f"{store.path} was written by a newer tailrace (format {form}, this one knows"
            f" {FORMAT}); install that version again, or the newest"
        )
    if form < FORMAT:
        if copy is not None:
            copy(store)
        migrate(store.connection, form, seal_of)
    store.check()
    named = store.meta("sync")
    if named != sync:
        raise StateError(f"{store.path} is the state of the sync {named!r}, not of {sync!r}")
    store.commits = store.meta("commits") or 0
