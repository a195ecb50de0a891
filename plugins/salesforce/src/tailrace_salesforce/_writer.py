"""The writer: batches become collections of 200 records of one object."""

from collections.abc import Mapping, Sequence

import attrs

import tailrace
from tailrace_salesforce._api import LARGEST, Api
from tailrace_salesforce._drafts import Draft, Drafting
from tailrace_salesforce._fields import RECORD_ID, Column, Fields, Object
from tailrace_salesforce._soql import Found, named
from tailrace_salesforce._verdicts import TWICE, Verdict, read_verdicts

Fate = list[tailrace.Outcome]
_RECORDS = "composite/sobjects"


@attrs.frozen
class Writer:
    """Write the records of one object; `key` is the field that names them, or None."""

    api: Api
    of: Object
    key: Column | None
    mode: str
    identity: str

    def describe(self) -> tailrace.Schema:
        """Give the object's fields, and those by which related records are named."""
        key = "" if self.key is None else self.key.name
        fields = [
            column.field(self.mode, key=name == key) for name, column in self.of.columns.items()
        ]
        return Fields(fields, related=self.of.find)

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Send a batch, but for records that Salesforce could only refuse."""
        fate: Fate = []
        drafts = self.drafts(batch, fate)
        for first in range(0, len(drafts), LARGEST):
            part = drafts[first : first + LARGEST]
            try:
                fate += self._send(batch, part)
            except tailrace.WriteError as error:
                # What was done before has its outcomes; only the rest is tried again, by itself.
                lost = isinstance(error, tailrace.UnansweredError) and self._creates(batch)
                rest = drafts[first + LARGEST :]
                if not first and not (lost and rest):
                    raise
                status = tailrace.Status.IN_DOUBT if lost else tailrace.Status.FAILED
                fate += [_open(each, status, str(error)) for each in part]
                fate += [_open(each, tailrace.Status.FAILED, str(error)) for each in rest]
                break
        return fate

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Tell which records were created, where a unique external id names them."""
        if self.key is None or not self.key.unique:
            return []
        fate: Fate = []
        drafts = [each for each in self.drafts(batch, fate) if each.name is not None]
        there = self._named(drafts)
        for each in drafts:
            found = there.get(self.key.folded(each.name))
            missing = None if found else "Salesforce does not have it"
            name = found[0].id if found else None
            fate.append(batch.outcome(each.record, remote_id=name, failed=missing))
        return fate

    def drafts(self, batch: tailrace.Batch, fate: Fate) -> list[Draft]:
        """Make drafts of a batch; records that cannot be sent get their outcome."""
        drafting = Drafting(self.of, self.key)
        named = batch.action != "append"
        drafts = list(drafting.drafts(batch, fate, named=named))
        return drafting.single(batch, drafts, fate) if named else drafts

    def _creates(self, batch: tailrace.Batch) -> bool:
        return batch.action in ("append", "insert")

    def _send(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        """Send what one call may have."""
        send = {
            "append": self._create,
            "insert": self._insert,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
        }
        return send[batch.action](batch, drafts)

    def _create(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        verdicts = self._call("POST", _RECORDS, drafts)
        return _judged(batch, drafts, verdicts)

    def _insert(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        """Create what is not there; a unique value that is taken need not be the key's."""
        verdicts = self._call("POST", _RECORDS, drafts)
        pairs = zip(drafts, verdicts, strict=True)
        twice = [each for each, verdict in pairs if verdict.code == TWICE]
        there: Mapping[str, list[Found]] = {}
        unknown = None
        try:
            there = self._named(twice)
        except tailrace.WriteError as error:
            # The others have their answers; these are refused again, and asked for then.
            unknown = str(error)
        fate = []
        for each, verdict in zip(drafts, verdicts, strict=True):
            if verdict.code == TWICE and unknown is not None:
                fate.append(batch.outcome(each.record, failed=unknown, reason="unknown"))
            elif verdict.code == TWICE and self._folded(each) in there:
                fate.append(batch.outcome(each.record, skipped=verdict.said, reason="exists"))
            else:
                fate.append(verdict.outcome(batch, each.record))
        return fate

    def _upsert(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        path = f"{_RECORDS}/{self.of.name}/{self._key.name}"
        verdicts = self._call("PATCH", path, drafts)
        # Somebody may have created the record in the same moment: now it is there to be changed.
        twice = [at for at, verdict in enumerate(verdicts) if verdict.code == TWICE]
        if twice:
            again = self._call("PATCH", path, [drafts[at] for at in twice])
            for at, verdict in zip(twice, again, strict=True):
                verdicts[at] = verdict
        return _judged(batch, drafts, verdicts)

    def _update(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        fate: Fate = []
        ids = self._ids(batch, drafts, fate)
        known = [each for each in drafts if self._folded(each) in ids]
        if known:
            bodies = [
                {**each.body(self.of, self._key.name), RECORD_ID: ids[self._folded(each)]}
                for each in known
            ]
            verdicts = read_verdicts(self.api.collection("PATCH", _RECORDS, bodies))
            fate += _judged(batch, known, verdicts)
        return fate

    def _delete(self, batch: tailrace.Batch, drafts: Sequence[Draft]) -> Fate:
        """Delete records by their key: an id that was kept may by now have got another one."""
        fate: Fate = []
        ids = self._ids(batch, drafts, fate)
        known = [each for each in drafts if self._folded(each) in ids]
        if known:
            told = self.api.delete([ids[self._folded(each)] for each in known])
            fate += _judged(batch, known, read_verdicts(told))
        return fate

    def _call(self, method: str, path: str, drafts: Sequence[Draft]) -> list[Verdict]:
        bodies = [each.body(self.of) for each in drafts]
        return read_verdicts(self.api.collection(method, path, bodies))

    def _ids(self, batch: tailrace.Batch, drafts: Sequence[Draft], fate: Fate) -> dict[str, str]:
        """Find records by their key; one that is not there, or there twice, gets its outcome."""
        if self._key.name == RECORD_ID:
            return {self._folded(each): str(each.name) for each in drafts}
        there = self._named(drafts)
        ids = {}
        for each in drafts:
            found = there.get(self._folded(each), ())
            if len(found) == 1 and batch.action == "delete" and self._respelt(each, found[0].value):
                told = f"Salesforce has it as {found[0].value!r}, which another row may stand for"
                fate.append(batch.outcome(each.record, skipped=told, reason="spelling"))
            elif len(found) == 1:
                ids[self._folded(each)] = found[0].id
            elif found:
                told = f"{len(found)} records in Salesforce have this {self._key.name}"
                fate.append(batch.outcome(each.record, rejected=told, reason="several"))
            else:
                told = "Salesforce has no record of this key"
                fate.append(batch.outcome(each.record, skipped=told, reason="not_found"))
        return ids

    def _respelt(self, draft: Draft, value: object) -> bool:
        """Tell whether a record has the key in other letters: those of whoever wrote it last."""
        return isinstance(draft.name, str) and draft.name.strip() != str(value).strip()

    def _named(self, drafts: Sequence[Draft]) -> Mapping[str, list[Found]]:
        names = [each.name for each in drafts if each.name is not None]
        return named(self.api, self.of.name, self._key, names) if names else {}

    @property
    def _key(self) -> Column:
        assert self.key is not None, "only an append goes without a key"
        return self.key

    def _folded(self, draft: Draft) -> str:
        return self._key.folded(draft.name)


def _judged(batch: tailrace.Batch, drafts: Sequence[Draft], verdicts: Sequence[Verdict]) -> Fate:
    pairs = zip(drafts, verdicts, strict=True)
    return [verdict.outcome(batch, each.record) for each, verdict in pairs]


def _open(draft: Draft, status: tailrace.Status, told: str) -> tailrace.Outcome:
    return tailrace.Outcome(draft.record.key, status, reason="unanswered", message=told)
