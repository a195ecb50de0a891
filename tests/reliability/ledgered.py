"""A service of each delivery class whose memory is a file, so that it outlives a process.

It applies records one by one, so that a process can die between two of them.
"""

import json
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import tailrace
from tailrace.errors import FatalError, RejectedError, RetryableError, UnansweredError, UnsentError
from tailrace.outcomes import Outcome

FAULTS = (
    "none",
    "unsent",
    "throttled",
    "lost_before",
    "lost_after",
    "lost_halfway",
    "late",
    "bug_before",
    "bug_after",
    "exits",
    "no_outcomes",
    "few_outcomes",
    "two_outcomes",
    "strangers",
    "row_rejected",
    "row_failed",
    "row_in_doubt",
    "batch_rejected",
    "poison",
    "fatal",
    "too_large",
)
CLASSES = ("idempotent", "keyed", "probe", "at_most_once")


def nothing():
    """Be no step at all."""


class Service:
    """Take batches; `fault` happens at the write with that position, counted from 1."""

    def __init__(self, folder, delivery, fault="none", position=1, step=nothing, poison=()):
        self.path = Path(folder) / "service"
        self.delivery = delivery
        self.fault, self.position, self.step = fault, position, step
        self.poison = set(poison)
        self.writes = 0
        self.later = []
        self.told = {}

    # What anybody may look at

    def log(self):
        """Give all that was applied, in order."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def held(self):
        """Give what it holds by key, the deleted left out."""
        held = {}
        for entry in self.log():
            if entry["op"] == "delete":
                held.pop(entry["key"], None)
            elif entry["op"] != "answer":
                held[entry["key"]] = entry["row"]
        return held

    def times(self):
        """Count how often each key was applied."""
        return Counter(each["key"] for each in self.log() if each["op"] != "answer")

    # The writer's face

    def write(self, batch):
        """Take a batch, with the fault that this write is to have."""
        self.writes += 1
        fault = self.fault if self.writes == self.position else "none"
        self._catch_up()
        self.step()
        before = {
            "unsent": UnsentError("no connection"),
            "throttled": RetryableError("slow down", 0.5),
            "lost_before": UnansweredError("no answer"),
            "bug_before": ValueError("a bug"),
            "fatal": FatalError("who are you?", status=401),
        }
        if fault in before:
            raise before[fault]
        if fault == "too_large" and len(batch) > 1:
            raise RejectedError("413: too large", reason="http_413", status=413)
        bad = [each.key for each in batch if each.key in self.poison]
        if fault == "batch_rejected" or bad:
            if len(batch) > 1:
                raise RejectedError("one of them is bad", status=400)
            if bad:
                raise RejectedError("this one is bad", reason="bad", status=400)
        if fault == "late":
            self.later.append(batch)
            raise UnansweredError("no answer")
        if self.delivery == "keyed" and batch.id in self._answered():
            return self._replayed(batch)
        rejected = [batch.records[0].key] if fault == "row_rejected" else []
        failed = [batch.records[-1].key] if fault in ("row_failed", "row_in_doubt") else []
        self.told = {str(key): fault for key in [*rejected, *failed]}
        self._apply(batch, {*rejected, *failed}, half=fault == "lost_halfway")
        self.step()
        return self._answer(fault, batch, rejected, failed)

    def lookup(self, batch):
        """Tell which records of a batch arrived."""
        self._catch_up()
        marks = {each.get("mark") for each in self.log()}
        self.step()
        return [
            batch.outcome(each)
            if self._mark(batch, each) in marks
            else batch.outcome(each, failed="it is not there", reason="not_arrived")
            for each in batch
        ]

    @contextmanager
    def open(self, options):
        """Be opened for a run."""
        yield self

    def spec(self, batch_size=3, max_in_flight=1):
        """Give the destination that this is."""
        if self.delivery != "probe":
            self.__dict__["lookup"] = None
        face = self if self.delivery == "probe" else _WriteOnly(self)

        @contextmanager
        def opened(options):
            yield face

        return tailrace.DestinationSpec(
            open=opened,
            modes={"append", "insert", "update", "upsert", "mirror", "replace"},
            batch_size=batch_size,
            max_in_flight=max_in_flight,
            delivery=self.delivery,
        )

    # How it comes about

    def _answer(self, fault, batch, rejected, failed):
        if fault in ("lost_after", "lost_halfway"):
            raise UnansweredError("no answer")
        if fault == "bug_after":
            raise ValueError("a bug")
        if fault == "exits":
            raise SystemExit(3)
        if fault == "no_outcomes":
            return []
        if fault == "few_outcomes":
            return [batch.outcome(each) for each in list(batch)[1:]]
        if fault == "two_outcomes":
            first = batch.records[0]
            both = [batch.outcome(first), batch.outcome(first, failed="or not")]
            return both + [batch.outcome(each) for each in list(batch)[1:]]
        if fault == "strangers":
            return [*(batch.outcome(each) for each in batch), Outcome("?", "delivered")]
        if rejected or failed:
            told = "in_doubt" if fault == "row_in_doubt" else "failed"
            return [
                batch.outcome(each, rejected="bad", reason="bad")
                if each.key in rejected
                else Outcome(each.key, told, message="not now")
                if each.key in failed
                else batch.outcome(each)
                for each in batch
            ]
        return None

    def _apply(self, batch, without=(), half=False):
        records = [each for each in batch if each.key not in without]
        # Where keys are honoured, a batch and its answer are one.
        if self.delivery == "keyed":
            self._append([self._entry(batch, each) for each in records] + [_done(batch, self.told)])
            return
        for record in records[: len(records) // 2 if half else None]:
            self._append([self._entry(batch, record)])
            self.step()

    def _entry(self, batch, record):
        return {
            "op": str(batch.action),
            "key": record.key,
            "row": dict(record.values),
            "mark": self._mark(batch, record),
        }

    def _append(self, entries):
        told = "".join(json.dumps(each) + "\n" for each in entries).encode()
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, told)
        finally:
            os.close(handle)

    def _mark(self, batch, record):
        return f"{batch.id.partition('/')[0].rstrip('+')} {record.key}"

    def _answered(self):
        return {each["batch"] for each in self.log() if each["op"] == "answer"}

    def _replayed(self, batch):
        """Give the answer that the first request with this key had."""
        told = next(each["told"] for each in self.log() if each.get("batch") == batch.id)
        words = {"row_rejected": "rejected", "row_failed": "failed", "row_in_doubt": "in_doubt"}
        return [
            Outcome(each.key, words[told[str(each.key)]], reason="bad", message="as it was told")
            if str(each.key) in told
            else batch.outcome(each)
            for each in batch
        ]

    def _catch_up(self):
        for batch in self.later:
            if not (self.delivery == "keyed" and batch.id in self._answered()):
                self._apply(batch)
        self.later.clear()


class _WriteOnly:
    """Offer nothing but write."""

    def __init__(self, service):
        self.write = service.write


def _done(batch, told):
    return {"op": "answer", "key": None, "batch": batch.id, "told": told}
