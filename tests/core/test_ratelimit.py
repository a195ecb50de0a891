from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.ratelimit import EVERY, Pace
from tailrace.components import Rate
from tailrace.testing import FakeClock

from .simulated import World


def at_most(begun, count, per):
    """Tell whether in no window of `per` seconds more than `count` begin."""
    begun = sorted(begun)
    # A window is open at its end; what is a billionth early is the clock's doing.
    return all(
        begun[at + count] - begun[at] >= per - 1e-6 for at in range(max(0, len(begun) - count))
    )


class Noting:
    """A pace that notes when each request of each scope began."""

    def __init__(self, *rates):
        self.clock = FakeClock()
        self.pace = Pace(self.clock, rates)
        self.begun = {}

    def acquire(self, scope):
        self.pace.acquire(scope)
        self.begun.setdefault(scope, []).append(self.clock.monotonic())


RATES = st.builds(Rate, st.integers(1, 4), st.sampled_from([0.1, 1.0, 60.0]), st.just("a"))
STEPS = st.lists(
    st.sampled_from(["a", "b"]) | st.floats(0, 3) | st.floats(0, 3).map(lambda s: ("a", s)),
    max_size=30,
)


@given(st.lists(RATES, min_size=1, max_size=2), STEPS)
def test_in_no_window_more_requests_begin_than_a_rate_allows(rates, steps):
    noting = Noting(*rates)
    for step in steps:
        if isinstance(step, str):
            noting.acquire(step)
        elif isinstance(step, tuple):
            noting.pace.pause(*step)
        else:
            noting.clock.sleep(step)

    begun = noting.begun.get("a", [])
    assert all(at_most(begun, rate.count, rate.per) for rate in rates)


@given(st.lists(st.sampled_from(["a", "b", EVERY]), max_size=20), st.integers(1, 4))
def test_a_rate_of_every_scope_counts_all_requests(scopes, count):
    noting = Noting(Rate(count, 1.0, EVERY))
    for scope in scopes:
        noting.acquire(scope)

    begun = [each for some in noting.begun.values() for each in some]
    assert at_most(begun, count, 1.0)
    assert max(begun, default=1000.0) - 1000.0 <= len(scopes) / count * 1.01 + 1e-3


def test_a_burst_goes_at_once_and_the_next_are_spread():
    noting = Noting(Rate(2, 10.0, "a"))
    for _ in range(5):
        noting.acquire("a")

    assert [0.0, 0.0, 10.1, 15.15, 20.2] == [round(each - 1000, 3) for each in noting.begun["a"]]


@pytest.mark.parametrize(("count", "apart"), [(0.5, 2.0), (0.1, 10.0), (1.0, 1.0)])
def test_less_than_one_a_second_spreads_requests_apart(count, apart):
    noting = Noting(Rate(count, 1.0, "a"))
    for _ in range(3):
        noting.acquire("a")

    apart *= 1.01
    assert [0, apart, 2 * apart] == pytest.approx([each - 1000 for each in noting.begun["a"]])


def test_a_pause_holds_its_scope_and_no_other():
    noting = Noting()
    noting.pace.pause("a", 5.0)
    noting.pace.pause("a", 2.0)
    noting.acquire("b")
    noting.acquire("a")

    assert ([1000.0], [1005.0]) == (noting.begun["b"], noting.begun["a"])


def test_a_pause_tells_how_long_it_lasts():
    noting = Noting()
    assert 0.0 == noting.pace.waits()

    noting.pace.pause("a", 5.0)
    noting.clock.sleep(2.0)
    assert 3.0 == noting.pace.waits()

    noting.clock.sleep(4.0)
    assert noting.pace.waits() <= 0.0


def test_a_scope_without_a_rate_never_waits():
    noting = Noting(Rate(1, 60.0, "a"))
    for _ in range(100):
        noting.acquire("b")

    assert [] == noting.clock.sleeps


def test_a_stop_ends_every_wait():
    noting = Noting(Rate(1, 60.0, "a"))
    noting.acquire("a")
    noting.clock.stop()
    noting.acquire("a")

    assert [] == noting.clock.sleeps


def test_several_threads_share_one_rate():
    noting = Noting(Rate(3, 1.0, "a"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(noting.acquire, ["a"] * 60))

    assert 60 == len(noting.begun["a"])
    # Sixty at three a second take at least nineteen full windows, however threads interleave.
    assert noting.clock.monotonic() - 1000.0 >= 19.0 - 1e-6


def test_after_a_rest_a_burst_goes_at_once_again():
    noting = Noting(Rate(4, 1.0, "a"))
    for _ in range(6):
        noting.acquire("a")
    noting.clock.sleep(10.0)
    began = noting.clock.monotonic()
    for _ in range(4):
        noting.acquire("a")

    assert began == noting.clock.monotonic()


def test_a_scope_that_waits_long_takes_no_place_of_another():
    noting = Noting(Rate(1, 60.0, "a"), Rate(2, 1.0, EVERY))
    noting.acquire("a")
    with ThreadPoolExecutor(4) as pool:
        turns = [noting.pace.turns("a") for _ in range(4)]
        waits = list(pool.map(next, turns))
    noting.acquire("b")

    assert min(waits) > 50
    assert [1000.0] == noting.begun["b"]


def test_many_who_wait_do_not_all_look_up_for_each_slot_and_none_is_lost():
    world, waits, begun = World(), [], []
    pace = Pace(world, [Rate(50, 1.0, "a")])

    def waiting():
        for seconds in pace.turns("a"):
            waits.append(seconds)
            yield seconds
        begun.append(world.now - 1000.0)

    for _ in range(250):
        world.start(waiting())
    world.run()

    apart = 1.01 / 50
    assert [0.0] * 50 + [1.01 + apart * at for at in range(200)] == pytest.approx(begun, abs=1e-3)
    assert len(waits) <= 25 * 250


def test_a_request_that_leaves_late_counts_from_then():
    noting = Noting(Rate(1, 10.0, "a"))
    slot = noting.pace.acquire("a")
    noting.pace.left("a", slot, 3.0)
    noting.acquire("a")

    assert [1013.1] == pytest.approx(noting.begun["a"])


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 2)), min_size=1, max_size=30))
def test_however_late_requests_leave_a_window_holds_no_more(steps):
    noting, left = Noting(Rate(3, 1.0, "a")), []
    for rest, late in steps:
        noting.clock.sleep(rest)
        slot = noting.pace.acquire("a")
        noting.pace.left("a", slot, late)
        left.append(slot + late)

    assert at_most(left, 3, 1.0)


def answered(noting, status, **headers):
    headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    noting.pace.answered("a", noting.clock.monotonic(), status, headers)


def test_a_limit_that_is_told_holds_from_then_on():
    noting = Noting()
    noting.acquire("a")
    answered(noting, 200, ratelimit_policy="2;w=10", ratelimit="limit=2, remaining=1, reset=10")
    for _ in range(2):
        noting.acquire("a")

    assert [0, 0, 10.1] == pytest.approx([each - 1000 for each in noting.begun["a"]], abs=0.2)


def test_a_hint_lifts_no_declared_rate():
    noting = Noting(Rate(1, 10.0, "a"))
    noting.acquire("a")
    answered(noting, 200, x_ratelimit_limit=1000, x_ratelimit_remaining=999, x_ratelimit_reset=1)
    noting.acquire("a")

    assert [0, 10.1] == pytest.approx([each - 1000 for each in noting.begun["a"]])


def test_what_others_have_used_of_a_limit_counts():
    noting = Noting()
    answered(noting, 200, x_ratelimit_limit=100, x_ratelimit_remaining=0, x_ratelimit_reset=7)
    noting.acquire("a")

    assert 7.0 <= noting.clock.monotonic() - 1000 < 7.5


def test_a_429_pauses_its_scope_as_long_as_asked_and_no_other():
    noting = Noting()
    answered(noting, 429, retry_after=30)
    noting.acquire("b")
    noting.acquire("a")

    assert ([1000.0], [1030.0]) == (noting.begun["b"], noting.begun["a"])
