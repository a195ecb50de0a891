"""Replace: rows are laid down in a table of their own, and become the content in one transaction.

The table itself stays, with its grants, views and indexes. Nobody sees it empty, or half old and
half new.
"""

import threading
from contextlib import suppress
from typing import Self

import attrs

import tailrace
from tailrace_sql._writer import TableWriter

_SUFFIX = "_tailrace_new"
_LONGEST = 63
"""Bytes of a name; PostgreSQL cuts longer ones."""


@attrs.define(eq=False)
class Replacer:
    """Write to a staging table; `commit` puts what is there in place of the table's content."""

    target: TableWriter
    _staging: TableWriter = attrs.field(init=False)
    _names: set[str] = attrs.field(factory=set, init=False)
    _made: bool = attrs.field(default=False, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @_staging.default
    def _a_writer(self) -> TableWriter:
        head = self.target.name.encode()[: _LONGEST - len(_SUFFIX)].decode(errors="ignore")
        return attrs.evolve(self.target, name=head + _SUFFIX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._made:
            # What cannot be removed now, the next replacement removes.
            with suppress(tailrace.WriteError), self.target.database.transaction() as session:
                session.run(f"DROP TABLE IF EXISTS {self._place(self._staging)}", ())

    @property
    def identity(self) -> str:
        """Name the database and the table."""
        return self.target.identity

    def describe(self) -> tailrace.Schema | None:
        """Give the table's fields."""
        return self.target.describe()

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        """Write a batch to the staging table, which the first one makes."""
        with self._lock:
            if not self._made:
                self.target.made_for(batch)
                self.target.database.stage(self.target.schema, self.target.name, self._staging.name)
                self._staging.table = self.target.table
                self._made = True
            for record in batch:
                self._names.update(record.values)
        return self._staging.write(batch)

    def commit(self) -> None:
        """Put the new content in place."""
        try:
            self._swap()
        except tailrace.UnansweredError:
            # The staging table goes in the same transaction.
            staging = self._staging
            if not self._made or staging.database.look(staging.schema, staging.name) is not None:
                raise
        self._made = False

    def _swap(self) -> None:
        table, place = self.target.table, self._place(self.target)
        if table is None:
            return
        quote, new = self.target.database.form.quote, self._place(self._staging)
        names = ", ".join(quote(each) for each in table.columns if each in self._names)
        with self.target.database.transaction() as session:
            session.run(f"DELETE FROM {place}", ())  # noqa: S608  # quoted
            if self._made:
                session.run(f"INSERT INTO {place} ({names}) SELECT {names} FROM {new}", ())  # noqa: S608  # quoted
                session.run(f"DROP TABLE {new}", ())

    def _place(self, writer: TableWriter) -> str:
        return writer.database.form.name(writer.schema, writer.name)
