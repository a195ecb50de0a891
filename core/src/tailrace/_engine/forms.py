"""Forms: the tables of a ledger, the version of their format, and the ways from older ones."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

FORMAT = 1
"""The ledger's format that this version reads and writes."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "meta": ("name", "value"),
    # One execution; state: reading, delivering, closed or dropped. facts and report are JSON.
    "runs": (
        "number",
        "run_id",
        "mode",
        "state",
        "started",
        "ended",
        "exit_code",
        "facts",
        "report",
    ),
    # What lies beside the ledger; kind: plan, removals, stopped, snapshot, or
    # settled and since: what the next read need not look at, and what has changed of that.
    "files": ("name", "run", "kind", "digest", "bytes", "rows", "facts"),
    # An intent, and once it has a tally its settlement; place is its order in the run. split names
    # the parts of it that were refused as a whole.
    "batches": (
        "run",
        "place",
        "id",
        "file",
        "action",
        "offset",
        "length",
        "count",
        "digest",
        "schema",
        "reservation",
        "read",
        "prefix",
        "intended",
        "settled",
        "late",
        "split",
        "tally",
    ),
    # What was not plainly delivered, or has a name at the service; file tells a removal.
    "answers": (
        "run",
        "file",
        "number",
        "place",
        "name",
        "key",
        "status",
        "reason",
        "message",
        "remote_id",
    ),
    # A record in doubt, with what was sent.
    "doubts": (
        "run",
        "file",
        "number",
        "place",
        "name",
        "key",
        "action",
        "since",
        "message",
        "cursor",
        "line",
    ),
    # A refused record, with what was refused; not offered again until something changes.
    "refusals": (
        "name",
        "key",
        "action",
        "hash",
        "config",
        "reason",
        "message",
        "fingerprint",
        "first_seen",
        "last_seen",
        "attempts",
        "due",
        "run",
        "cursor",
        "line",
    ),
    "schemas": ("digest", "body"),
    # Names of fields that the snapshot's field hashes go by.
    "fields": ("id", "name"),
}
"""Tables and their columns; each row has a seal besides."""

INDEXES: Mapping[str, str] = {
    "answers_by_name": "answers (name)",
    "doubts_by_name": "doubts (name)",
}

KEYS: Mapping[str, tuple[str, ...]] = {
    "meta": ("name",),
    "runs": ("number",),
    "files": ("name",),
    "batches": ("run", "place"),
    "answers": ("run", "file", "number"),
    "doubts": ("run", "file", "number"),
    "refusals": ("name",),
    "schemas": ("digest",),
    "fields": ("id",),
}

Seal = Callable[[Mapping[str, Any]], str]
Step = Callable[[sqlite3.Connection, Seal], None]

STEPS: Mapping[int, Step] = {}
"""The way from each older format to the next."""


def migrate(
    connection: sqlite3.Connection, form: int, seal: Seal, steps: Mapping[int, Step] = STEPS
) -> None:
    """Bring an older ledger to this format in one transaction; KeyError where no way is known."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for each in range(form, FORMAT):
            steps[each](connection, seal)
        row = {"name": "format", "value": FORMAT}
        connection.execute(
            "UPDATE meta SET value = ?, seal = ? WHERE name = 'format'", (FORMAT, seal(row))
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
