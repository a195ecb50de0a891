"""Every outcome of a run by itself, in Python and as Arrow."""

from collections import Counter
from contextlib import contextmanager

import duckdb
import polars
import pyarrow
import pytest

import tailrace
from tailrace.errors import ConfigError, FatalError, StateError, UnansweredError


def destination(write, **declared):
    class Writer:
        def commit(self):
            pass

    Writer.write = lambda self, batch: write(batch)

    @contextmanager
    def opened(options):
        yield Writer()

    told = {"modes": {"append", "replace", "upsert", "mirror"}, "batch_size": 3, **declared}
    return tailrace.DestinationSpec(open=opened, **told)


def answered(batch):
    """Refuse 2, give odd ones a name of their own, say nothing of 7."""
    return [
        batch.outcome(each, rejected='no "2",\nnever\t')
        if each.values["id"] == 2
        else batch.outcome(
            each, remote_id=f"r{each.values['id']}" if each.values["id"] % 2 else None
        )
        for each in batch
        if each.values["id"] != 7
    ]


def rows(count, version=1):
    return [{"id": each, "v": version if each % 3 else 0} for each in range(count)]


def counted(report):
    found = Counter(each.status for each in report.outcomes())
    return {each: found[each] for each in tailrace.Status}


def told(report):
    return {each: getattr(report, each) for each in tailrace.Status}


@pytest.mark.parametrize("mode", ["append", "replace", "upsert", "mirror"])
def test_the_outcomes_are_the_counts_run_after_run(mode):
    sync = {"mode": mode, "key": None if mode == "append" else "id", "name": "one"}
    for count, version in ((12, 1), (14, 2), (14, 2), (9, 3)):
        report = tailrace.run(rows(count, version), destination(answered), **sync)
        if mode == "append":
            sync["name"] += "x"  # what is in doubt holds a stream back

        assert report.read
        assert counted(report) == told(report)
        assert len(report.outcomes()) == report.read + report.removed == sum(told(report).values())


def test_each_outcome_says_all_that_is_known_of_its_record():
    report = tailrace.run(rows(9), destination(answered), mode="upsert", key="id", name="one")
    found = {each.key: each for each in report.outcomes()}

    assert found.keys() == set(range(9))
    assert found[0] == tailrace.Outcome(0, "delivered")
    assert found[1].remote_id == "r1"
    assert (found[2].status, found[2].message) == ("rejected", 'no "2",\nnever\t')
    assert found[7].status == "in_doubt"


def test_what_was_skipped_says_why():
    sync = {"destination": destination(answered), "mode": "upsert", "key": "id", "name": "one"}
    tailrace.run(rows(6), **sync)
    report = tailrace.run([*rows(6), rows(1)[0]], **sync)
    found = Counter(each.reason for each in report.outcomes())

    assert found == {"unchanged": 5, "refused": 1, "double": 1}


def test_the_skips_of_a_large_read_are_named_too():
    sync = {"destination": destination(lambda batch: None, batch_size=5000), "mode": "upsert"}
    sync |= {"key": "id", "name": "one"}
    given = [{"id": f"k{each}"} for each in range(21_000)]
    tailrace.run(given, **sync)
    report = tailrace.run([*given, {"id": "new"}], **sync)
    found = {each.key: each.status for each in report.outcomes()}

    assert report.skipped == 21_000
    assert found.pop("new") == "delivered"
    assert found == dict.fromkeys((each["id"] for each in given), "skipped")


def test_what_was_not_sent_is_there_too():
    def write(batch):
        if batch.records[0].key > 2:
            raise FatalError("the account is closed")

    for mode in ("upsert", "append"):
        report = tailrace.run(
            rows(12), destination(write, max_in_flight=1), mode=mode, key="id", name=mode
        )
        found = {each.key: each.status for each in report.outcomes()}

        assert counted(report) == told(report)
        assert [found[each] for each in (0, 3, 11)] == ["delivered", "failed", "failed"]


def test_a_replacement_that_nobody_sees_delivered_nothing():
    def write(batch):
        if batch.records[0].key > 2:
            raise UnansweredError("gone")

    sync = {"mode": "replace", "key": "id", "name": "one"}
    report = tailrace.run(rows(9), destination(write), **sync)

    assert report.delivered == 0
    assert counted(report) == told(report)


def test_what_was_refused_before_it_was_sent_is_there():
    given = [{"id": 1}, {"id": None}, {"v": 1}, {"id": 2, "v": 1}, {"id": 2, "v": 2}]
    report = tailrace.run(
        given * 5 + [{"id": each} for each in range(5, 900)],
        destination(lambda batch: None, batch_size=100),
        mode="upsert",
        key="id",
        name="one",
    )

    assert report.rejected
    assert counted(report) == told(report)


def test_a_run_that_never_began_tells_of_its_records_together():
    report = tailrace.run(
        [{"id": None}] * 5, destination(answered), mode="upsert", key="id", name="one"
    )

    assert report.exit_code == 3
    assert counted(report) == told(report)


def test_anything_that_reads_arrow_reads_outcomes():
    given = [*rows(9), {"id": 'a "b",\n\t\0é\ud800', "v": 1}]
    report = tailrace.run(
        given, destination(lambda batch: None), mode="upsert", key=("id", "v"), name="one"
    )
    outcomes = report.outcomes()
    names = ["sync", "run_id", "key", "status", "reason", "message", "remote_id"]
    table = pyarrow.table(outcomes)
    query = "SELECT count(*) FROM outcomes WHERE status = 'delivered'"
    ((count,),) = duckdb.sql(query).fetchall()

    assert table.schema.names == polars.DataFrame(outcomes).columns == names
    assert count == table.num_rows == 10
    assert table["key"].to_pylist()[0] == '["0", "0"]'
    assert set(table["run_id"].to_pylist()) == {report.run_id}
    assert table["reason"].null_count == 10


def test_arrow_keeps_every_text_as_it_is():
    def write(batch):
        return [batch.outcome(each, rejected=each.values["v"]) for each in batch]

    texts = ["", '"', 'a,"b"', "a\nb", "a\r\nb", "\t", "é", "'", "\\", "NULL", " "]
    given = [{"id": at, "v": text} for at, text in enumerate(texts)]
    report = tailrace.run(given, destination(write), mode="upsert", key="id", name="one")
    found = pyarrow.table(report.outcomes())

    assert found["message"].to_pylist() == [each.message for each in report.outcomes()]
    assert found["key"].to_pylist() == [str(each) for each in range(len(texts))]


def test_outcomes_go_when_the_next_run_begins():
    sync = {"destination": destination(lambda batch: None), "mode": "upsert", "key": "id"}
    sync["name"] = "one"
    tailrace.run(rows(5), **sync)
    report = tailrace.run(rows(5), **sync)
    before = len(list(report.outcomes()))
    tailrace.run(rows(5), **sync)

    assert before == 5
    with pytest.raises(StateError, match="until the next run begins"):
        list(report.outcomes())


def test_without_a_state_there_are_no_outcomes():
    report = tailrace.run(rows(3), destination(lambda batch: None), mode="append", state=None)

    with pytest.raises(ConfigError, match="give it one"):
        report.outcomes()
