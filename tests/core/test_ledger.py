import pytest

from tailrace._engine.flow import Parcel
from tailrace._engine.ledger import Ledger
from tailrace.errors import InternalError
from tailrace.outcomes import Outcome, Rejection, Status
from tailrace.records import Action, Batch, Record
from tailrace.schema import Schema


def batch(*keys):
    return parcel(Batch("b", Action.APPEND, Schema(), records=[Record(key, {}) for key in keys]))


def parcel(made):
    return Parcel(made, [record.key for record in made])


def test_every_record_that_was_read_has_one_answer():
    ledger = Ledger()
    ledger.intend(batch(1, 2))
    ledger.settle(batch(1, 2), [Outcome(1, "delivered"), Outcome(2, "rejected", message="no")])
    ledger.refuse(3, "no_key", "record 3 has no key")
    ledger.skip(4, "double", "twice")
    ledger.check(4)

    assert {"delivered": 1, "rejected": 2, "skipped": 1} == ledger.account.counts
    assert [Rejection(2, "rejected", "no"), Rejection(3, "no_key", "record 3 has no key")] == (
        ledger.account.rejections
    )


@pytest.mark.parametrize("read", [0, 1, 3])
def test_counts_that_do_not_add_up_are_a_bug_of_ours(read):
    ledger = Ledger()
    ledger.settle(batch(1, 2), [Outcome(1, "delivered"), Outcome(2, "delivered")])

    with pytest.raises(InternalError, match=f"{read} records were read or removed and 2 answered"):
        ledger.check(read)


def test_a_batch_that_is_still_open_is_a_bug_of_ours():
    ledger = Ledger()
    ledger.intend(batch(1))

    with pytest.raises(InternalError, match="1 batches are open"):
        ledger.check(0)


@pytest.mark.parametrize("outcomes", [[], [Outcome(1, "delivered")] * 3])
def test_each_record_of_a_batch_has_one_outcome(outcomes):
    with pytest.raises(InternalError, match="outcomes for the 2 records"):
        Ledger().settle(batch(1, 2), outcomes)


def test_what_nobody_will_see_was_not_delivered():
    ledger = Ledger()
    ledger.settle(batch(1, 2), [Outcome(1, "delivered"), Outcome(2, "skipped")])
    ledger.unpublish("not shown")
    ledger.check(2)

    assert (0, 1) == (ledger.account.counts[Status.DELIVERED], ledger.account.counts[Status.FAILED])
    assert {"not shown": 1} == ledger.account.troubles


def test_troubles_are_counted_by_what_they_say_and_there_are_not_too_many():
    ledger = Ledger()
    for number in range(300):
        ledger.settle(batch(1), [Outcome(1, "failed", message=f"trouble {number % 150}")])

    assert 100 == len(ledger.account.troubles)
    assert {2} == set(ledger.account.troubles.values())


def test_what_a_broken_run_left_behind_is_in_doubt_if_it_was_sent_and_else_failed():
    ledger = Ledger()
    records = [Record(1, {}), Record(2, {})]
    ledger.intend(parcel(Batch("b", Action.APPEND, Schema(), records=records)))
    ledger.refuse(3, "value", "no")
    ledger.abandon(5, "a bug")

    ledger.check(5)
    assert {Status.IN_DOUBT: 2, Status.REJECTED: 1, Status.FAILED: 2} == ledger.account.counts
