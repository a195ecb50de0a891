"""The gate: how many batches at once, from their times alone."""

from itertools import count as counted

from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.gate import MOST_IN_FLIGHT, Gate

from .simulated import Run, Service, World

TIMES = counted(1000.0, 100.0)


def rounds(gate, count, seconds, waited=0.0):
    """Let so many rounds pass; give what was allowed after each."""
    found = []
    for _ in range(count):
        now = next(TIMES)
        for _ in range(int(gate.allowed)):
            gate.learn(now, seconds, waited, False)
        found.append(gate.allowed)
    return found


@given(
    st.integers(1, 300),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.booleans()), max_size=200),
)
def test_it_stays_between_one_and_its_ceiling(ceiling, declared, answers):
    gate = Gate.under(ceiling) if declared else Gate(ceiling)
    for now, (seconds, waited, throttled) in enumerate(answers):
        before = gate.allowed
        gate.learn(float(now), seconds, waited, throttled)

        assert 1 <= gate.allowed <= max(ceiling, 1)
        assert gate.allowed <= before or not throttled


def test_it_doubles_each_round_while_answers_take_no_longer():
    assert [2, 4, 8, 16, 32, 64, 64, 64] == rounds(Gate(64), 8, 0.1)


def test_what_is_declared_is_used_at_once():
    assert (200, 200.0) == (Gate.under(200).ceiling, Gate.under(200).allowed)
    assert (MOST_IN_FLIGHT, 1.0) == (Gate.under(None).ceiling, Gate.under(None).allowed)


def test_what_answers_at_once_needs_no_second_thread():
    gate = Gate(64)
    rounds(gate, 20, 0.001)

    assert 1 == gate.allowed


def test_it_halves_once_for_all_that_was_on_its_way():
    gate = Gate(64, 64.0)
    for _ in range(20):
        gate.learn(10.0, 0.5, 0.0, True)
    assert 32 == gate.allowed

    gate.learn(11.0, 0.5, 0.0, True)
    assert 16 == gate.allowed


def test_what_waits_on_this_side_is_no_reason_for_more():
    gate = Gate(64, 8.0)
    rounds(gate, 10, 1.0, waited=0.9)

    assert 8 == gate.allowed


def test_a_service_that_has_become_slower_is_searched_anew():
    gate = Gate(64)
    rounds(gate, 7, 0.1)
    found = rounds(gate, 12, 1.0)

    assert (2, 64) == (min(found), found[-1])


def test_a_queue_at_the_service_brings_it_down():
    world = World()
    run = Run(world, Service(world, lanes=20), 6000)
    world.run()

    # Twenty at a time is all there is; twice as many keep it busy, and more only wait.
    assert run.seconds < 6000 / 20 * 0.1 * 1.1
    assert run.gate.allowed < 80


def test_it_is_wide_open_within_a_second_where_nothing_is_known():
    world = World()
    run = Run(world, Service(world), 2000)
    world.run()

    assert run.seconds < 2.5
    assert MOST_IN_FLIGHT >= run.most >= 64
