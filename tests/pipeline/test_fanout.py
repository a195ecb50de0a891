"""Fan-out: one source to several destinations in one run; it is read once, and none waits for another."""

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tailrace
from tailrace.testing import MemoryDestination

KEYED = {"modes": ["append", "upsert", "mirror"], "delivery": "idempotent"}


class Counted:
    """A source that counts how often it was read, and how far."""

    def __init__(self, rows, fails_after=None):
        self.rows, self.fails_after = rows, fails_after
        self.reads = self.given = 0

    def __call__(self):
        self.reads += 1
        for row in self.rows:
            if self.given == self.fails_after:
                raise OSError("the line broke")
            self.given += 1
            yield row


def people(count):
    return [{"id": n, "name": f"p{n}", "age": n % 90} for n in range(count)]


def sync(source, destination, name, tmp_path, **how):
    spec = destination.spec if isinstance(destination, MemoryDestination) else destination
    return tailrace.Sync(
        source=source, destination=spec, name=name, state=tmp_path / "state", **how
    )


def test_each_gets_every_row_with_its_own_mapping_and_mode_from_one_read(tmp_path):
    source = Counted(people(2_500))
    all_of_it, kept, named = MemoryDestination(), MemoryDestination(**KEYED), MemoryDestination()

    reports = tailrace.run_all(
        [
            sync(source, all_of_it, "all", tmp_path),
            sync(source, kept, "kept", tmp_path, mode="mirror", key="id"),
            sync(source, named, "named", tmp_path, mapping={"Name": "name"}),
        ]
    )

    assert [(each.sync, each.exit_code, each.delivered) for each in reports] == [
        ("all", 0, 2_500),
        ("kept", 0, 2_500),
        ("named", 0, 2_500),
    ]
    assert source.reads == 1
    assert all_of_it.rows == people(2_500)
    assert sorted(kept.keys) == list(range(2_500))
    assert named.rows == [{"Name": f"p{n}"} for n in range(2_500)]


def test_only_changes_go_to_those_that_remember(tmp_path):
    kept, added = MemoryDestination(**KEYED), MemoryDestination()

    def run(rows):
        source = Counted(rows)
        return tailrace.run_all(
            [
                sync(source, kept, "kept", tmp_path, mode="mirror", key="id"),
                sync(source, added, "added", tmp_path),
            ]
        )

    run(people(20))
    mirrored, appended = run([{"id": 0, "name": "new", "age": 0}, *people(20)[2:]])

    assert (mirrored.delivered, mirrored.skipped, mirrored.removed) == (2, 18, 1)
    assert appended.delivered == 19


def test_one_that_is_slow_holds_back_none_of_the_others(tmp_path):
    done = threading.Event()
    finished = []

    @tailrace.destination()
    def slow(rows):
        assert done.wait(30), "the quick one never came to its end"
        finished.append("slow")

    @tailrace.destination()
    def quick(rows):
        finished.append("quick")

    class Watch:
        @tailrace.hookimpl
        def tailrace_run_finished(self, run, report):
            done.set()

    source = Counted(people(10))
    reports = tailrace.run_all(
        [
            sync(source, slow, "slow", tmp_path),
            sync(source, quick, "quick", tmp_path, observers=[Watch()]),
        ]
    )

    assert finished == ["quick", "slow"]
    assert [each.exit_code for each in reports] == [0, 0]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (tailrace.FatalError("it is full"), 9),
        (KeyError("a bug"), 10),
    ],
)
def test_one_that_fails_half_way_holds_back_none_and_resumes_alone(tmp_path, trouble, code):
    failing = MemoryDestination([None, None, trouble], batch_size=100, **KEYED)
    sound = MemoryDestination(batch_size=100)

    def run():
        source = Counted(people(1_000))
        return tailrace.run_all(
            [
                sync(source, failing, "failing", tmp_path, mode="upsert", key="id"),
                sync(source, sound, "sound", tmp_path, mode="append", key="id"),
            ]
        )

    first = run()
    assert first[1].exit_code == 0 and first[1].delivered == 1_000
    assert first[0].exit_code == code
    assert first[0].delivered < 1_000

    second = run()
    assert second[0].exit_code == 0
    assert {*failing.keys} == set(range(1_000))


def test_one_that_cannot_be_opened_is_told_and_the_others_run(tmp_path):
    @contextmanager
    def opened(options):
        raise tailrace.MissingOption("token", "is needed here")
        yield

    source = Counted(people(5))
    sound = MemoryDestination()
    reports = tailrace.run_all(
        [
            sync(source, tailrace.DestinationSpec(open=opened), "shut", tmp_path),
            sync(source, sound, "sound", tmp_path),
        ]
    )

    assert [each.exit_code for each in reports] == [2, 0]
    assert "token: is needed here" in reports[0].problem
    assert (source.reads, sound.rows) == (1, people(5))


def test_where_none_can_be_opened_the_source_is_not_touched(tmp_path):
    @contextmanager
    def opened(options):
        raise tailrace.FatalError("no entry")
        yield

    source = Counted(people(5))
    spec = tailrace.DestinationSpec(open=opened)
    reports = tailrace.run_all([sync(source, spec, name, tmp_path) for name in ("one", "two")])

    assert [each.exit_code for each in reports] == [3, 3]
    assert source.reads == 0


def test_a_source_that_breaks_off_deletes_nothing_anywhere_and_is_told_by_each(tmp_path):
    kept, added = MemoryDestination(**KEYED), MemoryDestination()

    def run(source):
        return tailrace.run_all(
            [
                sync(source, kept, "kept", tmp_path, mode="mirror", key="id"),
                sync(source, added, "added", tmp_path),
            ]
        )

    run(Counted(people(10)))
    mirrored, appended = run(Counted(people(10), fails_after=4))

    assert mirrored.exit_code == 3 and mirrored.delivered == mirrored.removed == 0
    assert appended.exit_code == 9 and appended.delivered == 4
    assert "after 4 records: OSError: the line broke" in mirrored.problem
    assert "after 4 records: OSError: the line broke" in appended.problem
    assert all(batch.action == "upsert" for batch in kept.writes)


def test_a_source_that_cannot_be_opened_is_told_by_each_as_if_alone(tmp_path):
    @tailrace.source
    def broken(*, table: str):
        raise LookupError(f"no table {table}")

    options = {"table": "people"}
    reports = tailrace.run_all(
        [
            sync(broken, MemoryDestination(), name, tmp_path, source_options=options)
            for name in ("one", "two")
        ]
    )

    assert [each.exit_code for each in reports] == [3, 3]
    assert all("LookupError: no table people" in each.problem for each in reports)


def test_what_is_no_row_and_what_is_refused_is_so_for_each_as_if_alone(tmp_path):
    rows = [{"id": 1}, 7, {"id": {1, 2}}, None, {"id": 2, "name": "no"}, {"id": 3}]

    def syncs(source, folder):
        refusing = MemoryDestination(refuses={2}, **KEYED)
        return [
            sync(source, MemoryDestination(), "added", folder),
            sync(source, refusing, "kept", folder, mode="upsert", key="id"),
        ]

    together = tailrace.run_all(syncs(Counted(rows), tmp_path / "together"))
    alone = [each.run() for each in syncs(rows, tmp_path / "alone")]

    assert [(each.delivered, each.rejected) for each in together] == [(4, 2), (2, 4)]
    assert [each.rejections for each in together] == [each.rejections for each in alone]


def test_a_source_bound_to_its_thread_is_read_in_it(tmp_path):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER)")
        connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(10)])

        def source():
            for (found,) in connection.execute("SELECT id FROM t ORDER BY id"):
                yield {"id": found}

        one, two = MemoryDestination(), MemoryDestination()
        tailrace.run_all([sync(source, one, "one", tmp_path), sync(source, two, "two", tmp_path)])

    assert one.rows == two.rows == [{"id": n} for n in range(10)]


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def stream(columns):
    """Give a stream that can be read once, and a list with an entry for each time it was."""
    table = pa.table(columns)
    reads = []

    def batches():
        reads.append(1)
        yield from table.to_batches(1_000)

    return pa.RecordBatchReader.from_batches(table.schema, batches()), reads


def test_an_arrow_stream_is_read_once_and_keeps_its_types(tmp_path):
    source, reads = stream(
        {
            "z": pa.array(range(3_000), pa.int32()),
            "a": pa.array([Decimal("1.10")] * 3_000, pa.decimal128(9, 2)),
            "at": pa.array([MOMENT] * 3_000, pa.timestamp("us", "UTC")),
            "tags": pa.array([["x", None]] * 3_000, pa.list_(pa.string())),
        }
    )
    added, kept = MemoryDestination(), MemoryDestination(**KEYED)

    reports = tailrace.run_all(
        [
            sync(source, added, "added", tmp_path),
            sync(source, kept, "kept", tmp_path, mode="upsert", key="z"),
        ]
    )

    assert [(each.exit_code, each.delivered) for each in reports] == [(0, 3_000)] * 2
    assert len(reads) == 1
    row = {"z": 2_999, "a": Decimal("1.10"), "at": MOMENT, "tags": ["x", None]}
    assert added.rows[-1] == row and list(added.rows[-1]) == list(row)
    assert kept.rows[-1] == row
    assert str(added.writes[0].schema.get("a").type) == "decimal"


def test_columns_that_no_parquet_file_keeps_come_as_they_are(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        query = "SELECT 170141183460469231731687303715884105727::HUGEINT AS id, INTERVAL 1 DAY AS i"
        source = connection.sql(query)
        one, two = MemoryDestination(), MemoryDestination()
        tailrace.run_all([sync(source, one, "one", tmp_path), sync(source, two, "two", tmp_path)])
        alone = MemoryDestination()
        tailrace.run(connection.sql(query), alone.spec, state=None)

    assert one.rows == two.rows == alone.rows


def test_a_broken_stream_is_told_by_each(tmp_path):
    schema = pa.schema({"id": pa.int64()})

    def batches():
        yield pa.record_batch({"id": [1, 2]}, schema)
        raise OSError("the warehouse went away")

    source = pa.RecordBatchReader.from_batches(schema, batches())
    reports = tailrace.run_all(
        [sync(source, MemoryDestination(), name, tmp_path) for name in ("one", "two")]
    )

    assert [(each.exit_code, each.delivered) for each in reports] == [(3, 0)] * 2
    assert all("the warehouse went away" in each.problem for each in reports)


def test_a_file_is_read_by_each_and_changes_are_found_by_place(tmp_path):
    path = tmp_path / "people.parquet"
    destinations = MemoryDestination(**KEYED), MemoryDestination(**KEYED)
    options = {"path": str(path)}

    def run(rows):
        pq.write_table(pa.Table.from_pylist(rows), path)
        return tailrace.run_all(
            [
                sync(
                    "file",
                    each,
                    f"to-{n}",
                    tmp_path,
                    mode="upsert",
                    key="id",
                    source_options=options,
                )
                for n, each in enumerate(destinations)
            ]
        )

    run(people(100))
    reports = run([{"id": 0, "name": "new", "age": 0}, *people(100)[1:]])

    assert [(each.delivered, each.skipped) for each in reports] == [(1, 99)] * 2


def test_a_source_is_read_on_from_the_least_of_the_cursors(tmp_path):
    asked = []
    rows = [{"id": n, "at": n} for n in range(10)]

    def source(cursor=None):
        asked.append(cursor)
        return [row for row in rows if cursor is None or row["at"] >= cursor]

    def to(destination, name):
        return sync(source, destination, name, tmp_path, cursor="at", mode="upsert", key="id")

    one, two = MemoryDestination(**KEYED), MemoryDestination(**KEYED)
    tailrace.run_all([to(one, "one"), to(two, "two")])
    rows += [{"id": 10, "at": 10}, {"id": 11, "at": 11}]
    to(one, "one").run()
    rows += [{"id": 12, "at": 12}]
    reports = tailrace.run_all([to(one, "one"), to(two, "two")])

    assert asked == [None, 9, 9]
    assert [each.delivered for each in reports] == [1, 3]
    # Those that are as the cursor says are read again, since others may be as it is, too.
    assert [each.read for each in reports] == [2, 4]
    assert one.keys == two.keys == list(range(13))


def test_two_syncs_of_one_state_run_one_after_the_other(tmp_path):
    destination = MemoryDestination(**KEYED)
    one = sync(people(3), destination, "it", tmp_path, mode="upsert", key="id")

    first, second = tailrace.run_all([one, one])

    assert (first.delivered, second.delivered, second.skipped) == (3, 0, 3)


def test_an_interrupt_ends_all_and_is_raised(tmp_path):
    def source():
        yield from people(1_000)
        raise KeyboardInterrupt

    one, two = MemoryDestination(), MemoryDestination(**KEYED)
    with pytest.raises(KeyboardInterrupt):
        tailrace.run_all(
            [
                sync(source, one, "one", tmp_path),
                sync(source, two, "two", tmp_path, mode="mirror", key="id"),
            ]
        )

    assert two.writes == []
    assert not [
        each for each in threading.enumerate() if each.name in ("tailrace-one", "tailrace-two")
    ]
    assert not list((tmp_path / "state").glob(".spool-*"))


PROJECT = """
[source.people]
plugin = "file"
path = "people.csv"

[sync.one]
source = "people"
destination = {{ plugin = "sheets", spreadsheet = "{sheet}", base_url = "{base}" }}

[sync.two]
source = "people"
mode = "upsert"
key = "id"
destination = {{ plugin = "sheets", spreadsheet = "{sheet}", tab = "Second", base_url = "{base}" }}
mapping = {{ id = "id", Name = "name" }}
"""


def test_a_project_file_declares_a_source_once(command, make_sheet):
    sheet = make_sheet("Sheet1", "Second")
    command.write("people.csv", "id,name\n" + "".join(f"{n},p{n}\n" for n in range(50)))
    command.write("tailrace.toml", PROJECT.format(sheet=sheet.id, base=sheet.options["base_url"]))

    ran = command("run", "--json")

    assert ran.returncode == 0, ran.stderr
    reports = {each["sync"]: each for each in map(json.loads, ran.stdout.splitlines())}
    assert {name: each["delivered"] for name, each in reports.items()} == {"one": 50, "two": 50}
    assert sheet.values()[:2] == [["id", "name"], [0, "p0"]]
    assert sheet.values("Second")[:2] == [["id", "Name"], [0, "p0"]]


def test_what_is_wrong_with_a_shared_source_is_told_once_at_its_place(command, make_sheet):
    project = PROJECT.format(sheet="x", base="http://127.0.0.1:9").replace("path =", "pat =")
    command.write("tailrace.toml", project)

    ran = command("run")

    assert ran.returncode == 2
    assert ran.stderr.count("source.people.pat: no such option; did you mean 'path'?") == 1
    assert ran.stderr.count("source.people.path: missing") == 1


VICTIM = """
import os, signal, sys
import tailrace

FOLDER, KILL_AT = sys.argv[1], int(sys.argv[2])
KEYED = {"modes": ["upsert"], "delivery": "idempotent", "batch_size": 10}

def to(name):
    @tailrace.destination(**KEYED)
    def kept(rows):
        with open(f"{FOLDER}/{name}.log", "a") as log:
            for row in rows:
                log.write(f"{row['id']}\\n")
                log.flush()
                if name == "two" and row["id"] == KILL_AT:
                    os.kill(os.getpid(), signal.SIGKILL)
    return kept

def source():
    yield from ({"id": n} for n in range(200))

reports = tailrace.run_all([
    tailrace.Sync(source=source, destination=to(name), name=name, mode="upsert", key="id",
                  state=f"{FOLDER}/state")
    for name in ("one", "two", "three")
])
print([report.exit_code for report in reports])
"""


def test_killed_half_way_each_goes_on_from_where_it_was(tmp_path):
    script = tmp_path / "victim.py"
    script.write_text(VICTIM)

    def run(kill_at):
        return subprocess.run(
            [sys.executable, script, tmp_path, str(kill_at)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    killed = run(105)
    assert killed.returncode == -9
    assert list((tmp_path / "state").glob(".spool-*"))
    again = run(-1)

    assert again.stdout == "[0, 0, 0]\n", again.stderr
    for name in ("one", "two", "three"):
        keys = (tmp_path / f"{name}.log").read_text().split()
        assert {*map(int, keys)} == set(range(200))
        # What was in flight when it was killed goes again, and nothing else: sixteen batches at most.
        assert len(keys) <= 200 + 160
    assert not list((tmp_path / "state").glob(".spool-*"))
