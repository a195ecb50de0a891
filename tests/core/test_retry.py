from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.retry import ATTEMPTS, PATIENCE, backoff, retry_after

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def date(seconds):
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_is_never_negative_and_never_long(attempt, chance):
    assert 0 < backoff(attempt, chance) <= 64


@given(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1))
def test_waits_grow(attempt, one, other):
    assert backoff(attempt, one) <= 2 * backoff(attempt + 1, other)
    assert backoff(attempt, 1) <= backoff(attempt + 1, 1)


def test_all_attempts_together_outlast_a_quota_of_a_minute():
    assert 30 < sum(backoff(attempt, 0) for attempt in range(1, ATTEMPTS)) < 120


@given(st.text() | st.floats().map(str), st.text(), st.floats(0, 1e10))
def test_what_a_service_asks_is_never_below_zero_whatever_it_says(asked, date_, wall):
    seconds = retry_after({"retry-after": asked, "date": date_}, wall)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", float("inf")),
        ("1e400", float("inf")),
        ("9" * 5000, float("inf")),
        (date(30), 30.0),
        (date(-30), 0.0),
        (date(30).replace("GMT", "-0000"), 30.0),
        ("Fri, 01 Mar 2024 14:00:30 +0200", 30.0),
        ("Fri, 99 Mar 2024 12:00:30 GMT", None),
        ("Fri, 01 Mar 99999 12:00:30 GMT", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wish_is_seconds_or_a_date(asked, seconds):
    assert seconds == retry_after({"retry-after": asked}, NOW.timestamp())


def test_a_date_counts_from_the_services_own_clock():
    headers = {"retry-after": date(30), "date": date(-10)}

    assert 40.0 == retry_after(headers, wall=0.0)


def test_a_service_that_asks_for_nothing_gets_none():
    assert retry_after({}, 0.0) is None


def test_patience_is_an_hour():
    assert 3600 == PATIENCE
