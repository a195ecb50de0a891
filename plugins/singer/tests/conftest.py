"""Taps made of what they are to write, and whole runs from them."""

import json
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import attrs
import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1_000)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")

SCRIPT = """
import json, os, sys
from pathlib import Path

folder = Path(__file__).parent
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
seen = {"arguments": sys.argv[1:], "environment": dict(os.environ)}
for name, path in given.items():
    if name.startswith("--") and Path(path).is_file():
        seen[name[2:]] = json.loads(Path(path).read_text())
        seen[f"mode of {name[2:]}"] = oct(Path(path).stat().st_mode & 0o777)
with (folder / "seen.jsonl").open("a") as file:
    file.write(json.dumps(seen) + "\\n")
if "--discover" in sys.argv:
    catalog = folder / "catalog.json"
    if not catalog.is_file():
        sys.exit("this tap cannot tell")
    print(catalog.read_text())
    sys.exit()
"""

PROPERTIES = {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}}


def stream(name="people", properties=PROPERTIES, key=("id",), **more):
    """A catalog's entry."""
    return {
        "tap_stream_id": name,
        "stream": name,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(key),
        "metadata": [{"breadcrumb": [], "metadata": {"inclusion": "available"}}],
        **more,
    }


PEOPLE = (stream(),)


def schema(name="people", properties=PROPERTIES, key=("id",)):
    return {
        "type": "SCHEMA",
        "stream": name,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(key),
    }


def record(name="people", /, **values):
    return {"type": "RECORD", "stream": name, "record": values}


def state(value):
    return {"type": "STATE", "value": value}


@attrs.define
class Tap:
    """A tap that writes what it is told to, and keeps what it was given."""

    folder: Path

    @property
    def command(self):
        return shlex.quote(str(self.folder / "tap-made"))

    @property
    def seen(self):
        return [json.loads(each) for each in (self.folder / "seen.jsonl").read_text().splitlines()]

    def writes(self, *messages, end="\n", code="", catalog=PEOPLE, after=""):
        """Let it write messages, or bytes as they stand; `code` runs before, `after` after that."""
        lines = [each if type(each) is bytes else json.dumps(each).encode() for each in messages]
        (self.folder / "lines").write_bytes(b"\n".join(lines) + (end.encode() if lines else b""))
        if catalog is None:
            (self.folder / "catalog.json").unlink(missing_ok=True)
        else:
            (self.folder / "catalog.json").write_text(json.dumps({"streams": list(catalog)}))
        writing = 'sys.stdout.buffer.write((folder / "lines").read_bytes()); sys.stdout.flush()'
        script = self.folder / "tap-made"
        script.write_text("\n".join([f"#!{sys.executable}", SCRIPT, code, writing, after]))
        script.chmod(0o700)
        return self


@pytest.fixture
def tap(tmp_path):
    folder = tmp_path / "tap"
    folder.mkdir()
    return Tap(folder)


@pytest.fixture
def run(tmp_path):
    """Run a sync from a tap into memory; gives the report and the destination."""

    def run(
        tap, /, *, mode="append", key=None, destination=None, state=False, mapping=None, **options
    ):
        destination = destination or MemoryDestination(
            modes=["append", "upsert", "mirror"], delivery="idempotent"
        )
        if isinstance(tap, Tap):
            options = {"tap": tap.command, "timeout": 60.0, **options}
        sync = tailrace.Sync(
            source="singer",
            destination=destination.spec,
            name="it",
            mode=mode,
            key=key,
            mapping=mapping,
            source_options=options,
            state=str(tmp_path / "state") if state else None,
        )
        return execute(prepare(sync), FakeClock()), destination

    return run


@pytest.fixture
def refused(run):
    """Tell why a run is refused before anything is read."""

    def refused(tap, /, **options):
        with pytest.raises(tailrace.ConfigError) as caught:
            run(tap, **options)
        return str(caught.value)

    return refused


@pytest.fixture(scope="session")
def real_tap(tmp_path_factory):
    """Give the command of a tap of a package registry, in an environment of its own."""
    home = tmp_path_factory.mktemp("real")
    made = {}

    def command(requirement, name):
        if requirement not in made:
            place = home / name
            venv.create(place, with_pip=True)
            done = subprocess.run(
                [place / "bin" / "python", "-m", "pip", "install", "-q", requirement],
                capture_output=True,
                text=True,
                check=False,
            )
            made[requirement] = None if done.returncode else place / "bin" / name
        if made[requirement] is None:
            pytest.skip(f"{requirement} could not be installed")
        return str(made[requirement])

    return command
