"""The kit, against databases; what goes wrong on the way is tested by `test_failures`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tailrace.testing import DestinationKit

MADE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, score INTEGER)"


class Kit(DestinationKit):
    destination = "sql"

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        type(self).path = tmp_path / "it.db"

    def open(self, through):
        return {"url": f"{self.kind}:///{self.path}", "table": "people"}

    def received(self):
        with closing(self.connected()) as connection:
            rows = connection.execute("SELECT id, name FROM people").fetchall()
        return [{"id": number, "name": name} for number, name in rows]

    def reset(self):
        Path(self.path).unlink(missing_ok=True)
        with closing(self.connected()) as connection:
            connection.execute(MADE)

    def bad(self, number):
        return {**self.row(number), "score": "many"}


class TestSqlite(Kit):
    kind = "sqlite"

    def connected(self):
        return sqlite3.connect(self.path)


class TestDuckdb(Kit):
    kind = "duckdb"

    def connected(self):
        return duckdb.connect(str(self.path))
