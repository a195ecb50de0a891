"""The shared quota: one file, many processes, and what may become of it."""

import stat
import subprocess
import sys

import pytest

from tailrace._engine.pacing import account, open_pace
from tailrace._engine.preparing import prepare
from tailrace._engine.quota import QUOTA, open_quota
from tailrace.components import DestinationSpec, Rate
from tailrace.errors import StateError
from tailrace.options import Secret
from tailrace.sync import Sync
from tailrace.testing import FakeClock, MemoryDestination

RATE = Rate(10, 1.0, "account")


def taken(shared, now, count):
    """Take slots one after the other; give when each of them was."""
    found = []
    for _ in range(count):
        now = shared.earliest(now, now)
        shared.take(now)
        found.append(now)
    return found


def test_what_one_has_taken_another_has_not(tmp_path):
    with open_quota(tmp_path) as one, open_quota(tmp_path) as two:
        first = taken(one.shared(("crm",), RATE), 100.0, 6)
        second = taken(two.shared(("crm",), RATE), 100.0, 6)

    assert [100.0] * 10 == sorted(first + second)[:10]
    assert sorted(first + second)[10] >= 101.0


def test_accounts_and_scopes_are_apart(tmp_path):
    with open_quota(tmp_path) as quota:
        taken(quota.shared(("crm",), RATE), 100.0, 10)

        assert [100.0] == taken(quota.shared(("crm", "other"), RATE), 100.0, 1)
        assert [100.0] == taken(quota.shared(("crm",), Rate(10, 1.0, "other")), 100.0, 1)
        assert 101.0 <= taken(quota.shared(("crm",), RATE), 100.0, 1)[0]


def test_what_a_process_that_died_had_leased_comes_back(tmp_path):
    with open_quota(tmp_path) as gone:
        taken(gone.shared(("crm",), Rate(1000)), 100.0, 200)
    with open_quota(tmp_path) as quota:
        alone = taken(quota.shared(("crm",), Rate(1000)), 101.2, 900)

    assert alone[-1] - 101.2 < 0.2


@pytest.mark.parametrize("later", [-90_000.0, -5.0, -0.5, 0.0, 90_000.0])
def test_a_machine_that_was_started_anew_wedges_nothing(tmp_path, later):
    with open_quota(tmp_path) as quota:
        taken(quota.shared(("crm",), RATE), 100_000.0, 10)
    now = 100_000.0 + later
    with open_quota(tmp_path) as quota:
        (begins,) = taken(quota.shared(("crm",), RATE), now, 1)

    assert begins - now <= 4.0


def test_only_its_owner_can_read_it_and_it_holds_no_secret(tmp_path):
    options = {"token": Secret("s3cret-token-of-mine"), "base_url": "https://crm.example/api"}
    with open_quota(tmp_path) as quota:
        taken(quota.shared(account("crm", options), RATE), 100.0, 1)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert {0o600} == modes
    assert not any(each in held for each in (b"s3cret", b"crm"))


@pytest.mark.parametrize("content", [b"not a database at all " * 200, b"SQLite format 3\0" * 99])
def test_a_damaged_file_is_told_of_and_nothing_is_sent(tmp_path, content):
    (tmp_path / QUOTA).write_bytes(content)
    destination = MemoryDestination(rate=RATE)
    report = Sync(
        source=[{"a": 1}], destination=destination.spec, name="it", state=str(tmp_path)
    ).run()

    assert (7, []) == (report.exit_code, destination.writes)
    assert QUOTA in report.problem


def test_a_row_that_makes_no_sense_is_told_of(tmp_path):
    with open_quota(tmp_path) as quota:
        shared = quota.shared(("crm",), RATE)
        taken(shared, 100.0, 1)
        quota.connection.execute("UPDATE quotas SET told = '[1, 2]'")

        with pytest.raises(StateError, match="cannot be used"):
            taken(shared, 200.0, 1)


def test_the_account_is_the_host_and_the_login():
    one = account("crm", {"base_url": "https://a.example/v1", "token": Secret("x"), "object": "a"})
    assert one == account(
        "crm", {"base_url": "https://a.example/v2", "token": Secret("x"), "object": "b"}
    )
    others = [
        account("crm", {"base_url": "https://b.example/v1", "token": Secret("x")}),
        account("crm", {"base_url": "https://a.example/v1", "token": Secret("y")}),
        account("erp", {"base_url": "https://a.example/v1", "token": Secret("x")}),
    ]

    assert 4 == len({one, *others})


@pytest.mark.parametrize("rate", [None, RATE])
def test_there_is_a_file_only_where_there_is_a_rate(tmp_path, rate):
    spec = MemoryDestination(rate=rate).spec
    with open_pace(prepare(Sync(source=[], destination=spec, state=str(tmp_path))), FakeClock()):
        assert (rate is not None) == (tmp_path / QUOTA).exists()


def test_a_run_without_state_shares_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec: DestinationSpec = MemoryDestination(rate=RATE).spec
    Sync(source=[{"a": 1}], destination=spec, state=None).run()

    assert [] == list(tmp_path.iterdir())


CHILD = """
import sys, time
from pathlib import Path
from tailrace._engine.quota import open_quota
from tailrace.components import Rate
with open_quota(Path(sys.argv[1])) as quota:
    shared, now = quota.shared(("crm",), Rate(40, 30.0)), time.monotonic()
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(30):
        begins = shared.earliest(now, now)
        shared.take(begins)
        print(begins - now, flush=True)
"""


def test_two_processes_begin_no_more_than_one_may(tmp_path):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for child in children:
        child.stdout.readline()
    waits = [float(wait) for child in children for wait in child.communicate("\n")[0].splitlines()]

    assert 60 == len(waits)
    assert 40 == sum(wait < 15.0 for wait in waits)
