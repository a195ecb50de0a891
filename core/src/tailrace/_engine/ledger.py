"""Ledger: what became of every record: intents before, outcomes after, each durable by then.

Without a store it lives as long as the run. What is told of records one by one is only what was
not plainly delivered; the rest follows from the plan and the batches.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import orjson

from tailrace._engine import entries
from tailrace._engine.account import Account
from tailrace._engine.codec import digest, encode, name_of
from tailrace._engine.flow import AllDelivered, Parcel
from tailrace._engine.known import Known, Refused
from tailrace._engine.lines import Change
from tailrace._engine.listing import Notes
from tailrace._engine.settling import Settling, plain
from tailrace._engine.store import Row, Store
from tailrace.errors import InternalError, StateError
from tailrace.outcomes import Outcome, Status

Wall = Callable[[], float]


@attrs.define(eq=False)
class Ledger:
    """Account for one run; `run` is its row in the store, `config` what its refusals go by.

    left_open: a batch of it is still to be asked for, so that it has not come to its end.
    """

    store: Store | None = None
    run: Row = attrs.field(factory=dict)
    wall: Wall = lambda: 0.0
    config: str = ""
    keyed: bool = False
    account: Account = attrs.field(factory=Account)
    broken: StateError | None = None
    left_open: bool = False
    notes: Notes | None = None
    _open: dict[str, Row] = attrs.field(factory=dict)
    _sizes: dict[str, int] = attrs.field(factory=dict)
    _staged: list[tuple[Parcel, Sequence[Outcome], bool]] = attrs.field(factory=list)
    _pending: list[tuple[str, Row]] = attrs.field(factory=list)
    _known: dict[str, Refused] = attrs.field(factory=dict)
    _fields: dict[str, int] = attrs.field(factory=dict)
    _names: dict[int, str] = attrs.field(factory=dict)
    _schemas: set[str] = attrs.field(factory=set)
    _places: int = 0
    _early: int = 0
    _lock: threading.RLock = attrs.field(factory=threading.RLock)

    @property
    def number(self) -> int:
        """Give the run's number in the store."""
        return int(self.run.get("number", 0))

    def _who(self) -> dict[str, Any]:
        return {"run": self.number, "config": self.config, "now": self.wall()}

    # What is answered without a batch

    def refuse(self, key: Any, reason: str, message: str, row: Any = None) -> None:
        """Note a record that was refused before it was in a batch.

        With its row, it is not told again before it, or what refuses it, has changed.
        """
        outcome = Outcome(key, Status.REJECTED, reason=reason, message=message)
        if row is not None and self.keyed and self.store is not None:
            line = encode(row)
            name, hash_ = name_of(key), digest(line).hex()
            known = self._known.get(name)
            if known is not None and known.stands(hash_, "", self.config):
                self.skip(key, "refused", f"refused before: {known.message}")
                return
            change = Change(number=0, action="", name=name, key=key, hash=hash_, line=line)
            self._keep("refusals", entries.refusal(change, outcome, known, **self._who()))
        self._one(outcome)

    def skip(self, key: Any, reason: str, message: str) -> None:
        """Note a record that there is no need to send."""
        self._one(Outcome(key, Status.SKIPPED, reason=reason, message=message))

    @property
    def skips(self) -> Path | None:
        """Give where to put the names of what `skip_many` counts."""
        return None if self.notes is None else self.notes.skips

    def skip_many(self, count: int, reason: str) -> None:
        """Note so many records that there is no need to send."""
        self.account.add(Status.SKIPPED, count)
        self.account.reasons[reason] += count

    def doubt(self, key: Any, message: str) -> None:
        """Note a record that is held, since the one before it is in doubt."""
        self._one(Outcome(key, Status.IN_DOUBT, reason="in_doubt", message=message))

    def fail(self, key: Any, message: str) -> None:
        """Note a record that was not sent and comes back with the next run."""
        self._one(Outcome(key, Status.FAILED, reason="not_sent", message=message))

    def fail_all(self, parcel: Parcel, message: str) -> list[Outcome]:
        """Note that a parcel was not sent; as many as there are, they take no place."""
        if parcel.tried:
            return self.leave(parcel, message)
        self.account.add(Status.FAILED, len(parcel), message)
        outcomes = entries.unsent(parcel, Status.FAILED, message)
        if self.notes is not None and not parcel.body:
            self.notes.add(outcomes)
        return outcomes

    # Batches

    def intend(self, *parcels: Parcel) -> None:
        """Keep that batches are about to be sent; only then may their first byte leave.

        What was staged is kept with it.
        """
        with self._lock:
            if parcels[0].tried:
                self._again(parcels[0])
                return
            rows: list[Row] = [{"id": each.batch.id} for each in parcels]
            with self._kept() as store:
                if store is not None:
                    rows = list(map(self._intent, parcels))
                    store.put("batches", *rows)
                    self._flush(store)
            self._open.update((row["id"], row) for row in rows)
            self._sizes.update((each.batch.id, len(each)) for each in parcels)

    def _intent(self, parcel: Parcel) -> Row:
        self._places += 1
        schema = self._schema(parcel.batch.schema)
        return entries.intent(self.number, self._places, parcel, schema, self.wall())

    def _again(self, parcel: Parcel) -> None:
        """Keep that what had failed of a settled batch is about to be sent once more."""
        row = self._open[parcel.batch.id]
        tally = None if self.store is None else entries.again(row)
        if tally is None:
            self.keep()
            return
        with self._kept() as store:
            if store is not None:
                now = self.wall()
                self._open[parcel.batch.id] = store.change(
                    "batches", row, tally=tally, intended=now
                )

    def settle(self, parcel: Parcel, outcomes: Sequence[Outcome], unclear: bool = False) -> None:
        """Keep what became of a batch, exactly one outcome a record.

        unclear: a request of it went without an answer, and may be carried out later.
        """
        self.stage(parcel, outcomes, unclear)
        self.keep()

    def stage(self, parcel: Parcel, outcomes: Sequence[Outcome], unclear: bool = False) -> None:
        """Take in what became of a batch, to be kept with the next intent, or by `keep`."""
        if len(outcomes) != len(parcel):
            raise InternalError(
                f"{len(outcomes)} outcomes for the {len(parcel)} records of a batch"
            )
        with self._lock:
            self._staged.append((parcel, outcomes, unclear))

    def keep(self) -> None:
        """Keep what was staged; where that fails, the next run has to ask again."""
        with self._lock:
            if self._staged:
                with suppress(StateError), self._kept():
                    pass

    @contextmanager
    def _kept(self) -> Iterator[Store | None]:
        """Begin a transaction that keeps what was staged, all in one."""
        staged = self._staged.copy()
        try:
            if self.store is None:
                yield None
            else:
                with self.store.transaction() as store:
                    self._settle(store, staged)
                    yield store
        except StateError as error:
            self._staged.clear()
            for parcel, *_ in staged:
                self._lost(parcel, error)
            raise
        self._staged.clear()
        for parcel, outcomes, _ in staged:
            self._noted(parcel, outcomes)

    def _noted(self, parcel: Parcel, outcomes: Sequence[Outcome]) -> None:
        if self.notes is not None and not parcel.body:
            self.notes.add(each for each in outcomes if plain(each))
        self._open.pop(parcel.batch.id, None)
        if isinstance(outcomes, AllDelivered):
            self.account.add(Status.DELIVERED, len(outcomes))
            return
        for outcome in outcomes:
            self.account.note(outcome)

    def split(self, part: str) -> None:
        """Keep that a batch, or a part of it, was refused whole, before its halves are sent.

        Whoever takes the batch up after a crash must not send it whole again under its old name.
        """
        root = part.partition("/")[0].rstrip("+")
        row = self._open.get(root)
        if self.store is None or row is None:
            return
        with self._lock, self.store.transaction() as store:
            parts = [*orjson.loads(row["split"] or "[]"), part]
            self._open[root] = store.change("batches", row, split=orjson.dumps(parts).decode())

    def _lost(self, parcel: Parcel, error: StateError) -> None:
        """Note that answers came and could not be kept: the next run has to ask again."""
        with self._lock:
            self.broken = self.broken or error
            self._open.pop(parcel.batch.id, None)
            told = f"it was answered, but the answer could not be kept: {error}"
            self.account.add(Status.IN_DOUBT, len(parcel), told)

    def _settle(
        self, store: Store, staged: Iterable[tuple[Parcel, Sequence[Outcome], bool]]
    ) -> None:
        """Write what became of batches."""
        settling = Settling(keyed=self.keyed, known=self._known, **self._who())
        settle, held = settling.settle, self._open
        store.put("batches", *[settle(store, held[each[0].batch.id], *each) for each in staged])
        self._flush(store)

    def leave(self, parcel: Parcel, message: str) -> list[Outcome]:
        """Leave what a run that died may have sent as it is; nothing became of it now."""
        row = self._open.pop(parcel.batch.id, None)
        doubtful = row is not None and (not row.get("tally") or entries.OPEN in row["tally"])
        self.left_open |= doubtful
        status = Status.IN_DOUBT if doubtful else Status.FAILED
        self.account.add(status, len(parcel), message)
        return entries.unsent(parcel, status, message)

    # The run as a whole

    def begin(self, run_id: str, mode: str, facts: dict[str, Any]) -> None:
        """Keep that a run has begun."""
        if self.store is None:
            return
        with self.store.transaction() as store:
            last = max((row["number"] for row in store.rows("runs")), default=0)
            self.run = entries.beginning(last + 1, run_id, mode, self.wall(), facts)
            store.put("runs", self.run)
        self.notes = Notes.of(self.store.path.parent, self.number)

    def facts(self) -> dict[str, Any]:
        """Give what is known of the run."""
        return dict(orjson.loads(self.run["facts"])) if self.run else {}

    def deliver(self, files: Iterable[Row], **facts: Any) -> None:
        """Keep the sealed plan: from here on, a run that dies is finished from it."""
        if self.store is None:
            return
        if self.notes is not None:
            self.notes.flush()
        with self._lock, self.store.transaction() as store:
            for file in files:
                store.put("files", {"run": self.number, "facts": None, **file})
            self._change(state="delivering", **facts)
            self._flush(store)

    def note(self, **facts: Any) -> None:
        """Keep facts of the run."""
        if self.store is not None:
            with self._lock, self.store.transaction():
                self._change(**facts)

    def _change(self, state: str | None = None, **facts: Any) -> None:
        assert self.store is not None
        told = orjson.dumps({**self.facts(), **facts}).decode()
        self.run = self.store.change("runs", self.run, facts=told, state=state or self.run["state"])

    def resume(self, run: Row, batches: Iterable[Row]) -> None:
        """Take up a run that died: its counts, and what of it is open."""
        self.run = run
        if self.store is not None:
            self.notes = Notes.of(self.store.path.parent, self.number)
        for status, count in self.facts().get("tally", {}).items():
            self.account.add(Status(status), count)
        for row in batches:
            self._places = max(self._places, row["place"])
            for status, count in orjson.loads(row["tally"] or "{}").items():
                if status != entries.OPEN:
                    self.account.add(Status(status), count)

    def reopen(self, row: Row, count: int, *, failed: bool) -> None:
        """Take so many records of a batch up again; `failed` tells that they were answered so."""
        self._open[row["id"]] = row
        self._sizes[row["id"]] = count
        if failed:
            self.account.take_back({"failed": count})

    def restore(self, answers: Iterable[Row]) -> None:
        """Take over what a run that died had answered record by record."""
        for row in answers:
            self._early += row["place"] is None
            if row["status"] == "rejected":
                self.account.rejections.append(entries.rejection(row))

    def unpublish(self, why: str) -> None:
        """Take back what was delivered to a place that nobody will see."""
        self.account.move(Status.DELIVERED, Status.FAILED, why)

    def abandon(self, asked: int, why: str) -> None:
        """Answer for what a run that broke off left behind: in doubt if it was sent, else failed."""
        with self._lock:
            sent = sum(self._sizes[name] for name in self._open)
            self._open.clear()
            self.account.add(Status.IN_DOUBT, sent, why)
            self.account.add(Status.FAILED, asked - self.account.answered, why)

    def check(self, asked: int) -> None:
        """Raise an InternalError unless every record has exactly one answer."""
        self.account.check(asked, len(self._open))

    # What is known of keys

    def known(self, config: str) -> Known:
        """Give what the ledger knows of keys before a read is compared."""
        self.config = config
        if self.store is None:
            return Known(self.field, self._names, config=config)
        rows = self.store.rows("fields")
        self._fields.update((row["name"], row["id"]) for row in rows)
        self._names.update((row["id"], row["name"]) for row in rows)
        doubts = {
            row["name"]: f"in doubt since run {row['run']}: {row['message']}"
            for row in self.store.rows("doubts", "name <> ''")
        }
        self._known.update(
            (row["name"], entries.refused(row)) for row in self.store.rows("refusals")
        )
        return Known(self.field, self._names, doubts, self._known, {}, config)

    def field(self, name: str) -> int:
        """Give the number that stands for a field's name in the snapshot."""
        if name not in self._fields:
            self._fields[name] = len(self._fields)
            self._names[self._fields[name]] = name
            self._keep("fields", {"id": self._fields[name], "name": name})
        return self._fields[name]

    def forget_refusals(self, names: Iterable[str]) -> None:
        """Drop refusals that newer versions have overtaken."""
        if self.store is not None:
            with self.store.transaction() as store:
                for name in names:
                    store.drop("refusals", "name = ?", name)

    def _one(self, outcome: Outcome) -> None:
        self.account.note(outcome)
        if self.notes is not None and outcome.status is Status.SKIPPED:
            self.notes.add([outcome])
        if self.store is None or outcome.status is Status.SKIPPED:
            return
        self._early += 1
        self._keep("answers", entries.early(self.number, self._early, outcome))

    def _keep(self, table: str, row: Row) -> None:
        if self.store is not None:
            with self._lock:
                self._pending.append((table, row))

    def flush(self) -> None:
        """Keep what waits for the next transaction."""
        if self.notes is not None:
            self.notes.flush()
        if self.store is not None and self._pending:
            with self._lock, self.store.transaction() as store:
                self._flush(store)

    def _flush(self, store: Store) -> None:
        for table, row in self._pending:
            store.put(table, row)
        self._pending.clear()

    def _schema(self, schema: Any) -> str:
        row = entries.schema(schema)
        if row["digest"] not in self._schemas and self.store is not None:
            self._schemas.add(row["digest"])
            self.store.put("schemas", row)
        return str(row["digest"])
