"""History: where a sync stands and what its runs did, as its state tells it."""

from collections.abc import Iterator
from typing import Any

import orjson

from tailrace._engine.closing import open_snapshot
from tailrace._engine.codec import decode_value
from tailrace._engine.finishing import find_unfinished
from tailrace._engine.lease import is_held
from tailrace._engine.report import EXIT_CODES
from tailrace._engine.state import State
from tailrace._engine.store import Row

_COUNTS = ("read", "removed", "delivered", "skipped", "rejected", "failed", "in_doubt")


def runs(state: State, limit: int | None = None) -> list[dict[str, Any]]:
    """Give what each run did, the newest first."""
    rows = state.store.rows("runs", "1 ORDER BY number DESC")
    return [_run(row) for row in (rows if limit is None else rows[:limit])]


def _run(row: Row) -> dict[str, Any]:
    report = orjson.loads(row["report"] or "{}")
    code = row["exit_code"]
    return {
        "run_id": row["run_id"],
        "mode": row["mode"],
        "state": row["state"],
        "started": row["started"],
        "ended": row["ended"],
        "exit_code": code,
        "meaning": EXIT_CODES.get(code, "it did not come to its end") if code is not None else None,
        **{name: report.get(name) for name in _COUNTS},
        "seconds": report.get("seconds"),
        "problem": report.get("problem"),
    }


def status(state: State) -> dict[str, Any]:
    """Tell where a sync stands, and what waits for a person."""
    store = state.store
    last = runs(state, 1)
    files = store.rows("files")
    cursor, position = store.meta("cursor"), store.meta("position")
    return {
        "running": is_held(state.folder / "lock"),
        "last": last[0] if last else None,
        "unfinished": [each.run["run_id"] for each in find_unfinished(state)],
        "records": sum(1 for _ in open_snapshot(state).each()),
        "refused": groups(state),
        "in_doubt": [_doubt(row) for row in store.rows("doubts", "1 ORDER BY since")],
        "stopped": [_stopped(state, row) for row in files if row["kind"] == "stopped"],
        "cursor": None if cursor is None else decode_value(cursor),
        "position": None if position is None else decode_value(position),
        "bytes": sum(path.stat().st_size for path in state.folder.iterdir() if path.is_file()),
    }


def _doubt(row: Row) -> dict[str, Any]:
    return {
        "key": decode_value(row["key"]),
        "action": row["action"],
        "since": row["since"],
        "message": row["message"],
    }


def _stopped(state: State, row: Row) -> dict[str, Any]:
    facts = orjson.loads(row["facts"])
    holds = facts["version"] == state.store.meta("version")
    return {"plan": facts["hash"], "deletes": row["rows"], "holds": holds}


def groups(state: State) -> list[dict[str, Any]]:
    """Give the refusals, those of one kind together, the most frequent first."""
    found: dict[str, dict[str, Any]] = {}
    for row in refusals(state):
        group = found.setdefault(
            row["fingerprint"],
            {
                "fingerprint": row["fingerprint"],
                "reason": row["reason"],
                "message": row["message"],
                "count": 0,
                "first_seen": row["first_seen"],
                "last_seen": row["last_seen"],
                "keys": [],
            },
        )
        group["count"] += 1
        group["first_seen"] = min(group["first_seen"], row["first_seen"])
        group["last_seen"] = max(group["last_seen"], row["last_seen"])
        group["keys"].append(decode_value(row["key"]))
    return sorted(found.values(), key=lambda each: -each["count"])


def refusals(state: State, fingerprint: str | None = None) -> Iterator[Row]:
    """Give the entries of refused records, all or those of one kind."""
    for row in state.store.rows("refusals", "reason <> 'lost' ORDER BY first_seen, name"):
        if fingerprint in (None, row["fingerprint"]):
            yield row
