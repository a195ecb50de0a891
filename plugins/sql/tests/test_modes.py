"""Each mode, in each database: what is there at the end, and what was told of each record."""

import pytest

from .conftest import refusals, statuses

TABLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), score INTEGER)"
PEOPLE = [{"id": n, "name": f"name {n}", "score": n * 2} for n in range(10)]


def as_rows(people):
    return [tuple(each.values()) for each in sorted(people, key=lambda each: each["id"])]


def test_a_mirror_of_many_rows_is_few_statements_and_an_exact_end(world, deliver, statements):
    world.do(TABLE)
    many = [{"id": n, "name": f"name {n}", "score": n} for n in range(10_000)]
    first = deliver(world, many, mode="mirror")
    sent = [sql for sql, _ in statements if "INSERT" in sql]
    statements.clear()
    kept = [dict(each) for each in many if each["id"] % 100 != 50]
    for each in kept[::100]:
        each["name"] = "changed"
    second = deliver(world, kept, mode="mirror")
    changed = [sql for sql, _ in statements if "INSERT" in sql or "DELETE" in sql]

    assert {"delivered": 10_000} == statuses(first)
    assert len(sent) <= 4
    assert {"delivered": 99 + 100, "skipped": 9_801} == statuses(second)
    assert 2 == len(changed)
    assert as_rows(kept) == world.people()


def test_no_statement_has_more_parameters_than_the_database_takes(world, deliver, statements):
    columns = [f"c{n}" for n in range(40)]
    world.do(f"CREATE TABLE people (id INTEGER PRIMARY KEY, {' INTEGER, '.join(columns)} INTEGER)")
    rows = [{"id": n, **dict.fromkeys(columns, n)} for n in range(4_000)]
    report = deliver(world, rows)
    most = 32_766 if world.kind == "sqlite" else 65_535

    assert {"delivered": 4_000} == statuses(report)
    assert max(count for _, count in statements) <= most
    assert [(4_000, 3_999)] == world.do("SELECT count(*), max(c39) FROM people")


def test_an_insert_skips_what_is_there_and_leaves_it(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (3, 'theirs', 0), (7, 'theirs', 0)")
    report = deliver(world, PEOPLE, mode="insert")

    assert {"delivered": 8, "skipped": 2} == statuses(report)
    assert [(3, "theirs", 0)] == world.do("SELECT * FROM people WHERE id = 3")


def test_an_update_changes_what_is_there_and_adds_nothing(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (3, 'old', 0), (7, 'old', 0)")
    report = deliver(world, PEOPLE, mode="update")
    told = {each.reason for each in report.outcomes() if each.status == "skipped"}

    assert {"delivered": 2, "skipped": 8} == statuses(report)
    assert {"not_found"} == told
    assert [(3, "name 3", 6), (7, "name 7", 14)] == world.people()


def test_a_deletion_of_what_is_gone_is_skipped(world, deliver):
    world.do(TABLE)
    deliver(world, PEOPLE, mode="mirror")
    world.do("DELETE FROM people WHERE id = 9")
    report = deliver(world, PEOPLE[:8], mode="mirror", max_delete=5)

    assert {"delivered": 1, "skipped": 9} == statuses(report)
    assert as_rows(PEOPLE[:8]) == world.people()


def test_an_append_adds_rows_without_a_key(world, deliver):
    world.do("CREATE TABLE people (id INTEGER, name VARCHAR(50), score INTEGER)")
    deliver(world, PEOPLE, mode="append")
    deliver(world, PEOPLE, mode="append", name="again")

    assert sorted([*as_rows(PEOPLE)] * 2) == world.people()


def test_a_key_of_several_columns_upserts_updates_and_deletes(world, deliver):
    world.do("CREATE TABLE people (a INTEGER, b VARCHAR(9), v INTEGER, PRIMARY KEY (a, b))")
    rows = [{"b": str(n % 3), "a": n // 3, "v": n} for n in range(9)]
    deliver(world, rows, mode="mirror", key=("a", "b"))
    changed = [{**each, "v": each["v"] + 100} for each in rows[:7]]
    report = deliver(world, changed, mode="mirror", key=("a", "b"), max_delete=5)
    updated = deliver(world, rows, mode="update", key=("a", "b"), name="update")

    assert {"delivered": 9} == statuses(report)
    assert {"delivered": 7, "skipped": 2} == statuses(updated)
    assert [(n // 3, str(n % 3), n) for n in range(7)] == sorted(world.people("a, b, v"))


def test_what_is_unset_keeps_its_value_and_null_takes_it(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (1, 'kept', 5), (2, 'gone', 5)")
    rows = [{"id": 1, "score": 6}, {"id": 2, "name": None, "score": 6}]
    report = deliver(world, rows)

    assert {"delivered": 2} == statuses(report)
    assert [(1, "kept", 6), (2, None, 6)] == world.people()


def test_an_older_version_never_overwrites_a_newer_one(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (1, 'newer', 9), (2, 'older', 1), (3, 'none', NULL)")
    rows = [{"id": n, "name": "ours", "score": 5} for n in (1, 2, 3, 4)]
    upserted = deliver(world, rows, version="score")
    after = world.people()
    world.do("UPDATE people SET score = 9, name = 'newest' WHERE id = 2")
    updated = deliver(
        world,
        [{"id": n, "name": "later", "score": 6} for n in (1, 2, 3, 8)],
        mode="update",
        version="score",
        name="update",
    )
    told = {each.key: each.reason for each in updated.outcomes() if each.status == "skipped"}

    assert {"delivered": 3, "skipped": 1} == statuses(upserted)
    assert [(1, "newer", 9), (2, "ours", 5), (3, "ours", 5), (4, "ours", 5)] == after
    assert {1: "older", 2: "older", 8: "not_found"} == {int(k): v for k, v in told.items()}
    assert [(1, "newer", 9), (2, "newest", 9), (3, "later", 6), (4, "ours", 5)] == world.people()


def test_a_row_without_a_version_is_refused_where_one_is_needed(world, deliver):
    world.do(TABLE)
    report = deliver(world, [{"id": 1, "score": None}, {"id": 2, "score": 1}], version="score")

    assert {1: "no_version"} == refusals(report)
    assert [(2, None, 1)] == world.people()


def test_a_replacement_is_the_whole_content_and_leaves_no_other_table(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (1, 'same key', 0), (99, 'old', 0)")
    report = deliver(world, PEOPLE, mode="replace", limits={"batch_size": 3})
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE '%tailrace%'"
    if world.kind == "sqlite":
        tables = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%tailrace%'"

    assert {"delivered": 10} == statuses(report)
    assert as_rows(PEOPLE) == world.people()
    assert [(0,)] == world.do(tables)


def test_a_replacement_whose_source_broke_off_changes_nothing(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (99, 'old', 0)")

    def broken():
        yield from PEOPLE
        raise OSError("the source is gone")

    report = deliver(world, broken, mode="replace", limits={"batch_size": 3})

    assert (0, False) == (report.delivered, report.ok)
    assert [(99, "old", 0)] == world.people()


def test_a_replacement_shows_all_but_what_was_refused(world, deliver):
    world.do(TABLE, "INSERT INTO people VALUES (99, 'old', 0)")
    report = deliver(world, [*PEOPLE, {"id": 3, "name": "twice", "score": 0}], mode="replace")

    assert {"delivered": 10, "rejected": 1} == statuses(report)
    assert {11: "unique"} == refusals(report)
    assert as_rows(PEOPLE) == world.people()


def test_a_replacement_is_done_again_after_one_that_died(world, deliver):
    world.do(TABLE, "CREATE TABLE people_tailrace_new (junk INTEGER)")
    report = deliver(world, PEOPLE, mode="replace")

    assert {"delivered": 10} == statuses(report)
    assert as_rows(PEOPLE) == world.people()


def test_readers_see_the_old_content_until_the_new_one_is_whole(postgres, deliver, monkeypatch):
    from tailrace_sql._replace import Replacer

    postgres.do(TABLE, "INSERT INTO people VALUES (99, 'old', 0)")
    seen, swap = [], Replacer.commit

    def looking(self):
        seen.append(postgres.people())
        swap(self)
        seen.append(postgres.people())

    monkeypatch.setattr(Replacer, "commit", looking)
    deliver(postgres, PEOPLE, mode="replace")

    assert [[(99, "old", 0)], as_rows(PEOPLE)] == seen


@pytest.mark.parametrize("mode", ["insert", "upsert", "mirror"])
def test_a_key_that_nothing_keeps_unique_stops_the_run(world, deliver, mode):
    world.do("CREATE TABLE people (id INTEGER, name VARCHAR(50), score INTEGER)")
    report = deliver(world, PEOPLE, mode=mode)

    assert (9, 0) == (report.exit_code, report.delivered)
    assert "unique" in report.summary()
    assert [] == world.people()


def test_an_update_needs_no_unique_key_and_no_required_column(world, deliver):
    world.do(
        "CREATE TABLE people (id INTEGER, name VARCHAR(50) NOT NULL, score INTEGER)",
        "INSERT INTO people VALUES (1, 'a', 0), (1, 'b', 0)",
    )
    report = deliver(world, [{"id": 1, "score": 5}, {"id": 2, "score": 5}], mode="update")

    assert {"delivered": 1, "skipped": 1} == statuses(report)
    assert [5, 5] == [score for _, _, score in world.people()]


def test_keys_that_the_database_writes_in_another_way_are_told_one_by_one(postgres, deliver):
    postgres.do(
        "CREATE TABLE people (id CHAR(4) PRIMARY KEY, name TEXT)",
        "INSERT INTO people VALUES ('b', 'theirs')",
    )
    rows = [{"id": each, "name": "ours"} for each in "abcd"]
    report = deliver(postgres, rows, mode="insert")
    told = {each.key for each in report.outcomes() if each.status == "skipped"}

    assert {"delivered": 3, "skipped": 1} == statuses(report)
    assert {"b"} == told


def test_two_keys_that_are_one_to_the_database_are_written_one_after_the_other(postgres, deliver):
    postgres.do("CREATE TABLE people (id CHAR(4) PRIMARY KEY, name TEXT)")
    report = deliver(postgres, [{"id": "a", "name": "1"}, {"id": "a ", "name": "2"}])

    assert {"delivered": 2} == statuses(report)
    assert 1 == len(postgres.do("SELECT * FROM people"))


def test_two_names_of_one_number_are_written_one_after_the_other(world, deliver):
    """DuckDB would keep the first of one statement, without a word."""
    world.do("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(9), score INTEGER)")
    report = deliver(world, [{"id": 3, "name": "old"}, {"id": "3", "name": "new"}])

    assert {"delivered": 2} == statuses(report)
    assert [(3, "new", None)] == world.people()


@pytest.mark.parametrize("kind", ["postgres", "duck"])
def test_a_column_is_one_parameter_unless_its_values_may_be_of_any_kind(
    request, deliver, statements, kind
):
    world = request.getfixturevalue(kind)
    world.do("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(9), tags INTEGER[])")
    plain = deliver(world, [{"id": n, "name": f"n{n}"} for n in range(100)])
    counts = {count for sql, count in statements if "INSERT" in sql}
    mixed = deliver(world, [{"id": n, "tags": list(range(n))} for n in range(3)], name="mixed")

    assert {2} == counts
    assert ({"delivered": 100}, {"delivered": 3}) == (statuses(plain), statuses(mixed))
    assert [(0, "n0", []), (1, "n1", [0]), (2, "n2", [0, 1])] == world.people("id, name, tags")[:3]


@pytest.mark.parametrize("schema", [None, "other"])
def test_a_table_is_made_when_asked_with_the_key_as_its_primary_key(world, deliver, schema):
    if world.kind == "sqlite" and schema:
        schema = "main"
    elif schema:
        world.do("CREATE SCHEMA other")
    report = deliver(world, PEOPLE, create=True, schema=schema)
    again = deliver(world, [{**PEOPLE[0], "name": "new"}], create=True, schema=schema)
    table = f"{schema}.people" if schema else "people"

    assert ({"delivered": 10}, {"delivered": 1}) == (statuses(report), statuses(again))
    assert as_rows([{**PEOPLE[0], "name": "new"}, *PEOPLE[1:]]) == world.people(table=table)
