"""Tables and queries as a source: every value, every way of reading, from a cursor on."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

import tailrace
from tailrace_sql import _arrow

from .conftest import statuses

PEOPLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), score INTEGER)"
ID = "6f1c9a52-7d1c-4a53-9f0e-0d6f5a3c1b2e"
HOSTILE = [
    "'; DROP TABLE people; --",
    '"',
    "%s %(x)s %%",
    ":x",
    "$1",
    "\\",
    "é\u2028",
    "' OR 1=1 --",
]

POSTGRES = f"""
SELECT 1::smallint AS small, 2::integer AS whole, 3::bigint AS large, true AS yes,
 1.10::numeric(10, 2) AS money, 0.1::double precision AS double, 'text'::text AS text,
 'ab'::varchar(9) AS varchar, 'ab'::char(3) AS char, date '2026-02-28' AS day,
 timestamp '2026-02-28 12:30:00.000001' AS local, timestamptz '2026-02-28 12:30:00+02' AS moment,
 time '12:30' AS clock, '\\x00ff'::bytea AS bytes, '{ID}'::uuid AS uuid, NULL::integer AS nothing
"""
PLAIN = {
    "small": 1,
    "whole": 2,
    "large": 3,
    "yes": True,
    "money": Decimal("1.10"),
    "double": 0.1,
    "text": "text",
    "varchar": "ab",
    "char": "ab ",
    "day": date(2026, 2, 28),
    "local": datetime(2026, 2, 28, 12, 30, 0, 1),
    "moment": datetime(2026, 2, 28, 10, 30, tzinfo=UTC),
    "clock": time(12, 30),
    "bytes": b"\0\xff",
    "uuid": UUID(ID),
    "nothing": None,
}


def shape(rows):
    return [{name: (type(value), value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("arrow", [True, False])
def test_values_of_postgres_come_as_what_they_are(postgres, gather, arrow):
    rows, report = gather(postgres, query=POSTGRES, arrow=arrow)

    assert {"delivered": 1} == statuses(report)
    assert shape([PLAIN]) == shape(rows)


def test_both_ways_of_reading_give_one_hash(postgres, gather):
    """Installing a driver, or taking it away, sends nothing anew."""
    how = {"query": POSTGRES, "mode": "upsert", "key": "whole"}
    _, first = gather(postgres, arrow=False, **how)
    _, second = gather(postgres, arrow=True, **how)
    _, third = gather(postgres, arrow=False, **how)

    assert [{"delivered": 1}, {"skipped": 1}, {"skipped": 1}] == list(
        map(statuses, (first, second, third))
    )


@pytest.mark.parametrize("arrow", [True, False])
def test_the_servers_time_zone_changes_nothing(postgres, gather, arrow):
    postgres.do("ALTER DATABASE it SET timezone = 'Asia/Tokyo'")
    query = """SELECT timestamptz '2026-01-01 20:00+00' AS moment, CAST(timestamptz
     '2026-01-01 20:00+00' AS date) AS day, CAST(timestamptz '2026-01-01 20:00+00' AS text) AS text"""
    rows, _ = gather(postgres, query=query, arrow=arrow)

    assert rows == [
        {
            "moment": datetime(2026, 1, 1, 20, tzinfo=UTC),
            "day": date(2026, 1, 1),
            "text": "2026-01-01 20:00:00+00",
        }
    ]


@pytest.mark.parametrize(
    ("value", "served"),
    [
        ("1::integer", True),
        ("1.5::double precision", True),
        ("1.5::numeric(38, 37)", True),
        ("'2026-01-01'::timestamptz", True),
        ("gen_random_uuid()", True),
        ("1.5::numeric", False),
        ("1.5::numeric(39, 2)", False),
        ("1.5::real", False),
        ("'{}'::jsonb", False),
        ("ARRAY[1]", False),
        ("'10.0.0.1'::inet", False),
        ("interval '1 day'", False),
    ],
)
def test_only_what_arrives_the_same_goes_as_arrow(postgres, value, served):
    import psycopg

    with psycopg.connect(postgres.url) as connection:
        columns = connection.execute(f"SELECT 1 AS id, {value} AS it").description

    assert served == _arrow.serves(columns)


def test_values_that_arrow_would_change_come_through_a_cursor(postgres, gather):
    rows, _ = gather(
        postgres,
        query="""
        SELECT '{"a": 1.10, "b": [1, 12345678901234567890.123]}'::jsonb AS json,
         ARRAY[1, NULL] AS list, ARRAY[ARRAY['a'], ARRAY['b']] AS lists, 0.1::real AS real,
         1e30::numeric + 0.001 AS free, 'NaN'::numeric AS nan, interval '1 day 2 seconds' AS span,
         inet '10.0.0.1' AS inet, int4range(1, 5) AS range, 'infinity'::timestamptz AS never,
         date '20000-01-01' AS far, ARRAY[timestamptz '2026-01-01 00:00+00'] AS moments
        """,
    )
    (row,) = rows
    nan = row.pop("nan")

    assert nan.is_nan()
    assert row == {
        "json": {"a": 1.1, "b": [1, Decimal("12345678901234567890.123")]},
        "list": [1, None],
        "lists": [["a"], ["b"]],
        "real": 0.1,
        "free": Decimal("1000000000000000000000000000000.001"),
        "span": timedelta(1, 2),
        "inet": "10.0.0.1",
        "range": "[1,5)",
        "never": "infinity",
        "far": "20000-01-01",
        "moments": [datetime(2026, 1, 1, tzinfo=UTC)],
    }


@pytest.mark.parametrize(
    "value",
    ["'NaN'::numeric(9, 2)", "'infinity'::timestamp", "'infinity'::date", "'20000-01-01'::date"],
)
def test_what_arrow_has_no_value_for_is_told_with_the_way_out(postgres, gather, value):
    rows, report = gather(postgres, query=f"SELECT 1 AS id, {value} AS odd")

    assert [] == rows
    assert "column 'odd' holds" in str(report.problem)
    assert "arrow = false reads it" in str(report.problem)


def test_values_of_sqlite_are_what_their_columns_were_declared_as(sqlite, gather):
    sqlite.do(
        "CREATE TABLE people (id INTEGER, yes BOOLEAN, money NUMERIC(9, 2), day DATE,"
        " moment TIMESTAMP, json JSON, bytes BLOB, text TEXT, odd DATE, double REAL)",
        "INSERT INTO people VALUES (1, 1, 1.1, '2026-02-28', '2026-02-28 12:30:00+02:00',"
        """ '{"a": 1.5}', x'00ff', '2026-02-28', 'soon', 0.5)""",
    )
    rows, _ = gather(sqlite, table="people")

    assert [
        {
            "id": 1,
            "yes": True,
            "money": Decimal("1.1"),
            "day": date(2026, 2, 28),
            "moment": datetime.fromisoformat("2026-02-28T12:30:00+02:00"),
            "json": {"a": 1.5},
            "bytes": b"\0\xff",
            "text": "2026-02-28",
            "odd": "soon",
            "double": 0.5,
        }
    ] == rows


def test_a_text_of_sqlite_that_is_no_utf_8_ends_no_read(sqlite, gather):
    sqlite.do(
        "CREATE TABLE people (id INTEGER, name TEXT)",
        "INSERT INTO people VALUES (1, CAST(x'ff61' AS TEXT)), (2, 'b')",
    )
    rows, report = gather(sqlite, table="people")

    assert 2 == report.read
    assert {"id": 2, "name": "b"} in rows


@pytest.mark.parametrize("arrow", [True, False])
def test_values_of_duckdb_come_as_what_they_are(duck, gather, arrow):
    duck.do("CREATE TABLE people (id INTEGER)")
    query = """
    SELECT 1 AS whole, 1.10::DECIMAL(10, 2) AS money, 0.1::DOUBLE AS double, 'a' AS text, true AS yes,
     DATE '2026-02-28' AS day, TIMESTAMP '2026-02-28 12:30:00.000001' AS local,
     TIMESTAMPTZ '2026-02-28 12:30:00+02' AS moment, '\\x00\\xff'::BLOB AS bytes
    """
    rows, _ = gather(duck, query=query, arrow=arrow)
    wanted = {
        "whole": 1,
        **{
            name: PLAIN[name]
            for name in ("money", "double", "yes", "day", "local", "moment", "bytes")
        },
        "text": "a",
    }

    assert shape([wanted]) == shape([{name: rows[0][name] for name in wanted}])


def test_nested_values_of_duckdb_come_as_lists_and_mappings(duck, gather):
    duck.do("CREATE TABLE people (id INTEGER)")
    rows, _ = gather(
        duck,
        query=f"""SELECT [1, 2] AS list, {{'a': 1}} AS struct, '{{"a": 1.5}}'::JSON AS json,
         '{ID}'::UUID AS uuid, 10::HUGEINT AS huge""",
    )

    assert [
        {"list": [1, 2], "struct": {"a": 1}, "json": {"a": 1.5}, "uuid": UUID(ID), "huge": 10}
    ] == rows


@pytest.mark.parametrize("arrow", [True, False])
def test_a_table_comes_whole_and_in_pages(world, gather, arrow):
    world.do(PEOPLE, f"INSERT INTO people {numbers(world, 12_345)}")
    rows, report = gather(world, table="people", arrow=arrow, mode="upsert", key="id")

    assert {"delivered": 12_345} == statuses(report)
    assert list(range(1, 12_346)) == sorted(row["id"] for row in rows)


def numbers(world, count):
    if world.kind == "sqlite":
        return (
            f"WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < {count})"
            " SELECT n, 'name ' || n, n % 10 FROM r"
        )
    return f"SELECT n, 'name ' || n, n % 10 FROM generate_series(1, {count}) AS t(n)"


def test_an_empty_table_is_no_failure(world, gather):
    world.do(PEOPLE)
    rows, report = gather(world, table="people")

    assert (0, []) == (report.exit_code, rows)


def test_parameters_are_bound_and_quotes_and_comments_are_left_alone(world, gather):
    world.do(PEOPLE, "INSERT INTO people VALUES (1, 'a:b', 5), (2, 'x', 6), (3, ':name', 7)")
    rows, _ = gather(
        world,
        query="""SELECT id, ':name' AS ":least", '100%' AS share -- :name
                 FROM people /* :least */ WHERE score >= :least AND name <> :name
                 AND CAST(score AS INTEGER) < :most ORDER BY id;""",
        parameters={"least": 5, "most": 7, "name": "x"},
    )

    assert [{"id": 1, ":least": ":name", "share": "100%"}] == rows


def test_a_parameter_may_be_a_secret(world, gather):
    world.do(PEOPLE, "INSERT INTO people VALUES (1, 'hunter2', 5), (2, 'b', 6)")
    query = "SELECT id FROM people WHERE name = :name"
    rows, report = gather(world, query=query, parameters={"name": tailrace.Secret("hunter2")})

    assert [{"id": 1}] == rows
    assert "hunter2" not in str(report)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_parameter_is_a_value(world, gather, hostile):
    world.do(PEOPLE, "INSERT INTO people VALUES (1, 'a', 5)")
    rows, _report = gather(
        world,
        query="SELECT id, CAST(:name AS VARCHAR(90)) AS name FROM people WHERE name <> :name",
        parameters={"name": hostile},
    )

    assert [{"id": 1, "name": hostile}] == rows
    assert [(1,)] == world.do("SELECT count(*) FROM people")


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if "\u2028" not in each])
def test_a_hostile_name_of_a_table_or_cursor_is_a_name(world, gather, hostile):
    quoted = '"' + hostile.replace('"', '""') + '"'
    world.do(
        PEOPLE,
        f"CREATE TABLE {quoted} (id INTEGER, {quoted} INTEGER)",
        f"INSERT INTO {quoted} VALUES (1, 5), (2, 6)",
    )
    first, _ = gather(world, table=hostile, cursor=hostile, mode="upsert", key="id")
    world.do(f"INSERT INTO {quoted} VALUES (3, 7)")
    second, report = gather(world, table=hostile, cursor=hostile, mode="upsert", key="id")
    missing, failed = gather(world, table=hostile + "x", name="other")

    assert [{"id": 1, hostile: 5}, {"id": 2, hostile: 6}] == first
    assert ([{"id": 3, hostile: 7}], 2) == (second, report.read)
    assert ([], 3) == (missing, failed.exit_code)
    assert [(0,)] == world.do("SELECT count(*) FROM people")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_of_a_cursor_is_a_value(world, gather, hostile):
    world.do("CREATE TABLE people (id INTEGER, mark VARCHAR(90))")
    rows = [{"id": 1, "mark": hostile}]
    put(world, rows)
    first, _ = gather(world, table="people", cursor="mark", mode="upsert", key="id")
    put(world, [{"id": 2, "mark": hostile + "~"}])
    second, _report = gather(world, table="people", cursor="mark", mode="upsert", key="id")

    assert (rows, [{"id": 2, "mark": hostile + "~"}]) == (first, second)
    assert [(2,)] == world.do("SELECT count(*) FROM people")


def put(world, rows):
    """Insert rows with bound values."""
    if world.engine is None:
        import duckdb

        with duckdb.connect(world.url.removeprefix("duckdb:///")) as connection:
            for row in rows:
                connection.execute("INSERT INTO people VALUES (?, ?)", list(row.values()))
        return
    import sqlalchemy

    with world.engine.begin() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO people VALUES (:id, :mark)"), rows)


@pytest.mark.parametrize(
    "source", [{"table": "people"}, {"query": "SELECT id, at AS at, name FROM people -- all\n;"}]
)
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("INTEGER", ["1", "2", "3"]),
        ("TIMESTAMP", ["'2026-01-01 00:00:00'", "'2026-01-02 00:00:00.000001'", "'2026-01-03 00:00:00'"]),
        ("DATE", ["'2026-01-01'", "'2026-01-02'", "'2026-01-03'"]),
        ("NUMERIC(9, 2)", ["1.10", "1.11", "2.5"]),
        ("VARCHAR(9)", ["'a'", "'b'", "'c'"]),
    ],
)  # fmt: skip
def test_a_read_goes_on_at_the_cursor_with_what_is_equal_to_it(world, gather, kind, values, source):
    source = {name: each.replace(" at AS", ' "at" AS') for name, each in source.items()}
    source = {name: each.replace("AS at", 'AS "at"') for name, each in source.items()}
    world.do(
        f'CREATE TABLE people (id INTEGER, "at" {kind}, name VARCHAR(9))',
        f"INSERT INTO people VALUES (1, {values[0]}, 'a'), (2, {values[1]}, 'b')",
    )
    how = {"cursor": "at", "mode": "upsert", "key": "id", **source}
    first, _ = gather(world, **how)
    world.do(f"INSERT INTO people VALUES (3, {values[1]}, 'tie'), (4, {values[2]}, 'd')")
    second, report = gather(world, **how)
    third, last = gather(world, **how)

    assert [1, 2] == [row["id"] for row in first]
    assert ([3, 4], 3) == ([row["id"] for row in second], report.read)
    assert ([], 1) == (third, last.read)


def test_a_moment_with_a_zone_is_a_cursor(postgres, duck, gather):
    for world in (postgres, duck):
        world.do(
            "CREATE TABLE people (id INTEGER, seen TIMESTAMPTZ)",
            "INSERT INTO people VALUES (1, '2026-01-01 00:00+02'), (2, '2026-01-01 00:00+00')",
        )
        how = {"table": "people", "cursor": "seen", "mode": "upsert", "key": "id"}
        gather(world, name=world.kind, **how)
        world.do("INSERT INTO people VALUES (3, '2026-01-01 01:00+00')")
        second, report = gather(world, name=world.kind, **how)

        assert ([3], 2) == ([row["id"] for row in second], report.read)


def test_a_view_and_a_schema_are_read(postgres, gather):
    postgres.do(
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.people (id INTEGER)",
        "INSERT INTO crm.people VALUES (1)",
        "CREATE VIEW crm.persons AS SELECT id * 2 AS double FROM crm.people",
    )

    assert [{"double": 2}] == gather(postgres, table="persons", schema="crm")[0]


def test_another_dialect_of_sqlalchemy_is_read_through_it(sqlite, gather):
    """SQLite stands for it, under the name of a driver that only SQLAlchemy knows."""
    from tailrace_sql import _source
    from tailrace_sql._from_others import read

    sqlite.do(PEOPLE, "INSERT INTO people VALUES (1, '12:30:45', 5), (2, 'b', 6)")
    options = _source.SourceOptions(
        url=tailrace.Secret(sqlite.url),
        query="SELECT id, '12:30:45' AS \"at\", name FROM people WHERE name = :name",
        parameters={"name": "12:30:45"},
    )
    from sqlalchemy import make_url

    with read(options, make_url(sqlite.url), _source.Since("id", 1)) as rows:
        got, names, end = (
            rows.fetchmany(10),
            [each for (each,) in rows.description],
            rows.fetchmany(10),
        )

    assert ([(1, "12:30:45", "12:30:45")], ["id", "at", "name"], []) == (got, names, end)


def test_a_warehouse_is_carried_over_to_another(postgres, sqlite, duck, carry):
    """What the README shows, from PostgreSQL to DuckDB and on to SQLite and back."""
    postgres.do(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, balance NUMERIC(12, 2),"
        " seen TIMESTAMPTZ, tags JSONB)",
        """INSERT INTO people VALUES (1, 'Åsa', 12.50, '2026-01-01 12:00+02', '{"a": [1, 2.5]}'),
         (2, NULL, NULL, NULL, NULL)""",
        "CREATE TABLE back (LIKE people INCLUDING ALL)",
    )
    carry(postgres, duck, "people", "people")
    carry(duck, sqlite, "people", "people")
    carry(sqlite, postgres, "people", "back")
    query = "SELECT id, name, balance, seen, tags FROM {} ORDER BY id"
    there, back = postgres.do(query.format("people")), postgres.do(query.format("back"))

    assert there == back
    assert json.loads(json.dumps(back[0][4])) == {"a": [1, 2.5]}
