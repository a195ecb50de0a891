"""Jobs: Bulk API 2.0, which takes a file and tells of its rows when it is done."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

import attrs

import tailrace
from tailrace_salesforce._api import Api
from tailrace_salesforce._verdicts import Verdict

OPEN = "Open"
AT_WORK = ("UploadComplete", "InProgress")
_HERE_ALREADY = "invalidjobstate"


@attrs.frozen
class Jobs:
    """Make jobs for one object, fill them and read what became of their rows."""

    api: Api
    of: str

    def create(self, operation: str, by: str | None) -> str:
        """Make a job and give its id; one that is never filled does nothing.

        Only this asks for calls to be left: what has begun comes to its end.
        """
        self.api.usage.check()
        body = {
            "object": self.of,
            "operation": operation,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if by is not None:
            body["externalIdFieldName"] = by
        told = self.api.do("POST", "jobs/ingest", body, repeat=True)
        name = told.get("id") if isinstance(told, Mapping) else None
        if not isinstance(name, str):
            raise tailrace.UnansweredError("Salesforce's answer to a new job has no id")
        return name

    def state(self, name: str) -> Mapping[str, Any]:
        """Tell how far a job is."""
        told = self.api.get(f"jobs/ingest/{name}")
        if not isinstance(told, Mapping) or not isinstance(told.get("state"), str):
            raise tailrace.UnansweredError("Salesforce's answer of a job has no state")
        return told

    def fill(self, name: str, content: bytes) -> Mapping[str, Any]:
        """Give a job its rows, which it takes once, and let it begin."""
        how = {"data": content, "headers": {"Content-Type": "text/csv"}, "repeat": True}
        try:
            self.api.do("PUT", f"jobs/ingest/{name}/batches", **how)
        except tailrace.RejectedError as error:
            if error.reason != _HERE_ALREADY:
                raise
        try:
            return self._close(name, "UploadComplete")
        except tailrace.RejectedError:
            told = self.state(name)
            if told["state"] == OPEN:
                raise
            return told

    def drop(self, name: str) -> bool:
        """Abort a job that has not begun; False where it has."""
        try:
            self._close(name, "Aborted")
        except tailrace.RejectedError:
            return False
        return True

    def _close(self, name: str, state: str) -> Mapping[str, Any]:
        self.api.do("PATCH", f"jobs/ingest/{name}", {"state": state}, repeat=True)
        return {"state": state}

    def verdicts(self, name: str, key: str) -> Iterator[tuple[str, Verdict]]:
        """Give what became of rows, by their cell of the key."""
        for row in self._rows(name, "successfulResults", "sf__Id", key):
            yield row[key], Verdict(row["sf__Id"] or None)
        try:
            refused = list(self._rows(name, "failedResults", "sf__Error", key))
        except tailrace.UnansweredError:
            # Its reasons may be longer than an answer can be; calls will tell them again.
            return
        for row in refused:
            yield row[key], Verdict.of_line(row["sf__Error"])

    def _rows(self, name: str, which: str, *needed: str) -> Iterator[Mapping[str, str]]:
        text = self.api.text(f"jobs/ingest/{name}/{which}")
        rows = csv.DictReader(StringIO(text, newline=""))
        head = rows.fieldnames or ()
        if text and not set(needed) <= set(head):
            raise tailrace.UnansweredError(f"Salesforce's {which} of job {name} is no such file")
        for row in rows:
            if all(isinstance(row[each], str) for each in needed):
                yield row


def write_file(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Write a job's file."""
    made = StringIO(newline="")
    writer = csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return made.getvalue().encode()
