"""Columnar sources: what DuckDB passes changes nothing but how long a run takes."""

from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import attrs
import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tailrace
from tailrace._engine import columnar, places, planned, settled, state
from tailrace._engine.closing import open_snapshot
from tailrace._engine.diff import Diff
from tailrace._engine.erasing import erase_key
from tailrace._engine.preparing import prepare
from tailrace._engine.preview import preview
from tailrace._engine.runner import Wishes, execute
from tailrace._engine.state import open_state, read_state
from tailrace.errors import UnansweredError
from tailrace.testing import FakeClock

from .states import FULL, picture

KINDS = {
    "BIGINT": [1, 2, 3, 4, 5, 6],
    "VARCHAR": ["a", "b", "", "é", "1", '"'],
    "DATE": ["2024-01-01", "2024-02-29", "9999-12-31", "infinity"],
    "DOUBLE": ["0.0", "-0.0", "1", "1.5"],
    "INTEGER, VARCHAR": [(1, "a"), (1, "b"), (2, "a")],
}
VALUES = ["same", "other", "refused", "failed", "silent", "skipped", None]


class Service:
    """Take note of what comes; answer as the values say."""

    def __init__(self):
        self.taken = []

    def write(self, batch):
        self.taken += [
            (str(batch.action), repr(each.key), repr(each.values), repr(each.changed))
            for each in batch
        ]
        values = [each.values.get("v", each.values.get("w")) for each in batch]
        if "silent" in values:
            raise UnansweredError("no answer")
        return [
            batch.outcome(each, **{_STATUS[value]: "as told"} if value in _STATUS else {})
            for each, value in zip(batch, values, strict=True)
        ]

    def spec(self):
        @contextmanager
        def opened(options):
            yield self

        return tailrace.DestinationSpec(
            open=opened,
            modes={"insert", "update", "upsert", "mirror"},
            batch_size=3,
            max_in_flight=1,
            delivery="at_most_once",
        )


_STATUS = {"refused": "rejected", "failed": "failed", "skipped": "skipped"}


def table(kind, rows):
    """Give rows as a columnar source."""
    keys = [f"k{at}" for at in range(len(kind.split(", ")))]
    names = [f"{key} {each}" for key, each in zip(keys, kind.split(", "), strict=True)]
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t ({', '.join(names)}, v VARCHAR, x DOUBLE, n INTEGER[])")
    for key, *values in rows:
        parts = key if isinstance(key, tuple) else (key,) * len(keys)
        marks = ", ".join("?" for _ in (*parts, *values))
        connection.execute(f"INSERT INTO t VALUES ({marks})", [*parts, *values])
    return connection.sql("FROM t").to_arrow_table()


def written(source, path):
    """Write a table to a file, of which a part may be read again."""
    duckdb.sql("FROM source").write_parquet(str(path))
    return path


@attrs.define(eq=False)
class Course:
    """Run again and again into one state; `rows` reads row by row, as if no source were columnar."""

    root: Path
    rows: bool = False
    share: int = 0
    service: Service = attrs.field(factory=Service)
    turn: int = 0
    stages: int = 0
    placed: int = 0

    def sync(self, source, **told):
        given = {"name": "case", "mode": "upsert", "key": "k0", **told}
        if isinstance(source, Path):
            given |= {"source_options": {"path": source}}
            source = "file"
        return tailrace.Sync(
            source=source, destination=self.service.spec(), state=self.root / "state", **given
        )

    @contextmanager
    def patched(self):
        stage, compared = columnar.Columnar._stage, places.compared

        def compared_(*given):
            self.placed += 1
            return compared(*given)

        def counted(*given):
            self.stages += 1
            stage(*given)

        with ExitStack() as stack:

            def put(where, name, value):
                stack.enter_context(mock.patch.object(where, name, value))

            put(planned, "Diff", partial(Diff, in_memory=0))
            put(columnar, "_SHARE", self.share)
            put(settled, "_SHARE", 0)
            put(columnar.Columnar, "_stage", counted)
            put(places, "kept", lambda *_: True)
            put(places, "compared", compared_)
            if self.rows:
                put(planned, "_columnar", lambda *_: None)
            yield

    def run(self, source, wishes=None, **told):
        self.turn += 1
        with self.patched():
            clock = FakeClock(now=1000.0 * self.turn)
            return execute(prepare(self.sync(source, **told)), clock, wishes)

    def plan(self, source, **told):
        with self.patched():
            return preview(prepare(self.sync(source, **told)), FakeClock(now=1000.0 * self.turn))

    def told(self, source, **given):
        """Run, and tell all that can be seen of it."""
        self.service.taken.clear()
        report = self.run(source, **given)
        counts = {name: getattr(report, name) for name in ("read", "removed", *_COUNTS)}
        each = sorted((repr(one.key), one.status, one.reason) for one in report.outcomes())
        with read_state(self.root / "state", "case") as state:
            held = sorted(repr(attrs.evolve(one, run=0)) for one in open_snapshot(state).each())
        return {
            "counts": counts,
            "code": report.exit_code,
            "problem": report.problem and report.problem.partition(". If that")[0],
            "refused": sorted(map(repr, report.rejections)),
            "taken": list(self.service.taken),
            "each": each,
            "held": held,
        }

    @property
    def files(self):
        return sorted((self.root / "state" / "case").glob("settled-*.parquet"))


_COUNTS = ("delivered", "skipped", "rejected", "failed", "in_doubt")


def reads(kind):
    keys = st.sampled_from([*KINDS[kind], *([None] if kind == "BIGINT" else [])])
    values = st.sampled_from([*VALUES, "same", "same"])
    numbers = st.sampled_from([0.0, -0.0, 1.5, None])
    lists = st.sampled_from([[], [1], [1, None], None])
    row = st.tuples(keys, values, numbers, lists)
    version = st.lists(row, min_size=1, max_size=7)
    return st.lists(version, min_size=1, max_size=3).flatmap(
        # Versions come again, so that there is something to pass.
        lambda versions: st.lists(st.sampled_from(versions), min_size=3, max_size=6)
    )


@pytest.mark.parametrize("form", ["stream", "file"])
@pytest.mark.parametrize("mode", ["upsert", "insert", "update", "mirror"])
def test_a_columnar_source_is_compared_as_its_rows_would_be(mode, form):
    mapped = {"w": "v", "y": "x", "t": {"template": "{k0}-{v}"}, "c": {"constant": 1}}

    @settings(max_examples=200 if FULL else 10)
    @given(
        st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), reads(kind))),
        st.sampled_from([None, mapped]),
        st.sampled_from([0, 1, 2, 1000]),
    )
    def check(drawn, mapping, share):
        kind, versions = drawn
        names = [f"k{at}" for at in range(len(kind.split(", ")))]
        told = {"mode": mode, "key": names, "mapping": mapping}
        told |= {"max_delete": 1000} if mode == "mirror" else {}
        with TemporaryDirectory() as folder:
            one = Course(Path(folder) / "one", share=share)
            other = Course(Path(folder) / "other", rows=True)
            for rows in versions:
                source = table(kind, rows)
                if form == "file":
                    source = written(source, Path(folder) / "source.parquet")

                assert other.told(source, **told) == one.told(source, **told)

    check()


def rows_of(version, count=12):
    return [(each, "same" if each % 3 else f"v{version}", 1.5, [each]) for each in range(count)]


@pytest.fixture
def course(tmp_path):
    """Have a past of two runs, after which all is settled."""
    made = Course(tmp_path)
    source = table("BIGINT", rows_of(1))
    made.run(source)
    made.run(source)
    made.service.taken.clear()
    return made


def keys_of(course):
    return [int(key) for _, key, *_ in course.service.taken]


@pytest.fixture
def seen(monkeypatch):
    """Take note of the keys that come to Python."""
    keys = []
    staged = Diff._staged

    def noted(diff, page):
        keys.extend(page.keys)
        return staged(diff, page)

    monkeypatch.setattr(Diff, "_staged", noted)
    return keys


def test_only_what_changed_comes_to_python(course, seen):
    seen.clear()
    report = course.run(table("BIGINT", [*rows_of(1, 11), (11, "new", 1.5, [11])]))

    assert ([11], [11]) == (seen, keys_of(course))
    assert (12, 11) == (report.read, report.skipped)


def test_rows_of_a_file_are_compared_with_those_in_their_places(tmp_path, seen):
    course = Course(tmp_path)
    unnamed = (None, "same", 1.5, [3])
    for rows in [*rows_of(1, 3), unnamed, *rows_of(1)[4:]], [*rows_of(1), (12, "v1", 1.5, [12])]:
        source = written(table("BIGINT", rows), tmp_path / "source.parquet")
        seen.clear()
        report = course.run(source)

    assert (1, [3, 12]) == (course.placed, seen)
    assert (13, 11) == (report.read, report.skipped)


@pytest.mark.parametrize("share", [0, 1000])
def test_what_is_laid_down_stands_in_the_order_of_the_read(tmp_path, share):
    course = Course(tmp_path, share=share)
    rows = rows_of(1)
    reads = [rows, [*rows[:5], (None, "same", 1.5, []), *rows[:4:-1]]]
    for each in reads:
        course.run(written(table("BIGINT", each), tmp_path / "source.parquet"))
    found = duckdb.sql(f"SELECT name FROM '{course.files[-1]}'").fetchall()
    names = [None if key is None else str(key) for key, *_ in reads[share > 0]]

    assert names == [name for (name,) in found]


def test_what_goes_back_to_an_older_value_is_sent_again(course):
    before, after = table("BIGINT", rows_of(1)), table("BIGINT", rows_of(2))
    sent = []
    for source in (after, before, before, after):
        course.service.taken.clear()
        course.run(source)
        sent.append(keys_of(course))

    assert [[0, 3, 6, 9], [0, 3, 6, 9], [], [0, 3, 6, 9]] == sent
    assert 5 == course.stages


def test_what_was_deleted_is_sent_when_it_comes_back(course):
    sent = []
    for count in (11, 12, 12):
        course.service.taken.clear()
        course.run(table("BIGINT", rows_of(1, count)), mode="mirror")
        sent.append([(action, key) for action, key, *_ in course.service.taken])

    assert [[("delete", "11")], [("upsert", "11")], []] == sent


@pytest.mark.parametrize("value", ["refused", "failed", "silent"])
def test_what_did_not_arrive_is_not_settled(tmp_path, value):
    course = Course(tmp_path)
    source = table("BIGINT", [*rows_of(1), (12, value, 1.5, [])])
    course.run(source)
    report = course.run(source)

    assert 1 == course.stages
    assert 12 + (value == "refused") == report.skipped
    assert (value == "failed", value == "silent") == (bool(report.failed), bool(report.in_doubt))


def test_another_way_of_hashing_only_costs_time(course):
    with mock.patch.object(columnar, "_hashes", return_value="another"):
        reports = [course.run(table("BIGINT", rows_of(1))) for _ in range(2)]

    assert [12, 12] == [each.skipped for each in reports]
    assert [] == course.service.taken
    # The first read all and laid it down anew, the second had that.
    assert 2 == course.stages


@pytest.mark.parametrize(
    "told", [{"mode": "mirror"}, {"mapping": {"k0": "k0", "w": "v"}}, {"key": ["k0", "v"]}]
)
def test_what_was_settled_otherwise_is_not_relied_on(course, told):
    stages = course.stages
    course.run(table("BIGINT", rows_of(1)), wishes=Wishes(accept=True), **told)

    assert stages == course.stages


def test_unmapped_columns_may_change_as_they_like(course, seen):
    mapping = {"k0": "k0", "v": "v"}
    course.run(table("BIGINT", rows_of(1)), mapping=mapping, wishes=Wishes(accept=True))
    seen.clear()
    changed = [(key, value, 2.5, []) for key, value, *_ in rows_of(1)]
    report = course.run(table("BIGINT", changed), mapping=mapping)

    assert ([], 12) == (seen, report.skipped)


def test_a_stream_is_read_once(course):
    source = table("BIGINT", [*rows_of(1), (50, "new", 0.0, None), (1, "same", 1.5, [1])])
    report = course.run(pa.RecordBatchReader.from_batches(source.schema, source.to_batches(2)))

    assert [50] == keys_of(course)
    assert (14, 13) == (report.read, report.skipped)
    assert [("double", 1)] == [
        (each.reason, each.key) for each in report.outcomes() if each.reason == "double"
    ]


@pytest.mark.parametrize("value", ["same", "other"])
def test_a_settled_key_that_comes_twice_is_found(course, value):
    report = course.run(table("BIGINT", [*rows_of(1), (1, value, 1.5, [1])]))

    assert (13, 0) == (report.read, report.delivered)
    assert (2 if value == "other" else 0) == report.rejected
    assert 13 == report.skipped + report.rejected


def test_a_source_that_breaks_off_sends_nothing(course):
    source = table("BIGINT", rows_of(2))

    def broken():
        yield from source.to_batches()
        raise OSError("the line is dead")

    report = course.run(pa.RecordBatchReader.from_batches(source.schema, broken()))
    sent = keys_of(course)
    then = course.run(source)

    assert (3, []) == (report.exit_code, sent)
    assert "dead" in report.problem
    assert (12, [0, 3, 6, 9]) == (then.read, keys_of(course))


def test_a_pass_ends_when_the_run_is_asked_to_stop(course):
    source = table("BIGINT", rows_of(2))
    clock = FakeClock(now=1e6)

    def endless():
        yield from source.to_batches()
        clock.ask_to_stop()
        while True:
            yield from source.to_batches()

    reader = pa.RecordBatchReader.from_batches(source.schema, endless())
    with course.patched():
        report = execute(prepare(course.sync(reader)), clock)

    assert (9, []) == (report.exit_code, course.service.taken)
    assert "asked to stop" in report.problem


def test_a_look_ahead_writes_nothing(course):
    folder = course.root / "state" / "case"
    before = picture(folder)
    plan = course.plan(table("BIGINT", rows_of(2)))

    assert (4, 8) == (plan.updates, plan.skipped)
    assert before == picture(folder)


@pytest.mark.parametrize("large", [0, state._LARGE])
def test_a_damaged_file_ends_the_run(course, monkeypatch, large):
    monkeypatch.setattr(state, "_LARGE", large)
    (path,) = course.files
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    report = course.run(table("BIGINT", rows_of(2)))

    assert (7, []) == (report.exit_code, course.service.taken)
    assert f"{path} is not what tailrace wrote" in report.problem


def test_after_a_restart_nothing_counts_as_settled(course):
    report = course.run(table("BIGINT", rows_of(1)), wishes=Wishes(restart=True))
    then = course.run(table("BIGINT", rows_of(1)))

    assert (12, 12) == (report.delivered, then.skipped)


def test_a_key_that_is_erased_is_not_settled(course):
    with open_state(course.root / "state", "case", FakeClock()) as opened:
        erase_key(opened, "3")
    left = list(course.files)
    course.run(table("BIGINT", rows_of(1)))

    assert ([], [3]) == (left, keys_of(course))


def test_what_is_settled_holds_no_values(tmp_path):
    course = Course(tmp_path)
    rows = [(each, f"kestrel {each}", 1.5, [each]) for each in range(12)]
    for _ in range(3):
        course.run(table("BIGINT", rows))
    found = duckdb.sql(f"FROM read_parquet('{course.files[0]}')")

    assert ["mark", "print", "name", "hash"] == found.columns
    assert not any(
        b"kestrel" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
