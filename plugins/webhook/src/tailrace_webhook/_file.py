"""The inbox's file: for its owner alone, and known by a name of its own."""

import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import tailrace
from tailrace.errors import SourceError
from tailrace_webhook._inbox import Inbox

_FORMAT = 1
_BUSY = 10.0
"""Seconds to wait for another process that writes."""

_TABLES = """
CREATE TABLE IF NOT EXISTS inbox (id TEXT NOT NULL, format INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS request (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    received REAL NOT NULL,
    kind TEXT NOT NULL,
    rows INTEGER NOT NULL,
    told TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS request_of ON request (endpoint, number);
CREATE TABLE IF NOT EXISTS known (
    name BLOB PRIMARY KEY, until REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_until ON known (until);
CREATE TABLE IF NOT EXISTS reader (
    endpoint TEXT NOT NULL, sync TEXT NOT NULL, settled INTEGER NOT NULL,
    PRIMARY KEY (endpoint, sync)
) WITHOUT ROWID;
"""


@contextmanager
def open_file(path: Path) -> Iterator[Inbox]:
    """Open an inbox, or make one, that no other user can read."""
    _private(path)
    with closing(
        sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    ) as connection:
        try:
            name = _prepared(connection)
        except sqlite3.DatabaseError as error:
            told = f"the inbox {path} cannot be used: {error}; see to space and permissions, or"
            aside = "move it aside, which gives up what it holds and has not been delivered"
            raise SourceError(f"{told} {aside}") from error
        yield Inbox(path, name, connection)


def _prepared(connection: sqlite3.Connection) -> str:
    for each in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "trusted_schema = OFF",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {each}").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    found = connection.execute("SELECT id, format FROM inbox").fetchone()
    if found is None:
        found = (secrets.token_hex(8), _FORMAT)
        connection.execute("INSERT INTO inbox VALUES (?, ?)", found)
    connection.execute("COMMIT")
    if found[1] != _FORMAT:
        raise sqlite3.DatabaseError(f"its format is {found[1]}, and this version knows {_FORMAT}")
    return str(found[0])


def _private(path: Path) -> None:
    """Make the file for this user alone; refuse one that others can read."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags, 0o600)
    except OSError as error:
        told = f"{path} cannot be opened: {error.strerror}"
        raise tailrace.ConfigError(tailrace.Problem("inbox", told)) from None
    try:
        mode = os.fstat(handle).st_mode
    finally:
        os.close(handle)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        told = (
            f"{path} can be read by other users (mode {stat.S_IMODE(mode):o}); do: chmod 600 {path}"
        )
        raise tailrace.ConfigError(tailrace.Problem("inbox", told))
