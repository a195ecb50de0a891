"""Whatever is altered in a state, the next run does the same as ever, or refuses and says why."""

import logging
import os
import random
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs
import pytest

from tailrace._engine.forms import TABLES
from tailrace._engine.state import read_state
from tailrace.errors import StateError

from .states import FULL, died_append, died_upsert, large, picture, rich, told_of

PASTS = (rich, died_upsert, died_append, large)
SHARE = 10
"""Blocks of each past that an ordinary run alters, and single bits that it flips."""
FLIPS = 2_500


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@pytest.fixture(scope="module")
def pasts(tmp_path_factory):
    """Give each past, and what follows it if nobody touches it."""
    made = {}
    for past in PASTS:
        scene = past(tmp_path_factory.mktemp(past.__name__) / "made")
        copy = scene.copied(scene.root.with_name("untouched"))
        made[past.__name__] = scene, followed(copy)
    return made


def followed(scene):
    """Run twice more; give all that is told and sent."""
    desk = scene.desk()
    told = [told_of(scene.run(scene.later, turn, desk)) for turn in (11, 12)]
    return str(told).replace(str(scene.root), ""), desk.lines()


def violation(scene, expected, alter):
    """Alter a copy of a past; say what is wrong with what the next run makes of it, or None."""
    copy = scene.copied(scene.root.with_name("altered"))
    try:
        alter(copy.folder)
        return _judged(copy, expected)
    finally:
        shutil.rmtree(copy.root)


def _judged(scene, expected):
    before, lines = picture(scene.folder), scene.desk().lines()
    desk = scene.desk()
    try:
        report = scene.run(scene.later, 11, desk)
        if report.exit_code != 7:
            told = [told_of(report), told_of(scene.run(scene.later, 12, desk))]
            same = (str(told).replace(str(scene.root), ""), desk.lines()) == expected
            return None if same else f"believed: {report.summary()}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    after = picture(scene.folder)
    touched = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if desk.asked or desk.lines() != lines:
        return "sent something"
    if touched:
        return f"touched {touched}: {report.problem}"
    ways_out = (f"tailrace recover {scene.name}", "newer tailrace", "see to space and permissions")
    told = any(each in report.problem for each in ways_out) and str(scene.folder) in report.problem
    if not told:
        return f"said only: {report.problem}"
    return _looked_at(scene, after)


def _looked_at(scene, before):
    """Look at a state that was refused, as a person would next."""
    try:
        with read_state(scene.root / "state", scene.name):
            return None
    except StateError:
        return None if picture(scene.folder) == before else "touched by a look"
    except Exception as error:
        return f"looked at, it raised {type(error).__name__}: {error}"


def files_of(scene):
    return sorted(path for path in scene.folder.iterdir() if not path.name.endswith("-shm"))


def zeroed(folder, name, place):
    body = bytearray((folder / name).read_bytes())
    body[place : place + 512] = bytes(len(body[place : place + 512]))
    (folder / name).write_bytes(body)


def inverted(folder, name, place):
    body = bytearray((folder / name).read_bytes())
    body[place : place + 512] = bytes(each ^ 0xFF for each in body[place : place + 512])
    (folder / name).write_bytes(body)


def cut(folder, name, place):
    os.truncate(folder / name, place)


def flipped(folder, name, bit):
    body = bytearray((folder / name).read_bytes())
    body[bit // 8] ^= 1 << bit % 8
    (folder / name).write_bytes(body)


def violations(scene, expected, given):
    """Give what is wrong with what comes of alterations, a line each."""
    found = {told: violation(scene, expected, alter) for told, alter in given.items()}
    return "\n".join(f"{told}: {wrong}" for told, wrong in found.items() if wrong)


def some(given, count):
    return dict(random.Random(15).sample(list(given.items()), min(count, len(given))))


@pytest.mark.parametrize("past", [each.__name__ for each in PASTS])
def test_altered_blocks(pasts, past):
    scene, expected = pasts[past]
    given = {
        f"{path.name} {alter.__name__} at {place}": partial(alter, name=path.name, place=place)
        for path in files_of(scene)
        for place in range(0, path.stat().st_size, 512)
        for alter in (zeroed, inverted, cut)
    }
    if not FULL:
        given = some(given, SHARE // (2 if past == "large" else 1))
    wrong = violations(scene, expected, given)

    assert not wrong, wrong


@pytest.mark.parametrize("past", [each.__name__ for each in PASTS])
def test_flipped_bits(pasts, past):
    scene, expected = pasts[past]
    chance = random.Random(16)
    paths = [path for path in files_of(scene) if path.stat().st_size]
    given = {}
    for path in chance.choices(paths, k=FLIPS if FULL else SHARE):
        bit = chance.randrange(8 * path.stat().st_size)
        given[f"{path.name} flipped at {bit}"] = partial(flipped, name=path.name, bit=bit)
    wrong = violations(scene, expected, given)

    assert not wrong, wrong


@attrs.frozen
class Others:
    """Hold what may be put in the place of a file, or of all."""

    before: Path
    """The same state a run earlier."""
    stranger: Path
    """Another sync's."""


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    return {
        "rich": Others(rich(folder / "a", turns=2).folder, rich(folder / "b", "other").folder),
        "died_upsert": Others(
            died_upsert(folder / "c", at=2).folder, died_upsert(folder / "d", "other").folder
        ),
        "died_append": Others(
            died_append(folder / "e", at=2).folder, died_append(folder / "f", "other").folder
        ),
    }


def emptied(folder, name):
    (folder / name).write_bytes(b"")


def missing(folder, name):
    (folder / name).unlink()


def longer(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes() + b"0")


def made_a_folder(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()


def reordered(folder, name, order):
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join(order(lines)))


def in_sql(folder, words):
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        connection.execute(words)


def replaced(folder, names, other):
    for name in names:
        (folder / name).unlink(missing_ok=True)
        if (other / name).exists():
            shutil.copy(other / name, folder / name)


ORDERS = {
    "without its first": lambda lines: lines[1:],
    "without its last": lambda lines: lines[:-1],
    "swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "doubled": lambda lines: [lines[0], *lines],
}
SQL = {
    "a newer format": "UPDATE meta SET value = 99 WHERE name = 'format'",
    "an older format": "UPDATE meta SET value = 0 WHERE name = 'format'",
    "no format": "UPDATE meta SET value = 'none' WHERE name = 'format'",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON batches BEGIN DELETE FROM files; END",
    "a column renamed": "ALTER TABLE answers RENAME COLUMN reason TO treason",
    "a table lost": "DROP TABLE answers",
    "an index lost": "DROP INDEX answers_by_name",
}


def shapes(scene, other):
    """Give alterations by name, each a function of the folder."""
    given = {}
    ledger = ["ledger.db", "ledger.db-wal"]
    names = [path.name for path in files_of(scene)]
    both = {*names, *(path.name for path in other.before.iterdir())}
    all_ = {*both, *(path.name for path in other.stranger.iterdir())}
    sources = {"before": other.before, "a stranger": other.stranger}
    for name in names:
        for alter in (missing, emptied, longer, made_a_folder):
            # What is only written, at the end of a run, is not looked at before.
            if not (alter is made_a_folder and name == "ledger.copy"):
                given[f"{name} {alter.__name__}"] = partial(alter, name=name)
        for told, source in sources.items():
            if (source / name).exists():
                given[f"{name} of {told}"] = partial(replaced, names=[name], other=source)
        if name.endswith(".lines") and (scene.folder / name).stat().st_size:
            for told, order in ORDERS.items():
                given[f"lines of {name} {told}"] = partial(reordered, name=name, order=order)
    for told, source in sources.items():
        given[f"ledger of {told}"] = partial(replaced, names=ledger, other=source)
        given[f"all of {told} but the lock"] = partial(
            replaced, names=all_ - {"lock"}, other=source
        )
    given["all of a stranger"] = partial(replaced, names=all_, other=other.stranger)
    given["sealed files alone"] = partial(
        replaced, names=[*ledger, "lock"], other=scene.folder / "none"
    )
    given["nothing but the lock"] = partial(
        replaced, names=both - {"lock"}, other=scene.folder / "none"
    )
    if "ledger.copy" in names:
        given["the copy as the ledger"] = lambda folder: shutil.copy(
            folder / "ledger.copy", folder / "ledger.db"
        )
    for told in (b"999\n", b"-1\n", b"\xff\0 1\n", b"0" * 100):
        given[f"a lock that says {told[:9]!r}"] = lambda folder, told=told: (
            folder / "lock"
        ).write_bytes(told)
    for table, columns in TABLES.items():
        for told, value in (("edited", "'\"7\"'"), ("with bytes", "x'ff00'")):
            words = f"UPDATE {table} SET {columns[-1]} = {value}"
            given[f"{table} {told}"] = partial(in_sql, words=words)
    return given | {told: partial(in_sql, words=words) for told, words in SQL.items()}


@pytest.mark.parametrize("past", ["rich", "died_upsert", "died_append"])
def test_shapes(pasts, others, past):
    scene, expected = pasts[past]
    given = shapes(scene, others[past])
    count = len(given)
    if not FULL and past != "rich":
        given = some(given, 3 * SHARE)
    wrong = violations(scene, expected, given)

    assert count >= 60
    assert not wrong, wrong
