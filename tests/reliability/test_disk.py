"""A disk that fails at any operation: the run says so, and the next one ends the matter."""

import builtins
import ctypes
import errno
import json
import logging
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from functools import partial
from itertools import product
from unittest import mock

import attrs
import pytest

from tailrace._engine import snapshot

from .states import FULL, Scene, in_child, rows_of, shortcomings

KINDS = {
    errno.ENOSPC: "database or disk is full",
    errno.EIO: "disk I/O error",
    errno.EMFILE: "unable to open database file",
    errno.EROFS: "attempt to write a readonly database",
}
SHARE = 6
"""Operations of each run that fail in an ordinary run of these tests."""
ROWS, connect = rows_of(1), sqlite3.connect


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@attrs.define(eq=False)
class Disk:
    """Count operations in a folder, and let the `last`-th fail; for good, or only that one."""

    folder: pathlib.Path
    last: int = 0
    kind: int = errno.ENOSPC
    lasting: bool = False
    count: int = 0
    off: bool = False
    what: str = ""
    lock: object = attrs.field(factory=threading.Lock)

    @property
    def hit(self):
        return self.count >= self.last > 0

    def step(self, what, make=None):
        """Be one operation."""
        if self.off:
            return
        with self.lock:
            self.count += 1
            now, more = self.count == self.last, self.lasting and self.hit
        if now:
            self.what = what
        if now or more:
            raise make(KINDS[self.kind]) if make else OSError(self.kind, os.strerror(self.kind))

    def stepped(self, function):
        """Give a function that is an operation where it has to do with the folder."""

        def around(first, *given, **named):
            if isinstance(first, int) or str(first).startswith(str(self.folder)):
                self.step(f"{function.__name__} {first}")
            return function(first, *given, **named)

        return around

    def file(self, real):
        """Give a function that opens what may fail when it is written."""

        def around(first, *given, **named):
            opened = real(first, *given, **named)
            return File(opened, self) if isinstance(first, int) else opened

        return around

    @contextmanager
    def failing(self):
        """Let all that the engine does with files, and SQLite with the ledger, go through here."""
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, words, *given):
                if words != "ROLLBACK":
                    disk.step(words, sqlite3.OperationalError)
                return super().execute(words, *given)

            def backup(self, *given, **named):
                disk.step("backup", sqlite3.OperationalError)
                return super().backup(*given, **named)

        def connected(*given, **named):
            disk.step("connect", sqlite3.OperationalError)
            return connect(*given, **named, factory=Connection)

        with (
            mock.patch.object(sqlite3, "connect", connected),
            mock.patch.object(os, "open", self.stepped(os.open)),
            mock.patch.object(os, "replace", self.stepped(os.replace)),
            mock.patch.object(os, "mkdir", self.stepped(os.mkdir)),
            mock.patch.object(os, "fsync", self.stepped(os.fsync)),
            mock.patch.object(os, "fdopen", self.file(os.fdopen)),
            mock.patch.object(snapshot, "open", self.file(builtins.open), create=True),
            mock.patch.object(pathlib.Path, "open", self.stepped(pathlib.Path.open)),
        ):
            yield


@attrs.define(eq=False)
class File:
    """Be a file whose every write is an operation, and its end where that writes something."""

    real: object
    disk: Disk
    dirty: bool = False

    def __getattr__(self, name):
        return getattr(self.real, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def write(self, told):
        self.disk.step("write")
        self.dirty = True
        return self.real.write(told)

    def flush(self):
        self.disk.step("flush")
        self.real.flush()
        self.dirty = False

    def close(self):
        self.real.close()
        if self.dirty:
            self.disk.step("close")


def begin(scene, past):
    """Give a scene a past: unknown, known by a snapshot, or with a run that died."""
    if past != "unknown" and scene.mode == "upsert":
        scene.run(ROWS[:5], 1)
    if past == "died":
        scene.dies(ROWS, 2, at=2)


CASES = [
    ("unknown", "upsert", "keyed"),
    ("known", "upsert", "probe"),
    ("died", "upsert", "idempotent"),
    ("died", "upsert", "keyed"),
    ("unknown", "append", "probe"),
    ("unknown", "append", "at_most_once"),
    ("died", "append", "keyed"),
    ("died", "append", "probe"),
]


def without_intent(scene, batch):
    """Tell whether a batch is sent that the ledger knows nothing of."""
    name = batch.id.partition("/")[0].rstrip("+")
    with closing(connect(scene.folder / "ledger.db")) as ledger:
        return not ledger.execute("SELECT 1 FROM batches WHERE id = ?", [name]).fetchall()


def judged(scene, disk):
    """Run with a disk, and again with a sound one; give what is wrong with it."""
    strange = []

    def hook(moment, batch):
        disk.off = True
        if moment == "before" and without_intent(scene, batch):
            strange.append(batch.id)
        disk.off = False

    desk = scene.desk(hook=hook)
    try:
        with disk.failing():
            report = scene.run(ROWS, 4, desk)
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"]
    found = [f"sent without an intent: {strange}"] if strange else []
    return found + (ended(scene, report, desk.asked) if disk.hit else [])


def ended(scene, report, asked):
    """Give what is wrong with how a run ended on a failing disk, and with the run after it."""
    found = []
    warnings = [told for each in (*report.earlier, report) for told in each.warnings]
    if report.exit_code not in ({1, 7} if asked else {1, 2, 3, 7}) and not warnings:
        found.append(f"exit code {report.exit_code} and not a word")
    told = report.problem or " ".join(warnings)
    if "Traceback" in told or str(scene.folder) not in told:
        found.append(f"it says {told!r}")
    if report.exit_code:
        # What is called for by such a code is to run again.
        found += [f"then {each}" for each in shortcomings(scene, ROWS, scene.run(ROWS, 6))]
    return found


@pytest.mark.parametrize(("past", "mode", "delivery"), CASES)
def test_failing_operations(tmp_path, past, mode, delivery):
    made = Scene(tmp_path / "made", delivery, mode)
    begin(made, past)
    whole = made.copied(tmp_path / "whole")
    sound = Disk(whole.folder)
    wrong = judged(whole, sound)
    cases = list(product(range(1, sound.count + 1), KINDS, (False, True)))
    for place, kind, lasting in cases if FULL else random.Random(5).sample(cases, SHARE):
        scene = made.copied(tmp_path / f"{place}-{kind}-{lasting}")
        disk = Disk(scene.folder, place, kind, lasting)
        told = f"{errno.errorcode[kind]} {'from' if lasting else 'at'} {place}"
        wrong += [f"{told} ({disk.what}): {each}" for each in judged(scene, disk)]
        shutil.rmtree(scene.root)

    assert sound.count > 50
    assert not wrong, "\n".join(wrong)


def test_a_ledger_that_may_not_grow(tmp_path):
    """Let SQLite itself find that there is no room, for a little more each time."""
    rows = [each | {"text": "x" * 2000} for each in ROWS]
    silent = tuple(each["id"] for each in rows)
    codes, wrong = [], []
    while not codes or codes[-1] == 7:
        scene = Scene(tmp_path / str(len(codes)), "at_most_once")
        scene.run([], 1)

        class Connection(sqlite3.Connection):
            def __init__(self, *given, **named):
                super().__init__(*given, **named)
                (count,) = self.execute("PRAGMA page_count").fetchone()
                self.execute(f"PRAGMA max_page_count = {count + 3 * len(codes)}")

        with mock.patch.object(sqlite3, "connect", partial(connect, factory=Connection)):
            report = scene.run(rows, 2, scene.desk(silent=silent))
        codes.append(report.exit_code)
        wrong += shortcomings(scene, rows, scene.run(rows, 4))

    assert len(codes) > 3
    assert codes == [7] * (len(codes) - 1) + [4]
    assert not wrong


def mount(place, size, *, again=False):
    """Lay a file system of so many kilobytes over a folder, or change its size."""
    flags, told = 32 if again else 0, f"size={size}k".encode()
    if ctypes.CDLL(None).mount(b"none", bytes(place), b"tmpfs", flags, told):
        raise OSError("no mount")


def apart():
    """Give this process mounts of its own, for which it needs no rights."""
    maps = {"setgroups": "deny", "uid_map": f"0 {os.getuid()} 1", "gid_map": f"0 {os.getgid()} 1"}
    if ctypes.CDLL(None).unshare(0x10000000 | 0x00020000):
        raise OSError("no namespace")
    for name, told in maps.items():
        (pathlib.Path("/proc/self") / name).write_text(told)


def small_disks(root, case):
    """Run on a disk of each size up to one that is large enough; write down what is wrong."""
    past, mode, delivery = case
    wrong, codes = [], []
    while 0 not in codes and len(codes) < 200:
        size = (4 if FULL else 28) * (len(codes) + 1)
        state = root / f"{size}" / "state"
        state.mkdir(parents=True)
        mount(state, 100_000)
        scene = Scene(state.parent, delivery, mode)
        begin(scene, past)
        found = os.statvfs(state)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
        mount(state, max(size, used), again=True)
        desk = scene.desk()
        report = scene.run(ROWS, 4, desk)
        mount(state, 100_000, again=True)
        codes.append(report.exit_code)
        if report.exit_code:
            wrong += [f"{size} kB: {each}" for each in ended(scene, report, desk.asked)]
    (root / "told").write_text(json.dumps([codes, wrong]))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system made for it")
@pytest.mark.parametrize("case", CASES if FULL else CASES[1:7:2])
def test_full_disk(tmp_path, case):
    if in_child(lambda: (apart(), mount(tmp_path, 4))):
        pytest.skip("this system permits no mounts")
    code = in_child(lambda: (apart(), small_disks(tmp_path, case)))
    codes, wrong = json.loads((tmp_path / "told").read_text())

    assert code == 0
    assert len(codes) > 3
    assert not wrong, "\n".join(wrong)
