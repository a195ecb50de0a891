"""What goes wrong while a database is read: it breaks off, it is asked to write, it is asked wrongly."""

import psycopg
import pytest

import tailrace
from tailrace_sql import _from_postgres

from . import measure
from .conftest import statuses

PEOPLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), score INTEGER)"
FILL = "INSERT INTO people VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30)"

BREAKING = """
SELECT n AS id, 'name ' || n AS name, CASE WHEN n > {} THEN 1 / (n - n) ELSE n END AS score
FROM generate_series(1, 20000) AS t(n)
"""
"""Breaks off in the middle, in the server, once it has come to a row."""


@pytest.mark.parametrize("arrow", [True, False])
def test_a_read_that_breaks_off_deletes_nothing(postgres, gather, arrow):
    how = {"mode": "mirror", "key": "id", "arrow": arrow}
    whole, _ = gather(postgres, query=BREAKING.format(20_000), **how)
    broken, report = gather(postgres, query=BREAKING.format(12_000), **how)
    again, last = gather(postgres, query=BREAKING.format(20_000), **how)

    assert 20_000 == len(whole)
    assert "division by zero" in report.problem
    assert "Traceback" not in report.problem
    assert (0, [], True) == (report.removed, broken, report.exit_code in (3, 9))
    assert ([], {"skipped": 20_000}) == (again, statuses(last))


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("kind", ["sqlite", "duck"])
def test_a_file_whose_read_breaks_off_deletes_nothing(request, gather, kind, arrow):
    world = request.getfixturevalue(kind)
    world.do(PEOPLE, "INSERT INTO people VALUES (1, '9', 1)")
    counted = (
        "WITH RECURSIVE r(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM r WHERE id < 9000)"
        if kind == "sqlite"
        else "WITH r(id) AS (SELECT * FROM generate_series(1, 9000))"
    )
    bad = "abs(-9223372036854775807 - 1)" if kind == "sqlite" else "CAST('x' || id AS INTEGER)"
    query = counted + " SELECT id, CASE WHEN id > {} THEN " + bad + " ELSE id END AS score FROM r"
    how = {"mode": "mirror", "key": "id", "arrow": arrow}
    whole, _ = gather(world, query=query.format(9_000), **how)
    broken, report = gather(world, query=query.format(8_000), **how)

    assert 9_000 == len(whole)
    assert ([], 0, 0) == (broken, report.removed, report.delivered)
    assert report.problem is not None


def test_a_read_that_breaks_off_does_not_move_the_cursor(postgres, gather):
    how = {"mode": "upsert", "key": "id", "cursor": "id"}
    gather(postgres, query="SELECT n AS id FROM generate_series(1, 5) AS t(n)", **how)
    broken, report = gather(postgres, query=BREAKING.format(12_000), **how)
    again, last = gather(
        postgres, query="SELECT n AS id FROM generate_series(1, 20000) AS t(n)", **how
    )

    assert [] == broken
    assert 0 == report.delivered
    # From the fifth on, which is read again, and not from the twelve thousandth.
    assert 19_996 == last.read
    assert list(range(6, 20_001)) == [row["id"] for row in again]


def test_an_append_that_breaks_off_counts_what_it_has_read(postgres, gather):
    rows, report = gather(postgres, query=BREAKING.format(12_000), arrow=False)

    assert 9 == report.exit_code
    assert report.read == report.delivered == len(rows) > 0


def test_a_connection_that_is_killed_is_no_end_of_the_rows(postgres, gather, monkeypatch):
    postgres.do(
        PEOPLE, "INSERT INTO people SELECT n, 'n', n FROM generate_series(1, 20000) AS t(n)"
    )
    plain = _from_postgres.Rows

    def killing(names, fetch, judged, release):
        asked = []

        def fetching(size):
            asked.append(size)
            if len(asked) == 3:
                postgres.do(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE application_name = 'tailrace'"
                )
            return fetch(size)

        return plain(names, fetching, judged, release)

    monkeypatch.setattr(_from_postgres, "Rows", killing)
    how = {"table": "people", "mode": "mirror", "key": "id", "arrow": False}
    _, report = gather(postgres, **how)

    assert 0 == report.delivered
    assert "terminating connection" in report.problem


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO people VALUES (9, 'x', 1)",
        "INSERT INTO people VALUES (9, 'x', 1) RETURNING id",
        "DELETE FROM people",
        "DROP TABLE people",
        "CREATE TABLE more (id INTEGER)",
        "SELECT id FROM people; DROP TABLE people",
        "SELECT id FROM people; COMMIT; DELETE FROM people",
    ],
)
@pytest.mark.parametrize("arrow", [True, False])
def test_a_statement_that_writes_is_refused_and_changes_nothing(world, gather, query, arrow):
    world.do(PEOPLE, FILL)
    rows, report = gather(world, query=query, arrow=arrow)

    assert ([], 3) == (rows, report.exit_code)
    assert "read" in report.problem or "one" in report.problem
    assert [(3,)] == world.do("SELECT count(*) FROM people")


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
        "SELECT nextval('counted') AS id",
        "SELECT writes() AS id",
    ],
)
@pytest.mark.parametrize("arrow", [True, False])
def test_what_writes_inside_a_query_of_postgres_is_refused(postgres, gather, query, arrow):
    postgres.do(
        PEOPLE,
        FILL,
        "CREATE SEQUENCE counted",
        "CREATE FUNCTION writes() RETURNS integer LANGUAGE sql AS 'DELETE FROM people RETURNING 1'",
    )
    rows, report = gather(postgres, query=query, arrow=arrow)

    assert ([], 3) == (rows, report.exit_code)
    assert "read" in report.problem
    assert [(3, False)] == postgres.do("SELECT count(*), bool_or(is_called) FROM people, counted")


def test_a_file_is_written_by_no_query_of_duckdb(duck, gather, tmp_path):
    duck.do(PEOPLE, FILL)
    path = tmp_path / "out.csv"
    rows, report = gather(duck, query=f"COPY people TO '{path}'")

    assert ([], 3, False) == (rows, report.exit_code, path.exists())
    assert "the source only reads: give one SELECT" in report.problem


def test_nothing_is_attached_by_a_query_of_sqlite(sqlite, gather, tmp_path):
    sqlite.do(PEOPLE)
    path = tmp_path / "other.db"
    rows, report = gather(sqlite, query=f"ATTACH '{path}' AS other")

    assert ([], False) == (rows, path.exists())
    assert "the source only reads" in report.problem


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("postgres", {"table": "peple"}, 'relation "peple" does not exist; did you mean \'people\'?'),
        ("sqlite", {"table": "peple"}, "no such table: peple; did you mean 'people'?"),
        ("duck", {"table": "peple"}, 'Did you mean "people"'),
        (
            "postgres",
            {"query": "SELECT id,\n  nmae FROM people"},
            'column "nmae" does not exist. Perhaps you meant to reference the column "people.name".'
            " (line 2, column 3 of the query:   nmae FROM people) (SQLSTATE 42703)",
        ),
        ("sqlite", {"query": "SELECT nmae FROM people"}, "no such column: nmae; did you mean 'name'?"),
        ("duck", {"query": "SELECT nmae FROM people"}, '"name"'),
        (
            "postgres",
            {"query": "SELECT id FROM people WHERE id = :id AND score >> :id :: integer ORDR BY 1",
             "parameters": {"id": 1}},
            'syntax error at or near "ORDR" (line 1, column 66 of the query: SELECT id',
        ),
        (
            "postgres",
            {"query": "SELECT :name IS NULL AS it", "parameters": {"name": "x"}},
            "could not determine data type of parameter $1; say its type, as in CAST(:name AS text)",
        ),
        ("postgres", {"query": "SELECT FROM WHERE"}, "(line 1, column 13 of the query: SELECT FROM"),
        ("sqlite", {"query": "SELECT FROM WHERE"}, 'near "FROM": syntax error'),
        ("duck", {"query": "SELECT FROM WHERE"}, "syntax error"),
        ("postgres", {"query": "SELECT 1 AS a, 2 AS a"}, "the column 'a' twice"),
        ("sqlite", {"query": "SELECT 1 AS a, 2 AS a"}, "the column 'a' twice"),
    ],
)  # fmt: skip
def test_a_query_that_is_wrong_is_told_where_and_what_is_near(request, gather, kind, options, told):
    world = request.getfixturevalue(kind)
    world.do(PEOPLE, FILL)
    rows, report = gather(world, **options)

    assert ([], 3) == (rows, report.exit_code)
    assert told in report.problem


def test_a_cursor_that_no_column_has_is_told(postgres, gather):
    postgres.do(PEOPLE, FILL)
    how = {"table": "people", "mode": "upsert", "key": "id"}
    gather(postgres, cursor="id", **how)
    postgres.do("ALTER TABLE people RENAME id TO number")
    _, report = gather(postgres, cursor="id", **how)

    assert 'column "id" does not exist' in report.problem


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "query"),
        ({"query": "SELECT 1", "table": "people"}, "query"),
        ({"query": " ; "}, "query"),
        ({"table": ""}, "table"),
        ({"query": "SELECT 1", "schema": "crm"}, "schema"),
        ({"table": "people", "parameters": {"a": 1}}, "parameters"),
        ({"query": "SELECT ':a'", "parameters": {"a": 1}}, "parameters.a"),
        ({"query": "SELECT :tailrace_cursor", "parameters": {"tailrace_cursor": 1}}, "parameters.tailrace_cursor"),
        ({"table": "people", "statement_timeout": 0}, "statement_timeout"),
    ],
)  # fmt: skip
def test_options_that_say_nothing_or_too_much_are_refused(sqlite, gather, options, path):
    sqlite.do(PEOPLE)
    with pytest.raises(tailrace.ConfigError) as raised:
        gather(sqlite, **options)

    assert any(each.path.endswith(path) for each in raised.value.problems)


def test_a_login_that_is_bad_is_told_without_the_password(postgres, gather):
    postgres.url = postgres.url.replace("postgres:@", "nobody:hunter2@").replace(
        "postgres@", "nobody:hunter2@"
    )
    rows, report = gather(postgres, table="people")

    assert ([], 3) == (rows, report.exit_code)
    assert "look at the option url" in report.problem
    assert "hunter2" not in str(report)


def test_a_server_that_is_not_there_is_told_without_the_password(postgres, gather):
    postgres.url = "postgresql://somebody:hunter2@127.0.0.1:1/it"
    _, report = gather(postgres, table="people")

    assert 3 == report.exit_code
    assert "hunter2" not in str(report)


def test_a_role_that_may_not_read_is_told_what_to_grant(postgres, gather):
    postgres.do(PEOPLE, "DROP ROLE IF EXISTS outsider", "CREATE ROLE outsider LOGIN")
    postgres.url = postgres.url.replace("postgres:@", "outsider@").replace("postgres@", "outsider@")
    _, report = gather(postgres, table="people")
    postgres.do("DROP ROLE outsider")

    assert "permission denied for table people; grant the role SELECT on it" in report.problem


def test_a_statement_that_takes_too_long_is_ended(postgres, gather):
    _, report = gather(
        postgres, query="SELECT pg_sleep(9) AS a, CAST('{}' AS json) AS b", statement_timeout=1
    )

    assert "the option statement_timeout gives it more time (SQLSTATE 57014)" in report.problem


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("kind", ["postgres", "duck"])
def test_an_error_does_not_show_the_values_that_it_met(request, gather, kind, arrow):
    world = request.getfixturevalue(kind)
    world.do(PEOPLE, "INSERT INTO people VALUES (1, 'secret-1', 5)")
    query = "SELECT id, CAST(name AS INTEGER) AS number FROM people"
    _, report = gather(world, query=query, arrow=arrow)
    late = (
        "SELECT n AS id, CAST(CASE WHEN n > 250000 THEN 'secret-3' ELSE '1' END AS INTEGER) AS x"
        " FROM generate_series(1, 300000) AS t(n)"
    )
    _, last = gather(world, query=late, arrow=arrow, mode="upsert", key="id", name="late")
    given = "SELECT id FROM people WHERE score > CAST(CAST(:least AS VARCHAR(9)) AS INTEGER)"
    _, other = gather(world, query=given, parameters={"least": "secret-2"}, name="other")

    assert report.problem is not None
    assert other.problem is not None
    assert last.problem is not None
    assert "secret-" not in report.problem + other.problem + last.problem


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(tmp_path, gather, kind):
    from .conftest import World

    path = tmp_path / "no.db"
    _, report = gather(World(kind, f"{kind}:///{path}"), table="people")

    assert (3, False) == (report.exit_code, path.exists())
    assert "there is no file" in report.problem


@pytest.mark.parametrize("arrow", [True, False])
def test_the_connection_ends_with_the_rows_and_not_with_the_deliveries(postgres, tmp_path, arrow):
    """In keyed modes the plan is on disk by then; nothing holds a transaction open meanwhile."""
    postgres.do(PEOPLE, FILL)
    query = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'it'"
    open_ones = []

    @tailrace.destination(modes={"upsert"}, delivery="idempotent")
    def slow(rows):
        open_ones.append(postgres.do(query))

    options = {"url": tailrace.Secret(postgres.url), "table": "people", "arrow": arrow}
    tailrace.run(
        "sql", slow, name="it", mode="upsert", key="id", source_options=options, state=tmp_path
    )

    assert [[(0,)]] == open_ones


def test_a_source_that_is_not_read_to_its_end_leaves_no_connection(postgres):
    from tailrace_sql import SourceOptions, open_rows

    postgres.do(PEOPLE, FILL)
    for arrow in (True, False):
        options = SourceOptions(url=tailrace.Secret(postgres.url), table="people", arrow=arrow)
        with open_rows(options, cursor=None, cursor_field=None):
            pass

    assert [(0,)] == postgres.do(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'it'"
    )


@pytest.mark.parametrize("way", ["append rows", "append arrow"])
def test_memory_does_not_grow_with_the_rows(postgres, way):
    with psycopg.connect(postgres.url) as connection:
        connection.execute(measure.TABLE.format(200_000))
    count, memory, _ = measure.in_process(way, postgres.url)

    assert 200_000 == count
    assert memory < 250
