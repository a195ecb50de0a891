"""Verdicts: what Salesforce says of one record, as an outcome."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_salesforce._api import PASSING

TWICE = "DUPLICATE_VALUE"
"""A unique value is taken: by this record, by another one, or by one that is just being created."""
_GONE = ("ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY")
_TRIGGERS = (
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "LIMIT_EXCEEDED",
)
"""What the org's own code, or its limits, refuse all records of a call with."""
_LINE_END = re.compile(r"(?::(?P<fields>(?:[A-Za-z][\w.,]*)?))?\s*--$")
_DESCRIBED = 5
_SAID = 500


@attrs.frozen
class Verdict:
    """Hold what one result says: nothing but an id, or why the record was refused."""

    id: str | None = None
    code: str = ""
    said: str = ""
    fields: bool = False

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "Verdict":
        """Read a result of a collection."""
        errors = result.get("errors")
        several = errors if isinstance(errors, list) else ()
        told = [each for each in several if isinstance(each, Mapping)]
        name = result.get("id")
        if result.get("success") is True:
            return cls(str(name) if name else None)
        first = told[0] if told else {}
        said = [str(each.get("message") or each.get("statusCode")) for each in told[:_DESCRIBED]]
        code = str(first.get("statusCode") or "REFUSED")
        return cls(None, code, "; ".join(dict.fromkeys(said)) or code, bool(first.get("fields")))

    @classmethod
    def of_line(cls, error: str) -> "Verdict":
        """Read what a job's results say of a refused row: `CODE:message:field --`."""
        code, _, said = error.partition(":")
        if not said or not code.strip():
            return cls(None, code.strip() or "REFUSED", error or "no reason given")
        said, fields = _LINE_END.sub("", said), _LINE_END.search(said)
        return cls(None, code.strip(), said or code, bool(fields and fields["fields"]))

    def outcome(self, batch: tailrace.Batch, record: tailrace.Record) -> tailrace.Outcome:
        """Give the record's outcome."""
        if not self.code:
            return batch.outcome(record, remote_id=self.id)
        said, reason = self.said[:_SAID], self.code.lower()[:50]
        if self.code in PASSING:
            return batch.outcome(record, failed=said, reason=reason)
        if self.code in _GONE and not self.fields:
            if batch.action == "delete":
                return batch.outcome(record)
            if batch.action == "update":
                return batch.outcome(record, skipped=said, reason="not_found")
        return batch.outcome(record, rejected=said, reason=reason)


def read_verdicts(results: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Read a collection's results.

    Raises a RejectedError, which gets the records sent in smaller parts, where the org's own code
    has refused all of them: one of them may have been the cause.
    """
    found = [Verdict.of(each) for each in results]
    codes = {each.code for each in found}
    if len(found) > 1 and len(codes) == 1 and codes <= set(_TRIGGERS):
        raise tailrace.RejectedError(found[0].said[:_SAID], reason=found[0].code.lower())
    return found
