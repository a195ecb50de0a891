"""Settled: which rows of the last read the destination holds as they are, kept from run to run.

It is laid down with a plan, and holds as soon as that run is closed, but for the records that did
not arrive. What later runs change, or cannot tell, is named beside it. Nothing depends on it but
how much of the next read has to be looked at.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from tailrace._engine.columnar import Columnar, Settled
from tailrace._engine.disk import create
from tailrace._engine.snapshot import Held, Segment
from tailrace._engine.state import State
from tailrace._engine.store import Row
from tailrace.outcomes import Status

_FILES = 50
_SHARE = 5
"""Files of changed names, and the share of the rows, that make it worth no more."""
_DONE = (Status.DELIVERED, Status.SKIPPED)


def find(
    state: State, tag: str, segments: Sequence[Segment], special: Collection[str]
) -> Settled | None:
    """Give what is settled, if it was told by the same marks and speaks of this snapshot.

    special: names of records that are looked at even if nothing has changed.
    """
    for row in state.store.rows("files", "kind = 'settled'"):
        facts = orjson.loads(row["facts"])
        if facts.get("tag") == tag and facts.get("segments") == [
            each.path.name for each in segments
        ]:
            since = set(special)
            for each in state.store.rows("files", "kind = 'since'"):
                with state.path(each["name"]).open("rb") as file:
                    since.update(line.rstrip(b"\n").decode() for line in file)
            return Settled(state.path(row["name"]), row["rows"], since)
    return None


def laid(state: State, run: int, columnar: Columnar, rows: int) -> Row:
    """Seal what was laid down with a plan."""
    facts = orjson.dumps({"tag": columnar.marks.tag}).decode()
    return {"kind": "settled", "rows": rows, "facts": facts, **state.seal(name_for(run))}


def name_for(run: int) -> str:
    """Name the file that a run lays down."""
    return f"settled-{run}.parquet"


class Following:
    """Take note, at the end of a run, of what is settled no longer."""

    def __init__(self, state: State, run: Row) -> None:
        self.state = state
        self.number = run["number"]
        rows = state.store.rows("files", "kind = 'settled'")
        own = [row for row in rows if row["run"] == self.number]
        self.fresh = bool(own)
        self.row = next(iter(own or rows), None)
        self.count = 0
        self.name = f"since-{self.number}.lines"

    def noted(self, delta: Iterable[Held]) -> Iterator[Held]:
        """Give what a run changes of the snapshot, and take note of it."""
        if self.row is None:
            yield from delta
            return
        with create(self.path) as file:
            if self.fresh:
                # All that was planned stands there; what did not arrive is not settled.
                for name in _unsettled(self.state, self.number):
                    self._note(file, name)
            for held in delta:
                if not self.fresh:
                    self._note(file, held.name.encode())
                yield held

    @property
    def path(self) -> Path:
        """Give the file of names while it is written."""
        return self.state.path(f"{self.name}.new")

    def _note(self, file: Any, name: bytes) -> None:
        file.write(name + b"\n")
        self.count += 1

    def files(self, segments: Sequence[str]) -> list[Row]:
        """Give the files that are to be kept, once the snapshot has these segments."""
        if self.row is None:
            return []
        older = [] if self.fresh else self.state.store.rows("files", "kind = 'since'")
        many = (self.count + sum(row["rows"] for row in older)) * _SHARE > self.row["rows"]
        if many or len(older) >= _FILES:
            self.state.remove([self.path.name])
            return []
        facts = orjson.dumps(
            {**orjson.loads(self.row["facts"]), "segments": list(segments)}
        ).decode()
        kept = [{**self.row, "facts": facts}, *older]
        if not self.count:
            self.state.remove([self.path.name])
            return kept
        row = {"run": self.number, "kind": "since", "rows": self.count, "facts": None}
        return [*kept, {**row, **self.state.seal(self.name)}]


def _unsettled(state: State, run: int) -> Iterator[bytes]:
    """Name the records of a run's plan that the destination is not known to hold now."""
    store = state.store
    answers = {
        (row["file"], row["number"]): row["status"] for row in store.each("answers", "run = ?", run)
    }
    for plan in store.rows("files", "run = ? AND kind = 'plan'", run):
        name = plan["name"]
        batches = store.rows("batches", "run = ? AND file = ?", run, name)
        sent = max((row["offset"] + row["length"] for row in batches), default=0)
        if sent == plan["bytes"] and not any(file == name for file, _ in answers):
            continue
        at = 0
        with state.path(name).open("rb") as file:
            for line in file:
                number, _, key, _ = line.split(b"\t", 3)
                status = answers.get((name, int(number)), Status.DELIVERED)
                if at >= sent or status not in _DONE:
                    yield key
                at += len(line)
