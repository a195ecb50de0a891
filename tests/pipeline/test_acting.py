"""What a person says to a state: plan, apply, retry, resolve, recover; each as a process."""

import json

import pytest

PLUGIN = """
import json, os, pathlib
from contextlib import contextmanager
import attrs
import tailrace
from tailrace.errors import UnansweredError

@attrs.frozen(kw_only=True)
class Options:
    file: str = tailrace.option(help="Where it keeps what it was sent.")

@attrs.frozen
class Writer:
    path: pathlib.Path

    def write(self, batch):
        held = json.loads(self.path.read_text()) if self.path.exists() else {}
        outcomes = []
        for record in batch:
            name = str(record.key)
            if batch.action == "delete":
                held.pop(name, None)
                outcomes.append(batch.outcome(record))
            elif record.values.get("name") == "bad":
                outcomes.append(batch.outcome(record, rejected="name is bad", reason="bad"))
            else:
                held[name] = record.values.get("name")
                outcomes.append(batch.outcome(record, remote_id=f"remote-{name}"))
        self.path.write_text(json.dumps(held))
        if os.environ.get("LOSE"):
            raise UnansweredError("no answer came")
        return outcomes

    def lookup(self, batch):
        held = json.loads(self.path.read_text()) if self.path.exists() else {}
        return [
            batch.outcome(record)
            if held.get(str(record.key)) == record.values.get("name")
            else batch.outcome(record, failed="not there", reason="not_arrived")
            for record in batch
        ]

@contextmanager
def open_shelf(options):
    yield Writer(pathlib.Path(options.file))

@tailrace.hookimpl
def tailrace_destination():
    return tailrace.DestinationSpec(
        options=Options, open=open_shelf, delivery="at_most_once",
        modes={"append", "upsert", "mirror", "insert", "update"}, batch_size=10,
    )
"""
PROJECT = """
[sync.people]
mode = "{mode}"
key = "id"
source = {{ plugin = "file", path = "people.csv" }}
destination = {{ plugin = "shelf", file = "shelf.json" }}
"""


class Shelf:
    """A sync of a CSV file into a plugin of a stranger that keeps a JSON file."""

    def __init__(self, command, mode):
        self.command = command
        command.write("tailrace.toml", PROJECT.format(mode=mode))

    def source(self, names):
        lines = ["id,name", *(f"{key},{name}" for key, name in names.items())]
        self.command.write("people.csv", "\n".join(lines) + "\n")

    def held(self):
        path = self.command.folder / "shelf.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, *arguments, **environment):
        done = self.command(*arguments, "--json", **environment)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, (lines[-1] if lines else done.stderr)


@pytest.fixture
def shelf(command, pip_install):
    command.paths.append(pip_install("shelf", ["shelf = shelf"], {"shelf.py": PLUGIN}))
    return lambda mode: Shelf(command, mode)


def test_a_plan_counts_what_would_go_and_sends_nothing(shelf):
    people = shelf("mirror")
    people.source({key: f"name {key}" for key in range(1, 21)})
    people("run")
    before = people.held()
    people.source({key: "new" if key < 3 else f"name {key}" for key in range(1, 23) if key != 9})

    code, plan = people("plan", "people")

    kinds = ("creates", "updates", "deletes", "skipped", "requests")
    assert (code, [plan[each] for each in kinds]) == (0, [2, 2, 1, 17, 2])
    assert people.held() == before
    assert {
        "kind": "update",
        "key": 1,
        "values": {"id": 1, "name": "new"},
        "changed": ["name"],
    } in (plan["samples"])


def test_a_run_does_what_its_plan_said(shelf):
    people = shelf("mirror")
    people.source({1: "a", 2: "b"})
    people("run")
    people.source({1: "a", 3: "c"})
    _, plan = people("plan", "people")

    code, report = people("run")

    assert code == 0
    assert plan["creates"] + plan["updates"] + plan["deletes"] == report["delivered"]
    assert people.held() == {"1": "a", "3": "c"}


def test_a_stopped_deletion_is_released_by_its_hash_and_by_nothing_else(shelf):
    people = shelf("mirror")
    people.source(dict.fromkeys(range(1, 41), "x"))
    people("run")
    people.source(dict.fromkeys(range(1, 21), "x"))
    code, report = people("run")
    hash_ = report["problem"].rsplit(" ", 1)[1]

    wrong = people("apply", "0" * 32)
    assert (code, len(people.held())) == (5, 40)
    assert wrong[0] == 2
    released, report = people("apply", hash_)
    assert (released, report["removed"], report["delivered"]) == (0, 20, 20)
    assert len(people.held()) == 20
    assert people("apply", hash_)[0] == 2


def test_a_stopped_deletion_is_void_once_the_sync_has_run_again(shelf):
    people = shelf("mirror")
    people.source(dict.fromkeys(range(1, 41), "x"))
    people("run")
    people.source(dict.fromkeys(range(1, 21), "x"))
    _, stopped = people("run")
    _, later = people("run")

    code, _ = people("apply", stopped["problem"].rsplit(" ", 1)[1])

    assert later["exit_code"] == 5
    assert code == 2
    assert people("apply", later["problem"].rsplit(" ", 1)[1])[0] == 0


def test_a_refused_record_waits_until_it_changes_or_somebody_says_so(shelf):
    people = shelf("upsert")
    people.source({1: "a", 2: "bad", 3: "c"})
    first, report = people("run")
    again, second = people("run")
    retried, third = people("retry", "people", "2")
    people.source({1: "a", 2: "good", 3: "c"})
    healed, fourth = people("run")

    assert (first, report["rejected"], report["delivered"]) == (8, 1, 2)
    assert (again, second["skipped"], second["delivered"]) == (0, 3, 0)
    assert (retried, third["rejected"]) == (8, 1)
    assert (healed, fourth["delivered"]) == (0, 1)
    assert people.held() == {"1": "a", "2": "good", "3": "c"}


def test_retry_sends_the_present_version_or_nothing(shelf):
    people = shelf("upsert")
    people.source({1: "a", 2: "bad"})
    people("run")
    people.source({1: "a", 2: "newer"})

    code, report = people("retry", "people")

    assert (code, report["delivered"], people.held()["2"]) == (0, 1, "newer")
    assert people("retry", "people", "2")[0] == 2


@pytest.mark.parametrize(("assume", "sent"), [("delivered", 0), ("lost", 2)])
def test_what_is_in_doubt_is_held_until_a_person_says_what_became_of_it(shelf, assume, sent):
    people = shelf("upsert")
    people.source({1: "a", 2: "b"})
    lost, report = people("run", LOSE="1")
    held, again = people("run")
    resolved, told = people("resolve", "people", "--assume", assume)
    after, final = people("run")

    assert (lost, report["in_doubt"]) == (4, 2)
    assert (held, again["in_doubt"], again["delivered"]) == (4, 2, 0)
    assert (resolved, told["resolved"]) == (0, 2)
    assert (after, final["delivered"], final["in_doubt"]) == (0, sent, 0)


@pytest.mark.parametrize(("assume", "sent"), [("delivered", []), ("lost", [2])])
def test_doubts_of_an_append_end_the_same_way(shelf, assume, sent):
    people = shelf("append")
    people.source({1: "a", 2: "b"})
    people("run", LOSE="1")
    people("resolve", "people", "--assume", assume)

    code, report = people("run")

    assert code == 0
    assert [each["delivered"] for each in report.get("earlier", [])] == sent
    assert (report["skipped"], report["delivered"]) == (2, 0)


def damaged(people):
    """Run once, and damage the ledger."""
    people.source({1: "a", 2: "b"})
    people("run")
    folder = people.command.folder / ".tailrace" / "people"
    path = folder / "ledger.db"
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    path.write_bytes(bytes(raw))
    return folder


def test_a_damaged_state_is_told_and_never_reset(shelf):
    people = shelf("upsert")
    folder = damaged(people)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    code, report = people("run")
    looked, told = people("recover", "people")

    assert code == looked == 7
    assert "tailrace recover people" in report["problem"]
    assert set(told["ways"]) == {"copy", "destination", "source", "nothing"}
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("way", "known", "sent"),
    [("copy", None, 0), ("destination", 1, 1), ("source", 2, 0), ("nothing", None, 2)],
)
def test_each_way_out_does_what_it_says(shelf, way, known, sent):
    people = shelf("upsert")
    damaged(people)
    # One of the two is no longer there as it was.
    (people.command.folder / "shelf.json").write_text('{"1": "a", "2": "changed"}')

    code, told = people("recover", "people", "--from", way)
    after, report = people("run")

    assert (code, told["delivered"]) == (0, known)
    assert (after, report["delivered"], report["skipped"]) == (0, sent, 2 - sent)
    assert any("aside" in path.name for path in (people.command.folder / ".tailrace").iterdir())
