"""Tables of SQLite, DuckDB and PostgreSQL."""

import duckdb
import psycopg
import sqlalchemy
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

import tailrace
from tailrace_sql import _duck, _served

from .places import Place

TABLE = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50) NOT NULL,
 score INTEGER CHECK (score < 5000))
"""
BAD = {
    "missing": ({"name": None}, "null", "name"),
    "too long": ({"name": "x" * 51}, "too_long", ""),
    "wrong type": ({"score": "abc"}, "type", "score"),
    "beyond a check": ({"score": 9_999}, "check", ""),
}


class Sql(Place):
    """A table, looked at without the plugin."""

    plugin = "sql"
    batch = 5_000
    many = 400
    bad = BAD
    session = _served.Session

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.url = self.address()
        self.options = {"url": tailrace.Secret(self.url), "table": "people"}
        self.do(TABLE)
        self.statements = 0

    def do(self, sql):
        engine = sqlalchemy.create_engine(self.driven(), poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(sql)
            return result.fetchall() if result.returns_rows else []

    def driven(self):
        return self.url

    def watch(self, monkeypatch):
        """Count the statements from here on."""
        plain = self.session.run

        def counting(session, sql, values):
            self.statements += 1
            return plain(session, sql, values)

        monkeypatch.setattr(self.session, "run", counting)

    def empty(self):
        self.do("DELETE FROM people")

    def asked(self):
        return self.statements

    def writes_seen(self):
        return len(self.do("SELECT id FROM people WHERE score > 0"))

    def held(self):
        return {
            key: {"name": name, "score": score}
            for key, name, score in self.do("SELECT id, name, score FROM people")
        }


class Sqlite(Sql):
    """A file of SQLite."""

    def address(self):
        return f"sqlite:///{self.folder}/it.db"

    def swap(self):
        self.url = f"sqlite:///{self.folder}/another.db"
        self.do(TABLE)
        return {"url": tailrace.Secret(self.url)}


class Duck(Sql):
    """A file of DuckDB, which keeps no lengths."""

    session = _duck.Session
    bad = {name: told for name, told in BAD.items() if name != "too long"}

    def address(self):
        return f"duckdb:///{self.folder}/it.duckdb"

    def do(self, sql):
        with duckdb.connect(self.url.removeprefix("duckdb:///")) as connection:
            return connection.execute(sql).fetchall()

    def swap(self):
        self.url = f"duckdb:///{self.folder}/another.duckdb"
        self.do(TABLE)
        return {"url": tailrace.Secret(self.url)}


class Postgres(Sql):
    """A database of a server that was started for the tests."""

    small = {"batch_size": 100, "max_in_flight": 1}
    troubles = frozenset({"lost", "login"})
    losses = ("commit that was done", "commit that was not done", "connection")
    server = None
    name = "it"

    def lose(self, kind, monkeypatch):
        """Break the connection at the second insert, or at its commit, before or after it is done."""
        plain_run, plain_commit = _served.Session.run, PGDialect_psycopg.do_commit
        seen = []

        def run(session, sql, values):
            seen.append("INSERT" in sql)
            if kind == "connection" and seen.count(True) == 2 and seen[-1]:
                session.connection.connection.driver_connection.close()
            return plain_run(session, sql, values)

        def do_commit(dialect, connection):
            if kind == "connection" or seen.count(True) != 2 or "broken" in seen:
                plain_commit(dialect, connection)
                return
            seen.append("broken")
            if kind == "commit that was done":
                plain_commit(dialect, connection)
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(_served.Session, "run", run)
        monkeypatch.setattr(PGDialect_psycopg, "do_commit", do_commit)

    def shut_out(self, monkeypatch):
        """Take the role's rights away after the first insert."""
        plain, seen = _served.Session.run, []

        def run(session, sql, values):
            if "INSERT" in sql:
                seen.append(sql)
                if len(seen) == 2:
                    self.do("REVOKE INSERT ON people FROM tailrace")
            return plain(session, sql, values)

        monkeypatch.setattr(_served.Session, "run", run)
        self.become_role()

    def become_role(self):
        """Log in as somebody who has the rights that the README asks for."""
        self.do("DROP ROLE IF EXISTS tailrace")
        self.do("CREATE ROLE tailrace LOGIN")
        self.do("GRANT SELECT, INSERT, UPDATE, DELETE ON people TO tailrace")
        url = sqlalchemy.make_url(self.url).set(username="tailrace")
        self.options["url"] = tailrace.Secret(url.render_as_string(hide_password=False))

    def let_in(self):
        self.do("GRANT INSERT ON people TO tailrace")

    def address(self):
        self._make(self.name)
        return self._of(self.name)

    def _of(self, name):
        url = self.server.set(database=name, drivername="postgresql")
        return url.render_as_string(hide_password=False)

    def _make(self, name):
        root = sqlalchemy.create_engine(
            self.server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
        )
        with root.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {name}")

    def driven(self):
        return self.url.replace("postgresql:", "postgresql+psycopg:")

    def swap(self):
        self._make("another")
        self.url = self._of("another")
        self.do(TABLE)
        return {"url": tailrace.Secret(self.url)}
