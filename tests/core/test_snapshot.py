"""Snapshots: whatever runs change, they hold what a dict would, in few bytes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace._engine import snapshot as module
from tailrace._engine.arrow import connect
from tailrace._engine.codec import digest, encode, name_of
from tailrace._engine.lines import hash_fields
from tailrace._engine.snapshot import (
    ABSENT,
    EXISTS,
    GONE,
    HELD,
    Held,
    Segment,
    Snapshot,
    advance,
    held_of,
    rewrite,
    table_of,
)

KEYS = st.one_of(st.integers(0, 9), st.sampled_from(["a", "", "\t", "\n", '"', "é", "1"]))
ROWS = st.builds(
    lambda key, **facts: Held(name_of(key), key, **facts),
    KEYS,
    hash=st.sampled_from(["", "ab", "cd"]),
    fields=st.sampled_from(["", "AAA="]),
    state=st.sampled_from([HELD, HELD, EXISTS, ABSENT, GONE]),
    owned=st.booleans(),
    remote=st.none() | st.text(min_size=1, max_size=3),
    run=st.integers(0, 5),
)
DELTAS = st.lists(st.lists(ROWS, max_size=6, unique_by=lambda held: held.name), max_size=5)


def sealed(segments):
    """Take the ending of new files away, as the state does."""
    kept = []
    for each in segments:
        path = each.path.with_name(each.path.name.removesuffix(".new"))
        each.path.rename(path)
        kept.append(attrs.evolve(each, path=path))
    return kept


def played(folder, deltas):
    """Give the snapshot at first, and after each delta."""
    snapshot = Snapshot([], folder)
    yield snapshot
    for at, delta in enumerate(deltas):
        segments = advance(snapshot, delta, folder, f"snapshot-{at}")
        snapshot = Snapshot(sealed(segments), folder)
        yield snapshot


def played_on(snapshot, delta):
    segments = advance(snapshot, delta, snapshot.temporary, "snapshot-then")
    yield Snapshot(sealed(segments), snapshot.temporary)


def expected(deltas):
    held = {each.name: each for delta in deltas for each in delta}
    return {name: each for name, each in held.items() if each.state != GONE}


@pytest.mark.parametrize("in_memory", [20_000, 6, 0])
@given(deltas=DELTAS)
@settings(max_examples=15)
def test_it_holds_what_a_dict_would(in_memory, deltas):
    with TemporaryDirectory() as place, mock.patch.object(module, "IN_MEMORY", in_memory):
        *_, snapshot = played(Path(place), deltas)
        held = expected(deltas)
        found = {each.name: each for each in snapshot.each()}
        singles = {name: snapshot.find(name) for name in [*held, '"nobody"']}

    assert found == held
    assert singles == {**held, '"nobody"': None}


@pytest.mark.parametrize("in_memory", [20_000, 0])
@given(deltas=DELTAS, gone=st.lists(KEYS, max_size=3, unique=True))
@settings(max_examples=15)
def test_rewritten_it_has_nothing_of_what_is_gone(in_memory, deltas, gone):
    with TemporaryDirectory() as place, mock.patch.object(module, "IN_MEMORY", in_memory):
        *_, snapshot = played(Path(place), deltas)
        tombs = [Held(name_of(key), key, state=GONE) for key in gone]
        after = Snapshot(rewrite(snapshot, tombs, Path(place), "again"), Path(place))
        found = {each.name for each in after.each()}
        segments = len(after.segments)

    assert segments == 1
    assert found == expected(deltas).keys() - {each.name for each in tombs}


@given(deltas=DELTAS, names=st.sets(KEYS.map(name_of), max_size=4))
@settings(max_examples=30)
def test_some_of_it_are_those_of_all(deltas, names):
    with TemporaryDirectory() as place, mock.patch.object(module, "IN_MEMORY", 0):
        *_, snapshot = played(Path(place), deltas)
        with snapshot.connect() as connection:
            connection.execute(
                "CREATE TABLE wanted AS SELECT unnest(?::VARCHAR[]) AS name", [[*names]]
            )
            found = connection.execute(snapshot.held(connection, among="wanted")).fetchall()

    held = expected(deltas)
    assert {held_of(row).name: held_of(row) for row in found} == {
        name: held[name] for name in names & held.keys()
    }


@given(deltas=DELTAS)
@settings(max_examples=15)
def test_a_file_of_an_older_version_holds_the_same(deltas):
    with TemporaryDirectory() as place, mock.patch.object(module, "IN_MEMORY", 0):
        with mock.patch.multiple(module, _WRITTEN={}):
            *_, snapshot = played(Path(place), deltas)
        after = [Held("1", 1, "ab", "AAA=", owned=True)]
        both = [snapshot, *list(played_on(snapshot, after))]
        found = [{each.name: each for each in one.each()} for one in both]

    assert found == [expected(deltas), expected([*deltas, after])]


def test_files_of_a_snapshot_never_become_many(tmp_path):
    def held(key):
        return Held(name_of(key), key, "00" * 16, owned=True)

    with mock.patch.object(module, "IN_MEMORY", 50):
        deltas = [[held(key) for key in range(400)], *([held(key)] for key in range(60))]
        counts = [len(each.segments) for each in played(tmp_path, deltas)]

    assert max(counts) > 2
    assert max(counts) <= module._DELTAS + 2


@pytest.mark.parametrize("count", [1_000, 60_000])
def test_a_row_costs_250_bytes_or_less(tmp_path, count):
    ids = {name: at for at, name in enumerate(("id", "name", "email", "score", "plan", "country"))}

    def held(key):
        row = {
            "id": key,
            "name": f"Name {key}",
            "email": f"user{key}@example.com",
            "score": key / 7,
        }
        row |= {"plan": "team", "country": "NL"}
        hashes = hash_fields(row, ids)
        return Held(name_of(key), key, digest(encode(row)).hex(), hashes, owned=True, run=1)

    segments = advance(Snapshot([], tmp_path), map(held, range(count)), tmp_path, "snapshot-1")
    size = sum(each.path.stat().st_size for each in segments)

    assert sum(each.rows for each in segments) == count
    assert size / count <= 250


def test_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "a [b] 'c' *?"
    folder.mkdir()
    with mock.patch.object(module, "IN_MEMORY", 0):
        *_, snapshot = played(folder, [[Held('"k"', "k", "ab")]])
        found = list(snapshot.each())

    assert isinstance(snapshot.segments[0], Segment)
    assert [each.key for each in found] == ["k"]


def test_a_file_larger_than_memory_is_read(tmp_path):
    path = tmp_path / "large.lines"
    path.write_bytes(b"a\t%b\n" % (b"b" * 997) * 150_000)
    with connect() as connection:
        connection.execute("SET memory_limit = '120MB'")
        (count,) = connection.execute(
            f"SELECT count(*) FROM ({table_of(path, ('one', 'other'))})"
        ).fetchone()

    assert 150_000 == count
