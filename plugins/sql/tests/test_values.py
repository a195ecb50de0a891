"""Values come back equal, or are refused; never rounded, cut or reread."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tailrace
from tailrace.testing.strategies import values
from tailrace_sql import Options, open_table
from tailrace_sql._columns import Column, bits
from tailrace_sql._values import Fitting, UnfitError

from .conftest import refusals, statuses

KINDS = {
    "postgresql": "b BOOLEAN, i BIGINT, w NUMERIC, f DOUBLE PRECISION, d NUMERIC(38, 10), s TEXT, day DATE,"
    " moment TIMESTAMP, z TIMESTAMPTZ, t TIME, u UUID, y BYTEA, j JSONB",
    "sqlite": "b BOOLEAN, i INTEGER, w TEXT, f REAL, d TEXT, s TEXT, day DATE,"
    " moment TIMESTAMP, z TIMESTAMP, t TIME, u TEXT, y BLOB, j JSON",
    "duckdb": "b BOOLEAN, i BIGINT, w HUGEINT, f DOUBLE, d DECIMAL(38, 10), s TEXT, day DATE,"
    " moment TIMESTAMP, z TIMESTAMPTZ, t TIME, u UUID, y BLOB, j JSON",
}
NAMES = ("b", "i", "w", "f", "d", "s", "day", "moment", "z", "t", "u", "y", "j")
READ = {
    "b": bool,
    "w": int,
    "d": Decimal,
    "day": date.fromisoformat,
    "moment": datetime.fromisoformat,
    "z": datetime.fromisoformat,
    "t": time.fromisoformat,
    "u": UUID,
    "j": json.loads,
}


def text(**more):
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20, **more)


def rows():
    zones = st.integers(-1439, 1439).map(lambda at: timezone(timedelta(minutes=at)))
    moments = {"min_value": datetime(1, 1, 3), "max_value": datetime(9999, 12, 29)}
    plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text()
    places = st.decimals(-(10**20), 10**20, places=10, allow_nan=False)
    kinds = {
        "b": st.booleans(),
        "i": st.integers(-(2**63), 2**63 - 1),
        "w": st.integers(-(2**126), 2**126),
        "f": st.floats(allow_nan=False),
        "d": places,
        "s": text(),
        "day": st.dates(),
        "moment": st.datetimes(**moments),
        "z": st.datetimes(**moments, timezones=zones),
        "t": st.times(),
        "u": st.uuids(),
        "y": st.binary(max_size=20),
        "j": st.lists(plain, max_size=3) | st.dictionaries(text(), plain, max_size=3),
    }
    return st.lists(
        st.fixed_dictionaries({}, optional={n: st.none() | each for n, each in kinds.items()}),
        min_size=1,
        max_size=5,
    )


def opened(world, mode="upsert"):
    return open_table(Options(url=tailrace.Secret(world.url), table="people"), mode=mode)


def batch(rows, action="upsert"):
    records = [tailrace.Record(each["id"], each) for each in rows]
    schema = tailrace.Schema(key=("id",))
    return tailrace.Batch("it", tailrace.Action(action), schema, records=records)


def test_values_come_back_equal(world):
    world.do(f"CREATE TABLE people (id INTEGER PRIMARY KEY, {KINDS[world.kind]})")
    with opened(world) as writer:
        # The writer's own session reads, as DuckDB lets nobody else in meanwhile.
        database = writer.database

        @settings(suppress_health_check=[HealthCheck.too_slow])
        @given(rows())
        def check(given):
            with database.transaction() as session:
                session.run("DELETE FROM people", ())
            named = [{"id": n, **each} for n, each in enumerate(given)]
            told = writer.write(batch(named))
            with database.transaction() as session:
                found, _ = session.run(f"SELECT id, {', '.join(NAMES)} FROM people ORDER BY 1", ())

            assert {"delivered"} == {str(each.status) for each in told}
            assert named == [back(named[n], row) for n, row in enumerate(found)]

        check()


def back(given, row):
    """Read a row as the types that were given, which SQLite has no place for."""
    found = dict(zip(("id", *NAMES), row, strict=True))
    return {
        name: READ[name](found[name])
        if name in READ
        and (isinstance(found[name], str) or name == "b")
        and found[name] is not None
        else found[name]
        for name in given
    } | {name: found[name] for name in found if name not in given and found[name] is not None}


def test_any_value_at_all_is_delivered_or_refused(world):
    """No value breaks a batch: each record gets an answer, or the batch is refused and split."""
    world.do(f"CREATE TABLE people (id INTEGER PRIMARY KEY, {KINDS[world.kind]})")
    with opened(world) as writer:

        @settings(suppress_health_check=[HealthCheck.too_slow])
        @given(st.sampled_from(NAMES), values())
        def check(name, value):
            try:
                told = writer.write(batch([{"id": 1, name: value}]))
            except tailrace.RejectedError as error:
                assert error.reason
            else:
                assert told[0].status in ("delivered", "rejected")

        check()


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("integer", True, "type"),
        ("integer", 1.5, "type"),
        ("integer", "1_0", "type"),
        ("integer", 2**63, "out_of_range"),
        ("integer", Decimal("1e999999"), "out_of_range"),
        ("number", 2**53 + 1, "rounded"),
        ("number", Decimal("0.10000000000000000001"), "rounded"),
        ("number", 10**400, "out_of_range"),
        ("decimal", Decimal("1.001"), "rounded"),
        ("decimal", Decimal("sNaN"), "type"),
        ("string", b"x", "type"),
        ("string", "\ud800", "text"),
        ("string", "long text", "too_long"),
        ("date", datetime(2024, 1, 1, 12), "type"),
        ("date", "1 May", "type"),
        ("datetime", 5, "type"),
        ("time", time(1, tzinfo=UTC), "type"),
        ("bytes", "x", "type"),
        ("json", [float("nan")], "json"),
        ("json", {"a": object()}, "json"),
        ("boolean", "true", "type"),
    ],
)
def test_what_a_column_would_change_is_refused(kind, value, reason):
    column = Column(name="it", type=kind, scale=2, max_length=5, **bits(64))
    with pytest.raises(UnfitError) as told:
        Fitting()(column, value)

    assert reason == told.value.reason
    assert "'it'" in told.value.message


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        ("integer", 3.0, 3),
        ("integer", "-7", -7),
        ("integer", Decimal("2e3"), 2000),
        ("number", 5, 5.0),
        ("number", "0.5", 0.5),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", "1.10", Decimal("1.10")),
        ("decimal", Decimal("1.1000"), Decimal("1.1000")),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("string", date(2024, 1, 2), "2024-01-02"),
        ("date", "2024-01-02", date(2024, 1, 2)),
        ("date", datetime(2024, 1, 2), date(2024, 1, 2)),
        ("datetime", date(2024, 1, 2), datetime(2024, 1, 2)),
        ("datetime", "2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5)),
        ("boolean", 1, True),
        ("json", {"a": [Decimal("1.5"), date(2024, 1, 2)]}, '{"a": ["1.5", "2024-01-02"]}'),
    ],
)
def test_what_means_the_same_fits(kind, value, fitted):
    found = Fitting()(Column(name="it", type=kind, scale=2), value)

    assert (fitted, type(fitted)) == (found, type(found))


def test_a_time_without_a_zone_is_one_of_utc_in_a_column_with_zones():
    column = Column(name="it", type="datetime", zoned=True)

    assert datetime(2024, 1, 2, tzinfo=UTC) == Fitting()(column, datetime(2024, 1, 2))


def test_a_decimal_of_many_digits_is_refused_where_sqlite_would_round_it(sqlite, deliver):
    sqlite.do("CREATE TABLE people (id INTEGER PRIMARY KEY, d DECIMAL(40, 20))")
    report = deliver(
        sqlite, [{"id": 1, "d": Decimal("1.5")}, {"id": 2, "d": Decimal("0.12345678901234567891")}]
    )

    assert {2: "rounded"} == refusals(report)
    assert [(1, 1.5)] == sqlite.people("id, d")


def test_types_beyond_the_common_ones_arrive(postgres, deliver):
    postgres.do(
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE TABLE people (id INTEGER PRIMARY KEY, m mood, a TEXT[], n INTEGER[], ip INET,"
        " s SMALLINT, r REAL, c CHAR(4), e INTERVAL)",
    )
    rows = [
        {"id": 1, "m": "glad", "a": ["x", None], "n": [1, 2], "ip": "10.0.0.1", "s": 7, "r": 0.5},
        {"id": 2, "c": "ab", "a": [], "e": "2 days"},
        {"id": 3, "m": "angry"},
        {"id": 4, "ip": "nowhere"},
        {"id": 5, "s": 40_000},
        {"id": 6, "c": "longer"},
    ]
    report = deliver(postgres, rows)

    assert {3: "no_option", 4: "data", 5: "out_of_range", 6: "too_long"} == refusals(report)
    assert "nowhere" not in " ".join(each.message for each in report.rejections)
    assert [("glad", ["x", None], [1, 2], 7), (None, [], None, None)] == postgres.do(
        "SELECT m, a, n, s FROM people ORDER BY id"
    )


def test_a_nul_character_is_refused_where_postgres_has_no_place_for_it(postgres, deliver):
    postgres.do("CREATE TABLE people (id INTEGER PRIMARY KEY, s TEXT)")
    report = deliver(postgres, [{"id": 1, "s": "a\0b"}, {"id": 2, "s": "ab"}])

    assert {1: "nul"} == refusals(report)
    assert [(2, "ab")] == postgres.people("id, s")


def test_a_table_that_is_made_keeps_each_type(world, deliver):
    row = {
        "id": 1,
        "b": True,
        "w": 2**100,
        "f": 0.1,
        "d": Decimal("12345678901234567890.0123456789"),
        "s": "text",
        "day": date(2024, 2, 29),
        "moment": datetime(2024, 2, 29, 1, 2, 3, 4),
        "z": datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC),
        "t": time(1, 2, 3),
        "y": b"\0\xff",
        "j": {"a": [1, None]},
    }
    report = deliver(world, [row, {"id": 2}], create=True)
    found = world.do(f"SELECT {', '.join(row)} FROM people WHERE id = 1")[0]
    named = dict(zip(row, found, strict=True))

    assert {"delivered": 2} == statuses(report)
    assert row == {
        name: READ[name](value)
        if name in READ and (isinstance(value, str) or name == "b")
        else value
        for name, value in named.items()
    }


def test_the_catalogue_tells_types_lengths_and_what_is_computed(world):
    computed = "GENERATED ALWAYS AS (n + 1)" + ("" if world.kind == "duckdb" else " STORED")
    world.do(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL,"
        f" n INTEGER NOT NULL DEFAULT 5, twice INTEGER {computed}, price DECIMAL(9, 2))"
    )
    with opened(world) as writer:
        schema = writer.describe()
    with opened(world, "update") as writer:
        partial = writer.describe()

    assert ["integer", "string", "integer", "integer", "decimal"] == [str(e.type) for e in schema]
    assert {"name"} <= {each.name for each in schema if each.required} <= {"id", "name"}
    assert ["twice"] == [each.name for each in schema if each.read_only]
    assert {"name", "n"} <= {each.name for each in schema if not each.nullable}
    assert (None if world.kind == "duckdb" else 9) == schema["name"].max_length
    assert schema["id"].unique
    assert [] == [each.name for each in partial if each.required]
