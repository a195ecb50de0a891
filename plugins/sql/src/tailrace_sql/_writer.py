"""The writer: a batch is one transaction of few statements, and each record gets its answer."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs

import tailrace
from tailrace_sql._columns import Table
from tailrace_sql._making import definition
from tailrace_sql._statements import Form, Statements
from tailrace_sql._values import Fitting, UnfitError

_NEEDS = {
    "append": ("INSERT",),
    "insert": ("INSERT",),
    "update": ("UPDATE",),
    "upsert": ("INSERT", "UPDATE"),
    "mirror": ("INSERT", "UPDATE", "DELETE"),
    "replace": ("INSERT", "DELETE"),
}
"""What a login has to be granted for a mode, besides SELECT."""
Told = tuple[list[tuple[Any, ...]] | None, int]


class Session(Protocol):
    """Run statements in one transaction."""

    def run(self, sql: str, values: Sequence[Any]) -> Told:
        """Run one; give the rows that it tells, if any, and how many it touched."""


class Database(Protocol):
    """Hold one database of some kind; it raises only what the engine understands."""

    @property
    def kind(self) -> str: ...
    @property
    def form(self) -> Form: ...
    @property
    def fitting(self) -> Fitting: ...
    @property
    def place(self) -> str: ...
    def transaction(self) -> AbstractContextManager[Session]: ...
    def look(self, schema: str | None, name: str) -> Table | None: ...
    def rights(self, schema: str | None, name: str) -> frozenset[str] | None: ...
    def stage(self, schema: str | None, name: str, staging: str) -> None: ...


@attrs.frozen
class Ready:
    """Hold a record whose values fit, in the order of its columns, and its key as it is bound."""

    record: tailrace.Record
    values: tuple[Any, ...]
    key: tuple[Any, ...]


@attrs.frozen
class Step:
    """Hold rows of the same columns that go in one statement."""

    names: tuple[str, ...]
    rows: Sequence[Ready]

    def run(
        self, session: Session, statements: Statements, sql: str, key: Sequence[str] = ()
    ) -> Told:
        """Run a statement with the values, or only with the keys where these are named."""
        rows = [each.key if key else each.values for each in self.rows]
        return session.run(sql, statements.bound(key or self.names, rows))


@attrs.define(eq=False)
class TableWriter:
    """Write to one table."""

    database: Database
    schema: str | None
    name: str
    mode: str
    create: bool = False
    version: str | None = None
    table: Table | None = None
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @property
    def identity(self) -> str:
        """Name the database and the table."""
        return f"{self.database.place} {'.'.join(filter(None, (self.schema, self.name)))}"

    def describe(self) -> tailrace.Schema | None:
        """Give the table's fields; nothing is known of a table that is yet to be made."""
        whole = self.mode != tailrace.Mode.UPDATE
        return None if self.table is None else self.table.schema(whole=whole)

    def look(self) -> None:
        """See what the table is like, and whether it is there where it should be."""
        self.table = self.database.look(self.schema, self.name)
        if self.table is None and not self.create:
            told = f"there is no table {self.identity!r}; create it, or give create = true"
            raise tailrace.FatalError(told)
        if self.table is None:
            return
        if self.version is not None:
            self._has_version(self.table)
        granted = self.database.rights(self.schema, self.name)
        missing = [] if granted is None else sorted({*_NEEDS[self.mode], "SELECT"} - granted)
        if missing:
            told = f"the login may not {' and '.join(missing)} there, which {self.mode} needs"
            raise tailrace.FatalError(f"{self.identity}: {told}; grant it, as the README says")

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        """Write a batch in one transaction."""
        table, key = self.made_for(batch), batch.schema.key
        if batch.action is not tailrace.Action.APPEND:
            unique = batch.action in (tailrace.Action.INSERT, tailrace.Action.UPSERT)
            if told := table.unfit_key(key, unique=unique):
                raise tailrace.FatalError(f"{self.identity}: {told}")
        outcomes, groups = self._ready(batch, table)
        statements = self._statements(table)
        if groups:
            with self.database.transaction() as session:
                for step in _steps(groups, statements):
                    outcomes += _ACTIONS[batch.action](session, statements, step, (batch, key))
        return outcomes

    def _statements(self, table: Table) -> Statements:
        form = self.database.form
        place = form.name(self.schema, self.name)
        return Statements(form, place, form.quote(self.name), table, self.version)

    def made_for(self, batch: tailrace.Batch) -> Table:
        """Give the table, made for this batch where there is none yet."""
        with self._lock:
            if self.table is None:
                place = self.database.form.name(self.schema, self.name)
                made = definition(self.database.kind, self.database.form, place, batch)
                with self.database.transaction() as session:
                    session.run(made, ())
                self.look()
            assert self.table is not None
            return self.table

    def _has_version(self, table: Table) -> None:
        if self.version not in table.columns:
            told = f"the table has no column {self.version!r}"
            raise tailrace.ConfigError(tailrace.Problem("version", told))

    def _ready(
        self, batch: tailrace.Batch, table: Table
    ) -> tuple[list[tailrace.Outcome], dict[tuple[str, ...], list[Ready]]]:
        """Make values fit; give refusals, and what is ready, grouped by the fields that are set."""
        key, fitting = batch.schema.key, self.database.fitting
        keys_only = batch.action is tailrace.Action.DELETE
        places = {name: place for place, name in enumerate(table.columns)}
        refused: list[tailrace.Outcome] = []
        groups: dict[tuple[str, ...], list[Ready]] = {}
        for record in batch:
            values = {n: record.values[n] for n in key} if keys_only else record.values
            try:
                self._check(values, table, guarded=not keys_only)
                fitted = {n: fitting(table.columns[n], value) for n, value in values.items()}
            except UnfitError as error:
                refused.append(batch.outcome(record, rejected=error.message, reason=error.reason))
                continue
            names = tuple(sorted(fitted, key=places.__getitem__))
            bound = tuple(fitted[n] for n in key) if key else ()
            ready = Ready(record, tuple(fitted[n] for n in names), bound)
            groups.setdefault(names, []).append(ready)
        keys = [each.key for group in groups.values() for each in group]
        if batch.action is not tailrace.Action.APPEND and len(set(keys)) < len(keys):
            # One statement would keep either of them; one after the other, the later one stays.
            raise tailrace.RejectedError("two keys are one to the database", reason="key")
        for group in groups.values():
            # Transactions that lock rows in one order do not wait for each other in a circle.
            group.sort(key=lambda each: repr(each.key))
        return refused, groups

    def _check(self, values: Mapping[str, Any], table: Table, *, guarded: bool) -> None:
        if not values:
            raise UnfitError("empty", "it has no fields")
        for name in values:
            column = table.columns.get(name)
            if column is None:
                raise UnfitError("unknown_field", f"field {name!r}: the table has no such column")
            if column.read_only:
                raise UnfitError("read_only", f"field {name!r}: the database computes it")
        if guarded and self.version is not None and values.get(self.version) is None:
            told = f"field {self.version!r}: it has no version, by which older rows are told"
            raise UnfitError("no_version", told)


def _steps(
    groups: Mapping[tuple[str, ...], Sequence[Ready]], statements: Statements
) -> Iterator[Step]:
    for names, group in groups.items():
        most = statements.rows(names)
        for start in range(0, len(group), most):
            yield Step(names, group[start : start + most])


Of = tuple[tailrace.Batch, tuple[str, ...]]
"""The batch that a step is of, and its key."""
Work = Callable[[Session, Statements, Step, Of], list[tailrace.Outcome]]


def _append(session: Session, statements: Statements, step: Step, of: Of) -> list[tailrace.Outcome]:
    step.run(session, statements, statements.append(step.names, len(step.rows)))
    return _all(of[0], step)


def _insert(session: Session, statements: Statements, step: Step, of: Of) -> list[tailrace.Outcome]:
    told = step.run(session, statements, statements.insert(step.names, len(step.rows), of[1]))
    return _some(of[0], step, _found(step, told), "exists", "a row with this key is there")


def _upsert(session: Session, statements: Statements, step: Step, of: Of) -> list[tailrace.Outcome]:
    told = step.run(session, statements, statements.upsert(step.names, len(step.rows), of[1]))
    if told[0] is None:
        return _all(of[0], step)
    return _some(of[0], step, _found(step, told), "older", "the table has a newer version")


def _update(session: Session, statements: Statements, step: Step, of: Of) -> list[tailrace.Outcome]:
    batch, key = of
    update = statements.update(step.names, len(step.rows), key)
    done = _found(step, step.run(session, statements, update))
    rest = Step(step.names, [each for each in step.rows if each.key not in done])
    if statements.version is None or not rest.rows:
        return _some(batch, step, done, "not_found", "no row has this key")
    there = _found(
        rest, rest.run(session, statements, statements.present(len(rest.rows), key), key)
    )
    older = Step(step.names, [each for each in rest.rows if each.key in there])
    lost = Step(step.names, [each for each in step.rows if each.key not in there])
    return [
        *_some(batch, older, set(), "older", "the table has a newer version"),
        *_some(batch, lost, done, "not_found", "no row has this key"),
    ]


def _delete(session: Session, statements: Statements, step: Step, of: Of) -> list[tailrace.Outcome]:
    told = step.run(session, statements, statements.delete(len(step.rows), of[1]), of[1])
    return _some(of[0], step, _found(step, told), "not_found", "no row has this key")


_ACTIONS: Mapping[tailrace.Action, Work] = {
    tailrace.Action.APPEND: _append,
    tailrace.Action.INSERT: _insert,
    tailrace.Action.UPSERT: _upsert,
    tailrace.Action.UPDATE: _update,
    tailrace.Action.DELETE: _delete,
}


def _found(step: Step, told: Told) -> set[tuple[Any, ...]]:
    """Tell which keys a statement touched.

    A key may come back as another value than the one that was sent (padded, or in another case).
    Then the whole is undone and sent in halves, down to single rows, where the count says it.
    """
    rows, count = told
    keys = {each.key for each in step.rows}
    if count == 0:
        return set()
    if len(step.rows) == 1 or (rows is None and count == len(keys)):
        return keys
    touched = set(rows or ())
    if rows is None or not touched <= keys:
        raise tailrace.RejectedError("which rows were touched is told one by one", reason="key")
    return touched


def _all(batch: tailrace.Batch, step: Step) -> list[tailrace.Outcome]:
    return [batch.outcome(each.record) for each in step.rows]


def _some(
    batch: tailrace.Batch, step: Step, done: set[tuple[Any, ...]], reason: str, why: str
) -> list[tailrace.Outcome]:
    return [
        batch.outcome(each.record)
        if each.key in done
        else batch.outcome(each.record, skipped=why, reason=reason)
        for each in step.rows
    ]
