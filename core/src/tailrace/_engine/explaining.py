"""Explaining: all that is known of one record: what was sent when, and why something was not."""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from tailrace._engine.closing import open_snapshot
from tailrace._engine.codec import decode_value, name_of
from tailrace._engine.finishing import late_names
from tailrace._engine.lines import NO_HASH, Change, field_names, read
from tailrace._engine.snapshot import Held
from tailrace._engine.state import State
from tailrace._engine.store import Row
from tailrace.errors import ConfigError

_NEAR = 200_000
"""Keys that are looked through for one that is like what was typed."""


def typed(key: Any) -> str:
    """Give a key as a person types it."""
    return ",".join(map(str, key)) if isinstance(key, tuple) else str(key)


def explain(state: State, text: str, now: float) -> dict[str, Any]:
    """Tell all that the state knows of a key; ConfigError, with near ones, if that is nothing."""
    held = _held(state, text)
    name = held.name if held is not None else _named(state, text)
    if name is None:
        raise ConfigError(_unknown(state, text))
    sent = [each for run in _runs(state) for each in _sent(state, run, name)]
    refusal = state.store.one("refusals", "name = ?", name)
    doubts = state.store.rows("doubts", "name = ?", name)
    late = late_names(state, now).get(name)
    key = held.key if held is not None else decode_value(name)
    return {
        "key": key,
        "held": None if held is None else _known(state, held),
        "sent": sent,
        "refused": None if refusal is None else _refused(refusal),
        "in_doubt": [{"since": row["since"], "message": row["message"]} for row in doubts],
        "waits_until": None if late is None else late.until,
        "next": _next(held, refusal, doubts),
    }


def _next(held: Held | None, refusal: Row | None, doubts: list[Row]) -> str:
    """Say what the next run does with it."""
    if doubts:
        return "it is held until somebody says what became of it: tailrace resolve"
    if refusal is not None and not refusal["due"]:
        return (
            "it is skipped until it, the mapping, the options or the destination's fields change;"
            " `tailrace retry` offers it again"
        )
    if held is None or held.hash == NO_HASH:
        return "it is sent, since what the destination holds is not known"
    if held.state == "held":
        return "it is sent if a mapped field has changed since it was delivered, else skipped"
    there = "is there already" if held.state == "exists" else "was not there to be updated"
    return f"it is skipped: it {there}"


def _known(state: State, held: Held) -> dict[str, Any]:
    names = {row["id"]: row["name"] for row in state.store.rows("fields")}
    run = state.store.one("runs", "number = ?", held.run)
    return {
        "state": held.state if held.hash != NO_HASH else "not known",
        "run_id": None if run is None else run["run_id"],
        "when": None if run is None else run["ended"],
        "remote_id": held.remote,
        "written_by_tailrace": held.owned,
        "fields": field_names(held.fields, names),
    }


def _refused(row: Row) -> dict[str, Any]:
    names = ("reason", "message", "fingerprint", "first_seen", "last_seen", "attempts")
    return {name: row[name] for name in names} | {"due": bool(row["due"])}


def _runs(state: State) -> list[Row]:
    return state.store.rows("runs", "1 ORDER BY number DESC")


def _sent(state: State, run: Row, name: str) -> Iterator[dict[str, Any]]:
    """Give each time that a run took the record up, and each answer without that."""
    store, number = state.store, run["number"]
    answers = {
        (row["file"], row["number"]): row
        for row in store.rows("answers", "run = ? AND name = ?", number, name)
    }
    for batch, change in _planned(state, run, name):
        answer = answers.pop((batch["file"], change.number), None)
        settled = batch["tally"] is not None
        status = answer["status"] if answer else "delivered" if settled else "not settled"
        yield {
            "run_id": run["run_id"],
            "action": change.action,
            "changed": None if change.changed is None else sorted(change.changed),
            "batch": batch["id"],
            "intended": batch["intended"],
            "settled": batch["settled"],
            **_told(status, answer),
        }
    for answer in answers.values():
        yield {"run_id": run["run_id"], "action": None, **_told(answer["status"], answer)}


def _told(status: str, answer: Row | None) -> dict[str, Any]:
    return {
        "status": status,
        "reason": answer["reason"] if answer else None,
        "message": answer["message"] if answer else None,
        "remote_id": answer["remote_id"] if answer else None,
    }


def _planned(state: State, run: Row, name: str) -> Iterator[tuple[Row, Change]]:
    """Give the lines of a run's batches that are about the record."""
    wanted = name.encode()
    batches = state.store.rows("batches", "run = ? AND file <> '' ORDER BY place", run["number"])
    for file in dict.fromkeys(row["file"] for row in batches):
        path = state.path(f"done-{file}")
        path = path if path.exists() else state.path(file)
        if not path.exists():
            continue
        with path.open("rb") as lines:
            for batch in sorted((b for b in batches if b["file"] == file), key=_offset):
                for line in islice(lines, batch["count"]):
                    if line.split(b"\t", 3)[2] == wanted:
                        yield batch, read(line)


def _offset(batch: Row) -> int:
    return int(batch["offset"])


def _held(state: State, text: str) -> Held | None:
    snapshot = open_snapshot(state)
    for name in names_typed(text):
        if (held := snapshot.find(name)) is not None:
            return held
    return None


def _named(state: State, text: str) -> str | None:
    """Find a key that the snapshot does not have, by what the ledger says of it."""
    for name in names_typed(text):
        for table in ("answers", "doubts", "refusals"):
            if state.store.one(table, "name = ?", name) is not None:
                return name
        if any(True for run in _runs(state) for _ in _planned(state, run, name)):
            return name
    return None


def names_typed(text: str) -> list[str]:
    """Give the names that a typed key may stand for: a text, a number, several of these."""
    forms: list[Any] = [text]
    try:
        value = orjson.loads(text)
        forms.append(tuple(value) if isinstance(value, list) else value)
    except orjson.JSONDecodeError:
        pass
    if "," in text:
        parts = [part.strip() for part in text.split(",")]
        forms += [tuple(parts), tuple(_number(part) for part in parts)]
    return list(dict.fromkeys(name_of(form) for form in forms if not isinstance(form, dict)))


def _number(text: str) -> Any:
    return int(text) if text.lstrip("-").isdigit() else text


def _unknown(state: State, text: str) -> str:
    keys = [typed(held.key) for held in islice(open_snapshot(state).each(), _NEAR)]
    near = difflib.get_close_matches(text, keys, 3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"nothing is known of a record with the key {text!r} in {state.sync!r}{hint}"
