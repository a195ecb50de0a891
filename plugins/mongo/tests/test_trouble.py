"""What goes wrong: told with what, where and what to do; no row lost, no password shown."""

import logging
import socket

import pymongo
import pytest

import tailrace
from tailrace.testing import MemoryDestination

from .conftest import MODES, ids


@pytest.fixture
def people(double):
    with pymongo.MongoClient(double.uri) as client:
        client.shop.people.insert_many([{"_id": n} for n in range(5)])
        yield client.shop.people


@pytest.fixture
def uri(double):
    return double.uri


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (13, "may not read this; give it the role `read`"),
        (18, "the login is refused; look at the user, the password and authSource"),
        (8000, "the login is refused"),
        (50, "an index on what it asks for would help"),
        (2, "MongoDB refuses the query (MongoDB says: no such thing, code 2)"),
    ],
)
def test_a_refusal_says_what_to_do_and_nothing_is_deleted(read, double, people, code, said):
    memory = MemoryDestination(**MODES)
    read(memory, mode="mirror")
    double.fail("find", code, "no such thing")
    report, _ = read(memory, mode="mirror")

    assert said in report.problem
    assert report.problem.startswith("shop.people: ")
    assert (3, 0) == (report.exit_code, report.removed)


def test_what_came_before_a_source_broke_off_counts(read, double, people):
    double.hangs_up_on = "getMore"
    report, rows = read(batch_size=2)

    assert [0, 1] == ids(rows)
    assert "the connection broke off" in report.problem


def test_a_cursor_that_is_forgotten_at_once_is_no_reason_to_go_on_for_ever(read, double, people):
    for _ in range(2):
        double.fail("getMore", 43, "cursor id 7 not found")
    report, rows = read(batch_size=2)
    double.fail("find", 43, "cursor id 7 not found")
    other, _ = read(batch_size=2)

    assert (None, list(range(5))) == (report.problem, ids(rows))
    assert "cursor id 7 not found" in other.problem


def test_the_results_of_a_pipeline_that_are_forgotten_say_what_to_do(read, double, people):
    double.fail("getMore", 43, "cursor id 7 not found")
    report, rows = read(batch_size=2, pipeline=({"$match": {}},))

    assert [0, 1] == ids(rows)
    assert "$merge" in report.problem


def test_a_server_that_is_not_there_is_told_within_the_time(read, people):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"mongodb://u:hush-hush@127.0.0.1:{taken.getsockname()[1]}"
        report, _ = read(uri=nowhere, timeout=0.3)

    assert "cannot reach MongoDB" in report.problem
    assert "Connection refused" in report.problem
    assert "hush" not in report.problem
    assert "opology" not in report.problem


@pytest.mark.parametrize(
    "address", ["+srv://u:hush@127.0.0.1/", "://u:hush@h/?loadBalanced=true&replicaSet=a"]
)
def test_an_address_that_leads_nowhere_is_told_without_the_password(read, people, address):
    report, _ = read(uri=f"mongodb{address}", timeout=0.3)

    assert report.problem.startswith("people: the uri leads nowhere: an SRV name has to be")
    assert "hush" not in report.problem


def test_an_unknown_collection_is_a_warning_with_a_near_name(read, people, caplog):
    with caplog.at_level(logging.WARNING, "tailrace.mongo"):
        report, rows = read(collection="poeple")

    assert (0, []) == (report.exit_code, rows)
    assert ["the database 'shop' has no collection 'poeple'; did you mean 'people'?"] == [
        each.getMessage() for each in caplog.records
    ]


def test_a_collection_that_is_empty_is_no_warning(read, people, caplog):
    people.delete_many({})
    people.insert_one({"_id": 1})
    with caplog.at_level(logging.WARNING, "tailrace.mongo"):
        read(filter={"_id": 2})

    assert [] == caplog.records


def test_a_password_that_is_not_written_as_it_has_to_be_is_not_shown(read, people):
    for address in (
        "mongodb://u:hush/hush@127.0.0.1:1",
        "mongodb://u:p%zzhush@127.0.0.1:1",
        "mongodb://u:p@127.0.0.1:hush",
        "http://hush",
    ):
        with pytest.raises(
            tailrace.ConfigError, match="source_options.uri: is no address"
        ) as caught:
            report, _ = read(uri=address, timeout=0.1)
            raise AssertionError(report.problem)

        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "path", "said"),
    [
        ({"filter": {"_id": {"$oid": "zz"}}}, "filter", "is no query"),
        ({"pipeline": [{"$out": "x"}]}, "pipeline", "$out writes, and a source only reads"),
        ({"pipeline": [], "projection": {"a": 1}}, "projection", "it is a stage, $project"),
        ({"pipeline": [], "changes": True}, "pipeline", "no documents that could change"),
        ({"changes": True, "field": "at"}, "changes", "leave out the cursor"),
        ({"changes": True, "projection": {"_id": 0}}, "projection", "leaves out _id"),
        ({"field": "at.day", "projection": {"name": 1}}, "projection", "leaves out 'at.day'"),
        ({"field": "at", "projection": {"at": 0}}, "projection", "leaves out 'at'"),
        ({"cursor": "at"}, "cursor", "name its field here too"),
        ({"collection": ""}, "collection", "is empty"),
        ({"batch_size": 0}, "batch_size", "above 0"),
        ({"timeout": 0}, "timeout", "above 0"),
        ({"database": None}, "database", "the uri names none"),
        ({"database": "a b"}, "database", "cannot contain"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_anything_is_read(
    read, people, double, options, path, said
):
    if "cursor" in options:
        people.insert_one({"_id": 9, "at": 1})
        read(MemoryDestination(**MODES), field="at", cursor="at")
    with pytest.raises(tailrace.ConfigError) as caught:
        read(**options)

    assert f"source_options.{path}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [[1, 2], float("nan")])
def test_a_cursor_after_which_nothing_comes_is_told(read, people, value):
    people.delete_many({})
    people.insert_one({"_id": 1, "at": value})
    read(field="at")
    report, _ = read(field="at")

    assert "the cursor 'at' holds" in report.problem


def test_results_without_an_id_have_no_position(read, people):
    report, _ = read(field="n", pipeline=[{"$project": {"_id": 0, "n": "$_id"}}])

    assert "have no _id, which tells equal values apart" in report.problem
