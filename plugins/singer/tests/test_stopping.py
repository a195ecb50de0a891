"""A run that is asked to stop ends its tap, also one that is silent."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from .conftest import record, schema

NOWHERE = """
import tailrace

@tailrace.destination(modes=["append", "upsert"])
def nowhere(rows):
    pass
"""


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_run_that_is_asked_to_stop_ends_a_silent_tap(tap, tmp_path, monkeypatch, mode):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    silent = f"open({str(fifo)!r}, 'w').write(str(os.getpid())); import time; time.sleep(600)"
    tap.writes(schema(), record(id=1), after=silent)
    (tmp_path / "tailrace.toml").write_text(
        f"[sync.it]\nmode = {mode!r}\nkey = 'id'\n"
        f"source = {{ plugin = 'singer', tap = {tap.command!r} }}\n"
        "destination = { plugin = 'nowhere' }\n"
    )
    plugin = tmp_path / "plugin" / "nowhere-1.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: nowhere\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[tailrace]\nnowhere = nowhere:nowhere\n")
    (plugin.parent / "nowhere.py").write_text(NOWHERE)
    monkeypatch.setenv("PYTHONPATH", str(plugin.parent))
    command = [sys.executable, "-m", "tailrace", "run", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        number = int(fifo.read_text())
        run.send_signal(signal.SIGTERM)
        out, told = run.communicate(timeout=60)

    report = json.loads(out)
    assert (run.returncode, report["problem"]) == (9, "the run was asked to stop"), told
    assert report["read"] == report["delivered"] + report["failed"]
    assert not psutil.pid_exists(number)
