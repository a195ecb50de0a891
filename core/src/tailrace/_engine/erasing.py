"""Erasing: what a person wants forgotten leaves the state, down to its bytes."""

from collections.abc import Iterable

from tailrace._engine import plans
from tailrace._engine.closing import forget_run, open_snapshot, sealed
from tailrace._engine.explaining import names_typed
from tailrace._engine.snapshot import GONE, Held, Segment, rewrite
from tailrace._engine.state import State
from tailrace._engine.store import Row
from tailrace.errors import ConfigError


def erase_old(state: State, before: float) -> int:
    """Forget the runs that ended before a moment; give how many."""
    store = state.store
    rows = store.rows("runs", "state IN ('closed', 'dropped') AND ended < ?", before)
    names: list[str] = []
    with store.transaction():
        for row in rows:
            names += forget_run(store, row)
    state.remove(names)
    return len(rows)


def erase_values(state: State) -> int:
    """Forget the values of refused records, but not that they were refused; give how many."""
    rows = state.store.rows("refusals", "line <> '' AND name NOT LIKE '#%'")
    with state.store.transaction() as store:
        for row in rows:
            store.change("refusals", row, line="")
    return len(rows)


def erase_key(state: State, text: str) -> int:
    """Forget one key wherever it stands; give in how many places it stood.

    Raises ConfigError while it is in doubt, or while a run that is to be finished may hold it.
    """
    store = state.store
    if store.rows("runs", "state = 'delivering'"):
        raise ConfigError(f"a run of {state.sync!r} is to be finished first: tailrace run")
    names = names_typed(text)
    if store.rows("doubts", _in(names), *names):
        raise ConfigError(f"the record {text!r} is in doubt; resolve it first: tailrace resolve")
    segments, places = _without(state, names)
    plans_ = store.rows("files", "kind IN ('plan', 'removals', 'stopped')")
    kept = [row for each in plans_ if (row := _rewritten(state, each, names)) is not None]
    files = [*sealed(state, 0, segments), *kept]
    named = {row["name"] for row in files}
    old = [
        row["name"]
        for row in store.rows("files", "kind = 'snapshot'")
        if row["name"] not in named and places
    ]
    # They name keys too; without them the next read is only slower.
    old += [row["name"] for row in store.rows("files", "kind IN ('settled', 'since')")]
    with store.transaction():
        for name in old:
            store.drop("files", "name = ?", name)
        for row in files:
            store.put("files", row)
        count = store.drop("answers", _in(names), *names)
        count += store.drop("refusals", _in(names), *names)
        store.set_meta("version", (store.meta("version") or 0) + 1)
    state.remove(old)
    return count + places + len(kept)


def scrub(state: State) -> None:
    """Make sure that what was forgotten is gone from the ledger's bytes and from its copy."""
    state.sweep()
    connection = state.store.connection
    with state.store.told():
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    state.keep_copy()


def _in(names: Iterable[str]) -> str:
    return f"name IN ({', '.join('?' for _ in names)})"


def _without(state: State, names: list[str]) -> tuple[list[Segment], int]:
    """Give the snapshot's segments without some keys, and how many of them there were."""
    snapshot = open_snapshot(state)
    there = [held for name in names if (held := snapshot.find(name)) is not None]
    if not there:
        return list(snapshot.segments), 0
    gone = [Held(held.name, held.key, state=GONE) for held in there]
    stem = f"snapshot-p{state.store.meta('epoch')}"
    return rewrite(snapshot, gone, state.folder, stem), len(there)


def _rewritten(state: State, row: Row, names: list[str]) -> Row | None:
    """Write a plan anew in which a key has no name any more; None where it was not in it."""
    path = state.path(row["name"])
    with path.open("rb") as file:
        if not any(name in set(names) for name, _ in plans.names_in(file)):
            return None
    with path.open("rb") as file:
        plans.blank(file, state.path(f"{row['name']}.new"), set(names))
    return {**row, **state.seal(row["name"])}
