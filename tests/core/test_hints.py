"""Limits in headers: every way of telling them, and what no service means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.hints import Told, told

WALL = 1_700_000_000.0


def triple(limit, remaining, reset, x="x-ratelimit-"):
    return {f"{x}limit": limit, f"{x}remaining": remaining, f"{x}reset": reset}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, []),
        ({"ratelimit-policy": "50;w=1"}, [Told(50, 1.0)]),
        (
            {"ratelimit-policy": '"burst";q=50;w=1, "day";q=5000;w=3600'},
            [Told(50, 1.0), Told(5000, 3600.0)],
        ),
        ({"ratelimit-limit": "50, 50;w=10"}, [Told(50, 10.0)]),
        ({"ratelimit": "limit=50, remaining=20, reset=4"}, [Told(50, 4.0, 30, 4.0, sure=False)]),
        (triple("50", "20", "4", "ratelimit-"), [Told(50, 4.0, 30, 4.0, sure=False)]),
        (triple("50", "20", "4.5"), [Told(50, 5.0, 30, 4.5, sure=False)]),
        (triple("50", "20", "4", "x-rate-limit-"), [Told(50, 4.0, 30, 4.0, sure=False)]),
        (triple("50", "20", str(int(WALL) + 9)), [Told(50, 9.0, 30, 9.0, sure=False)]),
        (triple("50", "20", str(int(WALL + 9) * 1000)), [Told(50, 9.0, 30, 9.0, sure=False)]),
        (triple("50", "", "4"), [Told(50, 4.0, None, 4.0, sure=False)]),
        (
            {
                "x-hubspot-ratelimit-max": "100",
                "x-hubspot-ratelimit-interval-milliseconds": "10000",
                "x-hubspot-ratelimit-remaining": "98",
            },
            [Told(100, 10.0, 2)],
        ),
        ({"x-hubspot-ratelimit-daily": "250000", "x-hubspot-ratelimit-daily-remaining": "5"}, []),
    ],
)
def test_limits_are_read_in_all_their_forms(headers, expected):
    assert expected == told(headers, WALL)


@pytest.mark.parametrize(
    "headers",
    [
        triple("0", "0", "4"),
        triple("-5", "0", "4"),
        triple("nan", "0", "4"),
        triple("1e9", "0", "4"),
        triple("9" * 15, "0", "4"),
        triple("1", "0", "3600"),  # one an hour
        triple("50", "0", "0"),
        triple("50", "0", "-1"),
        triple("50", "0", "999999"),
        triple("50", "0", str(int(WALL) - 9)),
        {"ratelimit-policy": "50;w=0"},
        {"ratelimit-policy": "50;w=inf"},
        {"ratelimit-policy": ";;;=,,;w"},
        {"ratelimit-policy": "1;w=86400"},
    ],
)
def test_what_makes_no_sense_is_no_hint(headers):
    assert [] == told(headers, WALL)


NAMES = st.sampled_from(
    ["ratelimit", "ratelimit-policy", "x-ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
)
TEXTS = st.text(alphabet='0123456789;,=.-+ "wqrtelimitnsag\u0661', max_size=40)


@given(st.dictionaries(NAMES, TEXTS))
def test_whatever_stands_there_a_hint_is_bounded(headers):
    for each in told(headers, WALL):
        assert 1 <= each.limit <= 1e7
        assert 0.1 <= each.per <= 3600
        assert each.used is None or 0 <= each.used <= each.limit
