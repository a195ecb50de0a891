"""The spool: pages of rows come back as they were, to whoever asks, in any order."""

import threading
from contextlib import closing
from datetime import datetime, time

from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.disk import create
from tailrace._engine.spool import Spool, spool_folder
from tailrace.testing import FakeClock
from tailrace.testing.strategies import values

NAMES = st.one_of(st.text(max_size=5), st.integers(), st.just("\0row"))
ROWS = st.dictionaries(NAMES, values(), max_size=4)
STRANGE = st.one_of(st.none(), st.integers(), st.just({"a": {1, 2}}), st.just([{"a": 1}]))
PAGES = st.lists(st.lists(st.one_of(ROWS, STRANGE), max_size=6), max_size=5)


def exact(page):
    """Tell all of a page's rows, the order of their fields too, but not that inside of values."""
    return [list(map(_told, row.items())) if type(row) is dict else repr(row) for row in page]


def _told(value):
    if isinstance(value, dict):
        return sorted(repr((_told(name), _told(each))) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(map(_told, value))
    if isinstance(value, (datetime, time)):
        value = value.replace(fold=0)  # which makes no difference between two that are equal
    return repr(value)


def spool_at(folder):
    return closing(Spool(create(folder / "rows")))


@given(PAGES)
def test_pages_come_back_as_they_were_with_their_fields_in_order(tmp_path_factory, pages):
    with spool_at(tmp_path_factory.mktemp("spool")) as spool:
        for page in pages:
            spool.add(page)

        assert len(spool) == len(pages)
        for at in reversed(range(len(pages))):
            assert exact(spool.page(at)) == exact(pages[at])


def test_each_reader_has_rows_of_its_own(tmp_path):
    unknown = {1, 2}
    with spool_at(tmp_path) as spool:
        spool.add([{"a": [1]}, {"a": unknown}])

        one = spool.page(0)
        one[0]["a"].append(2)
        one[1]["b"] = 3

        assert spool.page(0) == [{"a": [1]}, {"a": unknown}]


def test_pages_are_read_by_many_threads_while_others_come(tmp_path):
    wrong = []

    def read(spool):
        for _ in range(50):
            at = len(spool) - 1
            if spool.page(at) != [{"n": at}] * (at + 1):
                wrong.append(at)

    with spool_at(tmp_path) as spool:
        spool.add([{"n": 0}])
        readers = [threading.Thread(target=read, args=(spool,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for n in range(1, 100):
            spool.add([{"n": n}] * (n + 1))
        for reader in readers:
            reader.join()

    assert wrong == []


def test_what_a_killed_run_has_laid_down_is_removed_by_the_next_and_that_of_a_living_one_is_not(
    tmp_path,
):
    killed = tmp_path / ".spool-killed"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "rows").write_text("somebody's data")

    with spool_folder(tmp_path, FakeClock()) as living:
        (living / "rows").write_text("data")
        with spool_folder(tmp_path, FakeClock()) as other:
            assert other != living
            assert (living / "rows").exists()
            assert not killed.exists()
            assert living.stat().st_mode & 0o077 == 0

    assert list(tmp_path.iterdir()) == []


def test_states_that_cannot_be_written_are_not_the_spools_to_tell(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()

    with spool_folder(blocked / "state", FakeClock()) as folder:
        (folder / "rows").write_text("data")

    assert not folder.exists()
