"""States of every format that there was are read as they were meant; newer ones are refused.

`golden/format-N` holds states that format N wrote: the ledger as SQL, the files beside it, and in
`expected.json` what was in it and what the run after it has to send. A folder that is there stays
for ever; the test of a new format writes its own, once.
"""

import json
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import attrs
import pytest

from tailrace._engine import forms
from tailrace._engine.closing import open_snapshot
from tailrace._engine.forms import FORMAT
from tailrace._engine.state import open_state, read_state
from tailrace._engine.store import seal_of
from tailrace.testing import FakeClock

from .states import DIED, Scene, died_append, died_upsert, in_child, picture, rich, rows_of

GOLDEN = Path(__file__).parent / "golden"
STATES = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.glob("format-*/*"))
LAST = f"format-{FORMAT}/rich"
LATER = {
    "rich": ("at_most_once", "mirror", rows_of(3, 30)),
    "died_upsert": ("keyed", "upsert", rows_of(3, 30)),
    "died_append": ("keyed", "append", rows_of(1, 30)),
}
"""What each state is followed by."""
connect = sqlite3.connect


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@pytest.fixture
def scene(tmp_path):
    return scene_of(tmp_path, LAST)


def scene_of(place, state):
    delivery, mode, later = LATER[state.partition("/")[2]]
    return Scene(place / "scene", delivery, mode, later=later)


def laid_out(scene, state):
    """Make a state folder of a golden one."""
    golden = GOLDEN / state
    scene.folder.mkdir(parents=True)
    for path in golden.iterdir():
        if path.suffix in (".lines", ""):
            shutil.copy(path, scene.folder)
    with closing(connect(scene.folder / "ledger.db")) as ledger:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.executescript((golden / "ledger.sql").read_text())
    return json.loads((golden / "expected.json").read_text())


def content(scene):
    """Give what a state says, as today's version reads it."""
    with open_state(scene.root / "state", scene.name, FakeClock()) as state:
        told = {"snapshot": [attrs.asdict(each) for each in open_snapshot(state).each()]}
        for table in ("refusals", "doubts"):
            told[table] = state.store.rows(table)
    return json.loads(json.dumps(told))


def sent_next(scene):
    """Give what the next run sends, and its counts."""
    desk = scene.desk()
    before = len(desk.lines())
    report = scene.run(scene.later, 11, desk)
    counts = {
        name: getattr(report, name)
        for name in ("exit_code", "read", "delivered", "skipped", "rejected", "failed", "in_doubt")
    }
    return {"sent": [json.loads(each) for each in desk.lines()[before:]], "counts": counts}


def write_golden(past, root):
    """Write a golden state of this format."""
    scene, golden = past(root), GOLDEN / f"format-{FORMAT}" / past.__name__
    golden.mkdir(parents=True)
    for path in scene.folder.iterdir():
        if path.suffix in (".lines", "") and path.stat().st_size:
            shutil.copy(path, golden)
            (golden / path.name).chmod(0o644)
    (golden / "ledger.sql").write_text(dump(scene))
    # The service of those who read it later remembers nothing.
    scene.desk().path.unlink()
    expected = content(scene) | sent_next(scene)
    told = json.dumps(expected, indent=1, sort_keys=True)
    (golden / "expected.json").write_text(told + "\n")


def dump(scene, name="ledger.db"):
    """Give a ledger as SQL."""
    with closing(connect(scene.folder / name)) as ledger:
        return "\n".join(ledger.iterdump()) + "\n"


@pytest.mark.parametrize("past", [rich, died_upsert, died_append])
def test_this_format_has_its_golden_state(tmp_path, past):
    written = f"format-{FORMAT}/{past.__name__}" not in STATES
    if written:
        write_golden(past, tmp_path / "made")

    assert not written, "it was written just now; look at it and keep it"


@pytest.mark.parametrize("state", STATES)
def test_golden_state(tmp_path, state):
    scene = scene_of(tmp_path, state)
    expected = laid_out(scene, state)
    found = content(scene)
    found |= sent_next(scene)

    assert found == expected


@pytest.mark.parametrize("newer", [FORMAT + 1, 99, 2**62])
def test_newer_format_is_refused(scene, newer):
    laid_out(scene, LAST)
    reform(scene, newer)
    before = picture(scene.folder)
    desk = scene.desk()
    report = scene.run(scene.later, 11, desk)

    assert report.exit_code == 7
    assert f"format {newer}" in report.problem
    assert f"{FORMAT}" in report.problem.replace(f"{newer}", "")
    assert not desk.asked
    assert picture(scene.folder) == before


@pytest.mark.parametrize("older", [-1, 0, 0.5, "1", None])
def test_format_that_nobody_knows_is_refused(scene, older):
    laid_out(scene, LAST)
    reform(scene, older)
    before = picture(scene.folder)
    desk = scene.desk()
    report = scene.run(scene.later, 11, desk)

    assert report.exit_code == 7
    assert f"tailrace recover {scene.name}" in report.problem
    assert not desk.asked
    assert picture(scene.folder) == before


# From an older format, which is made up: fields had another name, and refusals were never due

DOWN = (
    "CREATE TABLE names (id, name, seal, PRIMARY KEY (id)) WITHOUT ROWID",
    "INSERT INTO names SELECT id, name, seal FROM fields",
    "DROP TABLE fields",
    "ALTER TABLE refusals DROP COLUMN due",
)
UP = (
    "CREATE TABLE fields (id, name, seal, PRIMARY KEY (id)) WITHOUT ROWID",
    "INSERT INTO fields SELECT id, name, seal FROM names",
    "DROP TABLE names",
    "ALTER TABLE refusals ADD COLUMN due",
    "UPDATE refusals SET due = 0",
)


def up(connection, seal):
    """Be the step from the older format to this one."""
    for words in UP:
        connection.execute(words)
    columns = forms.TABLES["refusals"]
    listed = ", ".join(columns)
    for values in connection.execute(f"SELECT {listed} FROM refusals").fetchall():
        row = dict(zip(columns, values, strict=True))
        told = (seal(row), row["name"])
        connection.execute("UPDATE refusals SET seal = ? WHERE name = ?", told)


def reform(scene, form, words=()):
    """Give a ledger another format, by hand."""
    with closing(connect(scene.folder / "ledger.db", isolation_level=None)) as ledger:
        for each in words:
            ledger.execute(each)
        row = {"name": "format", "value": form}
        told = (form, seal_of(row))
        ledger.execute("UPDATE meta SET value = ?, seal = ? WHERE name = 'format'", told)


@pytest.fixture
def older(scene, monkeypatch):
    """Give a state of the older format, from which there is a way, and what it holds."""
    expected = laid_out(scene, LAST)
    reform(scene, FORMAT - 1, DOWN)
    monkeypatch.setitem(forms.STEPS, FORMAT - 1, up)
    return scene, expected


def test_migration(older):
    scene, expected = older
    before = dump(scene)
    found = content(scene) | sent_next(scene)

    assert found == expected
    assert dump(scene, "ledger.db.before-migration") == before


def test_a_look_does_not_migrate(older):
    scene, _ = older
    before = dump(scene)
    with read_state(scene.root / "state", scene.name) as state:
        assert state is not None
    copied = (scene.folder / "ledger.db.before-migration").exists()

    assert copied or dump(scene) == before


def dying(scene, last, die):
    """Open a state, and die before its `last`-th statement; tell whether it came so far."""
    count = 0

    def step():
        nonlocal count
        count += 1
        if count == last:
            die()

    class Connection(sqlite3.Connection):
        def execute(self, *given):
            if given != ("ROLLBACK",):
                step()
            return super().execute(*given)

        def backup(self, *given):
            step()
            return super().backup(*given)

    def connected(*given, **named):
        return connect(*given, **named, factory=Connection)

    with mock.patch.object(sqlite3, "connect", connected):
        scene.run(scene.later, 11)
    return count >= last


def fail():
    raise sqlite3.OperationalError("disk I/O error")


def killed(scene, last):
    return (
        in_child(lambda: os._exit(0 if dying(scene, last, lambda: os._exit(DIED)) else 1)) == DIED
    )


def failed(scene, last):
    return dying(scene, last, fail)


@pytest.mark.parametrize("how", [killed, failed])
def test_migration_breaks_off(older, tmp_path, how):
    made, expected = older
    old = dump(made)
    found, wrong = [], []
    while found[-3:] != ["new"] * 3:
        scene = made.copied(tmp_path / f"{len(found)}")
        how(scene, len(found) + 1)
        found.append(state_of(scene, old))
        read = content(scene)
        if any(read[name] != expected[name] for name in read):
            wrong.append(f"{len(found)}: it reads otherwise")
        if dump(scene, "ledger.db.before-migration") != old:
            wrong.append(f"{len(found)}: the copy is another")

    assert set(found) == {"old", "new"}
    assert found.count("old") > len(UP)
    assert not wrong


def state_of(scene, old):
    """Tell whether a ledger is the old one, the new one, or something between."""
    with closing(connect(scene.folder / "ledger.db")) as ledger:
        names = {name for (name,) in ledger.execute("SELECT name FROM sqlite_master")}
        (form,) = ledger.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    if dump(scene) == old:
        return "old"
    whole = form == FORMAT and "fields" in names and "names" not in names
    return "new" if whole else "half"
