"""Of a large table only what changed is sent, without a cursor; what is refused keeps back nothing."""

import pytest

import tailrace
from tailrace.errors import RejectedError

from .states import FULL

ROWS = 1_000_000 if FULL else 25_000
"""More than is compared in memory."""
CHANGED = 1_000
EVERY = ROWS // CHANGED
BAD = 7 * EVERY


@pytest.fixture
def table(tmp_path):
    """Give a function that writes the table's version to a file, by DuckDB."""
    import duckdb

    def write(version):
        path = tmp_path / f"people-{version}.parquet"
        changes = f"CASE WHEN i % {EVERY} = 0 THEN {version} ELSE 1 END"
        duckdb.sql(
            f"SELECT i AS id, 'name ' || i AS name, {changes} AS score FROM range({ROWS}) t(i)"
        ).write_parquet(str(path))
        path.replace(tmp_path / "people.parquet")
        return tmp_path / "people.parquet"

    return write


@pytest.mark.parametrize("mode", ["upsert", "mirror"])
def test_the_second_run_sends_the_changed_and_the_third_nothing(mode, table, tmp_path):
    sent = []

    @tailrace.destination(batch_size=1000, modes={"upsert", "mirror"}, delivery="idempotent")
    def service(rows):
        if any(row["id"] == BAD and row["score"] == 2 for row in rows):
            raise RejectedError("a score of 2 is not for this one", status=400)
        sent.extend(row["id"] for row in rows)

    def run(version):
        sent.clear()
        return tailrace.run(
            "file",
            service,
            name="people",
            mode=mode,
            key="id",
            source_options={"path": str(table(version))},
            state=tmp_path / "state",
        )

    first, all_ = run(1), len(sent)
    second, changed = run(2), sorted(sent)
    third = run(2)

    assert (first.delivered, all_) == (ROWS, ROWS)
    assert changed == [number for number in range(0, ROWS, EVERY) if number != BAD]
    assert (second.delivered, second.rejected, second.skipped) == (
        CHANGED - 1,
        1,
        ROWS - CHANGED,
    )
    assert [each.key for each in second.rejections] == [BAD]
    assert (third.exit_code, third.skipped, sent) == (0, ROWS, [])
