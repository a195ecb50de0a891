"""Whole runs: a sandbox, a spreadsheet in it, the command line, and packages of strangers."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailrace_sandbox import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


class Sheet:
    """A spreadsheet of the sandbox, looked at without any code of ours or Google's."""

    def __init__(self, sandbox, *tabs):
        self.sandbox = sandbox
        self.base = f"{sandbox.url('sheets')}/v4/spreadsheets"
        titles = [{"properties": {"title": title}} for title in tabs or ("Sheet1",)]
        made = self.call("", {"properties": {"title": "Test"}, "sheets": titles})
        self.id = made["spreadsheetId"]
        self.before = len(sandbox.requests("sheets"))

    @property
    def options(self):
        return {"spreadsheet": self.id, "base_url": self.sandbox.url("sheets")}

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)

    def values(self, tab="Sheet1"):
        path = f"/{self.id}/values/{tab}?valueRenderOption=UNFORMATTED_VALUE"
        return self.call(path).get("values", [])

    def write(self, values, at="Sheet1!A1"):
        path = f"/{self.id}/values/{at}?valueInputOption=RAW"
        self.call(path, {"values": values}, method="PUT")


@pytest.fixture
def sheet(sandbox):
    return Sheet(sandbox)


@pytest.fixture
def make_sheet(sandbox):
    return lambda *tabs: Sheet(sandbox, *tabs)


class Command:
    """The command line in a folder of its own, as a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = []

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    @contextmanager
    def start(self, *arguments):
        """Start it and let the test talk to it; it ends with the test, whatever the test finds."""
        running = subprocess.Popen(
            [sys.executable, "-m", "tailrace", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.paths))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with running:
            try:
                yield running
            finally:
                running.kill()

    def __call__(self, *arguments, **environment):
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")
        }
        python_path = os.pathsep.join(map(str, self.paths))
        return subprocess.run(
            [sys.executable, "-m", "tailrace", *arguments],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": python_path, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def make_wheel(folder, name, entry_points, modules):
    """Write a wheel as a stranger's build would."""
    package = name.replace("-", "_")
    path = Path(folder) / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    texts = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[tailrace]\n" + "\n".join(entry_points) + "\n",
    }
    record = "".join(f"{each},,\n" for each in [*texts, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in {**texts, f"{info}/RECORD": record}.items():
            archive.writestr(each, text)
    return path


@pytest.fixture
def pip_install(tmp_path_factory):
    """Install packages of strangers with pip; gives the folder they are in."""
    target = tmp_path_factory.mktemp("site")

    def install(name, entry_points, modules):
        wheel = make_wheel(tmp_path_factory.mktemp("wheel"), name, entry_points, modules)
        subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            + ["--no-index", "--no-deps", "--target", str(target), str(wheel)],
            check=True,
        )
        return target

    return install
