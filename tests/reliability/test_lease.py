"""One run at a time; and a holder that has lost its lease commits nothing and sends nothing."""

import logging
import os
import pathlib
import threading
from contextlib import ExitStack

import attrs
import pytest

from tailrace._engine.http import Client
from tailrace._engine.ratelimit import Pace
from tailrace._engine.runner import Wishes
from tailrace._engine.state import open_state
from tailrace._engine.store import open_store
from tailrace.errors import ConfigError, LockedError, StateError
from tailrace.testing import FakeClock

from .states import DIED, FULL, Scene, in_child, rows_of, shortcomings

RACES = 200 if FULL else 8
LOST_AT = 2
"""The batch during which a holder loses its lease."""


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path / "scene")


def held(scene, clock=None, wait=0.0):
    return open_state(scene.root / "state", scene.name, clock or FakeClock(), wait)


def test_second_is_refused_at_once(scene):
    clock = FakeClock()
    with held(scene), pytest.raises(LockedError) as caught, held(scene, clock):
        pass

    assert caught.value.exit_code == 6
    assert sum(clock.sleeps) < 0.1
    assert str(scene.folder) in str(caught.value)
    assert "--wait" in str(caught.value)


def test_a_run_beside_a_run_sends_nothing(scene):
    desk = scene.desk()
    with held(scene), pytest.raises(LockedError):
        scene.run(rows_of(1), 1, desk)
    after = scene.run(rows_of(1), 1, desk)

    assert after.exit_code == 0
    assert not desk.doubled()


def test_first_goes_on_undisturbed(scene):
    told = []

    def hook(moment, batch):
        try:
            scene.run(rows_of(2), 2)
        except LockedError as error:
            told.append(error)

    report = scene.run(rows_of(1), 1, scene.desk(hook=hook))

    assert len(told) == 10
    assert not shortcomings(scene, rows_of(1), report)


def test_waiting_ends_when_the_other_ends(scene):
    class Patient(FakeClock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if len(self.sleeps) == 7:
                others.close()

    clock = Patient()
    with ExitStack() as others:
        others.enter_context(held(scene))
        with held(scene, clock, wait=10.0) as state:
            sync = state.sync

    assert sync == scene.name
    assert len(clock.sleeps) == 7


def test_waiting_comes_to_an_end(scene):
    clock = FakeClock()
    with held(scene), pytest.raises(LockedError), held(scene, clock, wait=2.0):
        pass

    assert 2.0 <= sum(clock.sleeps) < 2.2


def test_waiting_ends_when_the_run_is_to_stop(scene):
    clock = FakeClock()
    clock.stop()
    with held(scene), pytest.raises(LockedError), held(scene, clock, wait=1e9):
        pass

    assert clock.sleeps == []


def test_a_run_waits_as_wished(scene):
    with held(scene), pytest.raises(LockedError):
        scene.run(rows_of(1), 1, wishes=Wishes(wait=1.0))
    report = scene.run(rows_of(1), 1, wishes=Wishes(wait=1.0))

    assert report.exit_code == 0


def test_a_process_that_died_leaves_no_lock(scene):
    def die():
        with held(scene):
            os._exit(DIED)

    code = in_child(die)
    with held(scene) as state:
        epoch = state.store.meta("epoch")

    assert code == DIED
    assert epoch == 2


def race(scene, turn):
    """Start two runs at one moment; the one that gets in works until the other was refused."""
    start, refused = threading.Barrier(2), threading.Event()
    codes, waited = [], []

    def run():
        desk = scene.desk(hook=lambda moment, batch: waited.append(refused.wait(20)))
        start.wait()
        try:
            codes.append(scene.run(rows_of(turn), turn, desk).exit_code)
        except LockedError:
            codes.append(6)
            refused.set()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sorted(codes), all(waited)


def test_race_starts(scene):
    ends = [race(scene, turn) for turn in range(1, RACES + 1)]

    assert ends == [([0, 6], True)] * RACES


# A holder that has lost its lease


def removed(scene, rows):
    (scene.folder / "lock").unlink()


def put_in_its_place(scene, rows):
    (scene.folder / "new").write_bytes((scene.folder / "lock").read_bytes())
    (scene.folder / "new").replace(scene.folder / "lock")


def epoch_moved(scene, rows):
    store = open_store(scene.folder / "ledger.db", scene.name)
    with store.transaction():
        store.set_meta("epoch", store.meta("epoch") + 1)
    store.close()


def taken_over(scene, rows):
    put_in_its_place(scene, rows)
    scene.run(rows, 3)


CASES = [
    (lose, moment, delivery)
    for lose in (removed, put_in_its_place, epoch_moved, taken_over)
    for moment in ("before", "after")
    for delivery in ("idempotent", "keyed", "probe", "at_most_once")
    # A request that is on its way while another run looks it up is beyond what can be promised.
    if (lose, moment, delivery) != (taken_over, "before", "probe")
]


def commits(scene):
    store = open_store(scene.folder / "ledger.db", scene.name)
    try:
        return store.meta("commits"), store.meta("epoch")
    finally:
        store.close()


@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize(("lose", "moment", "delivery"), CASES)
def test_lost_lease(scene, lose, moment, delivery, mode):
    scene = attrs.evolve(scene, delivery=delivery, mode=mode)
    rows = rows_of(1)
    then = []

    def hook(now, batch):
        if (now, desk.asked) == (moment, LOST_AT):
            lose(scene, rows)
            then.append(commits(scene))

    desk = scene.desk(hook=hook)
    report = scene.run(rows, 1, desk)
    after = commits(scene)
    second = scene.run(rows, 5) if (lose, mode) != (taken_over, "append") else None

    assert report.exit_code == 7
    assert str(scene.folder) in report.problem or "another run" in report.problem
    assert desk.asked == LOST_AT
    assert [after] == then
    assert second is None or not shortcomings(scene, rows, second)


def test_commits_that_a_power_cut_took(scene):
    """Where a repeat does no harm, commits need not outlast it: that they are gone is no damage."""
    scene = attrs.evolve(scene, delivery="idempotent").dies(rows_of(1), 1, at=4)
    log = scene.folder / "ledger.db-wal"
    os.truncate(log, log.stat().st_size - 3 * (4096 + 24))
    report = scene.run(rows_of(1), 5)

    assert not shortcomings(scene, rows_of(1), report)


def test_no_request_without_the_lease():
    def lost():
        raise StateError("lost")

    client = Client(Pace(FakeClock(), ()), FakeClock(), permit=lost)
    with pytest.raises(StateError):
        client.http().post("http://127.0.0.1:9/", json={})
    client.close()

    assert client.counters.requests == 0


# Where locks cannot be trusted

LOCAL = "/dev/sda1 / ext4 rw 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        (LOCAL, False),
        ("", False),
        ("server:/ / nfs4 rw 0 0\n", True),
        (f"{LOCAL}//server/share {{}} cifs rw 0 0\n", True),
        (f"{LOCAL}server:/data {{}} nfs rw 0 0\n", True),
        (f"{LOCAL}me@server: {{}} fuse.sshfs rw 0 0\n", True),
        ("server:/ / nfs4 rw 0 0\n/dev/sdb1 {} xfs rw 0 0\n", False),
        (f"{LOCAL}server:/data {{}}-beside nfs rw 0 0\n", False),
        # What is mounted over another mount comes after it, as automounts do.
        (f"{LOCAL}systemd-1 {{}} autofs rw 0 0\nserver:/data {{}} nfs4 rw 0 0\n", True),
        (f"{LOCAL}server:/data {{}} nfs4 rw 0 0\n/dev/sdb1 {{}} ext4 rw 0 0\n", False),
        (f"{LOCAL}torn line\n", False),
    ],
)
def test_network_file_systems(tmp_path, monkeypatch, mounts, refused):
    place = tmp_path / "with a blank"
    told = mounts.replace("{}", str(place).replace(" ", "\\040"))
    read = pathlib.Path.read_text
    monkeypatch.setattr(
        pathlib.Path,
        "read_text",
        lambda self, *given, **named: (
            told if str(self) == "/proc/mounts" else read(self, *given, **named)
        ),
    )
    scene = Scene(place)
    desk = scene.desk()
    try:
        problem, code = "", scene.run(rows_of(1), 1, desk).exit_code
    except ConfigError as error:
        problem, code = str(error), error.exit_code

    assert code == (2 if refused else 0)
    assert ("network file system" in problem) is refused
    assert bool(desk.asked) is not refused
