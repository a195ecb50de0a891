"""Planned: the modes that read all, compare it with the snapshot, and send what differs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import attrs
import orjson

from tailrace._engine import plans
from tailrace._engine.closing import open_snapshot
from tailrace._engine.codec import decode_value, encode_value, name_of
from tailrace._engine.columnar import Columnar, marks_of
from tailrace._engine.diff import ACTIONS, Diff
from tailrace._engine.drift import drifted
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import Unfinished, late_names
from tailrace._engine.flow import schema_as_json
from tailrace._engine.intake import Intake, commit, conclude
from tailrace._engine.lines import Change
from tailrace._engine.removal import Removal
from tailrace._engine.settled import find, laid, name_for
from tailrace._engine.store import Row
from tailrace.outcomes import Status
from tailrace.records import Action, Mode
from tailrace.schema import Field, FieldType, Schema


@attrs.define(eq=False)
class Planning:
    """Read and compare for one run."""

    run: Execution
    diff: Diff
    intake: Intake

    def source_changed(self) -> str | None:
        """Say what of the source is not as it was in the last run, or give None."""
        run = self.run
        store = None if run.state is None else run.state.store
        if store is None:
            return None
        if store.meta("source") not in (None, run.prepared.source_print):
            return "what is read (the source's options, or the key)"
        before, now = store.meta("keys"), self.keys
        return "the type of the key" if before and now and before != now else None

    @property
    def keys(self) -> str | None:
        """Tell the types of the key, where they are known."""
        fields = [self.diff.schema.get(name) for name in self.diff.key]
        kinds = [FieldType.NULL if field is None else field.type for field in fields]
        return None if FieldType.NULL in kinds else " ".join(kinds)

    def read(self) -> str | None:
        """Read all; say why nothing is to be sent, if that is so."""
        self.diff.read(self.intake.pages())
        reading = self.intake.reading
        if reading.problem is not None:
            return str(reading.problem)
        if self.run.clock.stopping and not reading.complete:
            return None
        told = _unusable(self.run, reading.read)
        if told is None and self.run.state is not None:
            known, name = self.run.state.store.meta("schema"), self.run.prepared.name
            declared = reading.schema is not None
            if declared or reading.read:
                told = drifted(known, self.diff.schema, name, declared=declared)
        return told


def plan(run: Execution) -> None:
    """Carry out a run that sends what differs."""
    prepared, ledger, state = run.prepared, run.ledger, run.state
    with ExitStack() as stack:
        writer = stack.enter_context(run.destination())
        planning = stack.enter_context(opened(run, writer))
        told = planning.read()
        intake, diff = planning.intake, planning.diff
        if told is not None or not intake.reading.complete:
            _give_up(run, intake, told)
            return
        if state is None:
            changes = plans.records(diff.changes(), diff.schema)
            run.deliver(run.batching(ACTIONS[prepared.mode]).cut(changes))
            intake.conclude()
            return
        facts = lay_plan(planning)
        actions = [ACTIONS[prepared.mode], Action.DELETE]
        run.durable(*actions if prepared.mode is Mode.MIRROR else actions[:1])
        ledger.deliver(**facts)
        ledger.forget_refusals(diff.superseded)
        deliver_plan(run)
        intake.conclude()


def deliver_plan(run: Execution) -> None:
    """Deliver what is left of a run's plan, then its removals, if all of that arrived."""
    assert run.state is not None
    # A run that has lost the state would find the plan as another one has left it.
    run.state.store.held()
    late = late_names(run.state, run.clock.wall())
    plan_ = Unfinished(run.state, run.ledger.run)
    run.deliver(plan_.unsent(run.ceilings(), "plan", late))
    left = _left(run, plan_)
    if not left:
        return
    if run.settled and not (run.delivery and run.delivery.halt):
        run.deliver(plan_.unsent(run.ceilings(), "removals", late))
        return
    told = "not deleted: that waits until all that is new has arrived"
    run.ledger.account.add(Status.FAILED, left, told)


def _left(run: Execution, plan_: Unfinished) -> int:
    """Count the removals that no batch has taken up yet."""
    assert run.state is not None
    where = "run = ? AND kind = 'removals'"
    files = run.state.store.rows("files", where, run.ledger.number)
    names = {row["name"] for row in files}
    done = sum(row["count"] for row in plan_.batches if row["file"] in names)
    return int(sum(row["rows"] for row in files) - done)


@contextmanager
def opened(run: Execution, writer: Any) -> Iterator[Planning]:
    """Open the source and the comparison together."""
    state, prepared = run.state, run.prepared
    known = run.ledger.known(config_of(run, writer))
    cursor = None
    if state is not None:
        known = attrs.evolve(known, late=late_names(state, run.clock.wall()))
        told = state.store.meta("cursor") if prepared.cursor is not None else None
        cursor = None if told is None else decode_value(told)
    with Diff(prepared.mode, open_snapshot(state), known, run.ledger) as diff:

        def refuse(key: Any, reason: str, message: str, row: Any = None) -> None:
            if key is not None:
                diff.seen.add(name_of(key))
            run.ledger.refuse(key, reason, message, row)

        with Intake.open(run, writer, refuse, cursor) as intake:
            diff.key = intake.mapping.key
            diff.columnar = _columnar(run, diff, intake)
            yield Planning(run, diff, intake)


def _columnar(run: Execution, diff: Diff, intake: Intake) -> Columnar | None:
    """Have only those rows of a columnar source read that need to be looked at, where that can be."""
    state, reading, mapping = run.state, intake.reading, intake.mapping
    # A read that begins at a cursor is not all there is, and hardly large.
    if state is None or reading.scan is None or run.prepared.cursor is not None:
        return None
    told = [version("tailrace"), run.prepared.mode, diff.known.config, mapping.columns]
    marks = marks_of(reading.scan, mapping.fields, mapping.keys, told)
    if marks is None:
        return None
    segments, special = diff.snapshot.segments, diff.known.special
    settled = find(state, marks.tag, segments, special)
    columnar = Columnar(reading.scan, marks, settled, diff.folder, reading.stopped)
    reading.pick(columnar.pages())
    return columnar


def config_of(run: Execution, writer: Any) -> str:
    """Give what refusals go by: the mapping, the options and the destination's fields."""
    describe = getattr(writer, "describe", None)
    if describe is None:
        return run.prepared.config
    told = f"{run.prepared.config}{describe()}"
    return blake2b(told.encode(), digest_size=8).hexdigest()


def _unusable(run: Execution, read: int) -> str | None:
    """Refuse a read that can hardly be meant."""
    account = run.ledger.account
    unnamed = account.reasons["no_key"]
    if not read or not (unnamed == read or unnamed > max(9, read // 100)):
        return None
    last = account.rejections[-1].message
    return f"{unnamed:,} of {read:,} records have no usable key ({last}); nothing was sent"


def _give_up(run: Execution, intake: Intake, told: str | None) -> None:
    """End a run before it has sent anything."""
    assert run.delivery is not None
    why = told or "the run was asked to stop"
    run.ending.stop(3 if told is not None else 9, why)
    asked = run.run.read + run.run.removed
    run.ledger.account.add(Status.FAILED, asked - run.ledger.account.answered, f"not sent: {why}")
    conclude(run)
    commit(run, intake.writer, bool(intake.reading.read))


def lay_plan(planning: Planning) -> dict[str, Any]:
    """Lay the plan down; give its files and what the ledger is to note with them."""
    run, diff = planning.run, planning.diff
    state, ledger, prepared = run.state, run.ledger, run.prepared
    assert state is not None
    number, store = ledger.number, state.store
    action = ACTIONS[prepared.mode]
    files = [_file(run, f"plan-{number}.lines", "plan", diff.changes, action, diff.schema)]
    files += _settled(run, diff)
    facts: dict[str, Any] = {"read": run.run.read, "complete": True}
    if prepared.mode is Mode.MIRROR:
        files += _removals(planning, facts)
    if prepared.cursor is not None:
        told = store.meta("cursor")
        values = [
            each
            for each in (diff.top, None if told is None else decode_value(told))
            if each is not None
        ]
        facts["cursor"] = encode_value(max(values)) if values else None
    facts["position"] = planning.intake.position
    if run.run.read:
        facts["schema"] = schema_as_json(diff.schema)
        # What has changed stays so until its deletions are released.
        if not ("stopped" in facts and planning.source_changed()):
            facts |= {"source": prepared.source_print, "keys": planning.keys}
    facts["tally"] = ledger.account.tally()
    facts["removed"] = run.run.removed
    return {"files": [file for file in files if file["rows"]], **facts}


def _file(  # noqa: PLR0917  # all that a plan's file is
    run: Execution,
    name: str,
    kind: str,
    changes: Callable[[], Iterable[Change]],
    action: Action,
    schema: Schema,
) -> Row:
    state = run.state
    assert state is not None
    try:
        rows = plans.lay(state.path(f"{name}.new"), changes())
    except OSError as error:
        raise state.unwritable(error) from None
    if not rows:
        state.remove([f"{name}.new"])
        return {"name": name, "kind": kind, "rows": 0}
    facts = {"action": str(action), "schema": schema_as_json(schema)}
    return {"kind": kind, "rows": rows, "facts": orjson.dumps(facts).decode(), **state.seal(name)}


def _settled(run: Execution, diff: Diff) -> list[Row]:
    """Lay down what the next read need not look at, if all that is planned arrives."""
    state, number = run.state, run.ledger.number
    assert state is not None
    into = state.path(f"{name_for(number)}.new")
    rows = diff.settle(into)
    if not rows or diff.columnar is None:
        state.remove([into.name])
        return []
    return [laid(state, number, diff.columnar, rows)]


def _removals(planning: Planning, facts: dict[str, Any]) -> list[Row]:
    """Plan the deletions, unless something speaks against them."""
    run, diff = planning.run, planning.diff
    state, prepared, account = run.state, run.prepared, run.ledger.account
    assert state is not None
    if account.reasons["no_key"] or account.reasons["no_mapping"]:
        told = "some records have no usable key, and may be among those that seem to be gone"
        run.ending.warnings.append(f"{told}: nothing was deleted")
        return []
    fields = [diff.schema.get(name) or Field(name) for name in diff.key]
    key = Schema(fields, diff.key)
    name = f"removals-{run.ledger.number}.lines"
    file = _file(run, name, "removals", diff.removed, Action.DELETE, key)
    run.run.removed = diff.gone
    removal = Removal(
        count=file["rows"],
        owned=diff.owned(),
        read=run.run.read,
        changed=planning.source_changed(),
    )
    objection = removal.objection(prepared.max_delete)
    if objection is None:
        return [file]
    hash_ = blake2b(f"{run.run.run_id} {file['digest']}".encode(), digest_size=8).hexdigest()
    told = f"nothing was deleted: {objection}. If that is meant: tailrace apply {hash_}"
    run.ending.stop(5, told)
    account.add(Status.FAILED, file["rows"], told)
    facts["stopped"] = name
    told_then = orjson.loads(file["facts"])
    told_then |= {"hash": hash_, "version": (state.store.meta("version") or 0) + 1}
    told_then["keys"] = planning.keys
    return [{**file, "kind": "stopped", "facts": orjson.dumps(told_then).decode()}]
