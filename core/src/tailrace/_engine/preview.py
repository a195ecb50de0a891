"""Preview: what a run would send, without sending or keeping anything."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs

from tailrace._engine import plugins
from tailrace._engine.clock import Clock, SystemClock
from tailrace._engine.diff import ACTIONS
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import find_unfinished, taken
from tailrace._engine.flow import Parcel, Records
from tailrace._engine.http import Client
from tailrace._engine.intake import Intake
from tailrace._engine.ledger import Ledger
from tailrace._engine.lines import Change
from tailrace._engine.pacing import open_pace
from tailrace._engine.planned import opened
from tailrace._engine.plans import records
from tailrace._engine.preparing import Prepared
from tailrace._engine.removal import Removal
from tailrace._engine.run import Ending, Run, Teller
from tailrace._engine.state import State, read_state
from tailrace._engine.streams import Continuing, Running
from tailrace.outcomes import Rejection, Status
from tailrace.records import Action, Mode
from tailrace.text import plain, shown

SAMPLES = 5
"""Records that are shown of each kind."""


@attrs.frozen
class Sample:
    """Show one record that would be sent; `changed` are its fields that differ, where known."""

    kind: str
    key: Any
    values: dict[str, Any] = attrs.field(repr=False)
    changed: tuple[str, ...] | None = None


@attrs.frozen(kw_only=True)
class Plan:
    """Tell what a run would do; nothing was sent, and nothing is kept of it.

    requests: batches, each of which takes at least one request. stopped: why the delete breaker
    would stop it. unfinished: an earlier run that would be finished first.
    """

    sync: str
    mode: Mode
    read: int = 0
    removed: int = 0
    creates: int = 0
    updates: int = 0
    deletes: int = 0
    skipped: int = 0
    rejected: int = 0
    in_doubt: int = 0
    requests: int = 0
    problem: str | None = None
    stopped: str | None = None
    unfinished: str | None = None
    samples: tuple[Sample, ...] = attrs.field(default=(), repr=False)
    rejections: tuple[Rejection, ...] = attrs.field(default=(), repr=False)

    @property
    def exit_code(self) -> int:
        """Give 3 where the run would be refused, 5 where the breaker would stop it, else 0."""
        return 3 if self.problem else 5 if self.stopped else 0

    def summary(self) -> str:
        """Give the counts and, below them, samples and what a person should look at."""
        sent = [
            f"{count:,} to {word}"
            for word, count in (
                ("create", self.creates),
                ("update", self.updates),
                ("delete", self.deletes),
            )
            if count
        ]
        rest = [
            f"{getattr(self, name):,} {name.replace('_', ' ')}"
            for name in ("skipped", "rejected", "in_doubt")
            if getattr(self, name)
        ]
        counts = ", ".join([*(sent or ["nothing to send"]), *rest])
        batches = "1 batch" if self.requests == 1 else f"{self.requests:,} batches"
        lines = [f"{self.sync}: {self.read:,} read, {counts} ({batches})"]
        for told in (self.problem, self.stopped and f"stopped: {self.stopped}", self.unfinished):
            lines += [f"  {plain(line, 1000)}" for line in (told or "").splitlines()]
        lines += [f"  {_told(each)}" for each in self.samples]
        lines += [
            f"  reject {plain(shown(key), 60)}: {plain(message, 300)} [{reason}]"
            for key, reason, message in self.rejections[:SAMPLES]
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Give the machine's form."""
        form = attrs.asdict(self, recurse=False)
        form["mode"] = str(self.mode)
        form["exit_code"] = self.exit_code
        form["samples"] = [attrs.asdict(each) for each in self.samples]
        form["rejections"] = [each._asdict() for each in self.rejections[:20]]
        return form


def _told(sample: Sample) -> str:
    values = sample.values
    if sample.changed is not None:
        values = {name: values[name] for name in sample.changed if name in values}
    told = ", ".join(f"{name}={shown(value, repr)}" for name, value in values.items())
    return f"{sample.kind} {plain(shown(sample.key), 60)}: {plain(told, 200)}"


def preview(prepared: Prepared, clock: Clock | None = None) -> Plan:
    """Read and compare as a run would; raises what opening source and destination brings."""
    clock = clock or SystemClock()
    with ExitStack() as stack:
        client = Client(stack.enter_context(open_pace(prepared, clock)), clock)
        stack.callback(client.close)
        state = stack.enter_context(_looked_at(prepared))
        store = None if state is None else state.store
        ledger = Ledger(store, wall=clock.wall, keyed=prepared.planned)
        run = Run(prepared.name, "plan", prepared.mode, ledger, client)
        tell = Teller(plugins.observers({}), [])
        execution = Execution(prepared, run, clock, tell, Ending(), state, looking=True)
        writer = stack.enter_context(execution.destination())
        counting = _Counting(execution)
        unfinished = find_unfinished(state) if state is not None else []
        if unfinished:
            counting.facts["unfinished"] = (
                f"run {unfinished[0].run['run_id']} did not come to its end; it is finished first,"
                " so that less may be left than is shown here"
            )
        if prepared.planned:
            with opened(execution, writer) as planning:
                counting.facts["problem"] = planning.read()
                if counting.facts["problem"] is None:
                    counting.changes(planning.diff.changes(), planning)
        else:
            with Intake.open(execution, writer) as intake:
                counting.stream(intake.pages(), state)
                if intake.reading.problem is not None:
                    counting.facts["problem"] = str(intake.reading.problem)
        return counting.plan()


@contextmanager
def _looked_at(prepared: Prepared) -> Iterator[State | None]:
    if prepared.state is None:
        yield None
        return
    with read_state(prepared.state, prepared.name) as state:
        yield state


@attrs.frozen
class _Counting:
    """Count what would be sent, and keep a few of each kind."""

    run: Execution
    counts: Counter[str] = attrs.field(factory=Counter)
    samples: list[Sample] = attrs.field(factory=list)
    facts: dict[str, Any] = attrs.field(factory=dict)

    def changes(self, changes: Iterable[Change], planning: Any) -> None:
        """Count a keyed run's changes and removals."""
        diff, prepared = planning.diff, self.run.prepared
        pages = records(map(self._seen, changes), diff.schema)
        self._cut(self.run.batching(ACTIONS[prepared.mode]).cut(pages))
        if prepared.mode is not Mode.MIRROR or not planning.intake.reading.complete:
            return
        gone = records(map(self._seen, diff.removed()), diff.schema)
        self._cut(self.run.batching(Action.DELETE).cut(gone))
        self.run.run.removed = diff.gone
        removal = Removal(
            count=self.counts["delete"],
            owned=diff.owned(),
            read=self.run.run.read,
            changed=planning.source_changed(),
        )
        self.facts["stopped"] = removal.objection(prepared.max_delete)

    def stream(self, pages: Iterable[Records], state: State | None) -> None:
        """Count what is sent without being compared."""
        before = None
        if state is not None and self.run.prepared.mode is Mode.APPEND:
            before = taken(state)
        if before is not None:
            name = self.run.prepared.name
            pages = Continuing(before, self.run.ledger, Running(), name).go_on(pages)
        self._cut(self.run.batching(Action.APPEND).cut(map(self._paged, pages)))

    def _paged(self, page: Records) -> Records:
        for key, row in zip(page.keys, page.rows, strict=True):
            self._sample("create", key, row, None)
        return page

    def _seen(self, change: Change) -> Change:
        fresh = change.changed is None and not change.owned
        kind = "delete" if change.action == Action.DELETE else "create" if fresh else "update"
        changed = None if change.changed is None else tuple(sorted(change.changed))
        self._sample(kind, change.key, change.values, changed)
        return change

    def _sample(
        self, kind: str, key: Any, row: dict[str, Any], changed: tuple[str, ...] | None
    ) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= SAMPLES:
            self.samples.append(Sample(kind, key, dict(row), changed))

    def _cut(self, parcels: Iterable[Parcel]) -> None:
        for _ in parcels:
            self.counts["requests"] += 1

    def plan(self) -> Plan:
        account = self.run.ledger.account
        return Plan(
            sync=self.run.prepared.name,
            mode=self.run.prepared.mode,
            read=self.run.run.read,
            removed=self.run.run.removed,
            creates=self.counts["create"],
            updates=self.counts["update"],
            deletes=self.counts["delete"],
            skipped=account.counts[Status.SKIPPED],
            rejected=account.counts[Status.REJECTED],
            in_doubt=account.counts[Status.IN_DOUBT],
            requests=self.counts["requests"],
            samples=tuple(self.samples),
            rejections=tuple(account.rejections),
            **self.facts,
        )
