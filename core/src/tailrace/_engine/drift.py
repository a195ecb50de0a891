"""Drift: what of a source's fields is not as it was."""

from collections.abc import Mapping
from typing import Any

import orjson

from tailrace.schema import FieldType, Schema, wider

_OPEN = (FieldType.NULL, FieldType.ANY)


def drifted(known: str | None, schema: Schema, sync: str, *, declared: bool) -> str | None:
    """Say which mapped fields are gone or have another type than in the last run, or give None.

    A source that declares no fields may lack any of them in one read, but not those of the key.
    """
    if known is None:
        return None
    before: Mapping[str, Any] = orjson.loads(known)
    told = []
    for name, kind in before["fields"]:
        if not (declared or name in before["key"]):
            continue
        field = schema.get(name)
        if field is None:
            told.append(f"{name}: the source no longer has this field")
        elif _another(FieldType(kind), field.type):
            told.append(f"{name}: it was {kind} and is {field.type} now")
    if not told:
        return None
    way = f"if that is meant: tailrace run {sync} --accept"
    return "\n".join([*told, f"the source is not as it was in the last run; {way}"])


def _another(before: FieldType, now: FieldType) -> bool:
    if before in _OPEN or now in _OPEN:
        return False
    return wider(before, now) is FieldType.ANY
