"""Drafts: records as HubSpot takes them, and what becomes of each by its answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_hubspot._api import folded, kind_of, results

Links = Mapping[int, tuple[str, ...]]
"""For the n-th association, the ids or names of the records at its other end."""
_PASSING = ("RATE_LIMITS", "RATE_LIMIT", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT")
"""Categories of errors that a later try may not meet."""
_DESCRIBED = 5


@attrs.frozen
class Draft:
    """Hold a record on its way: `name` is what HubSpot finds it by, `trace` marks it in answers."""

    record: tailrace.Record
    trace: str
    name: str
    properties: Mapping[str, str] = attrs.field(repr=False)
    links: Links = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Match:
    """Find the drafts that an answer speaks of: by their mark, or else by what names them.

    of, by: the object, and the property that names its records; "" where their ids do, None where
    nothing does.
    """

    of: str
    by: str | None
    drafts: Sequence[Draft]

    def outcomes(
        self, batch: tailrace.Batch, answer: Mapping[str, Any]
    ) -> dict[str, tailrace.Outcome]:
        """Give the outcome of each draft by its mark; those that cannot be told are in doubt."""
        by_trace = {each.trace: each for each in self.drafts}
        by_name = {self._folded(each.name): each for each in self.drafts} if self.named else {}
        found: dict[str, tailrace.Outcome] = {}
        strays = 0
        for result in results(answer):
            draft = by_trace.get(str(result.get("objectWriteTraceId")))
            draft = draft or by_name.get(self._folded(self._name(result)))
            if draft is None:
                strays += 1
            else:
                found[draft.trace] = batch.outcome(draft.record, remote_id=str(result["id"]))
        unplaced = []
        for error in results(answer, "errors"):
            marks, names = _named(error.get("context"))
            whose = [by_trace.get(mark) for mark in marks]
            whose += [by_name.get(self._folded(name)) for name in names]
            meant = [each for each in whose if each is not None]
            for each in meant:
                found[each.trace] = _refusal(batch, each, [error])
            if not meant:
                unplaced.append(error)
        rest = [each for each in self.drafts if each.trace not in found]
        for each in rest:
            found[each.trace] = _by_count(batch, each, unplaced, strays == len(rest), strays == 0)
        return found

    @property
    def named(self) -> bool:
        """Tell whether records have a name that HubSpot repeats."""
        return self.by is not None

    def _folded(self, name: Any) -> str:
        return folded(self.of, self.by or "", name)

    def _name(self, result: Mapping[str, Any]) -> Any:
        properties = result.get("properties")
        if not self.by:
            return result.get("id")
        return properties.get(self.by) if isinstance(properties, Mapping) else None


def twins(of: str, by: str, drafts: Iterable[Draft]) -> set[str]:
    """Give the marks of drafts that are the same record to HubSpot, which refuses such a batch."""
    names = {each.trace: folded(of, by, each.name) for each in drafts}
    count = Counter(names.values())
    return {trace for trace, name in names.items() if count[name] > 1}


def _named(context: Any) -> tuple[list[str], list[str]]:
    """Give the marks that an error names, or else the ids and values."""
    if not isinstance(context, Mapping):
        return [], []
    lists = [
        [str(each) for each in (told if isinstance(told, list) else [told])]
        for told in (context.get(name) for name in ("objectWriteTraceId", "ids", "id"))
        if told is not None
    ]
    if "objectWriteTraceId" in context and lists:
        return lists[0], []
    return [], [each for several in lists for each in several]


def _by_count(
    batch: tailrace.Batch,
    draft: Draft,
    unplaced: Sequence[Mapping[str, Any]],
    all_written: bool,
    none_written: bool,
) -> tailrace.Outcome:
    """Tell what became of a draft that nothing in the answer names, where the counts leave no doubt."""
    if not unplaced and all_written:
        return batch.outcome(draft.record)
    if unplaced and none_written:
        return _refusal(batch, draft, unplaced)
    told = "HubSpot's answer does not tell of this record"
    return tailrace.Outcome(draft.record.key, "in_doubt", reason="no_outcome", message=told)


def _refusal(
    batch: tailrace.Batch, draft: Draft, errors: Sequence[Mapping[str, Any]]
) -> tailrace.Outcome:
    """Refuse a draft for an error, or for one of several where HubSpot does not say for which."""
    said = list(dict.fromkeys(str(each.get("message") or "no reason given") for each in errors))
    told = said[0] if len(said) == 1 else "one of these: " + "; ".join(said[:_DESCRIBED])
    reason = kind_of(errors[0])
    categories = {str(each.get("category")).upper() for each in errors}
    if categories <= set(_PASSING):
        return batch.outcome(draft.record, failed=told, reason=reason)
    if batch.action == "update" and categories == {"OBJECT_NOT_FOUND"}:
        return batch.outcome(draft.record, skipped=told, reason="not_found")
    if batch.action == "insert" and categories == {"CONFLICT"}:
        return batch.outcome(draft.record, skipped=told, reason="exists")
    return batch.outcome(draft.record, rejected=told, reason=reason)
