"""Documents of a collection: which are read, in what order, and from where the next run reads on."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.testing import MemoryDestination

from .conftest import MODES, ids

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def test_all_documents_are_read_in_batches_and_missing_is_not_null(read, people):
    people.insert_many([{"_id": n, "a": None} if n % 2 else {"_id": n} for n in range(25)])
    report, rows = read(batch_size=10)

    assert (25, 25) == (report.read, report.delivered)
    assert [{"_id": 0}, {"_id": 1, "a": None}] == rows[:2]
    assert list(range(25)) == ids(rows)


def test_a_filter_and_a_projection_mean_what_they_mean_to_find(read, people):
    friend = ObjectId()
    people.insert_many(
        [
            {"_id": 1, "friend": friend, "born": DAY, "name": "a"},
            {"_id": 2, "friend": ObjectId(), "born": DAY, "name": "b"},
            {"_id": 3, "friend": friend, "born": DAY - timedelta(1), "name": "c"},
        ]
    )
    born = {"$gte": {"$date": "2026-01-01T00:00:00Z"}}
    query = {"friend": {"$oid": str(friend)}, "born": born}
    _, rows = read(filter=query, projection={"name": 1, "_id": 0})
    _, same = read(filter={"friend": friend, "born": {"$gte": DAY}}, projection={"name": True})

    assert [{"name": "a"}] == rows
    assert [{"_id": 1, "name": "a"}] == same


def test_the_results_of_a_pipeline_are_rows(read, people):
    people.insert_many([{"_id": n, "team": "ab"[n % 2], "points": n} for n in range(6)])
    stages = ({"$group": {"_id": "$team", "sum": {"$sum": "$points"}}}, {"$sort": {"_id": 1}})
    _, rows = read(pipeline=stages, filter={"points": {"$gt": 2}}, batch_size=1)

    assert [{"_id": "a", "sum": 4}, {"_id": "b", "sum": 8}] == rows


def test_each_run_reads_on_after_the_last_one_and_equal_values_are_told_apart(keep_reading, people):
    people.insert_many([{"_id": n, "at": DAY + timedelta(n // 3)} for n in range(0, 12, 2)])
    first = keep_reading("at")
    people.insert_many(
        [
            {"_id": 11, "at": DAY + timedelta(3)},
            {"_id": 13, "at": DAY + timedelta(3)},
            {"_id": 1, "at": DAY + timedelta(4)},
            {"_id": 3, "at": DAY},
        ]
    )
    second, third = keep_reading("at"), keep_reading("at")

    assert [0, 2, 4, 6, 8, 10] == first
    assert [11, 13, 1] == second
    assert [] == third


def test_what_moves_on_while_it_is_read_comes_once_and_by_the_next_run_again(
    keep_reading, people, double, uri
):
    if uri != double.uri:
        pytest.skip("only the double can be stopped in the midst of a read")
    people.insert_many([{"_id": n, "at": n} for n in range(3)])
    find, asked = double.do_find, []

    def meanwhile(command, database):
        asked.append(command)
        if len(asked) == 2:
            change = {"q": {"_id": 0}, "u": {"$set": {"at": 9}}}
            double.do_update({"update": "people", "updates": [change]}, database)
        return find(command, database)

    double.do_find = meanwhile

    assert [1, 2] == keep_reading("at")
    assert [0] == keep_reading("at")


def test_reading_goes_on_by_an_id_that_the_rows_do_not_show(read, people):
    people.insert_many([{"_id": n, "at": 5} for n in range(3)])
    how = {"field": "at", "projection": {"at": 1, "_id": 0}}
    _, first = read(MemoryDestination(**MODES), **how)
    people.insert_one({"_id": 3, "at": 5})
    _, second = read(MemoryDestination(**MODES), **how)

    assert ([{"at": 5}] * 3, [{"at": 5}]) == (first, second)


def test_another_field_begins_anew(keep_reading, people):
    people.insert_many([{"_id": n, "at": n, "seen": -n} for n in range(3)])

    assert [0, 1, 2] == keep_reading("at")
    assert [2, 1, 0] == keep_reading("seen")


def test_the_syncs_own_cursor_is_bound_as_a_value_of_its_type(read, people):
    first = [ObjectId.from_datetime(DAY + timedelta(n)) for n in range(4)]
    people.insert_many([{"_id": each} for each in first])
    memory = MemoryDestination(**MODES)
    read(memory, cursor="_id", field="_id")
    people.insert_one({"_id": (late := ObjectId.from_datetime(DAY + timedelta(9)))})
    report, _ = read(memory, cursor="_id", field="_id")

    assert [str(each) for each in (*first, late)] == ids(memory.rows)
    assert report.read == 2


# Without booleans, which mongomock takes for 0 and 1.
VALUES = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.5, "", "a", "b", None, {"a": 1}, b"x"]),
    st.dates().map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)),
    st.binary(min_size=12, max_size=12).map(ObjectId),
)


@given(values=st.lists(VALUES, max_size=12))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_after_each_document_come_exactly_those_that_a_sort_puts_there(people, values):
    from tailrace_mongo._query import after, at

    people.delete_many({})
    documents = [
        {"_id": n} | ({} if v is None and n % 2 else {"v": v}) for n, v in enumerate(values)
    ]
    if documents:
        people.insert_many(documents)
    order = [("v", 1), ("_id", 1)]
    every = list(people.find().sort(order))

    for place, each in enumerate(every):
        rest = list(people.find(after("v", at(each, "v"), each["_id"])).sort(order))
        assert ids(every[place + 1 :]) == ids(rest)


def test_reading_goes_on_where_the_server_forgot_its_cursor(read, people, uri, double):
    if uri != double.uri:
        pytest.skip("only the double forgets at will")
    people.insert_many([{"_id": each} for each in (3, 2.5, "a", "b", ObjectId(), True, DAY, 7)])
    order, memory = [], MemoryDestination(**MODES)
    _, whole = read(batch_size=100)
    double.do_getMore_ = double.do_getMore

    def forgetful(command, database):
        order.append(command)
        if len(order) % 2:
            double.forget_cursors()
        return double.do_getMore_(command, database)

    double.do_getMore = forgetful
    report, rows = read(memory, batch_size=2)

    assert report.problem is None
    assert ids(whole) == ids(rows)
    assert len(order) >= 3
