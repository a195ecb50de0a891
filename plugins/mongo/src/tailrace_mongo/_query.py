"""Queries: from Extended JSON, and what comes after a value in MongoDB's order of all values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from bson import json_util
from bson.binary import Binary, UuidRepresentation
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp

from tailrace.errors import SourceError

Query = dict[str, Any]

_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL,
    tz_aware=True,
    tzinfo=UTC,
    uuid_representation=UuidRepresentation.STANDARD,
)
_ORDER: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("minKey", (MinKey,)),
    ("null", (type(None),)),
    ("number", (int, Int64, float, Decimal128)),
    ("string", (str,)),
    ("object", (dict,)),
    ("array", (list,)),
    ("binData", (bytes, Binary, UUID)),
    ("objectId", (ObjectId,)),
    ("bool", (bool,)),
    ("date", (datetime, DatetimeMS)),
    ("timestamp", (Timestamp,)),
    ("regex", (Regex,)),
    ("javascript", (Code,)),
    ("maxKey", (MaxKey,)),
)
"""Types in the order in which MongoDB sorts their values; `$gt` and `$lt` stay within one."""
_KINDS = tuple(name for name, _ in _ORDER)
_PLACES = {kind: place for place, (_, kinds) in enumerate(_ORDER) for kind in kinds}


def understood(given: Any) -> Any:
    """Take a query as TOML or Python has it; Extended JSON in it becomes what it stands for."""
    if isinstance(given, Mapping):
        inner = {name: understood(each) for name, each in given.items()}
        return json_util.object_hook(inner, _JSON)
    if isinstance(given, (list, tuple)):
        return [understood(each) for each in given]
    if isinstance(given, Decimal):
        return Decimal128(given)
    if isinstance(given, date) and not isinstance(given, datetime):
        return datetime.combine(given, time(), UTC)
    return given


def at(document: Mapping[str, Any], path: str) -> Any:
    """Give what stands at a path with dots; None where there is nothing."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def both(*queries: Mapping[str, Any]) -> Query:
    """Ask for what fits all of some queries."""
    asked = [dict(each) for each in queries if each]
    return {"$and": asked} if len(asked) > 1 else asked[0] if asked else {}


def after(field: str, value: Any, id_: Any) -> Query:
    """Ask for what a sort by a field, then by `_id`, puts after a document."""
    if type(value) is list or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        what = "a list" if type(value) is list else "NaN"
        told = (
            f"the cursor {field!r} holds {what} in the document {id_!r}, after which nothing comes"
        )
        raise SourceError(told)
    later = list(_KINDS[_PLACES[type(value)] + 1 :])
    beyond: list[Query] = [{field: {"$gt": value}}, {field: {"$type": later}}]
    if field != "_id":
        beyond.append({"$and": [{field: {"$eq": value}}, after("_id", id_, id_)]})
    return {"$or": beyond}


def since(field: str, value: Any) -> Query:
    """Ask for what has a value, as a row held it, or a greater one."""
    bounds = [understood(value)]
    if isinstance(value, str) and ObjectId.is_valid(value):
        # A row holds an ObjectId as text; each bound finds values of its own type only.
        bounds.append(ObjectId(value))
    asked = [{field: {"$gte": each}} for each in bounds]
    return {"$or": asked} if len(asked) > 1 else asked[0]


def kept(value: Any) -> str:
    """Give a value of MongoDB as text that holds all of it."""
    return json_util.dumps(value, json_options=_JSON)


def taken(text: str) -> Any:
    """Give back the value of a text that `kept` made."""
    return json_util.loads(text, json_options=_JSON)
