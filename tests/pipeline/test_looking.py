"""What a state tells: status, history, rejected, explain, and what purge makes of it."""

import json

import pytest

PROJECT = """
[sync.people]
mode = "upsert"
key = "id"
source = { plugin = "file", path = "people.csv" }
destination = { plugin = "shelf" }
"""
PLUGIN = """
import tailrace

@tailrace.destination(modes=("upsert",), delivery="idempotent", batch_size=10)
def shelf(batch: tailrace.Batch):
    return [
        batch.outcome(each, rejected="the name 'bad' is bad", reason="bad")
        if each.values["name"] == "bad"
        else batch.outcome(each, remote_id=f"remote-{each.key}")
        for each in batch
    ]
"""


@pytest.fixture
def told(command, pip_install):
    """Run commands on a sync that has a past: two records, one refused, one changed since."""
    package = {"shelf.py": PLUGIN}
    command.paths.append(pip_install("shelf", ["shelf = shelf:shelf"], package))
    command.write("tailrace.toml", PROJECT)
    command.write("people.csv", "id,name\n1,canary-one\n2,bad\n")
    command("run")
    command.write("people.csv", "id,name\n1,canary-two\n2,bad\n")
    command("run")

    def tell(*arguments):
        done = command(*arguments, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()] or done.stderr

    tell.command = command
    return tell


def test_status_tells_the_last_run_and_what_waits(told):
    (status,) = told("status")

    assert (status["last"]["exit_code"], status["last"]["delivered"]) == (0, 1)
    assert (status["records"], status["running"], status["unfinished"]) == (1, False, [])
    assert [(each["count"], each["keys"]) for each in status["refused"]] == [(1, [2])]


def test_history_has_the_numbers_of_the_reports(told):
    runs = told("history")

    counts = [(run["exit_code"], run["delivered"], run["rejected"], run["skipped"]) for run in runs]
    assert counts == [(0, 1, 0, 1), (8, 1, 1, 0)]


def test_rejected_groups_by_kind_and_shows_values_when_asked(told):
    (plain,) = told("rejected", "people")
    (full,) = told("rejected", "people", "--values")

    assert [each["message"] for each in plain["groups"]] == ["the name 'bad' is bad"]
    assert "records" not in plain
    assert full["records"][0]["values"] == {"id": 2, "name": "bad"}


def test_explain_tells_what_was_sent_and_what_changed(told):
    (record,) = told("explain", "people", "1")
    (refused,) = told("explain", "people", "2")

    assert record["held"]["remote_id"] == "remote-1"
    assert [(each["status"], each["changed"]) for each in record["sent"]] == [
        ("delivered", ["name"]),
        ("delivered", None),
    ]
    assert refused["held"] is None
    assert refused["refused"]["message"] == "the name 'bad' is bad"
    assert refused["sent"][-1]["status"] == "rejected"


def test_a_key_that_is_not_known_is_answered_with_one_that_is(told):
    done = told.command("explain", "people", "11")

    assert done.returncode == 2
    assert "did you mean '1'?" in done.stderr


@pytest.mark.parametrize("line", ["status", "history", "rejected people", "explain people 1"])
def test_each_command_says_it_to_a_person_too(told, line):
    done = told.command(*line.split())

    assert done.returncode == 0
    assert done.stdout.strip()
    assert not done.stderr


def test_a_purged_key_is_nowhere_in_the_state(told):
    folder = told.command.folder / ".tailrace" / "people"
    (before,) = told("explain", "people", "1")

    (done,) = told("purge", "people", "--key", "1")

    assert before["held"] is not None
    assert done["places"] > 1
    assert told.command("explain", "people", "1").returncode == 2
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"remote-1" not in kept
    assert told("run")[0]["delivered"] == 1


def test_purged_values_are_gone_but_not_that_they_were_refused(told):
    folder = told.command.folder / ".tailrace" / "people"

    (done,) = told("purge", "--all-values")

    assert done["values"] == 1
    assert b'"name":"bad"' not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert told("run")[0]["skipped"] == 2


def test_old_runs_are_forgotten_when_asked(told):
    (done,) = told("purge", "--older", "0")

    assert done["runs"] == 2
    assert not [each for each in told("history") if each]


def test_purge_wants_to_know_what(told):
    done = told.command("purge")

    assert done.returncode == 2
    assert "--key" in done.stderr
