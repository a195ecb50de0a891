"""Runs into real plugins that are killed (SIGKILL) at the engine's steps: nothing lost or doubled.

Each part kills a run at a step, runs again until the matter is ended, and looks at the service. An
ordinary test takes some of the steps, a full one (TAILRACE_SIZE=full) all of them.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import attrs

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.state import read_state

from .places import FULL

ROWS, VICTIM = 8, Path(__file__).with_name("victim.py")
SHARE = 3
"""Steps around requests, and as many others, at which an ordinary test kills."""

PARTS = [
    ("hubspot", "mirror", "idempotent"),
    ("http", "mirror", "idempotent"),
    ("sheets", "upsert", "idempotent"),
    ("sqlite", "mirror", "idempotent"),
    ("duckdb", "mirror", "idempotent"),
    ("postgresql", "mirror", "idempotent"),
    ("http by keys", "append", "keyed"),
    ("http by keys", "insert", "keyed"),
    ("slack", "append", "probe"),
    ("slack", "mirror", "probe"),
    ("hubspot", "append", "probe"),
    ("sheets", "append", "probe"),
    ("sheets", "mirror", "probe"),
    ("http looked up", "insert", "probe"),
    ("slack without history", "append", "at_most_once"),
    ("slack webhook", "append", "at_most_once"),
    ("http unsaid", "append", "at_most_once"),
    ("http unsaid", "insert", "at_most_once"),
    ("postgresql", "append", "at_most_once"),
]
"""Destinations, modes, and the delivery class by which they go then."""


def pytest_generate_tests(metafunc):
    """Each part is one destination in one mode."""
    names = [f"{name}, {mode}: {delivery}" for name, mode, delivery in PARTS]
    metafunc.parametrize(("place", "mode", "delivery"), PARTS, ids=names, indirect=["place"])


def test_nothing_is_lost_or_doubled_wherever_a_run_is_killed(place, mode, delivery):
    with Scene(place, mode, delivery) as scene:
        steps = scene.steps()
        told = {last: scene.play(last) for last in steps}

    assert {} == {last: problems for last, problems in told.items() if problems}
    # What is committed together depends on the moment, so that the last steps may not be reached.
    assert scene.kills >= 0.8 * len(steps)


def test_the_parts_are_of_the_class_that_they_are_said_to_be(place, mode, delivery):
    spec = prepare(place.sync([], mode=mode)).destination
    action = {"mirror": "delete" if place.plugin == "sheets" else "upsert"}.get(mode, mode)

    assert delivery == spec.delivery[action]


def spread(steps, most):
    """Choose so many steps, at equal distances."""
    return [steps[at * len(steps) // most] for at in range(min(most, len(steps)))]


@attrs.define
class Scene:
    """Kill runs of one part, and judge what is there in the end."""

    place: object
    mode: str
    delivery: str
    victim: object = None
    number: int = 0
    kills: int = 0
    folder: Path = None

    def __enter__(self):
        command = [sys.executable, str(VICTIM), self.place.plugin]
        self.victim = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self.victim.stdin.close()
        self.victim.wait()
        self.victim.stdout.close()

    def steps(self):
        """Give the steps to be killed at: all, or some of those around requests and of the others."""
        rows = self.prepared()
        told = self.run(rows, last=1 << 60)
        every = range(1, told["steps"] + 1)
        others = sorted({*every} - {*told["asking"]})
        return every if FULL else spread(told["asking"], SHARE) + spread(others, SHARE)

    def play(self, last):
        """Kill a run at a step, and run until the matter is ended; tell what is wrong then."""
        rows = self.prepared()
        whole = self.run(rows, last=last)
        self.kills += whole is None
        reports = [] if whole is None else [whole]
        for turn in range(0 if reports or self.ended() else 4):
            reports.append(self.run(rows, later=2_000.0 * (turn + 1)))
            if reports[-1]["exit_code"] in (0, 4):
                break
        return list(self.judged(rows, reports))

    def prepared(self):
        """Begin anew; give the rows of the run that is to be killed."""
        self.place.empty()
        self.number += 1
        self.folder = self.place.folder / f"state {self.number}"
        rows = self.place.rows(ROWS)
        if self.mode in ("upsert", "mirror"):
            self.run(rows)
            changed = [self.place.row(n, n % 2) for n in range(ROWS + 2)]
            rows = changed[2:] if self.mode == "mirror" else changed
        return rows

    def run(self, rows, *, last=0, later=0.0):
        """Run once; give the report, or None where the run was killed."""
        told = self.folder.with_suffix(".report")
        secrets = [
            name for name, value in self.place.options.items() if isinstance(value, tailrace.Secret)
        ]
        case = {
            "plugin": self.place.plugin,
            "mode": self.mode,
            "key": self.place.key,
            "rows": rows,
            "options": {
                name: value.reveal() if name in secrets else value
                for name, value in self.place.options.items()
            },
            "secrets": secrets,
            "limits": self.place.few,
            "state": str(self.folder),
            "report": str(told),
            "last": last,
            "later": later,
        }
        self.victim.stdin.write(json.dumps(case) + "\n")
        self.victim.stdin.flush()
        status = json.loads(self.victim.stdout.readline())
        if status == -signal.SIGKILL:
            return None
        assert 0 == status
        return json.loads(told.read_text())

    def ended(self):
        """Tell whether an append was over when it was killed: one after it would be a new one."""
        if self.mode != "append":
            return False
        with read_state(self.folder, "it") as state:
            runs = [] if state is None else state.store.rows("runs", "1 ORDER BY number")
            return bool(runs) and runs[-1]["state"] == "closed" and not state.store.meta("stream")

    def doubts(self):
        """Name the records that the ledger holds as in doubt."""
        with read_state(self.folder, "it") as state:
            return {json.loads(row["key"]) for row in state.store.rows("doubts")}

    def judged(self, rows, reports):
        """Say what of the promise was broken."""
        held, wanted, doubts = self.place.held(), self.place.wanted(rows), self.doubts()
        sure = {key: each for key, each in held.items() if key not in doubts}
        if sure != {key: each for key, each in wanted.items() if key not in doubts}:
            yield f"it holds {held}, and {doubts} are in doubt"
        if doubts and self.delivery != "at_most_once":
            yield f"{doubts} are in doubt, and could be told"
        if not reports:
            return
        if reports[-1]["exit_code"] != (4 if doubts else 0):
            yield f"exit {reports[-1]['exit_code']}, {doubts} in doubt: {reports[-1]['problem']}"
        if any(each["rejected"] for each in reports):
            yield "records were refused"
        if self.mode != "append":
            again = self.run(rows, later=20_000.0)
            if again["delivered"] or self.place.held() != held:
                yield f"a run after that sent {again['delivered']} again"
