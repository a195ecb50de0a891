"""The writer: batches become calls on one object's records."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

import tailrace
from tailrace_hubspot._api import Api, folded
from tailrace_hubspot._drafts import Draft, Match, twins
from tailrace_hubspot._links import Link, StrangeLinkError, unlinked
from tailrace_hubspot._properties import RECORD_ID, Property
from tailrace_hubspot._values import UnfitError, encode

Fate = dict[str, tailrace.Outcome]
"""Outcomes by the draft's mark."""


@attrs.frozen
class Writer:
    """Write the records of one object; `key` is the unique property that names them, or None."""

    api: Api
    of: str
    key: str | None
    mode: str
    properties: Mapping[str, Property] = attrs.field(repr=False)
    required: frozenset[str]
    links: Sequence[Link]
    identity: str

    def describe(self) -> tailrace.Schema:
        """Give the object's properties, and the fields that name what a record belongs to."""
        creates = self.mode != "update"
        fields = [
            each.field(required=creates and name in self.required, writable=name == self.key)
            for name, each in self.properties.items()
        ]
        return tailrace.Schema([*fields, *(tailrace.Field(each.told.field) for each in self.links)])

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Send a batch, but for records that HubSpot could only refuse."""
        if batch.action == "delete":
            return self._archive(batch)
        fate: Fate = {}
        drafts = self._resolved(batch, list(self._drafts(batch, fate)), fate)
        if self.key is not None and batch.action != "append":
            same = twins(self.of, self.key, drafts)
            told = f"another record of this batch has the same {self.key} to HubSpot"
            for each in drafts:
                if each.trace in same:
                    fate[each.trace] = batch.outcome(each.record, rejected=told, reason="same_key")
            drafts = [each for each in drafts if each.trace not in same]
        if drafts:
            fate |= self._sent(batch, drafts)
        return list(fate.values())

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records were created, where a unique property names them."""
        if self.key is None:
            return []
        drafts = [each for each in self._drafts(batch, {}) if each.name]
        there = self.api.named(self.of, self.key, [each.name for each in drafts])
        found = [(each, there.get(folded(self.of, self.key, each.name))) for each in drafts]
        missing = "HubSpot does not have it"
        return [
            batch.outcome(each.record, remote_id=named, failed=None if named else missing)
            for each, named in found
        ]

    def _drafts(self, batch: tailrace.Batch, fate: Fate) -> Iterator[Draft]:
        """Write rows as HubSpot holds them; one with a value that it cannot hold gets its fate."""
        for place, record in enumerate(batch):
            at = ""
            values: dict[str, str] = {}
            links: dict[int, tuple[str, ...]] = {}
            try:
                for at, value in record.values.items():
                    if at in self.properties:
                        values[at] = encode(self.properties[at], value)
                for number, link in enumerate(self.links):
                    at = link.told.field
                    links[number] = link.names(record.values.get(at))
            except (UnfitError, StrangeLinkError) as error:
                told = f"field {at!r}: {error}"
                fate[str(place)] = batch.outcome(record, rejected=told, reason="value")
                continue
            name = values.get(self.key, "") if self.key is not None else ""
            if self.mode == "mirror" and not self._is_small(name):
                told = (
                    f"{name!r} has capitals, which HubSpot does not know there; a mirror could"
                    " archive the record for another spelling of it: write it in small letters"
                )
                fate[str(place)] = batch.outcome(record, rejected=told, reason="spelling")
                continue
            values.pop(RECORD_ID, None)
            yield Draft(record, str(place), name, values, links)

    def _is_small(self, name: str) -> bool:
        return name == folded(self.of, self.key or "", name)

    def _resolved(self, batch: tailrace.Batch, drafts: list[Draft], fate: Fate) -> list[Draft]:
        """Find the records that drafts are to be associated with; what names none is refused."""
        for at, link in enumerate(self.links):
            found = link.find(drafts, at)
            known = []
            for each in drafts:
                missing = [name for name in each.links[at] if name not in found]
                if missing:
                    what = f"whose {link.told.by} is {missing[0][:80]!r}"
                    told = f"field {link.told.field!r}: {link.told.object} has no record {what}"
                    fate[each.trace] = batch.outcome(each.record, rejected=told, reason="no_record")
                    continue
                ids = tuple(dict.fromkeys(found[name] for name in each.links[at]))
                known.append(attrs.evolve(each, links={**each.links, at: ids}))
            drafts = known
        return drafts

    def _sent(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        if batch.action == "append":
            return self._created(batch, drafts)
        if batch.action == "insert":
            return self._inserted(batch, drafts)
        by = {} if self.key == RECORD_ID else {"idProperty": self.key}
        inputs = [
            {"id": each.name, **by, "properties": each.properties, "objectWriteTraceId": each.trace}
            for each in drafts
        ]
        try:
            answer = self.api.batch(self.of, str(batch.action), inputs)
        except tailrace.RejectedError as error:
            if batch.action != "update" or error.status != 404 or len(drafts) > 1:
                raise
            return {each.trace: _skipped(batch, each, str(error), "not_found") for each in drafts}
        named = "" if self.key == RECORD_ID else self.key
        return self._tied(batch, drafts, Match(self.of, named, drafts).outcomes(batch, answer))

    def _created(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        inputs = [
            {
                "properties": each.properties,
                "associations": [
                    tie for at, link in enumerate(self.links) for tie in link.inputs(each.links[at])
                ],
                "objectWriteTraceId": each.trace,
            }
            for each in drafts
        ]
        answer = self.api.batch(self.of, "create", inputs)
        return Match(self.of, self.key, drafts).outcomes(batch, answer)

    def _inserted(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        """Create what is not there; a refusal may say that one is, and never says of all."""
        try:
            fate = self._created(batch, drafts)
        except tailrace.RejectedError as error:
            alone = error.status == 409 and len(drafts) == 1
            there = drafts if alone else self._there(drafts)
            if not there:
                raise
            told = "HubSpot has a record of this key"
            fate = {each.trace: _skipped(batch, each, told, "exists") for each in there}
            left = [each for each in drafts if each.trace not in fate]
            return fate | (self._created(batch, left) if left else {})
        refused = [each for each in drafts if fate[each.trace].status == "rejected"]
        for each in self._there(refused):
            fate[each.trace] = _skipped(batch, each, str(fate[each.trace].message), "exists")
        return fate

    def _there(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Give the drafts whose key is in HubSpot."""
        key = str(self.key)
        there = self.api.named(self.of, key, [each.name for each in drafts])
        return [each for each in drafts if folded(self.of, key, each.name) in there]

    def _tied(self, batch: tailrace.Batch, drafts: Sequence[Draft], fate: Fate) -> Fate:
        """Associate what was written; a record whose associations were refused is refused."""
        for at, link in enumerate(self.links):
            written = [
                each
                for each in drafts
                if each.links[at] and fate[each.trace].status == tailrace.Status.DELIVERED
            ]
            for each in written:
                if fate[each.trace].remote_id is None:
                    why = {"message": "HubSpot's answer does not tell its id"}
                    fate[each.trace] = unlinked(batch, each, why)
            ids = {each.trace: fate[each.trace].remote_id for each in written}
            named = {str(ids[each.trace]): each for each in written if ids[each.trace] is not None}
            missed = link.tie({name: each.links[at] for name, each in named.items()})
            for name, error in missed.items():
                fate[named[name].trace] = unlinked(batch, named[name], error)
        return fate

    def _archive(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Archive records by their key, as far as it still is theirs: an id may have got another."""
        key = str(self.key)
        names = [encode(self.properties[key], each.values[key]) for each in batch]
        there = self.api.named(self.of, key, names)
        fate, ids = [], []
        for record, name in zip(batch, names, strict=True):
            if not self._is_small(name):
                told = "HubSpot knows no capitals in it; another row may stand for the same record"
                fate.append(batch.outcome(record, skipped=told, reason="spelling"))
            elif name in there:
                ids.append({"id": there[name]})
                fate.append(batch.outcome(record))
            else:
                told = "HubSpot has no record of this key"
                fate.append(batch.outcome(record, skipped=told, reason="not_found"))
        if ids:
            self.api.batch(self.of, "archive", ids)
        return fate


def _skipped(batch: tailrace.Batch, draft: Draft, told: str, reason: str) -> tailrace.Outcome:
    return batch.outcome(draft.record, skipped=told, reason=reason)
