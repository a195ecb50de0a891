"""Places: what is told by a row's place is what looking up its key would tell."""

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine import places
from tailrace._engine.arrow import connect, identifier, scan
from tailrace._engine.columnar import Columnar, Settled, marks_of

KEYS = st.integers(0, 12)
ROWS = st.lists(st.tuples(KEYS, st.sampled_from("aab")), max_size=4)
SETTLED = st.lists(
    st.one_of(st.none(), st.tuples(KEYS, st.sampled_from("aab"))),
    min_size=1,
    max_size=14,
    unique_by=lambda row: object() if row is None else row[0],
)


EDITS = st.lists(st.sampled_from(["same", "same", "changed", "since", "gone"]), min_size=14)


def source(rows, again=True):
    connection = connect()
    connection.execute("CREATE TABLE source (k BIGINT, v VARCHAR)")
    if rows:
        connection.executemany("INSERT INTO source VALUES (?, ?)", rows)
    return attrs.evolve(scan(connection, "source"), again=again)


def marked(rows):
    """Give mark and print of each row; a row that is none keeps its place."""
    given_ = source([row or (None, None) for row in rows])
    marks = marks_of(given_, None, ["k"], ())
    query = f"SELECT k, {marks.mark}, {marks.print} FROM {given_.relation}"
    return [
        (None,) * 4 if key is None else (mark, print_, str(key), b"")
        for key, mark, print_ in given_.connection.execute(query).fetchall()
    ]


def lay_down(rows, path):
    with connect() as connection:
        connection.execute("CREATE TABLE s (mark UBIGINT, print UBIGINT, name VARCHAR, hash BLOB)")
        if rows:
            connection.executemany("INSERT INTO s VALUES (?, ?, ?, ?)", marked(rows))
        connection.execute(f"COPY s TO '{path}' (FORMAT parquet)")


def told(columnar):
    """Read; give all that is known then."""
    pages = list(columnar.pages())
    with connect() as connection:
        others = connection.execute(f"FROM '{columnar.others}'").fetchall()
        columnar.view(connection)
        passed = connection.execute("SELECT name FROM passed").fetchall()
    return {
        "rows": [(*row.values(), number) for page in pages for row, number in _numbered(page)],
        "read": columnar.read,
        "passed": columnar.passed,
        "doubles": sorted(columnar.doubles),
        "others": sorted(others),
        "names": sorted(passed),
    }


def _numbered(page):
    return zip(page, page.numbers, strict=True)


@pytest.fixture
def told_by(monkeypatch):
    """Compare a read with what is settled, by places or not."""

    def told_by(by_place, rows, before, since):
        monkeypatch.setattr(places, "kept", lambda *_: by_place)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "settled.parquet"
            lay_down(before, path)
            given_ = source(rows)
            settled = Settled(path, sum(each is not None for each in before), since)
            marks = marks_of(given_, None, ["k"], ())
            return told(Columnar(given_, marks, settled, Path(folder), lambda: False))

    return told_by


def test_places_tell_what_keys_would(told_by):
    @given(SETTLED, EDITS, ROWS, st.booleans())
    def check(before, edits, more, unnamed):
        rows, since = [], set()
        for row, edit in zip(before, edits, strict=False):
            key, value = row or (None, "a")
            rows += [] if edit == "gone" else [(key, "c" if edit == "changed" else value)]
            since |= {str(key)} if row and edit == "since" else set()
        rows = [each for each in rows + more if unnamed or each[0] is not None]

        assert told_by(False, rows, before, since) == told_by(True, rows, before, since)

    check()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (range(40), True),
        (range(50), True),
        ([*range(10), 99, *range(11, 40)], True),
        (range(1, 41), False),
        (range(30), False),
        ([*range(11), *range(12, 30), 99, *range(30, 40)], False),
        ([], False),
    ],
    ids=["the same", "more", "another", "shifted", "fewer", "shifted within", "none"],
)
def test_a_look_tells_whether_places_were_kept(tmp_path, monkeypatch, rows, expected):
    monkeypatch.setattr(places, "_LOOK", 3)
    path = tmp_path / "settled.parquet"
    lay_down([(each, "a") for each in range(40)], path)
    given_ = source([(each, "b") for each in rows])
    found = places.kept(given_.connection, given_.relation, f"hash({identifier('k')})", path)

    assert expected is found
