"""Statements: the text of SQL, in which every value is a parameter and every name a column's."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_sql._columns import Column, Table

_ROWS = "tailrace_rows"
"""What statements call the rows that they are given."""


@attrs.frozen(kw_only=True)
class Form:
    """Hold how one kind of database spells things.

    most: its ceiling of parameters. lists: whether a parameter may hold a whole column.
    """

    quote: Callable[[str], str]
    mark: str
    most: int
    casts: bool = False
    lists: bool = False
    mysql: bool = False

    def name(self, schema: str | None, table: str) -> str:
        """Give a table's quoted name."""
        return ".".join(self.quote(each) for each in (schema, table) if each is not None)


@attrs.frozen
class Statements:
    """Write the statements for one table; each takes `count` rows of the same columns."""

    form: Form
    place: str
    """The table's quoted name."""
    known: str
    """The same without its schema, as columns are told from others of their name."""
    table: Table
    version: str | None = None

    def rows(self, names: Sequence[str]) -> int:
        """Tell how many rows one statement may take."""
        return max(1, self.form.most // max(1, len(names)))

    def bound(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Give the parameters of a statement for some rows."""
        if self._listed(names):
            return [list(column) for column in zip(*rows, strict=True)]
        return [value for row in rows for value in row]

    def append(self, names: Sequence[str], count: int) -> str:
        """Insert rows."""
        return f"INSERT INTO {self.place} ({self._list(names)}) {self._given(names, count)}"

    def insert(self, names: Sequence[str], count: int, key: Sequence[str]) -> str:
        """Insert rows whose keys are not there, and tell which."""
        keys = self._list(key)
        return f"{self.append(names, count)} ON CONFLICT ({keys}) DO NOTHING RETURNING {keys}"

    def upsert(self, names: Sequence[str], count: int, key: Sequence[str]) -> str:
        """Insert rows, or update those that are there; with a version, tell which were not newer."""
        others = [name for name in names if name not in key]
        if self.form.mysql:
            sets = ", ".join(f"{self._q(each)} = VALUES({self._q(each)})" for each in others or key)
            return f"{self.append(names, count)} ON DUPLICATE KEY UPDATE {sets}"
        insert = f"{self.append(names, count)} ON CONFLICT ({self._list(key)})"
        if not others:
            return f"{insert} DO NOTHING"
        sets = ", ".join(f"{self._q(each)} = excluded.{self._q(each)}" for each in others)
        insert = f"{insert} DO UPDATE SET {sets}"
        if self.version is None:
            return insert
        return f"{insert} WHERE {self._newer('excluded')} RETURNING {self._list(key)}"

    def update(self, names: Sequence[str], count: int, key: Sequence[str]) -> str:
        """Update rows that are there, and tell which."""
        others = [name for name in names if name not in key] or key
        sets = ", ".join(f"{self._q(each)} = {_ROWS}.{self._q(each)}" for each in others)
        same = " AND ".join(
            f"{self.known}.{self._q(each)} = {_ROWS}.{self._q(each)}" for each in key
        )
        newer = "" if self.version is None else f" AND {self._newer(_ROWS)}"
        told = ", ".join(f"{self.known}.{self._q(each)}" for each in key)
        return (
            f"{self._with(names, count)} UPDATE {self.place} SET {sets} FROM {_ROWS}"  # noqa: S608  # as above
            f" WHERE {same}{newer} RETURNING {told}"
        )

    def delete(self, count: int, key: Sequence[str]) -> str:
        """Delete rows by their keys, and tell which were there."""
        if self.form.mysql:
            cells = self._cells(key, count)
            return f"DELETE FROM {self.place} WHERE ({self._list(key)}) IN ({cells})"  # noqa: S608  # as above
        return (
            f"{self._with(key, count)} DELETE FROM {self.place} WHERE {self._among(key)}"  # noqa: S608  # as above
            f" RETURNING {self._list(key)}"
        )

    def present(self, count: int, key: Sequence[str]) -> str:
        """Give the keys that are there."""
        return (
            f"{self._with(key, count)} SELECT {self._list(key)} FROM {self.place}"  # noqa: S608  # as above
            f" WHERE {self._among(key)}"
        )

    def _among(self, key: Sequence[str]) -> str:
        keys = self._list(key)
        return f"({keys}) IN (SELECT {keys} FROM {_ROWS})"  # noqa: S608  # as above

    def _newer(self, other: str) -> str:
        assert self.version is not None
        name = self._q(self.version)
        there = f"{self.known}.{name}"
        return f"({there} IS NULL OR {there} <= {other}.{name})"

    def _with(self, names: Sequence[str], count: int) -> str:
        return f"WITH {_ROWS}({self._list(names)}) AS ({self._given(names, count)})"

    def _given(self, names: Sequence[str], count: int) -> str:
        """Write the rows that are given."""
        if not self._listed(names):
            return f"VALUES {self._cells(names, count)}"
        columns = [self.table.columns[name] for name in names]
        mark = self.form.mark
        return f"SELECT {', '.join(f'unnest(CAST({mark} AS {each.sql}[]))' for each in columns)}"

    def _listed(self, names: Sequence[str]) -> bool:
        """Tell whether each column is one parameter: values in a list have to be of one type."""
        columns = [self.table.columns[name] for name in names]
        return self.form.lists and not any(
            each.native or each.type is tailrace.FieldType.ANY or not each.sql for each in columns
        )

    def _cells(self, names: Sequence[str], count: int) -> str:
        row = ", ".join(self._cell(self.table.columns[name]) for name in names)
        return ", ".join([f"({row})"] * count)

    def _cell(self, column: Column) -> str:
        mark = self.form.mark
        return f"CAST({mark} AS {column.sql})" if self.form.casts and column.sql else mark

    def _list(self, names: Sequence[str]) -> str:
        return ", ".join(map(self._q, names))

    def _q(self, name: str) -> str:
        return self.form.quote(name)
