"""The inbox: rows stay until every sync that reads them has settled them, and no longer."""

import json
import logging
import sqlite3
import stat

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailrace
from tailrace.errors import SourceError
from tailrace_webhook import open_inbox
from tailrace_webhook._file import open_file
from tailrace_webhook._inbox import Kept
from tailrace_webhook._receiver import Receiver

from .conftest import options

WEEK = 604_800.0
LOG = logging.getLogger("test")


def kept(number, *, endpoint="/in", told=None, rows=1):
    body = json.dumps([{"n": number, "at": at} for at in range(rows)]).encode()
    return Kept(endpoint=endpoint, received=1e9, kind="json", body=body, rows=rows, ids=told)


def put(path, *requests, most=1 << 30):
    with open_file(path) as inbox:
        return inbox.store(requests, WEEK, most)


def read(tmp_path, position=None, syncs=("it",), **given):
    rows = []
    with open_inbox(options(tmp_path, **given), log=LOG, syncs=syncs) as reader:
        for page in reader.read(position):
            rows += [row["n"] for row in page.rows]
            position = page.position
    return rows, position


def left(tmp_path):
    with open_file(tmp_path / "inbox.sqlite") as inbox:
        return sum(inbox.waiting().values())


def test_rows_are_read_on_from_a_position_and_gone_once_it_is_settled(tmp_path):
    inbox = tmp_path / "inbox.sqlite"
    put(inbox, kept(1), kept(2))
    rows, position = read(tmp_path)
    put(inbox, kept(3))

    assert (rows, left(tmp_path)) == ([1, 2], 3)
    assert read(tmp_path)[0] == [1, 2, 3]
    assert read(tmp_path, position)[0] == [3]
    assert left(tmp_path) == 1


def test_rows_stay_until_the_slowest_of_those_that_read_has_settled_them(tmp_path):
    inbox = tmp_path / "inbox.sqlite"
    put(inbox, kept(1), kept(2))
    _, position = read(tmp_path, syncs=("crm", "base"))
    assert read(tmp_path, position, syncs=("crm",)) == ([], position)
    assert left(tmp_path) == 2
    assert read(tmp_path, syncs=("base",))[0] == [1, 2]
    read(tmp_path, position, syncs=("base",))

    assert left(tmp_path) == 0


def test_a_sync_that_no_longer_reads_holds_back_nothing_once_it_is_to_be_forgotten(tmp_path):
    put(tmp_path / "inbox.sqlite", kept(1))
    _, position = read(tmp_path, syncs=("crm", "gone"))
    read(tmp_path, position, syncs=("crm",))
    assert left(tmp_path) == 1
    read(tmp_path, position, syncs=("crm",), forget=("gone", "crm"))

    assert left(tmp_path) == 0


def test_endpoints_of_one_inbox_settle_their_own(tmp_path):
    put(tmp_path / "inbox.sqlite", kept(1), kept(2, endpoint="/other"), kept(3))
    rows, position = read(tmp_path)
    read(tmp_path, position)

    assert rows == [1, 3]
    assert read(tmp_path, path="/other")[0] == [2]


def test_an_inbox_that_was_made_anew_is_read_from_its_start(tmp_path):
    inbox = tmp_path / "inbox.sqlite"
    put(inbox, kept(1), kept(2))
    _, position = read(tmp_path)
    for each in tmp_path.glob("inbox.sqlite*"):
        each.unlink()
    put(inbox, kept(3))

    assert read(tmp_path, position)[0] == [3]
    assert read(tmp_path, 17)[0] == [3]  # what another source has left


def test_an_older_copy_of_an_inbox_is_told_of_and_skips_nothing(tmp_path):
    inbox = tmp_path / "inbox.sqlite"
    put(inbox, kept(1))
    older = inbox.read_bytes()
    put(inbox, kept(2))
    _, position = read(tmp_path)
    for each in tmp_path.glob("inbox.sqlite*"):
        each.unlink()
    inbox.touch(0o600)
    inbox.write_bytes(older)

    with pytest.raises(SourceError, match="is an older copy of the inbox.*--restart"):
        read(tmp_path, position)


def test_what_comes_while_a_run_reads_is_left_to_the_next_so_that_each_run_ends(tmp_path):
    inbox = tmp_path / "inbox.sqlite"
    put(inbox, *[kept(n) for n in range(600)])
    seen = []
    with open_inbox(options(tmp_path), log=LOG, syncs=("it",)) as reader:
        for page in reader.read(None):
            seen += [row["n"] for row in page.rows]
            put(inbox, kept(600 + len(seen)))

    assert seen == list(range(600))
    assert read(tmp_path, page.position)[0] == [1_100, 1_200]


class Failing:
    """A connection that cannot commit, as on a full disk."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def execute(self, statement, *given):
        if statement == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return self.inner.execute(statement, *given)


def test_what_could_not_be_committed_is_not_there_and_can_be_kept_once_it_can(tmp_path):
    with open_file(tmp_path / "inbox.sqlite") as inbox:
        full = attrs.evolve(inbox, connection=Failing(inbox._connection))
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError):
                full.store([kept(1, told="a"), kept(2, told="b")], WEEK, 1 << 30)
        assert inbox.waiting() == {}
        assert inbox.store([kept(1, told="a"), kept(2, told="b")], WEEK, 1 << 30) == [1, 1]

    assert read(tmp_path)[0] == [1, 2]


def test_the_file_and_what_lies_beside_it_are_for_its_owner_alone(tmp_path):
    with open_file(tmp_path / "deep" / "inbox.sqlite") as inbox:
        inbox.store([kept(1)], WEEK, 1 << 30)
        modes = {
            each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "deep").iterdir()
        }

    assert modes == dict.fromkeys(["inbox.sqlite", "inbox.sqlite-wal", "inbox.sqlite-shm"], 0o600)
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_refused_and_so_is_a_link(tmp_path):
    shared = tmp_path / "shared.sqlite"
    shared.touch(0o644)
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "elsewhere.sqlite")

    with pytest.raises(tailrace.ConfigError, match="chmod 600"), open_file(shared):
        pass
    with pytest.raises(tailrace.ConfigError, match="cannot be opened"), open_file(link):
        pass


def test_a_file_that_is_no_inbox_is_told_of_and_left_alone(tmp_path):
    path = tmp_path / "inbox.sqlite"
    path.touch(0o600)
    path.write_bytes(b"no database" * 1_000)
    before = path.read_bytes()

    with pytest.raises(SourceError, match="the inbox .* cannot be used"), open_file(path):
        pass
    assert path.read_bytes() == before


def test_nothing_of_a_settled_row_or_of_an_id_is_left_in_the_files(tmp_path):
    path = tmp_path / "inbox.sqlite"
    canary = attrs.evolve(kept(1, told="canary-id"), body=b'{"n": "canary-value"}')
    put(path, canary)
    _, position = read(tmp_path)
    read(tmp_path, position)
    bytes_left = b"".join(each.read_bytes() for each in tmp_path.glob("inbox.sqlite*"))

    assert b"canary" not in bytes_left
    assert put(path, canary) == [0]


@given(
    batches=st.lists(
        st.lists(
            st.one_of(
                st.none(), st.integers(0, 5), st.sampled_from("abc"), st.lists(st.integers(0, 5))
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=6,
    )
)
def test_each_id_is_kept_once_and_what_has_none_always(tmp_path_factory, batches):
    folder = tmp_path_factory.mktemp("it")
    wanted, seen = [], set()
    for batch in batches:
        requests = []
        for told in batch:
            ids = told if isinstance(told, list) else [told]
            requests.append(kept(0, told=told, rows=len(ids)))
            for each in ids:
                if each is None or each not in seen:
                    wanted.append(each)
                seen.add(each)
        counts = put(folder / "inbox.sqlite", *requests)
        assert all(each >= 0 for each in counts)

    with open_inbox(options(folder, fields={"told": "id"}), log=LOG, syncs=("it",)) as reader:
        got = [row.get("told") for page in reader.read(None) for row in page.rows]
    assert got == wanted


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 3)),
        st.tuples(st.just("read"), st.sampled_from(["a", "b", "ab"])),
        st.tuples(st.just("read and fail"), st.sampled_from(["a", "b", "ab"])),
    ),
    max_size=25,
)


@given(steps=STEPS)
def test_each_sync_gets_each_row_once_and_in_order_from_its_first_read_on(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("it")
    count, positions, got, since = 0, {}, {"a": [], "b": []}, {}
    for step, what in [*steps, ("read", "a"), ("read", "b")]:
        if step == "put":
            put(folder / "inbox.sqlite", *[kept(count + n) for n in range(what)])
            count += what
            continue
        for names in [what] if len({positions.get(each) for each in map(str, what)}) == 1 else what:
            position = positions.get(names[0])
            rows, after = read(folder, position and dict(position), syncs=tuple(names))
            for each in names:
                since.setdefault(each, rows[0] if rows else count)
                if step == "read":
                    got[each] += rows
                    positions[each] = after and tuple(sorted(after.items()))

    assert got == {each: list(range(since[each], count)) for each in "ab"}
    first = {each for each, begin in since.items() if begin}
    assert len(first) < 2  # what nobody has read yet is there for the first that does


@attrs.define
class Clock:
    time: float = 100.0

    def __call__(self):
        return self.time


def test_a_run_is_worth_it_when_enough_rows_lie_ready_or_the_first_has_waited():
    clock = Clock()
    receiver = Receiver("", batch_size=3, max_wait=5.0, now=clock)
    assert not receiver.wait(0)
    receiver.arrived(2)
    assert not receiver.wait(0)
    receiver.arrived(1)
    assert receiver.wait(0)
    assert not receiver.wait(0)

    receiver.arrived(1)
    clock.time += 4.9
    receiver.arrived(1)
    assert not receiver.wait(0)
    clock.time += 0.1
    assert receiver.wait(0)
    clock.time += 60
    assert not receiver.wait(0)


def test_rows_of_before_are_worth_it_at_once_and_no_rows_never_are():
    receiver = Receiver("", batch_size=100, max_wait=5.0, now=Clock())
    receiver.arrived(0)
    assert not receiver.wait(0)
    receiver.arrived(1, before=True)

    assert receiver.wait(0)


def test_what_ended_the_server_is_raised_where_it_is_waited_for():
    receiver = Receiver("", batch_size=1, max_wait=1.0)
    receiver.fail(ZeroDivisionError("a bug"))

    with pytest.raises(ZeroDivisionError):
        receiver.wait(0)
