"""Environments of the peers: each its own, made once and kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

WANTED = {
    "dlt": ["dlt[parquet]"],
    "drt": ["drt-core[duckdb]"],
    "singer": ["singer-sdk[msgspec]", "requests"],
}
SHOWN = {"dlt": "dlt", "drt": "drt-core", "singer": "singer-sdk"}
VERSION = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"


def python(folder, name):
    """Give the interpreter of a peer's environment, made if it is not there; raises OSError."""
    made = folder / name
    found = made / "bin" / "python"
    if not (made / "whole").exists():
        shutil.rmtree(made, ignore_errors=True)
        uv = shutil.which("uv")
        if uv is not None:
            commands = [
                [uv, "venv", "--quiet", "--python", sys.executable, str(made)],
                [uv, "pip", "install", "--quiet", "--compile-bytecode"]
                + ["--python", str(found), *WANTED[name]],
            ]
        else:
            commands = [
                [sys.executable, "-m", "venv", str(made)],
                [str(found), "-m", "pip", "install", "--quiet", *WANTED[name]],
            ]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise OSError(f"{name} cannot be installed: {done.stderr.strip()[-300:]}")
        (made / "whole").touch()
    return str(found)


def version(interpreter, name):
    command = [interpreter, "-c", VERSION, SHOWN.get(name, name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def interpreters(folder, names):
    """Give interpreters and versions by peer, and why a peer is missing."""
    found, versions, missing = {}, {}, {}
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        try:
            found[name] = python(folder, name)
            versions[SHOWN[name]] = version(found[name], name)
        except (OSError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            missing[name] = "could not be installed"
    return found, versions, missing


def clean_environment(home: Path):
    """Give variables for a contender: its own home, no telemetry, nothing of the caller's Python."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "DO_NOT_TRACK": "1"}
