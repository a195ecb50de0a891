"""What goes wrong: bad rows, broken connections, locks, threads, logins, hostile names."""

import threading

import psycopg
import pytest

import tailrace
from tailrace_sql import _served
from tailrace_sql._verdicts import of_mysql, of_postgres

from .conftest import World, refusals, statuses

TABLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), score INTEGER)"
PEOPLE = [{"id": n, "name": f"name {n}", "score": n} for n in range(10)]
STRICT = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL, score INTEGER CHECK (score < 5000),
 email VARCHAR(50) UNIQUE, team INTEGER REFERENCES teams (id))
"""


def test_one_per_cent_of_bad_rows_is_refused_by_key_and_the_rest_arrives(world, deliver):
    world.do("CREATE TABLE teams (id INTEGER PRIMARY KEY)", "INSERT INTO teams VALUES (1)", STRICT)
    rows = [
        {"id": n, "name": f"n{n}", "score": n, "email": f"secret-{n}@a.example", "team": 1}
        for n in range(1_000)
    ]
    rows[100]["name"] = None
    rows[200]["name"] = "much too long"
    rows[300]["score"] = "abc"
    rows[400]["score"] = 9_999
    rows[500]["email"] = rows[501]["email"] = "secret-same@a.example"
    rows[600]["team"] = 777_123
    rows[700]["score"] = 2**40
    rows[800]["score"] = 1.5
    report = deliver(world, rows)
    reasons = refusals(report)
    wanted = {100: "null", 300: "type", 400: "check", 600: "foreign_key", 800: "type"}
    if world.kind != "duckdb":  # which keeps no lengths
        wanted[200] = "too_long"
    twins = {key for key, reason in reasons.items() if reason == "unique"}
    told = " ".join(each.message for each in report.rejections)

    assert {"delivered": 998 - len(wanted), "rejected": len(wanted) + 2} == statuses(report)
    assert wanted.items() <= reasons.items()
    assert reasons[700] == ("check" if world.kind == "sqlite" else "out_of_range")
    assert len(twins) == 1
    assert twins < {500, 501}
    assert "secret-" not in told
    assert "777123" not in told
    assert set(range(1_000)) - set(reasons) == {each for (each,) in world.people("id")}


def break_commit(monkeypatch, *, after):
    """Let the COMMIT of the first insert get no answer, before or after it was done."""
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    plain_run, plain_commit, state = _served.Session.run, PGDialect_psycopg.do_commit, []

    def run(session, sql, values):
        if "INSERT" in sql and not state:
            state.append("armed")
        return plain_run(session, sql, values)

    def do_commit(self, connection):
        if state != ["armed"]:
            plain_commit(self, connection)
            return
        state.append("broken")
        if after:
            plain_commit(self, connection)
        connection.driver_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(_served.Session, "run", run)
    monkeypatch.setattr(PGDialect_psycopg, "do_commit", do_commit)
    return state


class Breaking:
    """Break the connection under the plugin when it first writes."""

    def __init__(self, world, monkeypatch, when):
        self.times, plain = 0, _served.Session.run

        def run(session, sql, values):
            if when == "before" and "INSERT" in sql and not self.times:
                self._kill(world, session)
            told = plain(session, sql, values)
            if when == "after" and "INSERT" in sql and not self.times:
                self._kill(world, session)
            return told

        monkeypatch.setattr(_served.Session, "run", run)

    def _kill(self, world, session):
        self.times += 1
        pid = session.connection.connection.driver_connection.info.backend_pid
        world.do(f"SELECT pg_terminate_backend({pid}, 5000)")


@pytest.mark.parametrize("mode", ["append", "insert", "upsert", "mirror"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_killed_before_commit_costs_another_try(
    postgres, deliver, monkeypatch, mode, when
):
    postgres.do(TABLE)
    breaking = Breaking(postgres, monkeypatch, when)
    report = deliver(postgres, PEOPLE, mode=mode)
    expected = {"delivered": 10}
    if mode == "append" and when == "after":
        # What broke was the COMMIT itself: it may have been done, for all that can be known.
        expected = {"in_doubt": 10}

    assert 1 == breaking.times
    assert expected == statuses(report)
    assert (0 if "in_doubt" in expected else 10) == len(postgres.people())


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_without_an_answer_is_sent_again_where_there_is_a_key(
    postgres, deliver, monkeypatch, after
):
    postgres.do(TABLE)
    state = break_commit(monkeypatch, after=after)
    report = deliver(postgres, PEOPLE)

    assert ["armed", "broken"] == state
    assert {"delivered": 10} == statuses(report)
    assert [tuple(each.values()) for each in PEOPLE] == postgres.people()


@pytest.mark.parametrize("after", [False, True])
def test_an_append_whose_commit_has_no_answer_is_in_doubt_and_never_doubled(
    postgres, deliver, monkeypatch, after
):
    postgres.do(TABLE.replace(" PRIMARY KEY", ""))
    state = break_commit(monkeypatch, after=after)
    report = deliver(postgres, PEOPLE, mode="append")

    assert ["armed", "broken"] == state
    assert (4, {"in_doubt": 10}) == (report.exit_code, statuses(report))
    assert (10 if after else 0) == len(postgres.people())


@pytest.mark.parametrize("after", [False, True])
def test_a_replacement_whose_commit_has_no_answer_is_looked_up(
    postgres, deliver, monkeypatch, after
):
    postgres.do(TABLE, "INSERT INTO people VALUES (99, 'old', 0)")
    state = break_commit(monkeypatch, after=after)
    state.append("later")  # the insert of rows is not the one meant
    plain = _served.Session.run

    def run(session, sql, values):
        if sql.startswith("INSERT") and not values:
            state.remove("later")
        return plain(session, sql, values)

    monkeypatch.setattr(_served.Session, "run", run)
    report = deliver(postgres, PEOPLE, mode="replace")
    expected = {"delivered": 10} if after else {"failed": 10}

    assert ["armed", "broken"] == state
    assert expected == statuses(report)
    assert (10 if after else 1) == len(postgres.people())


def test_a_lock_that_somebody_holds_is_waited_for_no_longer_than_told(postgres):
    postgres.do(TABLE, "INSERT INTO people VALUES (3, 'theirs', 0)")
    with open_writer(postgres, statement_timeout=1.0) as writer:
        with postgres.engine.begin() as other:
            other.exec_driver_sql("UPDATE people SET name = 'held' WHERE id = 3")
            with pytest.raises(tailrace.RetryableError, match="55P03|57014"):
                writer.write(batch(PEOPLE))
        told = writer.write(batch(PEOPLE))

    assert {"delivered"} == {str(each.status) for each in told}


def test_the_limits_of_time_are_the_options(postgres):
    postgres.do(TABLE)
    asked = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
    opened = open_writer(postgres, statement_timeout=7.0)
    with opened as writer, writer.database.transaction() as session:
        told, _ = session.run(asked, ())

    assert [("7s", "7s")] == told


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ('FATAL: password authentication failed for user "me"', tailrace.FatalError),
        ('FATAL: database "x" does not exist', tailrace.FatalError),
        ('invalid connection option "x"', tailrace.FatalError),
        ("SSL connection has been closed unexpectedly", tailrace.RetryableError),
        ("connection timeout expired", tailrace.RetryableError),
    ],
)
def test_what_never_reached_the_server_is_judged_by_its_words(told, kind):
    assert kind is type(of_postgres(psycopg.OperationalError(told)))


def test_a_deadlock_is_tried_again():
    error = psycopg.errors.DeadlockDetected("deadlock detected")

    assert isinstance(of_postgres(error), tailrace.RetryableError)


def test_a_file_that_somebody_writes_to_is_no_loss(sqlite, deliver, monkeypatch):
    monkeypatch.setattr(_served, "_CONNECT", 0.05)
    sqlite.do(TABLE)
    with sqlite.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        refused = pytest.raises(tailrace.RetryableError, match="somebody else")
        with refused, open_writer(sqlite):
            pass
        other.rollback()
    report = deliver(sqlite, PEOPLE)

    assert {"delivered": 10} == statuses(report)


def open_writer(world, mode="upsert", **how):
    from tailrace_sql import Options, open_table

    options = Options(url=tailrace.Secret(world.url), **{"table": "people", **how})
    return open_table(options, mode=mode)


def batch(rows, name="it", action="upsert"):
    schema = tailrace.Schema(key=("id",))
    records = [tailrace.Record(each["id"], each) for each in rows]
    return tailrace.Batch(name, tailrace.Action(action), schema, records=records)


def test_threads_that_write_the_same_rows_at_once_all_arrive(world):
    world.do(TABLE)
    told, failed = [], []
    with open_writer(world) as writer:

        def write(number):
            try:
                rows = [{"id": n, "name": f"by {number}", "score": number} for n in range(200)]
                told.extend(writer.write(batch(rows[:: 1 if number % 2 else -1], str(number))))
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
    rows = world.people("id, name, score")

    assert [] == failed
    assert 1_600 == sum(each.status == "delivered" for each in told)
    assert 200 == len(rows)
    assert 1 == len({name for _, name, _ in rows})


def test_several_batches_at_once_keep_each_row(postgres, deliver):
    postgres.do(TABLE)
    many = [{"id": n, "name": "x", "score": n} for n in range(4_000)]
    report = deliver(postgres, many, limits={"batch_size": 100})

    assert {"delivered": 4_000} == statuses(report)
    assert [(4_000,)] == postgres.do("SELECT count(*) FROM people")


HOSTILE = [
    "'; DROP TABLE people; --",
    '"; DROP TABLE people; --',
    "%s %(name)s %% :name ? $1 {id}",
    "\\'; DROP TABLE people; --",
    "Robert'); DROP TABLE people;--",
    "a\nb\tc/* */",
    "😀 ñ \u202e",
]


def test_hostile_values_are_values(world, deliver):
    world.do(TABLE)
    rows = [{"id": n, "name": each} for n, each in enumerate(HOSTILE)]
    report = deliver(world, rows)

    assert {"delivered": len(HOSTILE)} == statuses(report)
    assert [(n, each) for n, each in enumerate(HOSTILE)] == world.people("id, name")


@pytest.mark.parametrize("mode", ["append", "insert", "update", "upsert", "mirror", "replace"])
def test_hostile_names_are_names_where_they_exist(world, deliver, mode):
    key = HOSTILE[2]
    rows = [{key: n, **dict.fromkeys(set(HOSTILE) - {key}, f"v{n}")} for n in range(3)]
    name = 'peo"ple; DROP TABLE people; -- %s'
    deliver(world, rows, key=key, create=True, table=name, name="made")
    report = deliver(world, rows, mode=mode, key=key, table=name, name="again")
    quoted = '"' + name.replace('"', '""') + '"'
    expected = {"append": "rejected", "insert": "skipped"}.get(mode, "delivered")

    assert {expected: 3} == statuses(report)
    assert 3 == len(world.do(f"SELECT * FROM {quoted}"))


def test_rows_that_others_refer_to_are_not_replaced(world, deliver):
    world.do(
        TABLE,
        "INSERT INTO people VALUES (1, 'old', 0)",
        "CREATE TABLE pets (owner INTEGER REFERENCES people (id))",
        "INSERT INTO pets VALUES (1)",
    )
    report = deliver(world, PEOPLE[5:], mode="replace")

    assert (9, {"failed": 5}) == (report.exit_code, statuses(report))
    assert "oreign key" in report.summary() or "FOREIGN KEY" in report.summary()
    assert [(1, "old", 0)] == world.people()


def test_a_name_that_no_column_has_stops_the_run_before_anything_is_sent(world, deliver):
    world.do(TABLE)
    hostile = 'name") VALUES (1, 2); DROP TABLE people; --'
    report = deliver(world, [{"id": 1, hostile: "x"}])

    assert 0 == report.delivered
    assert 0 != report.exit_code
    assert [] == world.people()


def test_a_table_that_is_not_there_is_named_with_what_to_do(world, deliver):
    world.do(TABLE)
    report = deliver(world, PEOPLE, table="nobody")

    assert 3 == report.exit_code
    assert "nobody" in report.summary()
    assert "create = true" in report.summary()


def test_a_file_that_is_not_there_is_not_made_unasked(tmp_path, deliver):
    for kind in ("sqlite", "duckdb"):
        path = tmp_path / f"none.{kind}"
        report = deliver(World(kind, f"{kind}:///{path}"), PEOPLE, name=kind)

        assert 3 == report.exit_code
        assert not path.exists()


def test_a_role_without_permission_stops_the_run_with_what_to_do(postgres, deliver):
    postgres.do(
        TABLE,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN PASSWORD 'sesame-open'",
        "GRANT SELECT ON people TO reader",
    )
    theirs = World("postgresql", postgres.url.replace("postgres:@", "reader:sesame-open@"))
    report = deliver(theirs, PEOPLE)
    postgres.do("REVOKE ALL ON people FROM reader", "DROP ROLE reader")

    assert (3, {}) == (report.exit_code, statuses(report))
    assert "may not INSERT and UPDATE there, which upsert needs; grant it" in report.summary()
    assert "sesame-open" not in report.summary()


def test_the_role_of_the_readme_may_do_all_but_make_tables(postgres, deliver, tmp_path):
    postgres.do(
        TABLE,
        "DROP ROLE IF EXISTS tailrace",
        "CREATE ROLE tailrace LOGIN PASSWORD 'sesame-open'",
        "GRANT USAGE ON SCHEMA public TO tailrace",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON people TO tailrace",
    )
    theirs = World("postgresql", postgres.url.replace("postgres:@", "tailrace:sesame-open@"))
    mirrored = deliver(theirs, PEOPLE, mode="mirror")
    deleted = deliver(theirs, PEOPLE[:9], mode="mirror", max_delete=5)
    made = deliver(theirs, PEOPLE, table="another", create=True, name="made")
    postgres.do("GRANT CREATE ON SCHEMA public TO tailrace")
    replaced = deliver(theirs, PEOPLE, mode="replace", name="replaced")
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    postgres.do("REVOKE ALL ON people FROM tailrace", "REVOKE ALL ON SCHEMA public FROM tailrace")
    postgres.do("DROP ROLE tailrace")

    assert {"delivered": 10} == statuses(mirrored)
    assert {"delivered": 1, "skipped": 9} == statuses(deleted)
    assert (9, 0) == (made.exit_code, made.delivered)
    assert {"delivered": 10} == statuses(replaced)
    assert b"people" in kept
    assert b"sesame-open" not in kept


@pytest.mark.parametrize(
    "url",
    [
        "no address with hunter2",
        "postgresql://me:hunter2@host:port:hunter2/x",
        "oracle://me:hunter2@host/x",
        "sqlite:///:memory:?p=hunter2",
        "duckdb://",
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(deliver, url):
    with pytest.raises(tailrace.ConfigError) as told:
        deliver(World("none", url), PEOPLE)

    assert "options.url" in str(told.value)
    assert "hunter2" not in f"{told.value!r} {told.value.__cause__!r}"


def test_a_server_that_is_not_there_is_told_without_the_password(deliver):
    url = "postgresql://me:hunter2@127.0.0.1:1/x"
    report = deliver(World("none", url), PEOPLE)

    assert 9 == report.exit_code
    assert "refused" in report.summary()
    assert "hunter2" not in report.summary()


def test_the_state_of_a_sync_belongs_to_its_table(world, deliver):
    world.do(TABLE, TABLE.replace("people", "others"))
    deliver(world, PEOPLE)
    other = deliver(world, PEOPLE, table="others")
    with open_writer(world) as writer:
        named = writer.identity

    assert 3 == other.exit_code
    assert named.endswith(" people")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1062, tailrace.RejectedError),
        (1213, tailrace.RetryableError),
        (2013, tailrace.RetryableError),
        (1142, tailrace.FatalError),
    ],
)
def test_numbers_of_mysql_are_judged_without_values(number, kind):
    error = of_mysql(Exception(number, "Duplicate entry 'ada@a.example' for key 'email'"))

    assert isinstance(error, kind)
    assert "ada@" not in str(error)


def test_mysql_serves_what_it_can():
    from tailrace_sql import Options, tailrace_destination

    url = tailrace.Secret("mysql+pymysql://me:x@localhost/x")
    spec = tailrace_destination(Options(url=url, table="people"))

    assert {"append", "upsert", "mirror"} == set(spec.modes)
    with pytest.raises(tailrace.ConfigError, match="create"):
        tailrace_destination(Options(url=url, table="people", create=True))
