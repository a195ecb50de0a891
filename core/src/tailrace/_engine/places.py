"""Places: rows that stand where they stood in the last read, so that only the rest is looked up.

Two columns that lie side by side are compared for next to nothing; a table of all settled rows to
look up each row in costs several times what reading them does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine.arrow import file_literal

_PARTS = 4
_LOOK = 1000
"""At the end of how many parts of a settled file how many rows tell whether places were kept."""


@attrs.frozen
class Aside:
    """Count what was told by its place alone: rows of the read that are as they are settled.

    held: the settled rows that are not among them.
    """

    rows: int
    held: int


def kept(connection: Any, relation: str, mark: str, settled: Path) -> bool:
    """Tell whether most rows are likely to stand where they stood, by some of them here and there."""
    where = file_literal(settled)
    (rows,) = connection.execute(
        f"SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata({where})"  # noqa: S608  # our own words
    ).fetchone()
    for part in range(_PARTS, 0, -1):
        place = f"LIMIT {_LOOK} OFFSET {max(0, rows * part // _PARTS - _LOOK)}"
        same, some = connection.execute(
            "SELECT count(*) FILTER (now = was), count(was) FROM"  # noqa: S608  # our own words
            f" (SELECT {mark} AS now FROM {relation} {place}) POSITIONAL JOIN"
            f" (SELECT mark AS was FROM read_parquet({where}) {place})"
        ).fetchone()
        if 2 * same < some:
            return False
    return True


def looked_up(connection: Any, read: str, row: str, settled: Path) -> Aside:
    """Make the table `staged`: each row of a read with what is settled of its key, and the other way.

    read: gives number, mark, print and values, in the order of the read. row: what to keep of `r`.
    """
    connection.execute(f"CREATE TEMP VIEW settled AS {but(settled, 'since', ('mark', 'print'))}")
    # The rows are what streams by, and what is settled what they are looked up in.
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    connection.execute(
        "CREATE TEMP TABLE staged AS SELECT r.number, coalesce(r.mark, s.mark) AS mark,"  # noqa: S608
        f" CASE WHEN s.print IS DISTINCT FROM r.print THEN [{row}] END AS row,"
        f" s.print IS NOT NULL AS known FROM ({read}) r FULL JOIN settled s ON r.mark = s.mark"
    )
    connection.execute("SET disabled_optimizers = ''")
    (held,) = connection.execute("SELECT count(*) FROM settled").fetchone()
    return Aside(0, held)


def but(settled: Path, others: str, columns: Sequence[str]) -> str:
    """Give the query of those rows of a settled file whose marks are not among others."""
    where = f"read_parquet({file_literal(settled)}, file_row_number = true)"
    return (
        f"SELECT {', '.join(columns)} FROM {where} WHERE mark IS NOT NULL"  # noqa: S608  # our own words
        f" AND mark NOT IN (SELECT mark FROM {others})"
    )


def compared(connection: Any, read: str, row: str, settled: Path, rows: int) -> Aside:
    """Make the table `staged` as `looked_up` does, without the rows that are as they were in their place.

    rows: how many are settled.
    """
    where = file_literal(settled)
    connection.execute(
        "CREATE TEMP TABLE moved AS SELECT r.*, s.was FROM"  # noqa: S608  # our own words
        f" ({read}) r POSITIONAL JOIN (SELECT mark AS was, print AS seen FROM read_parquet({where})) s"
        " WHERE (r.mark = s.was AND r.print = s.seen) IS NOT TRUE"
        " OR s.was IN (SELECT mark FROM since)"
    )
    # A key that has moved may be that of a row which is in its place: it is in the read twice.
    connection.execute(
        "CREATE TEMP TABLE met AS SELECT mark, print, file_row_number + 1 AS number FROM"  # noqa: S608
        f" read_parquet({where}, file_row_number = true) WHERE mark IN"
        " (SELECT mark FROM moved WHERE number IS NOT NULL) AND mark NOT IN (SELECT mark FROM since)"
    )
    connection.execute(
        "CREATE TEMP TABLE staged AS SELECT r.number, r.mark, CASE WHEN s.print IS DISTINCT FROM"  # noqa: S608
        f" r.print THEN [{row}] END AS row, s.print IS NOT NULL AS known FROM"
        " (SELECT * EXCLUDE was FROM moved WHERE number IS NOT NULL) r LEFT JOIN met s USING (mark)"
        " UNION ALL SELECT number, mark, NULL, true FROM met"
        " WHERE mark NOT IN (SELECT was FROM moved WHERE was IS NOT NULL)"
        " UNION ALL SELECT NULL, was, NULL, true FROM moved WHERE was IS NOT NULL"
        " AND was NOT IN (SELECT mark FROM met) AND was NOT IN (SELECT mark FROM since)"
    )
    aside, held = connection.execute(
        "SELECT ? - count(was) - (SELECT count(*) FROM met WHERE mark NOT IN"
        " (SELECT was FROM moved WHERE was IS NOT NULL)),"
        " (SELECT count(*) FROM met) + (SELECT count(*) FROM staged WHERE number IS NULL) FROM moved",
        [rows],
    ).fetchone()
    return Aside(aside, held)
