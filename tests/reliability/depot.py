"""A service of each delivery class for simulations: its memory is a file of events, one a line.

It applies records late, half, or not at all, when a fault says so, and what a person or the
simulation does stands among its events, so that one reading of the file tells the whole story.
"""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import attrs

import tailrace
from tailrace.errors import FatalError, RejectedError, RetryableError, UnansweredError, UnsentError
from tailrace.outcomes import Outcome

KEEPS_KEYS = 24 * 3600.0
"""Seconds for which an idempotency key is remembered."""

NOT_EXECUTED = ("unsent", "throttled", "batch_rejected", "too_large", "fatal")
UNANSWERED = ("lost_before", "lost_after", "lost_halfway", "late", "bug_before", "bug_after")
PARTLY = ("row_rejected", "row_failed", "row_in_doubt", "no_outcomes", "few_outcomes")
AROUND = ("robbed", "overtaken", "stops")
FAULTS = (*NOT_EXECUTED, *UNANSWERED, *PARTLY, *AROUND, *["late"] * 4)


def root_of(name):
    """Give the batch that a part was split from."""
    return name.partition("/")[0].rstrip("+")


@attrs.frozen
class Fault:
    """Happen at the write with that position of a run, or from there to its end."""

    name: str
    at: int = 1
    lasts: bool = False
    delay: float = 60.0

    def hits(self, write):
        """Tell whether it happens now."""
        return write == self.at or (self.lasts and write > self.at)


@attrs.define
class Story:
    """Follow a file of events that grows."""

    path: Path
    told: int = 0

    def heard(self):
        """Take in what is new; give this."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.told)
                new = file.read()
            self.told += len(new)
            for line in new.splitlines():
                self.follow(json.loads(line))
        return self


@attrs.define
class Memory(Story):
    """Hold what the service knows."""

    held: dict = attrs.field(factory=dict)
    staged: dict = attrs.field(factory=dict)
    marks: set = attrs.field(factory=set)
    answers: dict = attrs.field(factory=dict)
    late: list = attrs.field(factory=list)
    came: int = 0

    def follow(self, event):
        """Take in one event."""
        kind = event["event"]
        if kind == "taken":
            self.marks.add((root_of(event["batch"]), event["id"]))
            self._apply(event)
        elif kind == "told" and event["kept"]:
            self.answers[event["batch"]] = event
        elif kind == "late":
            self.late.append(event)
        elif kind == "came":
            self.came += 1
        elif kind == "opened":
            self.staged = {}
        elif kind == "shown":
            self.held = dict(self.staged)

    def _apply(self, event):
        place = self.staged if event["action"] == "replace" else self.held
        if event["action"] == "delete":
            place.pop(event["id"], None)
        else:
            place[event["id"]] = event["row"]


@attrs.define(eq=False)
class Depot:
    """Take batches, as one process sees the service.

    clock: the run's. step: a point at which the process may die. poison: what it refuses by `id`.
    alone: it refuses single records, and not their batch. named: it gives records names.
    around: what happens to the run's state, by the fault's name.
    """

    memory: Memory
    delivery: str
    mode: str
    clock: object
    fault: Fault | None = None
    poison: frozenset = frozenset()
    alone: bool = True
    named: bool = False
    step: object = lambda: None
    around: dict = attrs.field(factory=dict)
    writes: int = 0
    deaf: bool = False

    @property
    def known(self):
        """Give what it knows by now."""
        return self.memory.heard()

    def note(self, *events):
        """Keep events, all or none of them."""
        told = "".join(json.dumps({**each, "at": self.clock.monotonic()}) + "\n" for each in events)
        handle = os.open(self.memory.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, told.encode())
        finally:
            os.close(handle)

    def catch_up(self, until=None):
        """Carry out what was asked for long ago and is due by now."""
        until = self.clock.monotonic() if until is None else until
        for event in self.known.late[self.known.came :]:
            if event["due"] > until:
                return
            done = self.delivery == "keyed" and event["batch"] in self.known.answers
            taken = [] if done else self._takes(event["batch"], event["action"], event["records"])
            keeps = {"event": "told", "batch": event["batch"], "told": {}, "kept": True}
            keeps["heard"] = False
            late = [{**each, "late": True} for each in taken]
            self.note(*late, {"event": "came"}, *([keeps] if self.delivery == "keyed" else []))

    # The writer's face

    def write(self, batch):
        """Take a batch, with the fault that this write is to have."""
        self.writes += 1
        fault = self.fault.name if self.fault and self.fault.hits(self.writes) else None
        self.catch_up()
        records = [[each.values["id"], dict(each.values)] for each in batch]
        action = "replace" if self.mode == "replace" else str(batch.action)
        told = {"batch": batch.id, "action": action, "records": records}
        self.note({"event": "asked", **told})
        self.step()
        if self._answers(batch, records, fault) is None or fault is not None:
            self._not_executed(batch, fault)
        if fault in ("lost_before", "bug_before"):
            raise _silence(fault)
        if fault == "late":
            self.note({"event": "late", **told, "due": self.clock.monotonic() + self.fault.delay})
            raise _silence(fault)
        answers = self._answers(batch, records, fault)
        if answers is None:
            answers = self._applied(batch, action, records, fault)
        self.step()
        if fault in self.around:
            self.around[fault]()
            # Whoever has lost the state can keep nothing of what it is told from here on.
            self.deaf = fault in ("robbed", "overtaken")
        if fault in UNANSWERED:
            raise _silence(fault)
        silent = {"no_outcomes": len(batch), "few_outcomes": 1}.get(fault, 0)
        return self._told(batch, list(batch)[silent:], answers)

    def lookup(self, batch):
        """Tell which records of a batch arrived."""
        self.catch_up()
        marks = self.known.marks
        self.step()
        there = [(root_of(batch.id), each.values["id"]) in marks for each in batch]
        answers = ["delivered" if each else "failed" for each in there]
        self._noted(batch, dict(zip((each.values["id"] for each in batch), answers, strict=True)))
        return [
            Outcome(each.key, answer, message="it is not there")
            for each, answer in zip(batch, answers, strict=True)
        ]

    def commit(self):
        """Show what was staged."""
        if self.mode == "replace":
            self.note({"event": "shown"})
            self.step()

    def spec(self, batch_size):
        """Give the destination that it is."""
        face = SimpleNamespace(write=self.write, commit=self.commit)
        if self.delivery == "probe":
            face.lookup = self.lookup

        @contextmanager
        def opened(options):
            self.note({"event": "opened"})
            yield face

        return tailrace.DestinationSpec(
            open=opened,
            modes={"append", "insert", "update", "upsert", "mirror", "replace"},
            batch_size=batch_size,
            max_in_flight=1,
            delivery=self.delivery,
        )

    # How it comes about

    def _not_executed(self, batch, fault):
        poisoned = [each for each in batch if each.values["id"] in self.poison]
        refused = fault == "batch_rejected" or (poisoned and not self.alone)
        whole = len(batch) > 1 and (refused or fault == "too_large")
        error = {
            "unsent": UnsentError("no connection"),
            "throttled": RetryableError("slow down", 0.5),
            "fatal": FatalError("who are you?", status=401),
        }.get(fault)
        if whole or (poisoned and not self.alone and error is None):
            error = RejectedError("this is bad", reason="bad", status=400)
        if error is not None:
            alone = isinstance(error, RejectedError) and len(batch) == 1
            status = "rejected" if alone else "nothing"
            self._noted(batch, {each.values["id"]: status for each in batch})
            raise error

    def _answers(self, batch, records, fault):
        """Give the answers that it gave to the same key before, or None."""
        known = self.known.answers.get(batch.id) if self.delivery == "keyed" else None
        if known is None or self.clock.monotonic() - known["at"] > KEEPS_KEYS:
            return None
        return {name: known["told"].get(str(name), "delivered") for name, _ in records}

    def _applied(self, batch, action, records, fault):
        answers = {name: "delivered" for name, _ in records}
        if fault in ("row_rejected", "row_failed", "row_in_doubt"):
            answers[records[0][0]] = fault.removeprefix("row_")
        answers |= {name: "rejected" for name, _ in records if name in self.poison}
        chosen = [each for each in records if answers[each[0]] in ("delivered", "in_doubt")]
        taken = self._takes(batch.id, action, chosen)
        there = {each["id"] for each in taken}
        answers |= {name: "skipped" for name, _ in chosen if name not in there}
        if self.delivery == "keyed":
            # Where keys are honoured, a batch and its answer are one.
            told = {"event": "told", "batch": batch.id, "told": answers, "kept": True}
            self.note(*taken, {**told, "heard": False})
            return answers
        for each in taken[: len(taken) // 2 if fault == "lost_halfway" else None]:
            self.note(each)
            self.step()
        return answers

    def _takes(self, batch, action, records):
        """Give the events of the records that there is something to do for."""
        held = self.known.held
        there = {"insert": lambda name: name not in held, "update": lambda name: name in held}
        asks = there.get(action, lambda name: True)
        about = {"event": "taken", "batch": batch, "action": action}
        return [{**about, "id": name, "row": row} for name, row in records if asks(name)]

    def _told(self, batch, records, answers):
        self._noted(batch, {each.values["id"]: answers[each.values["id"]] for each in records})
        return [
            Outcome(
                each.key,
                answers[each.values["id"]],
                reason="bad" if answers[each.values["id"]] == "rejected" else None,
                remote_id=f"r{each.values['id']}" if self.named else None,
            )
            for each in records
        ]

    def _noted(self, batch, answers):
        told = {"event": "told", "batch": batch.id, "told": answers}
        self.note({**told, "kept": False, "heard": not self.deaf})
        self.step()


def _silence(fault):
    return ValueError("a bug") if fault.startswith("bug") else UnansweredError("no answer")
