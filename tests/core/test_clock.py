import time

from tailrace._engine.clock import SystemClock


def test_time_only_grows():
    clock = SystemClock()
    before = clock.monotonic()

    assert before <= clock.monotonic()
    assert abs(clock.wall() - time.time()) < 60
    assert 0 <= clock.random() < 1


def test_a_stop_ends_a_wait_at_once():
    clock = SystemClock()
    assert not clock.stopping

    clock.stop.set()
    clock.sleep(3600)

    assert clock.stopping
