import pytest
from hypothesis import given

from tailrace.outcomes import Outcome, Status
from tailrace.records import Action, Batch, Record, RowRecords
from tailrace.schema import Schema
from tailrace.testing.strategies import batches


@given(batches())
def test_a_batch_gives_its_rows_anew_on_each_call(batch):
    batch.rows()[0].clear()

    assert [dict(record.values) for record in batch] == batch.rows()


@given(batches())
def test_a_batch_is_as_long_as_its_records(batch):
    assert len(list(batch)) == len(batch) == len(batch.records)


@pytest.mark.parametrize("message", ["rejected", "skipped", "failed"])
def test_a_message_makes_the_outcome(message):
    record = Record(1, {"a": 1})
    batch = Batch("b", Action.APPEND, Schema(), records=[record])

    assert Outcome(1, message, reason="why", message="said", remote_id="7") == batch.outcome(
        record, **{message: "said"}, reason="why", remote_id="7"
    )


def test_an_outcome_without_a_message_is_delivered():
    record = Record((1, 2), {})
    batch = Batch("b", Action.APPEND, Schema(), records=[record])

    assert Outcome((1, 2), Status.DELIVERED) == batch.outcome(record)


def test_records_of_rows_are_made_when_they_are_asked_for():
    rows = [{"id": 1, "a": None}, {"id": 2}, {"id": 3}]
    records = RowRecords([1, 2, 3], rows, [None, frozenset("a"), None], ["r1", None, None])
    batch = Batch("b", Action.UPSERT, Schema(), records=records)

    assert [Record(1, rows[0]), Record(2, rows[1]), Record(3, rows[2])] == list(batch)
    assert (records[0].remote_id, records[1].changed, records[-1].key) == ("r1", {"a"}, 3)
    assert [2, 3] == [each.key for each in records[1:]]
    assert rows == batch.rows()
    assert all(copy is not row for copy, row in zip(batch.rows(), rows, strict=True))
