"""What broke off is taken up where it stopped, and only that."""

import logging

import pytest

from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock

from .states import Scene, rows_of

ROWS = rows_of(1, 20)


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@pytest.fixture
def scene(tmp_path):
    """Give a stream whose source broke off after some records had been sent."""
    scene = Scene(tmp_path / "scene", "keyed", "append")
    scene.run(breaking(ROWS, 10), 1)
    return scene


def breaking(rows, count):
    def source():
        yield from rows[:count]
        raise OSError("the source broke off")

    return source


def taken(scene):
    return [values["id"] for _, _, values in scene.desk().taken()]


def test_it_goes_on_where_it_stopped(scene):
    before = taken(scene)
    report = scene.run(ROWS, 2)

    assert before == list(range(10))
    assert (report.exit_code, report.delivered, report.skipped) == (0, 10, 10)
    assert taken(scene) == list(range(20))


def test_another_source_is_told_from_it(scene):
    report = scene.run(rows_of(2, 20), 2)

    assert report.exit_code == 3
    assert "--restart" in report.problem
    assert taken(scene) == list(range(10))


def test_one_that_is_stopped_before_it_has_read_as_much_is_no_other_one(scene):
    clock = FakeClock(now=2000.0)
    clock.stop()
    stopped = execute(prepare(scene.sync(ROWS, scene.desk())), clock)
    report = scene.run(ROWS, 3)

    assert (stopped.exit_code, stopped.problem) == (9, "the run was asked to stop")
    assert (report.exit_code, taken(scene)) == (0, list(range(20)))


@pytest.mark.parametrize("count", [0, 1, 9])
def test_one_that_breaks_off_earlier_than_before_is_no_other_one(scene, count):
    broken = scene.run(breaking(ROWS, count), 2)
    report = scene.run(ROWS, 3)

    assert broken.exit_code in (3, 9)
    assert "broke off" in broken.problem
    assert (report.exit_code, taken(scene)) == (0, list(range(20)))


@pytest.mark.parametrize("count", [0, 3, 9])
def test_one_that_ends_before_what_was_sent_is_another_one(scene, count):
    report = scene.run(ROWS[:count], 2)

    assert report.exit_code == 3
    assert taken(scene) == list(range(10))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_batch_that_a_dead_run_may_have_sent_outlasts_a_stop(mode, moment, tmp_path):
    dead = Scene(tmp_path / "dead", "keyed", mode).dies(ROWS, 1, at=3, moment=moment)
    clock = FakeClock(now=2000.0)
    clock.stop()
    stopped = execute(prepare(dead.sync(ROWS, dead.desk())), clock)
    report = dead.run(ROWS, 3)

    assert (stopped.exit_code, stopped.earlier[0].exit_code) == (9, 4)
    assert (report.exit_code, report.earlier[0].exit_code) == (0, 0)
    assert sorted(taken(dead)) == list(range(20))
