"""What must outlast a power cut is synchronised before a request leaves, as the system saw it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its parts are parts of a program, too

from collector import Collector
from syscalls import possible

pytestmark = pytest.mark.skipif(not possible(), reason="there is no strace, or it may not trace")

SYNCED = re.compile(r"f(?:data)?sync\(\d+<([^>]*)>\)? .*(?:= 0|unfinished)")
DONE = re.compile(r"<\.\.\. f(?:data)?sync resumed")
LAID = re.compile(r"write\(\d+<[^>]*/(plan-[^>/]*)>")
SENT = re.compile(r'(?:sendto|write)\(\d+<[^>]*>, "POST /write')


def traced(folder, delivery, mode):
    """Run a sync of 25 records in batches of 5; give for each request the syncs before it, by file.

    A plan's name stands there in brackets when something was written to it.
    """
    told = folder / "calls"
    with Collector(1, faults=False) as service:
        arguments = [service.url, folder, delivery, mode, 25, 1, 0]
        calls = ["-f", "-y", "-qq", "-o", told, "-e", "trace=fsync,fdatasync,sendto,write"]
        victim = [sys.executable, Path(__file__).parent / "victim.py", *arguments]
        subprocess.run(["strace", *map(str, [*calls, *victim])], check=True)
    found = list(before_each(told.read_text().splitlines()))
    assert len(found) == 5
    return found


def before_each(lines):
    """Count the syncs that have come to an end before each request; a thread's own line is first."""
    syncs, open_ = [], {}
    for line in lines:
        thread, _, call = line.partition(" ")
        if SENT.search(call):
            yield list(syncs)
        elif found := LAID.search(call):
            syncs.append(f"({found[1]})")
        elif DONE.search(call):
            syncs.append(open_.pop(thread))
        elif found := SYNCED.search(call):
            name = Path(found[1]).name
            if "unfinished" in call:
                open_[thread] = name
            else:
                syncs.append(name)


def test_each_intent_outlasts_a_power_cut_where_a_repeat_would_do_harm(tmp_path):
    for count, syncs in enumerate(traced(tmp_path, "at_most_once", "upsert"), 1):
        assert syncs.count("ledger.db-wal") >= count


def test_the_lines_of_a_stream_outlast_a_power_cut_where_a_repeat_would_do_harm(tmp_path):
    for count, syncs in enumerate(traced(tmp_path, "keyed", "append"), 1):
        plan = [name for name in syncs if "plan-" in name]
        assert plan[0].startswith("(") and not plan[-1].startswith("(")
        assert syncs.count("ledger.db-wal") >= count


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_the_disk_is_not_waited_for_where_a_repeat_does_no_harm(mode, tmp_path):
    requests = traced(tmp_path, "idempotent", mode)

    synced = [[name for name in each if "(" not in name] for each in requests]
    assert synced[-1] == synced[0]
