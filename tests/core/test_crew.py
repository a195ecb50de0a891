import signal
import threading
import time

import pytest

from tailrace._engine.crew import Crew


def nothing(result):
    """Let a result be."""


def test_tasks_that_take_next_to_no_time_are_done_on_the_spot():
    names = []
    with Crew(lambda task: names.append(threading.current_thread().name), nothing, nothing) as crew:
        for task in range(5):
            crew.give(task)
            crew.take()

    assert threading.current_thread().name != names[0]
    assert {threading.current_thread().name} == set(names[1:])


def test_tasks_that_take_time_are_done_at_once(monkeypatch):
    monkeypatch.setattr("tailrace._engine.crew._QUICK", 0.0)
    together = threading.Barrier(4)
    done = []
    with Crew(lambda task: (together.wait(10), task)[1], nothing, nothing) as crew:
        for task in range(8):
            crew.give(task)
        while len(done) < 8:
            done += crew.take()

    assert list(range(8)) == sorted(done)


def test_a_result_that_nobody_takes_is_closed():
    closed, claimed = threading.Event(), []
    with Crew(str, claimed.append, lambda result: closed.set()) as crew:
        crew.give(1)

        assert closed.wait(10)
        assert ["1"] == claimed
        assert ["1"] == crew.take()


def test_a_result_that_is_taken_is_closed_by_nobody_else(monkeypatch):
    monkeypatch.setattr("tailrace._engine.crew._MOMENT", 3600.0)
    closed = []
    with Crew(str, nothing, closed.append) as crew:
        crew.give(1)
        taken = crew.take()

    assert (["1"], []) == (taken, closed)


@pytest.mark.parametrize("place", ["work", "close"])
def test_what_a_thread_raises_is_raised_where_results_are_taken(place):
    failed = threading.Event()

    def fails(given):
        failed.set()
        raise ArithmeticError(given)

    work, close = (fails, nothing) if place == "work" else (str, fails)
    with Crew(work, nothing, close) as crew, pytest.raises(ArithmeticError):
        crew.give(1)
        failed.wait(10)
        while True:
            crew.take()


def test_a_crew_that_had_nothing_to_do_comes_to_its_end():
    began = time.monotonic()
    with Crew(str, nothing, nothing) as crew:
        assert crew.idle

    assert began <= time.monotonic()


def test_a_signal_that_no_wait_is_broken_off_for_is_heard_all_the_same():
    heard = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.set())

    def work(_task):
        # Taken by this thread, it leaves the main thread in its wait.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return heard.wait(30)

    try:
        with Crew(work, nothing, nothing) as crew:
            crew.give("task")

            assert [True] == crew.take()
    finally:
        signal.signal(signal.SIGUSR1, before)
