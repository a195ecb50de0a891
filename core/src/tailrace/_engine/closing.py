"""Closing: a plan and what became of it make the next snapshot, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from tailrace._engine import plans
from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.lines import NO_HASH, Change, read
from tailrace._engine.settled import Following
from tailrace._engine.snapshot import ABSENT, EXISTS, GONE, HELD, Held, Segment, Snapshot, advance
from tailrace._engine.state import OF_A_RUN, State
from tailrace._engine.store import Row, Store
from tailrace.errors import StateError
from tailrace.outcomes import Status

RETENTION = 14 * 24 * 3600.0
"""Seconds for which the plans of closed runs, without their values, tell what was sent when."""

_DONE = (Status.DELIVERED, Status.SKIPPED)


def open_snapshot(state: State | None) -> Snapshot:
    """Give the snapshot that the ledger points at."""
    if state is None:
        return Snapshot()
    rows = state.store.rows("files", "kind = 'snapshot'")
    rows.sort(key=lambda row: orjson.loads(row["facts"])["order"])
    segments = [Segment(state.path(row["name"]), row["rows"]) for row in rows]
    return Snapshot(segments, state.folder)


def close(  # noqa: PLR0917  # the end of a run needs to know all of it
    state: State,
    run: Row,
    keyed: bool,
    exit_code: int,
    report: dict[str, Any],
    now: float,
    **told: Any,
) -> str | None:
    """Close a run: advance the snapshot by what was confirmed, forget values, note its end.

    told: facts of the state that are to change with it. Gives a warning where the run is closed,
    and only the copy of the ledger could not be made.
    """
    store = state.store
    snapshot = open_snapshot(state)
    segments = list(snapshot.segments)
    following = Following(state, run) if keyed else None
    if following is not None:
        stem = f"snapshot-{run['number']}"
        changed = following.noted(delta(state, run))
        segments = advance(snapshot, changed, state.folder, stem)
    files = sealed(state, run["number"], segments)
    if following is not None:
        files += following.files([row["name"] for row in files])
    plans_ = _plans(state, run)
    kept = [_strip(state, row) for row in plans_]
    if keyed:
        told |= _source_told(state, run)
    named = {row["name"] for row in [*files, *kept]}
    facts = orjson.loads(run["facts"])
    # A stream's own plan was never among the files.
    old = [row["name"] for row in plans_ if row["name"] not in named]
    void = [
        row for row in store.rows("files") if row["name"] not in named and _void(row, facts, keyed)
    ]
    old += [row["name"] for row in void]
    with store.transaction():
        for name in old:
            store.drop("files", "name = ?", name)
        for row in [*files, *kept]:
            store.put("files", row)
        for row in store.rows("batches", "run = ? AND reservation IS NOT NULL", run["number"]):
            store.change("batches", row, reservation=None)
        if run["mode"] == "replace":
            # All of it was offered anew.
            store.drop("refusals", "run < ?", run["number"])
        for name, value in told.items():
            store.set_meta(name, value)
        store.set_meta("version", (store.meta("version") or 0) + 1)
        form = orjson.dumps(report).decode()
        store.change("runs", run, state="closed", ended=now, exit_code=exit_code, report=form)
        old += _expire(store, now)
    state.remove(old)
    try:
        state.keep_copy()
    except StateError as error:
        why = str(error).partition(": see to")[0]
        return f"the run has come to its end, but no copy of its ledger could be kept: {why}"
    return None


def _void(row: Row, facts: Mapping[str, Any], keyed: bool) -> bool:
    """Tell whether a file that was not kept by a run is of no use after it."""
    if row["kind"] == "stopped":
        return bool(row["name"] != facts.get("stopped"))
    return keyed and row["kind"] in ("snapshot", "settled", "since")


def _source_told(state: State, run: Row) -> dict[str, Any]:
    """Give what is known of the source from now on: its fields, and how far it was read."""
    facts = orjson.loads(run["facts"])
    told = {name: facts[name] for name in ("source", "keys") if name in facts}
    if "schema" in facts:
        told["schema"] = orjson.dumps(facts["schema"]).decode()
    if facts.get("position") is not None and _is_settled(state, run):
        told["position"] = facts["position"]
    cursor = _cursor(state, run)
    return told if cursor is None else told | {"cursor": cursor}


def _plans(state: State, run: Row) -> list[Row]:
    """Give the run's plans; a stream's own, which was never sealed, among them."""
    store, number = state.store, run["number"]
    rows = store.rows("files", "run = ? AND kind IN ('plan', 'removals')", number)
    named = {row["name"] for row in rows}
    streams = {row["file"] for row in store.rows("batches", "run = ? AND file <> ''", number)}
    return rows + [
        {"name": name, "run": number, "kind": "plan", "facts": None} for name in streams - named
    ]


def delta(state: State, run: Row) -> Iterator[Held]:
    """Give what the snapshot is to say of each key that a run has sent."""
    store, number = state.store, run["number"]
    answers = {
        (row["file"], row["number"]): row for row in store.each("answers", "run = ?", number)
    }
    for batch in store.each("batches", "run = ? ORDER BY place", number):
        for line in plans.read_slice(state.path(batch["file"]), batch["offset"], batch["length"]):
            change = read(line)
            answer = answers.get((batch["file"], change.number))
            status = Status(answer["status"]) if answer else Status.DELIVERED
            held = _held(change, status, number, unclear=batch["late"] is not None)
            if held is not None:
                remote = answer["remote_id"] if answer else None
                yield attrs.evolve(held, remote=remote or held.remote)


def _held(change: Change, status: Status, run: int, unclear: bool) -> Held | None:
    """Give what is known of a key now; None where nothing new is."""
    same = Held(change.name, change.key, change.hash, change.fields, HELD, True, change.remote, run)
    if status in _DONE and change.action == "delete":
        return attrs.evolve(same, state=GONE)
    if status is Status.DELIVERED:
        return same
    if status is Status.SKIPPED:
        state = {"insert": EXISTS, "update": ABSENT}.get(change.action, HELD)
        return attrs.evolve(same, state=state, owned=change.owned and state == HELD)
    if status is Status.IN_DOUBT or (status in (Status.FAILED, Status.REJECTED) and unclear):
        # It may hold the new content or the old one: whatever the source says next is sent.
        return attrs.evolve(same, hash=NO_HASH, fields="")
    return None


def sealed(state: State, run: int, segments: Sequence[Segment]) -> list[Row]:
    """Seal the files of the next snapshot that are new; give the entries of all of them."""
    rows = []
    known = {row["name"]: row for row in state.store.rows("files", "kind = 'snapshot'")}
    for order, segment in enumerate(segments):
        name = segment.path.name.removesuffix(".new")
        row = known.get(name) if segment.path.suffix != ".new" else None
        if row is None:
            row = {"run": run, "kind": "snapshot", **state.seal(name)}
        facts = orjson.dumps({"order": order}).decode()
        rows.append({**row, "rows": segment.rows, "facts": facts})
    return rows


def _strip(state: State, row: Row) -> Row:
    """Forget the values of a plan that is settled; those of records in doubt are in the ledger."""
    name = f"done-{row['name']}"
    try:
        count = plans.strip(state.path(row["name"]), state.path(f"{name}.new"))
    except OSError as error:
        raise state.unwritable(error) from None
    return {**row, **state.seal(name), "rows": count}


def _cursor(state: State, run: Row) -> str | None:
    """Give the position that the next read begins at: before all that is not settled."""
    facts = orjson.loads(run["facts"])
    if "cursor" not in facts:
        return None
    held = [row["cursor"] for row in state.store.rows("doubts") if row["cursor"]]
    held += [change.cursor for change in _unsettled(state, run) if change.cursor]
    values = [decode_value(each) for each in held]
    top = facts["cursor"]
    if not values:
        return None if top is None else str(top)
    low = min(values)
    return encode_value(low if top is None else min(low, decode_value(top)))


def _is_settled(state: State, run: Row) -> bool:
    """Tell whether nothing that was read, now or before, has to be read again."""
    return not state.store.rows("doubts") and next(_unsettled(state, run), None) is None


def _unsettled(state: State, run: Row) -> Iterator[Change]:
    """Give what a run had planned and did not bring to an end."""
    answers = {
        (row["file"], row["number"]): row["status"]
        for row in state.store.each("answers", "run = ?", run["number"])
    }
    for file in state.store.rows("files", "run = ? AND kind = 'plan'", run["number"]):
        batches = state.store.rows("batches", "run = ? AND file = ?", run["number"], file["name"])
        sent = max((row["offset"] + row["length"] for row in batches), default=0)
        yield from _left_of(state.path(file["name"]), file["name"], answers, sent)


def _left_of(path: Path, name: str, answers: dict[Any, str], sent: int) -> Iterator[Change]:
    at = 0
    with path.open("rb") as file:
        for line in file:
            change = read(line)
            status = answers.get((name, change.number), "delivered")
            if at >= sent or status in (Status.FAILED, Status.IN_DOUBT):
                yield change
            at += len(line)


def _expire(store: Store, now: float) -> list[str]:
    """Forget runs that ended long ago; give the files that go with them."""
    names: list[str] = []
    last = max((row["number"] for row in store.rows("runs")), default=0)
    # By what was taken of a stream that has not come to its end, its records are known again.
    since = store.meta("stream") or last
    for run in store.rows("runs", "state <> 'reading' AND ended < ?", now - RETENTION):
        if run["number"] < since:
            names += forget_run(store, run)
    return names


def forget_run(store: Store, run: Row) -> list[str]:
    """Forget one run, in a transaction; give the files that go with it."""
    number = run["number"]
    names = [row["name"] for row in store.rows("files", f"run = ? AND {OF_A_RUN}", number)]
    for name in names:
        store.drop("files", "name = ?", name)
    if not store.rows("doubts", "run = ?", number):
        store.drop("runs", "number = ?", number)
    store.drop("batches", "run = ?", number)
    store.drop("answers", "run = ?", number)
    return names


def drop(state: State, run: Row, now: float) -> None:
    """Note that a run died before it had sent anything that lasts."""
    with state.store.transaction() as store:
        for row in store.rows("files", "run = ? AND kind <> 'snapshot'", run["number"]):
            store.drop("files", "name = ?", row["name"])
        store.change("runs", run, state="dropped", ended=now)
    state.sweep()
