"""BSON values as those of rows: exact, or spelled as Extended JSON spells them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bson import json_util
from bson.binary import VECTOR_SUBTYPE, Binary, BinaryVectorDtype
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId

_KEPT = frozenset({str, float, bool, type(None), int, datetime, bytes, UUID})
_NUMBERS = (BinaryVectorDtype.INT8, BinaryVectorDtype.FLOAT32)


def plain(value: Any) -> Any:
    """Give a value as a row holds it; what Python has no form for becomes Extended JSON."""
    kind = type(value)
    if kind in _KEPT:
        return value
    if kind is dict:
        return {name: plain(each) for name, each in value.items()}
    if kind is list:
        return [plain(each) for each in value]
    made = _MADE.get(kind)
    if made is not None:
        return made(value)
    return plain(dict(json_util.default(value, json_util.RELAXED_JSON_OPTIONS)))


def _bytes(value: Binary) -> bytes | list[float]:
    """Give bytes; of a vector, its numbers."""
    if value.subtype == VECTOR_SUBTYPE:
        vector = value.as_vector()
        if vector.dtype in _NUMBERS:
            return list(vector.data)
    return bytes(value)


_MADE: Mapping[type, Callable[[Any], Any]] = {
    ObjectId: str,
    Int64: int,
    Decimal128: Decimal128.to_decimal,
    Binary: _bytes,
}
