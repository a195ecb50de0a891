"""SOQL: records by the values of a field; a value is never anything but a value in it."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import attrs

import tailrace
from tailrace_salesforce._api import Api
from tailrace_salesforce._fields import NAME, RECORD_ID, Column

_LONGEST = 12_000
"""Characters of a query in an address, which may have 16 KB."""
_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_quotable(text: str) -> bool:
    """Tell whether a text has no control character and no half of one."""
    return _CONTROL.search(text) is None


def literal(value: str | int | Decimal) -> str:
    """Write a value as SOQL reads it; raises a ValueError for text that it may read otherwise."""
    if not isinstance(value, str):
        return format(Decimal(value), "f")
    if not is_quotable(value):
        raise ValueError("a control character")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@attrs.frozen
class Found:
    """Hold a record that was found: its id, and the value as it stands there."""

    id: str
    value: Any


def named(
    api: Api, of: str, by: Column, values: Sequence[str | int | Decimal]
) -> dict[str, list[Found]]:
    """Find the records with one of these values of a field, by the value as it is compared."""
    if not NAME.fullmatch(of) or not NAME.fullmatch(by.name):
        raise tailrace.FatalError(f"{of}.{by.name} is no name of a field")
    fields = RECORD_ID if by.name == RECORD_ID else f"{RECORD_ID}, {by.name}"
    found: dict[str, list[Found]] = {}
    for several in _fitting([literal(each) for each in values]):
        where = f"{by.name} IN ({','.join(several)})"
        for record in api.query(f"SELECT {fields} FROM {of} WHERE {where}"):  # noqa: S608  # allow-listed names, escaped values
            value = record.get(by.name)
            if value is not None:
                each = Found(str(record.get(RECORD_ID)), value)
                found.setdefault(by.folded(value), []).append(each)
    return found


def _fitting(literals: Sequence[str]) -> Iterator[list[str]]:
    """Cut literals into as many as one address has room for."""
    several: list[str] = []
    length = 0
    for each in literals:
        size = len(quote_plus(each)) + 3
        if several and length + size > _LONGEST:
            yield several
            several, length = [], 0
        several.append(each)
        length += size
    if several:
        yield several
