"""Resolving: a person's word on what is in doubt or was refused, or was stopped by the breaker."""

from collections.abc import Iterable, Sequence

import attrs
import orjson

from tailrace._engine import plans
from tailrace._engine.closing import open_snapshot, sealed
from tailrace._engine.codec import decode_value
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import Unfinished
from tailrace._engine.flow import schema_as_json
from tailrace._engine.intake import commit, conclude
from tailrace._engine.lines import Change, read
from tailrace._engine.planned import config_of, deliver_plan
from tailrace._engine.snapshot import GONE, HELD, Held, advance
from tailrace._engine.state import State
from tailrace._engine.store import Row, Store
from tailrace.errors import ConfigError, PreflightError
from tailrace.records import Action
from tailrace.schema import FieldType, Schema, type_of, wider

DELIVERED, LOST = "delivered", "lost"


def matching(rows: Sequence[Row], keys: Sequence[str], what: str) -> list[Row]:
    """Give the entries of the keys that a person typed, or all; an unknown key is a ConfigError."""
    if not keys:
        return list(rows)
    found = []
    for key in keys:
        those = [row for row in rows if key in (row["key"], _typed(row["key"]))]
        if not those:
            there = ", ".join(_typed(row["key"]) for row in rows[:10]) or "none"
            raise ConfigError(f"no record with the key {key!r} {what} (there are: {there})")
        found += those
    return found


def _typed(key: str) -> str:
    """Give a key's JSON as a person types it."""
    value = decode_value(key)
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    return str(value)


def resolve(state: State, assume: str, keys: Sequence[str], now: float) -> int:
    """End doubts by a person's word: `delivered` or `lost`; give how many."""
    store = state.store
    chosen = matching(store.rows("doubts"), keys, "is in doubt")
    keyed = [row for row in chosen if not _streamed(state, row)]
    segments = list(open_snapshot(state).segments)
    if assume == DELIVERED and keyed:
        stem = f"snapshot-e{store.meta('epoch')}"
        delta = map(_held, keyed)
        segments = advance(open_snapshot(state), delta, state.folder, stem)
    files = sealed(state, keyed[0]["run"] if keyed else 0, segments)
    named = {row["name"] for row in files}
    old = [
        row["name"] for row in store.rows("files", "kind = 'snapshot'") if row["name"] not in named
    ]
    with store.transaction():
        for name in old:
            store.drop("files", "name = ?", name)
        for row in files:
            store.put("files", row)
        for row in chosen:
            place = (row["run"], row["file"], row["number"])
            where = "run = ? AND file = ? AND number = ?"
            store.drop("doubts", where, *place)
            if assume == LOST and row not in keyed:
                store.put("refusals", _again(row, now))
            answer = store.one("answers", where, *place)
            if answer is not None:
                store.change(
                    "answers", answer, status=_words(assume), message=f"resolved as {assume}"
                )
        if assume == LOST:
            _read_again(store, [row["cursor"] for row in chosen if row["cursor"]])
        store.set_meta("version", (store.meta("version") or 0) + 1)
    state.remove(old)
    return len(chosen)


def _words(assume: str) -> str:
    return "delivered" if assume == DELIVERED else "failed"


def _read_again(store: Store, cursors: Sequence[str]) -> None:
    """Move the cursor back to before some records, and that of a run that is still to be finished."""
    if not cursors:
        return
    known = store.meta("cursor")
    if known is not None:
        store.set_meta("cursor", min([*cursors, known], key=decode_value))
    for run in store.rows("runs", "state = 'delivering'"):
        facts = orjson.loads(run["facts"])
        if facts.get("cursor") is not None:
            facts["cursor"] = min([*cursors, facts["cursor"]], key=decode_value)
            store.change("runs", run, facts=orjson.dumps(facts).decode())


def _streamed(state: State, doubt: Row) -> bool:
    if doubt["name"].startswith("#"):
        return True
    run = state.store.one("runs", "number = ?", doubt["run"])
    return run is not None and bool(orjson.loads(run["facts"]).get("stream"))


def _held(doubt: Row) -> Held:
    change = read(doubt["line"].encode())
    state = GONE if change.action == Action.DELETE else HELD
    return Held(
        change.name,
        change.key,
        change.hash,
        change.fields,
        state,
        True,
        change.remote,
        doubt["run"],
    )


def _again(doubt: Row, now: float) -> Row:
    """Keep a lost record of a stream, to be sent once more with the next run."""
    change = read(doubt["line"].encode())
    first = f"#{doubt['run']}.{doubt['number']}"
    return {
        "name": doubt["name"] if doubt["name"].startswith("#") else first,
        "key": doubt["key"],
        "action": doubt["action"],
        "hash": change.hash,
        "config": "",
        "reason": "lost",
        "message": "it was in doubt, and was resolved as lost",
        "fingerprint": "lost",
        "first_seen": doubt["since"],
        "last_seen": now,
        "attempts": 1,
        "due": 1,
        "run": doubt["run"],
        "cursor": doubt["cursor"],
        "line": change.line.decode(),
    }


def make_due(state: State, keys: Sequence[str], fingerprint: str | None) -> int:
    """Have refused records offered again; give how many."""
    store = state.store
    rows = store.rows("refusals")
    if fingerprint is not None:
        known = sorted({row["fingerprint"] for row in rows})
        rows = [row for row in rows if row["fingerprint"] == fingerprint]
        if not rows:
            there = ", ".join(known) or "none"
            raise ConfigError(
                f"no refusal has the fingerprint {fingerprint!r} (there are: {there})"
            )
    chosen = matching(rows, keys, "was refused")
    with store.transaction():
        for row in chosen:
            store.change("refusals", row, due=1)
        _read_again(store, [row["cursor"] for row in chosen if row["cursor"]])
    return len(chosen)


def due_again(state: State) -> list[Row]:
    """Give the records of streams that are to be sent once more, from what was kept of them."""
    return state.store.rows("refusals", "due = 1 AND name LIKE '#%' ORDER BY run, name")


def resend(run: Execution) -> None:
    """Send records of a stream again that were refused, or lost."""
    state, ledger = run.state, run.ledger
    assert state is not None
    rows = due_again(state)
    run.run.restored = len(rows)
    changes = [
        Change(
            number=number,
            action=Action.APPEND,
            name=row["name"],
            key=decode_value(row["key"]),
            hash=row["hash"],
            cursor=row["cursor"],
            line=row["line"].encode(),
        )
        for number, row in enumerate(rows, 1)
    ]
    schema = _schema_of(changes, run.prepared.key)
    file = _laid(state, f"plan-{ledger.number}.lines", changes, schema)
    with run.destination() as writer:
        run.durable(Action.APPEND)
        ledger.known(run.prepared.config)
        ledger.deliver([file], read=len(rows), removed=0, tally={})
        run.deliver(Unfinished(state, ledger.run).unsent(run.ceilings(), "plan"))
        conclude(run)
        commit(run, writer, read=True)


def _schema_of(changes: Iterable[Change], key: tuple[str, ...]) -> Schema:
    seen: dict[str, FieldType] = {}
    for change in changes:
        for name, value in change.values.items():
            kind = type_of(value)
            seen[name] = wider(seen.get(name, kind), kind)
    return Schema(key=key).widen(seen)


def _laid(state: State, name: str, changes: Iterable[Change], schema: Schema) -> Row:
    try:
        rows = plans.lay(state.path(f"{name}.new"), changes)
    except OSError as error:
        raise state.unwritable(error) from None
    facts = {"action": "append", "schema": schema_as_json(schema)}
    told = orjson.dumps(facts).decode()
    return {"kind": "plan", "rows": rows, "facts": told, **state.seal(name)}


@attrs.frozen
class Stopped:
    """Hold deletions that the breaker stopped, and a person's word that they are meant."""

    file: Row

    def release(self, run: Execution) -> None:
        """Delete what was planned then, and nothing else."""
        state, ledger = run.state, run.ledger
        assert state is not None
        run.run.removed = self.file["rows"]
        with run.destination() as writer:
            run.durable(Action.DELETE)
            state.verified(self.file)
            row = {**self.file, "run": ledger.number, "kind": "removals"}
            source, keys = run.prepared.source_print, orjson.loads(self.file["facts"]).get("keys")
            ledger.known(config_of(run, writer))
            facts = {"read": 0, "removed": self.file["rows"], "tally": {}}
            ledger.deliver([row], **facts, source=source, keys=keys)
            deliver_plan(run)
            conclude(run)
            commit(run, writer, read=True)


def find_stopped(state: State, hash_: str) -> Stopped | None:
    """Give the stopped deletions of that hash; a PreflightError if they no longer hold."""
    for file in state.store.rows("files", "kind = 'stopped'"):
        facts = orjson.loads(file["facts"])
        if facts["hash"] == hash_:
            break
    else:
        return None
    if facts["version"] != state.store.meta("version"):
        raise PreflightError(
            f"the plan {hash_} no longer holds: {state.sync!r} has run since; look at a new one"
            f" with: tailrace plan {state.sync}"
        )
    return Stopped(file)
