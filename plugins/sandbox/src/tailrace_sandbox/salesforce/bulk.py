"""Bulk API 2.0: ingest jobs, which take their time by the twin's clock."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping
from io import StringIO
from itertools import count
from typing import Any

import attrs

from tailrace_sandbox.salesforce.collection import Collection
from tailrace_sandbox.salesforce.errors import ApiError, RecordError
from tailrace_sandbox.salesforce.fields import of_text
from tailrace_sandbox.salesforce.objects import SObject, long_id, now
from tailrace_sandbox.salesforce.org import Org

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
NULL = "#N/A"
MOST_BYTES = 100 << 20
MOST_TEXT = 32_000
Row = dict[str, str]


@attrs.define(kw_only=True)
class Job:
    """Hold one job; `left` is None until its content came."""

    id: str
    of: str
    operation: str
    by: str | None
    made: str = attrs.field(factory=now)
    state: str = "Open"
    columns: list[str] = attrs.field(factory=list)
    left: list[Row] | None = None
    good: list[tuple[str, bool, Row]] = attrs.field(factory=list)
    bad: list[tuple[str, str, Row]] = attrs.field(factory=list)
    closed: float = 0.0
    message: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return what the API says of it."""
        told = {
            "id": self.id,
            "operation": self.operation,
            "object": self.of,
            "createdDate": self.made,
            "systemModstamp": self.made,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": 62.0,
            "contentUrl": f"services/data/v62.0/jobs/ingest/{self.id}/batches",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            "jobType": "V2Ingest",
            "retries": 0,
            "numberRecordsProcessed": len(self.good) + len(self.bad),
            "numberRecordsFailed": len(self.bad),
        }
        if self.by is not None:
            told["externalIdFieldName"] = self.by
        return told if self.message is None else {**told, "errorMessage": self.message}


@attrs.define
class Jobs:
    """Keep an org's jobs; each waits for `seconds`, and works for as many."""

    org: Org
    clock: Callable[[], float]
    seconds: float
    kept: dict[str, Job] = attrs.field(factory=dict)
    breaks_after: int | None = None
    _numbers: count[int] = attrs.field(factory=lambda: count(1))

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a job."""
        operation, by = body.get("operation"), body.get("externalIdFieldName")
        if operation not in OPERATIONS:
            raise ApiError(400, "INVALIDJOB", f"Invalid operation: {operation}")
        kind = self.org.find(str(body.get("object")))
        if operation == "upsert":
            if not by:
                raise ApiError(400, "INVALIDJOB", "externalIdFieldName is needed to upsert")
            kind.by(str(by))
        name = long_id(f"750xx{next(self._numbers):010d}")
        job = Job(id=name, of=kind.name, operation=str(operation), by=str(by) if by else None)
        self.kept[name] = job
        return job.shown()

    def find(self, name: str) -> Job:
        """Return a job."""
        if name not in self.kept:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.kept[name]

    def upload(self, job: Job, body: bytes) -> None:
        """Take a job's content, which comes once."""
        if job.state != "Open" or job.left is not None:
            said = (
                f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete'"
            )
            raise ApiError(400, "INVALIDJOBSTATE", said)
        if len(body) > MOST_BYTES:
            raise ApiError(400, "INVALIDBATCH", "The content is too large")
        reader = csv.DictReader(StringIO(body.decode(), newline=""), strict=True)
        job.left = list(reader)
        job.columns = list(reader.fieldnames or ())

    def close(self, job: Job, state: Any) -> dict[str, Any]:
        """End a job's upload, or the job."""
        if state not in ("UploadComplete", "Aborted"):
            raise ApiError(400, "INVALIDJOB", f"Invalid state: {state}")
        if job.state != "Open" and (state != "Aborted" or job.state == "JobComplete"):
            said = f"Job state is {job.state}, and cannot become {state}"
            raise ApiError(400, "INVALIDJOBSTATE", said)
        job.state = state
        job.closed = self.clock()
        return job.shown()

    def advance(self) -> None:
        """Let the jobs go on as far as the time has come."""
        for job in self.kept.values():
            passed = self.clock() - job.closed
            if job.state == "UploadComplete" and passed >= self.seconds:
                job.state = "InProgress"
            if job.state == "InProgress" and passed >= 2 * self.seconds:
                self._work(job)

    def results(self, job: Job, which: str) -> bytes:
        """Return the rows that went one way, in no order."""
        if which == "unprocessedrecords":
            return _csv(job.columns, [list(row.values()) for row in job.left or ()])
        if which == "successfulResults":
            head = ["sf__Id", "sf__Created", *job.columns]
            lines = [[name, str(new).lower(), *row.values()] for name, new, row in job.good]
        else:
            head = ["sf__Id", "sf__Error", *job.columns]
            lines = [[name, why, *row.values()] for name, why, row in job.bad]
        random.Random(len(lines)).shuffle(lines)  # noqa: S311  # an order, nothing to guess
        return _csv(head, lines)

    def _work(self, job: Job) -> None:
        kind = self.org.find(job.of)
        unknown = [each for each in job.columns if not _is_column(kind, each)]
        if unknown:
            job.state = "Failed"
            job.message = f"InvalidBatch : Field name not found : {unknown[0]}"
            return
        done = 0
        while job.left:
            if self.breaks_after is not None and done >= self.breaks_after:
                job.state, job.message = "Failed", "InternalServerError : the sandbox broke off"
                self.breaks_after = None
                return
            row = job.left.pop(0)
            done += 1
            try:
                name, new = self._do(job, kind, row)
                job.good.append((name, new, row))
            except RecordError as error:
                job.bad.append(("", error.line(), row))
            except ApiError as error:
                job.bad.append(("", f"INVALID_TYPE_ON_FIELD_IN_RECORD:{error.message}:--", row))
        job.state = "JobComplete"

    def _do(self, job: Job, kind: SObject, row: Row) -> tuple[str, bool]:
        given: dict[str, Any] = {}
        for name, text in row.items():
            if text is not None and len(text) > MOST_TEXT:
                raise RecordError("STRING_TOO_LONG", "data value too large", name)
            if not text:
                continue
            link, _, inner = name.partition(".")
            field = kind.field(name)
            if inner:
                given[link] = None if text == NULL else {inner: text}
            else:
                assert field is not None
                given[field.name] = None if text == NULL else of_text(field, text)
        self.org.trapped(kind.name, given)
        if job.operation == "insert":
            return kind.create(given), True
        if job.operation == "upsert":
            return kind.upsert(kind.by(str(job.by)), given)
        name = str(given.pop("Id", ""))
        if job.operation == "update":
            kind.update(name, given)
        else:
            told = Collection(self.org).remove(name)
            if not told["success"]:
                raise RecordError(told["errors"][0]["statusCode"], told["errors"][0]["message"])
        return kind.full(name), False


def _is_column(kind: SObject, name: str) -> bool:
    link, _, inner = name.partition(".")
    if not inner:
        return kind.field(name) is not None
    return any(each.relationship == link for each in kind.fields.values())


def _csv(head: list[str], lines: list[list[str]]) -> bytes:
    made = StringIO(newline="")
    writer = csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return made.getvalue().encode()
