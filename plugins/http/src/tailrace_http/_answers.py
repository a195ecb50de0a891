"""Answers: what a service says of each record, wherever in its JSON it says so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tailrace
from tailrace_http._template import at

if TYPE_CHECKING:
    from tailrace_http import Results

_GONE = (404, 410)


def outcomes(
    results: "Results", answer: Any, batch: tailrace.Batch
) -> Sequence[tailrace.Outcome] | None:
    """Give the outcomes that an answer tells; None where it tells of the whole request only.

    Raises RejectedError where the whole was refused, and UnansweredError where the answer is not
    as it was said to be, since it then tells nothing.
    """
    if results.success is not None and not at(answer, results.success):
        why = at(answer, results.error) if results.error is not None else None
        told = str(why) if why is not None else f"the answer's {results.success!r} is not true"
        raise tailrace.RejectedError(told, reason=told if isinstance(why, str) else "not_taken")
    if results.items is None:
        return None
    items = at(answer, results.items)
    if not isinstance(items, list):
        raise tailrace.UnansweredError(f"the answer has no list at {results.items!r}")
    if results.key is None:
        return _in_order(results, items, batch)
    found = {str(at(item, results.key)): item for item in items}
    return [
        _outcome(results, found[str(record.key)], batch, record)
        if str(record.key) in found
        else _unlisted(results, batch, record)
        for record in batch
    ]


def _in_order(
    results: "Results", items: Sequence[Any], batch: tailrace.Batch
) -> Sequence[tailrace.Outcome]:
    if len(items) != len(batch):
        told = f"the answer tells of {len(items)} records, and {len(batch)} were sent"
        raise tailrace.UnansweredError(told)
    return [
        _outcome(results, item, batch, record) for item, record in zip(items, batch, strict=True)
    ]


def _outcome(results: "Results", item: Any, batch: tailrace.Batch, record: Any) -> tailrace.Outcome:
    taken = results.ok is not None and bool(at(item, results.ok))
    if taken:
        name = at(item, results.remote_id) if results.remote_id is not None else None
        return batch.outcome(record, remote_id=None if name is None else str(name))
    why = at(item, results.message) if results.message is not None else None
    told = str(why) if why is not None else "the service did not take it"
    return batch.outcome(record, rejected=told, reason="refused")


def _unlisted(results: "Results", batch: tailrace.Batch, record: Any) -> tailrace.Outcome:
    """Answer for a record that is not in a list: of refusals, or of all."""
    if results.ok is None:
        return batch.outcome(record)
    return tailrace.Outcome(
        record.key, "in_doubt", reason="no_outcome", message="the answer does not tell of it"
    )


def is_there(status: int) -> bool | None:
    """Tell by the status of an answer whether a record is there; None where it does not say."""
    if 200 <= status < 300:
        return True
    return False if status in _GONE else None
