"""Drafts: records as Salesforce takes them, or the reason why it could only refuse them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

import tailrace
from tailrace_salesforce._fields import RECORD_ID, Column, Object
from tailrace_salesforce._soql import is_quotable
from tailrace_salesforce._values import UnfitError, Value, encode


@attrs.frozen
class Draft:
    """Hold a record on its way: `name` is what Salesforce finds it by, None where nothing does."""

    record: tailrace.Record
    name: str | int | Decimal | None
    values: Mapping[str, Value] = attrs.field(repr=False)

    def body(self, of: Object, without: str | None = None) -> dict[str, Any]:
        """Give it as JSON, but for one field; what it refers to may be named by another's field."""
        made: dict[str, Any] = {"attributes": {"type": of.name}}
        for name, value in self.values.items():
            column = of.find(name)
            if name in (RECORD_ID, without) or column is None:
                continue
            if column.link is None:
                made[name] = value
            elif value is None:
                made[column.link] = None
            else:
                link, _, inner = name.partition(".")
                made[link] = {inner: value}
        return made


@attrs.frozen
class Drafting:
    """Make drafts of an object's records; `key` is the field that names them, or None."""

    of: Object
    key: Column | None

    def drafts(
        self, batch: tailrace.Batch, fate: list[tailrace.Outcome], *, named: bool
    ) -> Iterator[Draft]:
        """Give the drafts of a batch; a record that none can be made of gets its outcome.

        named: refuse those that nothing names.
        """
        for record in batch:
            at = ""
            values: dict[str, Value] = {}
            try:
                for at, value in record.values.items():
                    column = self.of.find(at)
                    if column is not None:
                        values[at] = encode(column, value)
                if self.key is not None:
                    at = self.key.name
                name = self._name(values, named=named)
            except UnfitError as error:
                told = f"field {at!r}: {error}"
                fate.append(batch.outcome(record, rejected=told, reason="value"))
                continue
            yield Draft(record, name, values)

    def _name(self, values: Mapping[str, Value], *, named: bool) -> str | int | Decimal | None:
        if self.key is None:
            return None
        name = values.get(self.key.name)
        if isinstance(name, bool):
            raise UnfitError("a boolean names no record")
        if isinstance(name, str) and not is_quotable(name):
            raise UnfitError("holds a control character, and Salesforce could not be asked for it")
        if named and (name is None or name == "" or not self.key.folded(name)):
            raise UnfitError("is empty, and names the record")
        return name

    def single(
        self, batch: tailrace.Batch, drafts: Sequence[Draft], fate: list[tailrace.Outcome]
    ) -> list[Draft]:
        """Refuse drafts that are one record to Salesforce, since none of them is the right one."""
        if self.key is None:
            return list(drafts)
        names = [self.key.folded(each.name) for each in drafts]
        count = Counter(names)
        told = f"another record of this batch has the same {self.key.name} to Salesforce"
        kept = []
        for each, name in zip(drafts, names, strict=True):
            if count[name] > 1:
                fate.append(batch.outcome(each.record, rejected=told, reason="same_key"))
            else:
                kept.append(each)
        return kept


def columns_of(drafts: Iterable[Draft]) -> list[str]:
    """Give all fields that drafts have, in their order."""
    return list(dict.fromkeys(name for each in drafts for name in each.values))
