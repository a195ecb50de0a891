"""A plan's lines: what is written is read, and what is stripped is gone."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine import plans
from tailrace._engine.codec import digest, encode, encode_value, name_of
from tailrace._engine.lines import (
    Change,
    differing,
    field_names,
    hash_fields,
    read,
    stripped,
    write,
)
from tailrace.testing.strategies import rows

from .test_codec import exact

KEYS = st.one_of(
    st.integers(), st.text(), st.tuples(st.integers(), st.text()), st.floats(allow_nan=False)
)


@st.composite
def changes(draw):
    key = draw(KEYS)
    row = draw(rows())
    line = encode(row)
    return Change(
        number=draw(st.integers(1, 10**9)),
        action=draw(st.sampled_from(["upsert", "delete", "append"])),
        name=name_of(key),
        key=key,
        hash=digest(line).hex(),
        fields=hash_fields(row, {name: at for at, name in enumerate(row)}),
        changed=draw(st.none() | st.frozensets(st.text(), min_size=1)),
        owned=draw(st.booleans()),
        remote=draw(st.none() | st.text(min_size=1)),
        cursor=draw(st.just("") | KEYS.map(encode_value)),
        line=line,
    )


@given(changes())
def test_what_is_written_is_read(change):
    line = write(change)

    assert line.count(b"\n") == 1
    assert read(line) == change
    assert exact(read(line).key) == exact(change.key)


@given(changes())
def test_a_stripped_line_has_all_but_values(change):
    kept = read(stripped([write(change)]))

    assert kept.line == b""
    assert kept.cursor == ""
    assert attrs.evolve(kept, line=change.line, cursor=change.cursor) == read(write(change))


@given(st.lists(changes(), max_size=8))
def test_a_plan_gives_back_its_changes_from_every_place(tmp_path_factory, given_changes):
    path = tmp_path_factory.mktemp("plan") / "plan"
    count = plans.lay(path, given_changes)
    places, at = [], 0
    for change in given_changes:
        places.append((at, len(write(change))))
        at += len(write(change))
    found = [read(plans.read_slice(path, *place)[0]) for place in places]

    assert count == len(given_changes)
    assert [each.number for each in found] == [each.number for each in given_changes]
    assert path.stat().st_size == at


@given(rows(), rows())
def test_the_fields_that_differ_are_named_and_no_others(one, other):
    names = sorted({*one, *other})
    ids = {name: at for at, name in enumerate(names)}
    told = differing(hash_fields(one, ids), hash_fields(other, ids), dict(enumerate(names)))
    expected = {
        name
        for name in names
        if (name in one) != (name in other)
        or (name in one and encode_value(one[name]) != encode_value(other[name]))
    }

    assert (told or set()) == (expected if one and other else set())


def test_fields_are_named_by_their_hashes():
    hashes = hash_fields({"a": 1, "b": 2}, {"a": 0, "b": 7})

    assert field_names(hashes, {0: "a", 7: "b", 9: "c"}) == ["a", "b"]


@pytest.mark.parametrize("known", [("", "x"), ("x", ""), ("", "")])
def test_what_differs_is_not_known_where_one_side_is_not(known):
    assert differing(*known, {}) is None


@given(st.lists(changes(), min_size=1, max_size=6, unique_by=lambda change: change.name))
def test_a_blanked_line_tells_nothing_of_its_record(tmp_path_factory, given_changes):
    path = tmp_path_factory.mktemp("plan") / "plan"
    gone = given_changes[0]
    lines = list(map(write, given_changes))
    plans.blank(lines, path, {gone.name})
    found = path.read_bytes().splitlines(keepends=True)

    assert found[1:] == lines[1:]
    assert (read(found[0]).number, read(found[0]).line) == (gone.number, b"")
    version = "gone" if gone.action == "delete" else ""
    assert dict(plans.names_in(found[:1])) == {'""': version}
