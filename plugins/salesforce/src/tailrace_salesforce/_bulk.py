"""Bulk: large batches go as one job, whose id is kept before a row leaves."""

from collections import Counter
from collections.abc import Sequence

import attrs

import tailrace
from tailrace_salesforce._drafts import Draft, columns_of
from tailrace_salesforce._fields import RECORD_ID
from tailrace_salesforce._jobs import AT_WORK, OPEN, Jobs, write_file
from tailrace_salesforce._values import cell, fits_cell
from tailrace_salesforce._verdicts import TWICE
from tailrace_salesforce._writer import Fate, Writer

_OPERATIONS = {"append": "insert", "insert": "insert", "update": "update", "upsert": "upsert"}
_FIRST, _LONGEST = 2.0, 60.0


@attrs.frozen
class BulkWriter(Writer):
    """Write batches of more than `more_than` rows as jobs, and all else as a Writer does.

    settled: jobs that have told all they know, so that what is left of their rows goes by calls.
    """

    more_than: int
    settled: set[str] = attrs.field(factory=set, init=False)
    _asked: Counter[str] = attrs.field(factory=Counter, init=False)

    @property
    def jobs(self) -> Jobs:
        """Give what makes jobs for the object."""
        return Jobs(self.api, self.of.name)

    def reserve(self, batch: tailrace.Batch) -> str | None:
        """Make the job of a large batch; its rows can be told apart by the key alone.

        Where the org takes no job, the batch goes by calls.
        """
        if self.key is None or len(batch) <= self.more_than or batch.action == "delete":
            return None
        if batch.action == "update" and self.key.name != RECORD_ID:
            return None
        if self._creates(batch) and not self.key.unique:
            return None
        by = self.key.name if batch.action == "upsert" else None
        try:
            return self.jobs.create(_OPERATIONS[batch.action], by)
        except (tailrace.RetryableError, tailrace.RejectedError):
            return None

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Fill the batch's job, or ask how far it is, or read its results, as it may be."""
        job = batch.reservation
        if job is None or job in self.settled:
            return super().write(batch)
        try:
            told = self.jobs.state(job)
            if told["state"] == OPEN:
                told = self.jobs.fill(job, self._file(self.drafts(batch, [])))
        except tailrace.RejectedError as error:
            return self._without(batch, job, str(error))
        except tailrace.FatalError as error:
            if self._asked[job] or not self._creates(batch):
                raise
            # An earlier run may have filled it: then it must not count as if nothing was sent.
            self._asked[job] += 1
            raise tailrace.PendingError(str(error), _FIRST) from None
        if told["state"] in AT_WORK:
            self._asked[job] += 1
            done = int(told.get("numberRecordsProcessed") or 0)
            wait = min(_FIRST * 1.5 ** (self._asked[job] - 1), _LONGEST)
            raise tailrace.PendingError(
                f"Salesforce is at work on job {job}: {done:,} of {len(batch):,} rows are done",
                wait,
            )
        return self._read(batch, job)

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Let a job tell itself, when the batch is written again; else look for records."""
        if batch.reservation is None or batch.reservation in self.settled:
            return super().lookup(batch)
        told = f"job {batch.reservation} tells"
        return [batch.outcome(each, failed=told) for each in batch]

    def _without(self, batch: tailrace.Batch, job: str, why: str) -> Sequence[tailrace.Outcome]:
        """Go on without a job that took no rows, or that is no longer there."""
        try:
            at_work = self.jobs.state(job)["state"] != OPEN or not self.jobs.drop(job)
        except tailrace.RejectedError:
            self.settled.add(job)
            # It may have been carried out before it was deleted.
            return [tailrace.Outcome(each.key, "in_doubt", message=why) for each in batch]
        if at_work:
            raise tailrace.PendingError(f"job {job} takes no rows: {why}", _FIRST)
        self.settled.add(job)
        return super().write(batch)

    def _file(self, drafts: Sequence[Draft]) -> bytes:
        """Write the rows, those with the same parents together, so that they lock them once."""
        count = Counter(each.name for each in drafts)
        fitting = [
            each
            for each in drafts
            if all(map(fits_cell, each.values.values()))
            and each.name is not None
            and count[each.name] == 1
        ]
        columns = columns_of(fitting) or [self._key.name]
        parents = [at for at in columns if (column := self.of.find(at)) and column.is_parent]
        rows = [
            (
                [cell(each.values.get(at)) for at in parents],
                [cell(each.values[at]) if at in each.values else "" for at in columns],
            )
            for each in fitting
        ]
        rows.sort(key=lambda row: row[0])
        return write_file(columns, [cells for _, cells in rows])

    def _read(self, batch: tailrace.Batch, job: str) -> Fate:
        """Give what became of each row; those that a job has not done go by calls."""
        verdicts = dict(self.jobs.verdicts(job, self._key.name))
        fate: Fate = []
        for each in self.drafts(batch, fate):
            verdict = verdicts.get(cell(each.name))
            if verdict is None or (verdict.code == TWICE and batch.action != "append"):
                told = f"job {job} did not do it"
                fate.append(batch.outcome(each.record, failed=told, reason="job"))
            else:
                fate.append(verdict.outcome(batch, each.record))
        self.settled.add(job)
        return fate
