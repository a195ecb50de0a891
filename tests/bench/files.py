"""Make the files that scenarios read, in a process of its own: `files.py FOLDER ROWS`."""

import json
import sys
from pathlib import Path

import duckdb

PEOPLE = (
    "SELECT i AS id, 'name ' || i AS name, i * 0.5::DOUBLE AS score, true AS active"
    " FROM range({rows}) t(i)"
)
CHANGED = "FROM '{path}' SELECT * REPLACE (if(id % 1000 = 0, score + 1, score) AS score)"


def make(folder, rows):
    """Write a table, and the same with each thousandth row changed, as Parquet and as DuckDB."""
    made = {
        name: str(folder / f"{name}-{rows}.{kind}")
        for name, kind in (
            ("before", "parquet"),
            ("after", "parquet"),
            ("before_duckdb", "duckdb"),
            ("after_duckdb", "duckdb"),
        )
    }
    if not all(Path(path).exists() for path in made.values()):
        duckdb.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true")
        duckdb.sql(PEOPLE.format(rows=rows)).write_parquet(made["before"])
        duckdb.sql(CHANGED.format(path=made["before"])).write_parquet(made["after"])
        for name in ("before", "after"):
            with duckdb.connect(made[f"{name}_duckdb"]) as database:
                database.execute(f"CREATE OR REPLACE TABLE people AS FROM '{made[name]}'")
    return {**made, "parquet": made["before"]}


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), int(sys.argv[2]))))
