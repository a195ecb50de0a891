"""What a state keeps of rows: nothing of what was plainly delivered but keys and hashes."""

import logging
import os
import stat
import threading
from base64 import b64encode
from contextlib import contextmanager

import attrs
import duckdb
import pytest

import tailrace
from tailrace import Secret
from tailrace._engine import state
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.errors import FatalError, RejectedError, RetryableError, UnansweredError
from tailrace.testing import FakeClock

from .states import MANY, Scene

SECRET = "tok_3b1c9f-very-secret"


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


def canary(key, version=1):
    return f"kestrel{key}v{version}end"


def rows_with(keys, version=1):
    """Give rows whose every value but the key can be found again."""
    return [
        {
            "id": each,
            "text": canary(each, version),
            "deep": {"list": [canary(each, version)]},
            "raw": canary(each, version).encode(),
            "at": f"at{canary(each, version)}",
        }
        for each in keys
    ]


def contents(folder):
    """Give the bytes of all files, those of Parquet files as text too."""
    found = b""
    for path in folder.rglob("*"):
        if path.is_file():
            found += path.name.encode() + b"\n" + path.read_bytes()
        if path.suffix == ".parquet":
            rows = duckdb.connect().execute(f"FROM read_parquet('{path}')").fetchall()
            found += "\n".join(str(each) for row in rows for each in row).encode()
    return found


def kept(scene, keys, version=1):
    """Name the keys of which a value is found in the state, in any form."""
    found = contents(scene.root / "state")
    needles = {each: canary(each, version).encode() for each in keys}
    return [key for key, each in needles.items() if each in found or b64encode(each)[:-4] in found]


SYNCS = [
    ("upsert", {}),
    ("mirror", {}),
    ("insert", {}),
    ("append", {}),
    ("append", {"key": "id"}),
    ("upsert", {"mapping": {"id": "id", "other": {"template": "<{text}>"}}}),
]


@pytest.mark.parametrize(("mode", "told"), SYNCS)
def test_delivered_values_are_not_kept(tmp_path, mode, told):
    scene = Scene(tmp_path / "scene", "at_most_once", mode)
    desk = scene.desk(refuses=(4, 5), silent=(7, 8))
    report = scene.run(rows_with(range(30)), 1, desk, **told)
    # Without a key, a record's name is its number, which begins with 1.
    refused = [3, 4] if mode == "append" and not told else [4, 5]

    assert (report.rejected, report.in_doubt) == (2, 3)
    assert kept(scene, range(30)) == [*refused, 6, 7, 8]


def test_a_refused_value_goes_when_it_was_delivered(tmp_path):
    scene = Scene(tmp_path / "scene")
    scene.run(rows_with(range(9)), 1, scene.desk(refuses=(4, 5)))
    before = kept(scene, range(9))
    with state.read_state(scene.root / "state", scene.name):
        report = scene.run(rows_with(range(9), version=2), 2)
    after = kept(scene, range(9)) + kept(scene, range(9), version=2)

    assert before == [4, 5]
    assert report.exit_code == 0
    assert after == []


def test_what_was_deleted_or_is_failing_leaves_nothing(tmp_path):
    scene = Scene(tmp_path / "scene", "idempotent", "mirror")
    scene.run(rows_with(range(9)), 1)
    scene.run(rows_with(range(5)), 2)

    def fails(moment, batch):
        raise RetryableError("not now")

    report = scene.run(rows_with(range(5), version=2), 3, scene.desk(hook=fails))

    assert report.exit_code == 10
    assert kept(scene, range(9)) + kept(scene, range(9), version=2) == []


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_a_run_that_was_finished_leaves_nothing(tmp_path, mode):
    scene = Scene(tmp_path / "scene", mode=mode)
    rows = rows_with(range(12))
    scene.dies(rows, 1, at=2)
    before = kept(scene, range(12))
    report = scene.run(rows, 2)

    assert before
    assert report.exit_code == 0
    assert kept(scene, range(12)) == []


def test_a_run_that_was_refused_leaves_nothing(tmp_path):
    scene = Scene(tmp_path / "scene")

    def refuses(moment, batch):
        raise FatalError("who are you?")

    rows = rows_with(range(12))
    nameless = scene.run([each | {"id": None} for each in rows], 1)
    unknown = scene.run(rows, 2, scene.desk(hook=refuses))

    assert nameless.exit_code == 3
    assert unknown.exit_code
    assert kept(scene, range(12)) == []


def test_of_cursors_only_the_last_is_kept(tmp_path):
    scene = Scene(tmp_path / "scene")
    report = scene.run(rows_with(range(10, 20)), 1, cursor="at")

    assert report.exit_code == 0
    assert kept(scene, range(10, 20)) == [19]


# Who may read it

MASKS = (0o000, 0o022, 0o077)


@contextmanager
def mask(bits):
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(root):
    """Name what somebody else could read."""
    return {
        str(path.relative_to(root))
        for path in (root, *root.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    }


@pytest.mark.parametrize("bits", MASKS)
@pytest.mark.parametrize("mode", ["upsert", "append", "mirror", "replace"])
def test_modes_of_files(tmp_path, bits, mode):
    scene = Scene(tmp_path / "scene", "keyed", mode)
    found = set()

    def look(moment, batch):
        found.update(open_to_others(scene.root / "state"))

    with mask(bits):
        for turn in (1, 2, 3):
            silent = () if mode == "append" else (7,)
            desk = scene.desk(hook=look, refuses=(4,), silent=silent)
            scene.run(rows_with(range(20 - turn), turn), turn, desk)
            found.update(open_to_others(scene.root / "state"))
        left = os.umask(bits)

    assert not found
    assert left == bits


def test_two_syncs_at_once_leave_the_mask_alone(tmp_path, monkeypatch):
    """The mask is the process's; who changes it for a while may undo another thread's change."""
    first, second, gone = threading.Event(), threading.Event(), threading.Event()
    make = state.open_store

    def made(path, *given):
        mine, other = (first, second) if "one" in str(path) else (second, gone)
        mine.set()
        assert other.wait(20)
        return make(path, *given)

    def run(name):
        Scene(tmp_path / name, name=name).run(rows_with(range(3)), 1)
        gone.set()

    monkeypatch.setattr(state, "open_store", made)
    with mask(0o022):
        threads = [threading.Thread(target=run, args=[name]) for name in ("one", "two")]
        for thread, inside in zip(threads, (first, second), strict=True):
            thread.start()
            assert inside.wait(20)
        for thread in threads:
            thread.join()
        left = os.umask(0o022)

    assert left == 0o022


def test_a_large_state(tmp_path):
    scene = Scene(tmp_path / "scene", "idempotent")
    found = set()

    def look(moment, batch):
        found.update(open_to_others(scene.root / "state"))

    with mask(0):
        desk = scene.desk(remote=False, batch_size=MANY, hook=look)
        rows = [{"id": each, "text": canary(each)} for each in range(MANY)]
        report = scene.run(rows, 1, desk)
        found.update(open_to_others(scene.root / "state"))

    assert report.delivered == MANY
    assert list(scene.folder.glob("*.parquet"))
    assert b"kestrel" not in contents(scene.root / "state")
    assert not found


# Secrets of options


@attrs.frozen
class Options:
    token: Secret = tailrace.option()


ENDINGS = [
    RejectedError(f"bad token {SECRET}", reason="bad"),
    RetryableError(f"slow down, {SECRET}"),
    FatalError(f"who is {SECRET}?"),
    UnansweredError(f"no answer for {SECRET}"),
    ValueError(f"a bug with {SECRET}"),
    "rejected",
    "failed",
    "skipped",
]


@pytest.mark.parametrize("ending", ENDINGS, ids=str)
@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_secrets_are_in_no_file(tmp_path, ending, mode):
    class Writer:
        def write(self, batch):
            if isinstance(ending, Exception):
                raise ending
            return [batch.outcome(each, **{ending: f"because of {SECRET}"}) for each in batch]

    @contextmanager
    def opened(options):
        assert options.token.reveal() == SECRET
        yield Writer()

    spec = tailrace.DestinationSpec(
        open=opened, options=Options, modes={"upsert", "append"}, batch_size=2
    )
    sync = tailrace.Sync(
        source=rows_with(range(6)),
        destination=spec,
        options={"token": SECRET},
        name="case",
        mode=mode,
        key="id",
        state=tmp_path / "state",
    )
    reports = [execute(prepare(sync), FakeClock(now=1000.0 * turn)) for turn in (1, 2)]

    assert SECRET not in str([each.as_json() for each in reports])
    assert SECRET.encode() not in contents(tmp_path / "state")
