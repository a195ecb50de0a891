"""A world of one sync: rows that change, runs that die, requests that fail, people who decide.

A step is a rule and two numbers, so that a list of steps is a life that can be played again and
made shorter. After each step the promises of the README are checked against what the service has
really taken, what it was asked, and what the ledger says.
"""

import json
import logging
import os
import random
import shutil
import tempfile
import warnings
from pathlib import Path

import attrs
from depot import FAULTS, Depot, Fault, Memory
from inspection import Ran, inspect, ledger_of
from judgement import Judge
from points import DIED, Steps, instrument
from worlds import KEYED, KEYS, Clock, Kind, ending

import tailrace
from tailrace._engine.lease import hold
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import Wishes, execute, resolve
from tailrace.errors import ConfigError, LockedError

DAY = 24 * 3600.0


def play(number, steps):
    """Play one life in a folder of its own; give the violations."""
    before = logging.root.manager.disable
    folder = tempfile.mkdtemp(prefix="world-")
    logging.disable(logging.CRITICAL)
    try:
        return World(Path(folder), Kind.of(number)).play(steps)
    finally:
        logging.disable(before)
        shutil.rmtree(folder)


@attrs.define(eq=False)
class World:
    """Play one life in a folder."""

    folder: Path
    kind: Kind
    mode: str = attrs.field(init=False)
    memory: Memory = attrs.field(init=False)
    judge: Judge = attrs.field(init=False)
    source: dict = attrs.field(factory=dict)
    past: list = attrs.field(factory=list)
    now: float = 1000.0
    skew: float = 0.0
    chance: random.Random = attrs.field(factory=lambda: random.Random(0))
    count: int = 0
    top: int = 0
    mapping: int = 0
    accept: bool = False
    fault: Fault | None = None
    breaks: int | None = None
    poison: frozenset = frozenset()
    hashes: dict = attrs.field(factory=dict)
    accidents: bool = False
    since: int = 0
    step: object = lambda: None
    told: object = None

    def __attrs_post_init__(self):
        self.mode = self.kind.mode
        story = self.folder / "story"
        self.memory = Memory(story)
        self.judge = Judge(path=story, delivery=self.kind.delivery, mode=self.mode)
        theirs = {
            "insert": (0, 91),
            "update": (*range(0, KEYS, 2), 91),
            "append": (),
            "replace": (),
        }
        for name in theirs.get(self.mode, (91,)):
            taken = {"event": "taken", "batch": "theirs", "action": "upsert", "id": name}
            self.note({**taken, "row": {"id": name, "text": "theirs"}})
            self.judge.heard().foreign.add(name)

    def play(self, steps):
        """Play steps, and then what ends the matter; give the violations."""
        for name, one, other in steps:
            found = [*(getattr(self, name)(one, other) or ()), *self.judge.heard().violations]
            if found:
                return found
        return self.end()

    @property
    def streams(self):
        """Tell whether records are sent while they are read, and remembered by their place."""
        return self.mode == "append" and not self.kind.cursor

    def wanted(self):
        """Give the source's rows as the destination is to have them, by key."""
        more = {"tag": "t2"} if self.mapping == 2 else {}
        return {key: {**row, **more} for key, row in self.source.items()}

    # The rules: each gives what it has found to be wrong

    def change(self, one, other):
        """Change a row of the source: new content, an old one again, a new row, or none."""
        if self.mode in ("append", "replace"):
            for _ in range(1 + one % 4):
                self._put(self.count + 1, other)
            return
        key = one % KEYS
        old = [each for each in self.past if each["id"] == key]
        if other % 8 == 0 and key in self.source and not self.kind.cursor:
            del self.source[key]
        elif other % 8 in (1, 2) and old:
            self.source[key] = {**old[other // 8 % len(old)], **self._at(1)}
        else:
            self._put(key, other // 8)
        self.note({"event": "changed", "id": key})

    def clear(self, one, other):
        """Take all rows away."""
        if self.mode in KEYED and not self.kind.cursor:
            for key in self.source:
                self.note({"event": "changed", "id": key})
            self.source.clear()

    def break_off(self, one, other):
        """Have the source break off in the next run."""
        self.breaks = one % 8

    def run(self, one, other):
        """Run."""
        return self.judged(self._run)

    def crash(self, one, other):
        """Run, retry or resolve in a process that dies at one of its steps."""
        self.accidents = True
        works = (self._run, self._run, lambda: self._retry(one), lambda: self._resolve(one, 3))
        steps = 1 + one + (one // 2 if other & 16 else 0)
        reads = other % 4 < 2 or not self.streams
        return self.judged(lambda: self._in_child(works[other % 4], steps), whole=reads)

    def misfortune(self, one, other):
        """Have a request of the next run meet a fault."""
        name = FAULTS[one % len(FAULTS)]
        if name == "late" and (self.kind.delivery == "probe" or self.mode == "replace"):
            return  # what is still on its way cannot be looked up, or comes to a closed door
        self.accidents = True
        self.fault = Fault(name, 1 + other % 3, bool(other & 4), (5.0, 60.0, 115.0)[other // 8 % 3])

    def refuse(self, one, other):
        """Have the service refuse a record from now on, or no longer any."""
        names = list(self.source) or [0]
        self.poison = self.poison ^ {names[one % len(names)]} if other % 3 else frozenset()

    def retry(self, one, other):
        """Have what was refused offered again: all, one, or those of a fingerprint."""
        return self.judged(lambda: self._retry(other), whole=not self.streams)

    def settle(self, one, other):
        """Say what became of records in doubt; now and then, it is not true."""
        self._resolve(one, other)
        return inspect(self, None)

    def second(self, one, other):
        """Begin a run while another one has the state."""
        place = self.folder / "state" / "sync"
        if not place.exists():
            return None
        before = len(self.judge.heard().requests)
        fault, breaks = self.fault, self.breaks
        with hold(place / "lock", "sync", 0.0, self._clock()):
            try:
                self._run()
            except LockedError:
                self.fault, self.breaks = fault, breaks
                return ["it sent something"] * (len(self.judge.heard().requests) - before)
        return ["a second run began"]

    def wait(self, one, other):
        """Let time pass; now and then, the machine's clock is set as well."""
        self.now += (1.0, 130.0, 3600.0, 20 * 3600.0, 30 * 3600.0, 15 * DAY)[one % 6]
        pending = len(self.memory.heard().late) - self.memory.came
        if other % 4 == 0 and self.kind.delivery != "keyed" and not pending:
            self.skew += (-DAY, 3600.0, -3650 * DAY, 3650 * DAY)[other // 4 % 4]

    def remap(self, one, other):
        """Change the mapping; the source's fields are accepted as they come out of it."""
        if self.mode in KEYED and not self.kind.cursor:
            self.mapping, self.accept = one % 3, True
            self.note({"event": "config", "mode": False})

    def turn(self, one, other):
        """Change the mode, among those that compare."""
        if self.mode in KEYED and not self.kind.cursor:
            self.mode = KEYED[one % 4]
            self.note({"event": "config", "mode": True})

    def release(self, one, other):
        """Say that deletions which were stopped are meant, those of now or of long ago."""
        state = self.ledger()
        hashes = list(self.hashes)[-3:]
        if not hashes or self.mode != "mirror":
            return None
        chosen = hashes[-1 - one % len(hashes)]
        before = len(self.judge.heard().requests)
        found = self.judged(lambda: self._run(Wishes(release=chosen)), whole=False)
        stale = self.hashes[chosen] != state.version and not state.unfinished
        if stale and len(self.judge.heard().requests) > before:
            return [*found, "a plan was applied that no longer holds"]
        return found

    def end(self):
        """Run until the matter is ended; the run after that has nothing to do."""
        self.fault = self.breaks = None
        for _ in range(5):
            self.now += 200.0
            found = self.judged(self._run)
            if found or self.told["exit_code"] in (
                0,
                4,
                5,
                *([8] if self.mode == "replace" else []),
            ):
                break
        else:
            return [f"it does not end: {self.told['exit_code']}: {self.told['problem']}"]
        if found or self.streams or self.mode == "replace":
            return found
        self.now += 200.0
        before = len(self.judge.heard().requests)
        found = self.judged(self._run)
        sent = len(self.judge.heard().requests) - before
        code = self.told["exit_code"]
        if sent or code not in (0, 4, 5):
            found.append(f"the run after the last one sent {sent} requests and ended with {code}")
        return found

    # How it is done

    def judged(self, work, whole=True):
        """Do something that may die; give what it has violated."""
        judge = self.judge.heard()
        requests, answers, held = len(judge.requests), len(judge.answers), dict(judge.held)
        before, fault = self.ledger(), self.fault
        try:
            self.told = work()
        except ConfigError as error:
            return [] if "stopped plan" in str(error) else [f"refused: {error}"]
        self._depot(self._clock()).catch_up()
        plain = fault is None and not before.unfinished and whole
        state = self.ledger()
        self.hashes |= {each: state.version for each in state.stopped if each not in self.hashes}
        judge.heard()
        new = judge.requests[requests:], judge.answers[answers:]
        ran = None if self.told is None else Ran(self.told, *new, held, plain, whole)
        return inspect(self, ran)

    def _at(self, more):
        """Give the cursor's value of a new row: the same as the last one's, or higher."""
        if not self.kind.cursor:
            return {}
        self.top += more % 2
        return {"at": self.top}

    def _put(self, key, more):
        self.count += 1
        row = {"id": key, "text": f"canary{self.count:05d}end", **self._at(more)}
        self.source.pop(key, None)
        self.source[key] = row
        self.past.append(row)

    def _sync(self, depot):
        rows, breaks = [dict(each) for each in self.source.values()], self.breaks
        self.breaks = None

        def source(cursor=None):
            for at, row in enumerate(rows):
                if at == breaks:
                    raise OSError("the source broke off")
                if cursor is None or row["at"] >= cursor:
                    yield row

        plain = {"id": "id", "text": "text"}
        return tailrace.Sync(
            source=source,
            destination=depot.spec(self.kind.batch_size),
            name="sync",
            mode=self.mode,
            key=None if self.mode in ("append", "replace") else "id",
            mapping=(None, plain, plain | {"tag": {"constant": "t2"}})[self.mapping],
            cursor="at" if self.kind.cursor else None,
            state=self.folder / "state",
        )

    def _clock(self):
        return Clock(self.now, 1_700_000_000.0 + self.skew, self.chance)

    def _depot(self, clock, fault=None):
        kind = self.kind
        return Depot(
            self.memory,
            kind.delivery,
            self.mode,
            clock,
            fault,
            poison=self.poison,
            alone=kind.alone,
            named=kind.named,
            step=self.step,
            around={"robbed": self._rob, "overtaken": self._overtake, "stops": clock.stop},
        )

    def _run(self, wishes=None):
        clock = self._clock()
        fault, self.fault = self.fault, None
        wishes = attrs.evolve(wishes or Wishes(), accept=self.accept)
        sync = self._sync(self._depot(clock, fault))
        try:
            return execute(prepare(sync), clock, wishes).as_json()
        finally:
            self.now = max(self.now, clock.now) + 1.0

    def _retry(self, other):
        state = self.ledger()
        refusals = state.refusals
        if not refusals:
            return self._run(Wishes(retry=()))
        one = refusals[other % len(refusals)]
        # What is finished first may leave another refusal than the one that is meant.
        which = "run" if state.unfinished else ("key", "print", "run")[other // 4 % 3]
        chosen = refusals if which == "run" else [e for e in refusals if e[which] == one[which]]
        self.note({"event": "retry", "ids": [each["id"] for each in chosen]})
        if which == "print":
            return self._run(Wishes(retry=(), fingerprint=one["print"]))
        return self._run(Wishes(retry=(str(one["key"]),) if which == "key" else ()))

    def _resolve(self, one, other):
        memory, doubts = self.memory.heard(), self.ledger().doubts
        # Nobody can know what becomes of a request that is still on its way.
        if not doubts or len(memory.late) > memory.came:
            return
        key = doubts[one % len(doubts)]["key"]
        chosen = [each for each in doubts if other & 1 or each["key"] == key]
        marks = self.memory.heard().marks
        arrived = any(each["mark"] in marks for each in chosen)
        assume = "delivered" if arrived is (other % 5 > 0) else "lost"
        for each in chosen:
            true = (each["mark"] in marks) is (assume == "delivered")
            facts = {name: each[name] for name in ("id", "action", "row")}
            self.note({"event": "word", "assume": assume, "true": true, **facts})
        sync = prepare(self._sync(self._depot(self._clock())))
        resolve(sync, assume, () if other & 1 else (str(key),), self._clock())

    def _rob(self):
        lock = self.folder / "state" / "sync" / "lock"
        new = lock.with_name("lock.other")
        new.touch()
        new.replace(lock)

    def _overtake(self):
        self._rob()
        self.now = max(self.now, self.judge.heard().last) + 1.0
        self._run()

    def _in_child(self, work, last):
        """Do something in a process that dies; give its report, or None."""
        out = self.folder / "report"
        out.unlink(missing_ok=True)
        with warnings.catch_warnings():
            # Threads of libraries may be left, none of which the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            with ending():
                self.step = Steps(last)
                instrument(self.step)
                out.write_text(json.dumps(work()))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, DIED), f"the child ended with {code}"
        self.fault = self.breaks = None
        self.now = max(self.now, self.judge.heard().last) + 1.0
        if code == 0:
            return json.loads(out.read_text())
        self.note({"event": "died"})
        return None

    def note(self, event):
        """Tell the story something."""
        self._depot(self._clock()).note(event)

    def ledger(self):
        """Give what the ledger says."""
        return ledger_of(self.folder / "state")
