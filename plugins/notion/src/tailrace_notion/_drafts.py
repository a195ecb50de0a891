"""Drafts: rows as Notion will be asked to hold them, or the reason why it cannot."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

import tailrace
from tailrace_notion._misfits import UnfitError
from tailrace_notion._properties import Property
from tailrace_notion._search import Name, Search
from tailrace_notion._texts import LONGEST, units
from tailrace_notion._values import encode

HEAVIEST = 490_000
"""Bytes of a request's properties: Notion takes 500,000 of all of it."""


@attrs.frozen
class Draft:
    """Hold a record, its values by the properties' ids, and what pages are found by."""

    record: tailrace.Record
    values: Mapping[str, Mapping[str, Any]] = attrs.field(repr=False)
    name: Name | None


def drawn_up(
    batch: tailrace.Batch, properties: Mapping[str, Property], search: Search | None
) -> tuple[list[Draft], list[tailrace.Outcome]]:
    """Give drafts, and the outcomes of records that Notion could only refuse."""
    drafts: list[Draft] = []
    refused: list[tailrace.Outcome] = []
    for record in batch:
        try:
            drafts.append(_drawn(record, properties, search))
        except UnfitError as error:
            refused.append(batch.outcome(record, rejected=str(error), reason=error.reason))
    if search is None or batch.action == "append":
        return drafts, refused
    count = Counter(each.name for each in drafts)
    told = f"another record of this batch has the same {search.by.name} to Notion"
    twins = [each.record for each in drafts if count[each.name] > 1]
    refused += [batch.outcome(each, rejected=told, reason="same_key") for each in twins]
    return [each for each in drafts if count[each.name] == 1], refused


def _drawn(
    record: tailrace.Record, properties: Mapping[str, Property], search: Search | None
) -> Draft:
    values: dict[str, dict[str, Any]] = {}
    for field, value in record.values.items():
        of = properties[field]
        try:
            values[of.id] = {of.kind: encode(of, value)}
        except UnfitError as error:
            raise UnfitError(f"field {field!r}: {error}", error.reason) from None
    if len(orjson.dumps(values)) > HEAVIEST:
        told = f"is larger than the {HEAVIEST:,} bytes that one request may have"
        raise UnfitError(told, "too_long")
    return Draft(record, values, None if search is None else _name(search, values))


def _name(search: Search, values: Mapping[str, Mapping[str, Any]]) -> Name:
    by = search.by
    name = search.name(values[by.id][by.kind]) if by.id in values else None
    if name is None or name == "":
        raise UnfitError(f"field {by.name!r}: is empty, and pages are found by it", "no_key")
    if isinstance(name, str) and units(name) > LONGEST:
        told = (
            f"has {units(name):,} characters (UTF-16), and pages are found by {LONGEST:,} at most"
        )
        raise UnfitError(f"field {by.name!r}: {told}", "too_long")
    return name
