"""Whole runs from dlt's resources and into its functions, far from the network and a home."""

import os
import socket

import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1_000)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Let nothing reach the network, and let whatever is left behind lie in a folder."""

    connect = socket.socket.connect

    def refused(self, address):
        if address[0] == "127.0.0.1":
            return connect(self, address)
        raise AssertionError("something reached for the network")

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(socket.socket, "connect", refused)
    yield home

    assert list(home.rglob("*")) == []


@pytest.fixture
def run(tmp_path):
    """Run a sync; gives the report, and the destination's rows where it is one of memory."""

    def run(source, destination=None, *, mode="append", key=None, state=True, **options):
        memory = destination or MemoryDestination(
            modes=["append", "upsert", "mirror"], delivery="idempotent"
        )
        sync = tailrace.Sync(
            source=source,
            destination=memory.spec if isinstance(memory, MemoryDestination) else memory,
            name="it",
            mode=mode,
            key=key,
            options=options or None,
            state=str(tmp_path / "state") if state else None,
        )
        return execute(prepare(sync), FakeClock()), memory

    return run


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}
