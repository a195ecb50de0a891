"""S7: values are bound and names quoted, whatever they hold, in each database."""

import pytest

from tailrace.errors import ConfigError

from .corpus import FORMULAS, HEADERS, MARKUP, SQL

TEXTS = [each for each in (*SQL, *MARKUP, *FORMULAS, *HEADERS) if "\x00" not in each]
MODES = ["append", "insert", "upsert", "update", "mirror"]


def tables(place):
    """Count the tables that there are."""
    told = {
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
        "duckdb": "SELECT count(*) FROM duckdb_tables()",
    }
    other = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    return place.do(told.get(place.url.partition(":")[0], other))[0][0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["sqlite", "duckdb", "postgresql"])
def test_hostile_values_are_values(databases, name, mode):
    place = databases(name)
    place.do("DROP TABLE people")
    place.do("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(200), score INTEGER)")
    rows = [{"id": n, "name": text, "score": 0} for n, text in enumerate(TEXTS)]
    if mode == "update":
        place.run([{**row, "name": "before"} for row in rows], mode="upsert", state=False)
    report = place.run(rows, mode=mode)

    assert len(TEXTS) == report.delivered
    assert TEXTS == [each["name"] for _, each in sorted(place.held().items())]
    assert 1 == tables(place)


@pytest.mark.parametrize("name", ["sqlite", "duckdb", "postgresql"])
def test_hostile_keys_are_keys_also_where_they_are_deleted(databases, name):
    place = databases(name)
    place.do("DROP TABLE people")
    place.do("CREATE TABLE people (id VARCHAR(200) PRIMARY KEY, name VARCHAR(9), score INTEGER)")
    rows = [{"id": text, "name": "x", "score": 0} for text in TEXTS]
    place.run(rows)
    kept = rows[:-10]
    report = place.run(kept)

    assert {"removed": 10, "delivered": 10} == {"removed": 10, "delivered": report.delivered}
    assert {row["id"] for row in kept} == set(place.held())
    assert 1 == tables(place)


@pytest.mark.parametrize("name", ["sqlite", "duckdb", "postgresql"])
def test_hostile_names_are_of_no_column_and_stop_the_run(databases, name):
    place = databases(name)
    row = {"id": 1, "name": "x", **dict.fromkeys(SQL, 1)}
    report = place.run([row], mode="append", state=False)

    assert (3, 0) == (report.exit_code, report.delivered)
    assert len(SQL) == report.problem.count("no such field")
    assert ({}, 1) == (place.held(), tables(place))


@pytest.mark.parametrize("name", ["sqlite", "duckdb", "postgresql"])
@pytest.mark.parametrize("option", ["table", "schema", "version"])
def test_hostile_options_are_names_of_nothing(databases, name, option):
    place = databases(name)
    for text in SQL[::6]:
        row = {"id": 1, "name": "x"}
        try:
            code = place.run([row], mode="upsert", state=False, **{option: text}).exit_code
        except ConfigError as error:
            code = error.exit_code

        assert code in (2, 3)
    assert ({}, 1) == (place.held(), tables(place))
