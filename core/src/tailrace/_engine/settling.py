"""Settling: what became of a batch, as the ledger keeps it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import orjson

from tailrace._engine import entries
from tailrace._engine.flow import AllDelivered, Parcel
from tailrace._engine.known import Refused
from tailrace._engine.lines import read
from tailrace._engine.store import Row, Store
from tailrace._engine.streams import laid
from tailrace.outcomes import Outcome, Status

LATE = 120.0
"""Seconds for which a request without an answer may still be carried out by the service."""


@attrs.frozen(kw_only=True)
class Settling:
    """Write, in a transaction, what became of batches of one run.

    known: the refusals of earlier runs by name, and config what new ones go by. keyed: records are
    known again by their names.
    """

    run: int
    config: str
    keyed: bool
    known: Mapping[str, Refused]
    now: float

    def settle(
        self, store: Store, row: Row, parcel: Parcel, outcomes: Sequence[Outcome], unclear: bool
    ) -> Row:
        """Write what became of a batch's records; give its row, which is to be written, too."""
        whole = isinstance(outcomes, AllDelivered)
        fresh = Counter(
            {"delivered": len(outcomes)} if whole else (str(each.status) for each in outcomes)
        )
        before = Counter(orjson.loads(row["tally"])) if row["tally"] else Counter()
        before[entries.OPEN] -= len(parcel) if before else 0
        settled = {
            **row,
            "settled": self.now,
            "late": self.now + LATE if unclear else row["late"],
            "tally": orjson.dumps(dict(+(before + fresh))).decode(),
        }
        if not whole or parcel.tried or self.known:
            lines = parcel.lines or [b""] * len(parcel)
            for place, (line, outcome) in enumerate(zip(lines, outcomes, strict=True)):
                self._answer(store, parcel, settled, (place, line), outcome)
        return settled

    def _answer(
        self, store: Store, parcel: Parcel, batch: Row, record: tuple[int, bytes], outcome: Outcome
    ) -> None:
        """Write what became of one record, where that is not plainly that it was delivered."""
        place, line = record
        is_plain = plain(outcome)
        if is_plain and parcel.tried:
            where = (self.run, parcel.file, parcel.numbers[place])
            store.drop("answers", "run = ? AND file = ? AND number = ?", *where)
        if is_plain and not self.known:
            return
        line = line or laid(parcel, place)
        change = read(line)
        if not is_plain:
            store.put("answers", entries.answer(batch, change, outcome))
        if outcome.status is Status.IN_DOUBT and parcel.body:
            store.put("doubts", entries.doubt(batch, change, line, outcome.message, self.now))
        if outcome.status is Status.REJECTED:
            told = entries.refusal(
                change,
                outcome,
                self.known.get(change.name),
                run=self.run,
                config=self.config,
                now=self.now,
            )
            kept = self.keyed or change.name.startswith("#")
            name = change.name if kept else f"#{self.run}.{change.number}"
            store.put("refusals", told | {"name": name})
            return
        if outcome.status is not Status.FAILED and change.name in self.known:
            store.drop("refusals", "name = ?", change.name)


def plain(outcome: Outcome) -> bool:
    """Tell whether there is nothing more to say than that it was delivered."""
    return outcome.status is Status.DELIVERED and outcome.remote_id is None
