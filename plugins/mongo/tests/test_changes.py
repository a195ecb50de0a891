"""Changes: all documents once, then what was changed since, each as it is by now."""

import bson
import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

from .conftest import MODES, ids


@pytest.fixture
def changes(read):
    """Read what changed, run after run; give the rows of each, by `_id`."""

    def run(mode="upsert", **how):
        report, rows = read(MemoryDestination(**MODES), mode=mode, changes=True, **how)
        assert report.problem is None, report.problem
        assert len(rows) == len(set(map(str, ids(rows))))
        return {row["_id"]: row for row in rows}

    return run


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_run_gives_what_was_changed_since_the_last_one(changes, people, mode):
    people.insert_many([{"_id": n, "a": 0} for n in range(4)])
    first = changes(mode)
    people.insert_one({"_id": 4, "a": 1})
    for value in range(1, 4):
        people.update_one({"_id": 1}, {"$set": {"a": value}})
    people.delete_one({"_id": 2})
    people.insert_one({"_id": 9, "a": 1})
    people.delete_one({"_id": 9})
    second, third = changes(mode), changes(mode)

    assert {n: {"_id": n, "a": 0, "_deleted": False} for n in range(4)} == first
    assert {
        4: {"_id": 4, "a": 1, "_deleted": False},
        1: {"_id": 1, "a": 3, "_deleted": False},
        2: {"_id": 2, "_deleted": True},
        9: {"_id": 9, "_deleted": True},
    } == second
    assert {} == third


def test_what_changes_while_all_is_read_is_read_again(changes, people, double, uri):
    if uri != double.uri:
        pytest.skip("only the double can be stopped in the midst of a read")
    people.insert_many([{"_id": n, "a": 0} for n in range(3)])
    find = double.do_find

    def meanwhile(command, database):
        answer = find(command, database)
        double.do_find = find
        change = {"q": {"_id": 0}, "u": {"$set": {"a": 1}}}
        double.do_update({"update": "people", "updates": [change]}, people.database.name)
        return answer

    double.do_find = meanwhile

    assert {0: 0, 1: 0, 2: 0} == {n: row["a"] for n, row in changes().items()}
    assert {0: 1} == {n: row["a"] for n, row in changes().items()}


def test_what_leaves_the_filter_is_gone_and_a_projection_holds(changes, people):
    people.insert_many([{"_id": n, "live": True, "a": n} for n in range(3)])
    how = {"filter": {"live": True}, "projection": {"a": 1}}
    changes(**how)
    people.update_one({"_id": 0}, {"$set": {"live": False}})
    people.update_one({"_id": 1}, {"$set": {"a": 9}})

    assert {
        0: {"_id": 0, "_deleted": True},
        1: {"_id": 1, "a": 9, "_deleted": False},
    } == changes(**how)


def test_what_is_looked_up_is_no_older_than_the_change_whichever_member_is_asked(
    changes, people, double, uri
):
    if uri != double.uri:
        pytest.skip("only the double tells what it was asked")
    changes()
    people.insert_one({"_id": 1})
    changes()
    find = double.seen("find")[-1]

    assert "majority" == find["readConcern"]["level"]
    assert bson.Timestamp(1001, 1) == find["readConcern"]["afterClusterTime"]


def test_many_changes_are_looked_up_in_batches_and_come_as_they_happened(changes, people):
    changes(mode="append", batch_size=3)
    order = [4, 1, 6, 0, 3, 2, 5]
    people.insert_many([{"_id": n} for n in order])
    people.delete_one({"_id": 1})

    assert order == list(changes(mode="append", batch_size=3))


def test_a_run_that_failed_reads_the_same_changes_again(changes, read, people):
    changes()
    people.insert_many([{"_id": n} for n in range(3)])
    failing = MemoryDestination([ConnectionResetError()] * 9, **MODES)
    report, _ = read(failing, mode="upsert", changes=True)

    assert not report.ok
    assert [0, 1, 2] == sorted(changes())


def test_a_mirror_reads_all_each_time_and_deletes_what_is_gone(read, people):
    people.insert_many([{"_id": n} for n in range(30)])
    memory = MemoryDestination(**MODES)
    read(memory, mode="mirror", changes=True)
    people.delete_one({"_id": 7})
    report, _ = read(memory, mode="mirror", changes=True)

    assert (29, 1) == (report.read, report.removed)


def test_a_history_that_is_lost_says_what_to_do_and_a_restart_helps(
    changes, read, people, double, uri
):
    if uri != double.uri:
        pytest.skip("only the double forgets at will")
    people.insert_one({"_id": 0})
    changes()
    people.insert_one({"_id": 1})
    double.forget_changes()
    report, rows = read(mode="upsert", changes=True)
    again, all_rows = read(mode="upsert", changes=True, restart=True)

    assert "run once with --restart to read all anew" in report.problem
    assert [] == rows
    assert (again.exit_code, [0, 1]) == (0, ids(all_rows))


def test_a_collection_that_was_dropped_ends_its_changes(changes, read, people):
    people.insert_one({"_id": 0})
    changes()
    people.drop()
    report, _ = read(mode="upsert", changes=True)

    assert "dropped or renamed (drop)" in report.problem
    assert "--restart" in report.problem


def test_a_server_without_change_streams_says_so(read, people, double, uri):
    if uri != double.uri:
        pytest.skip("the real one has them")
    double.streams = False
    report, _ = read(mode="upsert", changes=True)

    assert "they need a replica set" in report.problem


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, 4), st.integers(0, 2)),
        st.tuples(st.sampled_from(["run", "fail"]), st.none(), st.none()),
    ),
    max_size=25,
)


@given(operations=OPERATIONS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_rows_of_all_runs_put_together_are_what_the_collection_holds(
    double, tmp_path_factory, operations
):
    folder, held = tmp_path_factory.mktemp("it"), {}
    with pymongo.MongoClient(double.uri) as client:
        people = client.law[folder.name]

        def run(script=()):
            memory = MemoryDestination(list(script), **MODES)
            options = {"uri": double.uri, "database": "law", "collection": folder.name}
            sync = tailrace.Sync(
                source="mongo",
                source_options={**options, "changes": True, "batch_size": 2},
                destination=memory.spec,
                name="it",
                mode="upsert",
                key="_id",
                state=folder,
            )
            execute(prepare(sync), FakeClock())
            for row in memory.rows:
                gone = row["_deleted"]
                held.pop(row["_id"], None) if gone else held.update({row["_id"]: row["a"]})

        for what, id_, value in [*operations, ("run", None, None)]:
            if what == "put":
                people.delete_one({"_id": id_})
                people.insert_one({"_id": id_, "a": value})
            elif what == "delete":
                people.delete_one({"_id": id_})
            else:
                run([ConnectionResetError()] * 9 if what == "fail" else ())

        assert {each["_id"]: each["a"] for each in people.find()} == held
