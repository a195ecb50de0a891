import pytest

from tailrace.outcomes import Outcome, Rejection, Status


def test_there_are_five_outcomes():
    assert ["delivered", "skipped", "rejected", "failed", "in_doubt"] == list(Status)


def test_an_outcome_takes_its_status_as_a_word():
    assert Outcome(1, Status.REJECTED, message="no") == Outcome(1, "rejected", message="no")


def test_a_status_that_is_none_is_refused():
    with pytest.raises(ValueError, match="error"):
        Outcome(1, "error")


def test_a_rejection_is_a_plain_tuple():
    key, reason, message = Rejection(1, "http_400", "no such field")

    assert (1, "http_400", "no such field") == (key, reason, message)
