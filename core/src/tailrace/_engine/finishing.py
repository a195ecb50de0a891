"""Finishing: what a run that died has left becomes parcels again, first of all what it had sent."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
import orjson

from tailrace._engine import plans
from tailrace._engine.batching import Batching
from tailrace._engine.entries import OPEN
from tailrace._engine.flow import Parcel, schema_of_json
from tailrace._engine.known import Late
from tailrace._engine.ledger import Ledger
from tailrace._engine.lines import read
from tailrace._engine.state import State
from tailrace._engine.store import Row
from tailrace._engine.streams import Taken
from tailrace.outcomes import Status
from tailrace.records import Action, Batch, Record
from tailrace.schema import Schema


@attrs.frozen
class Unfinished:
    """Hold a run that died, or whose stream has records that are to be sent again."""

    state: State
    run: Row

    @property
    def facts(self) -> dict[str, Any]:
        """Give what it had noted."""
        return dict(orjson.loads(self.run["facts"]))

    @property
    def batches(self) -> list[Row]:
        """Give its batches in their order."""
        return self.state.store.rows("batches", "run = ? ORDER BY place", self.run["number"])

    @property
    def holds_back(self) -> bool:
        """Tell whether nothing new may begin before it is finished.

        Records of a stream that failed are tried again first, but need not succeed by then.
        """
        return not self.facts.get("stream") or any(map(_is_open, self.batches))

    def restore(self, ledger: Ledger) -> None:
        """Give its counts to the ledger that goes on with it."""
        number = self.run["number"]
        answers = self.state.store.rows("answers", "run = ?", number)
        ledger.resume(self.run, self.batches)
        if "tally" not in self.facts:
            for row in answers:
                if row["place"] is None:
                    ledger.account.add(Status(row["status"]), 1)
        ledger.restore(answers)

    def sent(self, ledger: Ledger) -> Iterator[Parcel]:
        """Give the batches that it may have sent, and those that have to go again."""
        for row in self.batches:
            if row["tally"] is None:
                yield self._parcel(ledger, row, None)
            elif self.facts.get("stream") and not {"failed", OPEN}.isdisjoint(_tally(row)):
                again = self.state.store.rows(
                    "answers",
                    "run = ? AND place = ? AND status = 'failed'",
                    self.run["number"],
                    row["place"],
                )
                yield self._parcel(ledger, row, {each["number"] for each in again})

    def unsent(
        self, batching: Mapping[str, Any], kind: str, late: Mapping[str, Late] | None = None
    ) -> Iterator[Parcel]:
        """Give the batches of a plan that it had not come to."""
        number = self.run["number"]
        places = [row["place"] for row in self.batches]
        for file in self.state.store.rows("files", "run = ? AND kind = ?", number, kind):
            done = [row for row in self.batches if row["file"] == file["name"]]
            offset = max((row["offset"] + row["length"] for row in done), default=0)
            facts = orjson.loads(file["facts"])
            cutting = Batching(
                self.run["run_id"],
                Action(facts["action"]),
                after=max(places, default=0),
                **batching,
            )
            schema = schema_of_json(facts["schema"])
            path = self.state.verified(file)
            pages = self.state.read(plans.pages(path, schema, offset, late))
            yield from cutting.cut(pages, file["name"], offset)

    def _parcel(self, ledger: Ledger, row: Row, numbers: set[int] | None) -> Parcel:
        """Make a batch again as it was; only some records of it, if they are named."""
        lines = self.state.lines_of(row)
        changes = [read(line) for line in lines]
        if numbers is not None:
            kept = [at for at, change in enumerate(changes) if change.number in numbers]
            lines, changes = [lines[at] for at in kept], [changes[at] for at in kept]
        schema = self._schema(row["schema"])
        records = [
            Record(each.key, _ordered(each.values, schema), each.changed, each.remote)
            for each in changes
        ]
        reservation = orjson.loads(row["reservation"]) if row["reservation"] else None
        batch = Batch(
            row["id"], Action(row["action"]), schema, records=records, reservation=reservation
        )
        open_ = _is_open(row)
        ledger.reopen(row, len(changes), failed=not open_)
        return Parcel(
            batch,
            [each.number for each in changes],
            b"".join(lines),
            row["file"],
            row["offset"],
            row["read"],
            row["prefix"],
            tried=True,
            tried_at=row["intended"] if open_ else None,
            split=frozenset(orjson.loads(row["split"] or "[]")),
        )

    def _schema(self, digest: str) -> Schema:
        row = self.state.store.one("schemas", "digest = ?", digest)
        return Schema() if row is None else schema_of_json(orjson.loads(row["body"]))


def _tally(row: Row) -> dict[str, int]:
    return dict(orjson.loads(row["tally"] or "{}"))


def _is_open(row: Row) -> bool:
    """Tell whether a batch, or some of it, was sent and nobody knows what became of that."""
    return row["tally"] is None or OPEN in _tally(row)


def _ordered(row: dict[str, Any], schema: Schema) -> dict[str, Any]:
    return {name: row[name] for name in schema.names if name in row} | row


def find_unfinished(state: State) -> list[Unfinished]:
    """Give the runs that are to be finished before anything new, the oldest first."""
    runs = state.store.rows("runs", "state IN ('reading', 'delivering') ORDER BY number")
    return [Unfinished(state, run) for run in runs]


def taken(state: State) -> Taken | None:
    """Give what was taken of a stream that was not settled to its end, if there is one."""
    since = state.store.meta("stream")
    if since is None:
        return None
    where = "run >= ? AND read > 0 ORDER BY run, place"
    marks = [(row["read"], row["prefix"]) for row in state.store.rows("batches", where, since)]
    if not marks:
        return None
    runs = state.store.rows("runs", "number >= ? ORDER BY number", since)
    facts = [orjson.loads(run["facts"]) for run in runs]
    # Runs between them may have sent single records again, and read nothing.
    complete = [bool(each.get("complete")) for each in facts if each.get("stream")][-1]
    doubts = {
        _number(row): f"in doubt since run {row['run']}: {row['message']}"
        for row in state.store.rows("doubts", "run >= ?", since)
    }
    refused = {
        _number(row): row["message"]
        for row in state.store.rows(
            "answers", "run >= ? AND place IS NOT NULL AND status = 'rejected'", since
        )
    }
    return Taken(marks, complete, doubts, refused)


def _number(row: Row) -> int:
    """Give a record's number in the read; one that was sent again apart has it in its name."""
    name = row["name"]
    return int(name.rpartition(".")[2] if name.startswith("#") else row["number"])


def late_names(state: State, now: float) -> dict[str, Late]:
    """Give the keys that a request without an answer may still change, until when, to what."""
    late: dict[str, Late] = {}
    for row in state.store.rows("batches", "late > ?", now):
        for name, version in _names_of(state, row):
            before = late.get(name, Late(0.0, frozenset()))
            late[name] = Late(max(before.until, row["late"]), before.versions | {version})
    return late


def _names_of(state: State, row: Row) -> Iterator[tuple[str, str]]:
    """Name the records of a batch and their versions; in a plan that was stripped they are found by counting."""
    path = state.path(f"done-{row['file']}")
    if not path.exists():
        path = state.path(row["file"])
    if not path.exists():
        return
    where = "run = ? AND file = ? AND offset < ?"
    before = state.store.rows("batches", where, row["run"], row["file"], row["offset"])
    first = sum(each["count"] for each in before)
    with path.open("rb") as file:
        yield from plans.names_in(islice(file, first, first + row["count"]))
