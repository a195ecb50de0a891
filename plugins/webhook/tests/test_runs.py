"""Runs: syncs that read an inbox."""

import threading

import pytest

import tailrace
from tailrace._engine.clock import SystemClock
from tailrace._engine.preparing import prepare_all
from tailrace._engine.serving import serve
from tailrace.testing import MemoryDestination
from tailrace_webhook._file import open_file

from .conftest import listening_to, options
from .senders import SECRET


def left(tmp_path):
    with open_file(tmp_path / "inbox.sqlite") as inbox:
        return inbox.waiting().get("/in", 0)


def sync(name, destination, given, tmp_path, **how):
    return tailrace.Sync(
        name=name,
        source="webhook",
        source_options=given,
        destination=destination.spec,
        state=tmp_path / "state",
        **how,
    )


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_one_that_fails_holds_its_rows_while_the_other_goes_on_and_gets_them_once(tmp_path, mode):
    keyed = {"modes": ["append", "upsert"], "delivery": "idempotent"}
    how = {"mode": mode, "key": "n"}
    given = options(tmp_path)
    sound = MemoryDestination(**keyed)
    failing = MemoryDestination([tailrace.FatalError("shut")] * 2, **keyed)
    syncs = [
        sync("failing", failing, given, tmp_path, **how),
        sync("sound", sound, given, tmp_path, **how),
    ]
    with listening_to(given) as (endpoint,):
        behind = []
        for n in range(5):
            assert endpoint.send({"n": n}, id=f"m{n}") == 200
            tailrace.run_all(syncs)
            assert len(sound.rows) == n + 1
            behind.append(n + 1 - len(failing.rows))
        tailrace.run_all(syncs)

    assert behind[0] == 1 and behind[-1] == 0
    assert left(tmp_path) == 0
    assert sound.rows == [{"n": n} for n in range(5)]
    assert sorted(failing.rows, key=lambda row: row["n"]) == sound.rows


def test_rows_that_wait_from_before_are_worth_a_run_at_once(tmp_path):
    given = options(tmp_path, max_wait=60.0)
    with listening_to(given) as (endpoint,):
        assert not endpoint.receiver.wait(0)
        endpoint.send({"n": 1})
        assert not endpoint.receiver.wait(0)
    with listening_to(given) as (endpoint,):
        assert endpoint.receiver.wait(0)
        assert not endpoint.receiver.wait(0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": 0}, "secret: is missing; without one"),
        ({"scheme": "none", "host": "0.0.0.0"}, "scheme: none is for a loopback address"),
        ({"secret": {"env": "EMPTY"}}, "the environment variable EMPTY is empty"),
        ({"secret": SECRET, "host": "256.0.0.1"}, "256.0.0.1:8787 cannot be listened on"),
    ],
)
def test_nothing_is_served_where_anybody_could_send(tmp_path, monkeypatch, given, told):
    monkeypatch.setenv("EMPTY", "")
    given = {"path": "/in", "inbox": str(tmp_path / "inbox.sqlite"), **given}
    ending = threading.Event()
    ending.set()
    with pytest.raises(tailrace.ConfigError) as error:
        serve(
            prepare_all([sync("it", MemoryDestination(), given, tmp_path)]),
            SystemClock(ending),
            ending,
            told=lambda place, report: None,
        )

    assert told in str(error.value)
    assert SECRET not in str(error.value)
