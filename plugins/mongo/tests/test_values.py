"""Values: each of BSON's types as the README's table says, none of them damaged."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import bson
import pytest
from bson import json_util
from bson.binary import Binary, BinaryVectorDtype, UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from hypothesis import given
from hypothesis import strategies as st

from tailrace_mongo._opening import _CODEC
from tailrace_mongo._query import kept, taken, understood
from tailrace_mongo._values import plain

ID = "65a000000000000000000001"
UID = UUID("12345678-1234-5678-1234-567812345678")
FAR = {"$date": {"$numberLong": "1000000000000000"}}
CASES = {
    "double": (0.1, 0.1),
    "string": ("é\0", "é\0"),
    "object": ({"a": {"b": bson.ObjectId(ID)}}, {"a": {"b": ID}}),
    "array": ([1, [bson.Decimal128("2.50")], None], [1, [Decimal("2.50")], None]),
    "binary data": (b"\0\xff", b"\0\xff"),
    "UUID": (Binary.from_uuid(UID), UID),
    "vector": (Binary.from_vector([1.5, -2.0], BinaryVectorDtype.FLOAT32), [1.5, -2.0]),
    "ObjectId": (bson.ObjectId(ID), ID),
    "boolean": (True, True),
    "date": (datetime(2026, 1, 31, 12, 0, 0, 123000, UTC),) * 2,
    "date beyond the years 1 to 9999": (bson.DatetimeMS(10**15), FAR),
    "null": (None, None),
    "32-bit and 64-bit integer": (bson.Int64(2**53 + 1), 2**53 + 1),
    "decimal": (bson.Decimal128("-1.10E+40"), Decimal("-1.10E+40")),
    "timestamp": (bson.Timestamp(7, 2), {"$timestamp": {"t": 7, "i": 2}}),
    "regular expression": (
        bson.Regex("^a", "i"),
        {"$regularExpression": {"pattern": "^a", "options": "i"}},
    ),
    "DBRef": (bson.DBRef("teams", bson.ObjectId(ID)), {"$ref": "teams", "$id": {"$oid": ID}}),
    "JavaScript": (bson.Code("f()"), {"$code": "f()"}),
    "MinKey, MaxKey": (bson.MinKey(), {"$minKey": 1}),
}


def through(value):
    """Give a value as the driver hands it over: through BSON and back."""
    how = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    return bson.decode(bson.encode({"v": value}, codec_options=how), _CODEC)["v"]


@pytest.mark.parametrize("kind", CASES)
def test_each_type_becomes_what_the_readme_says(kind):
    given, wanted = CASES[kind]
    made = plain(through(given))

    assert wanted == made
    assert type(wanted) is type(made)
    if isinstance(made, datetime):
        assert made.utcoffset() is not None


def test_the_readmes_table_has_all_types():
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Values")[2].partition("\n\n##")[0]

    assert list(CASES) == re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", table, re.MULTILINE)[1:]


def test_a_broken_text_stays_a_text_and_its_neighbours_stay_whole():
    whole = bson.encode({"a": "xyz", "b": 1}).replace(b"xyz", b"x\xffz")

    assert {"a": "x\udcffz", "b": 1} == plain(bson.decode(whole, _CODEC))


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(),
        st.binary(),
        st.uuids(),
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9, max_value=9),
        st.datetimes(timezones=st.just(UTC)).map(
            lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
        ),
        st.binary(min_size=12, max_size=12).map(bson.ObjectId),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
)


@given(VALUES)
def test_a_value_comes_through_a_position_and_a_query_as_it_was(value):
    stored = through(in_bson(value))

    assert taken(kept(stored)) == understood(value) == stored or value == b""
    assert unspelled(plain(stored)) == unspelled(value)


def in_bson(value):
    """Spell for BSON what it does not take as it is."""
    if isinstance(value, list):
        return [in_bson(each) for each in value]
    if isinstance(value, dict):
        return {name: in_bson(each) for name, each in value.items()}
    if isinstance(value, UUID):
        return Binary.from_uuid(value, UuidRepresentation.STANDARD)
    return bson.Decimal128(value) if isinstance(value, Decimal) else value


def unspelled(value):
    if isinstance(value, list):
        return [unspelled(each) for each in value]
    if isinstance(value, dict):
        return {name: unspelled(each) for name, each in value.items()}
    return str(value) if isinstance(value, bson.ObjectId) else value


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"$oid": ID}, bson.ObjectId(ID)),
        ({"$numberDecimal": "1.10"}, bson.Decimal128("1.10")),
        ({"$uuid": str(UID)}, UID),
        ({"$gte": {"$date": "2026-01-31T00:00:00Z"}}, {"$gte": datetime(2026, 1, 31, tzinfo=UTC)}),
        (datetime(2026, 1, 31).date(), datetime(2026, 1, 31, tzinfo=UTC)),
        (Decimal("1.1"), bson.Decimal128("1.1")),
        ({"$in": ({"$oid": ID},)}, {"$in": [bson.ObjectId(ID)]}),
        ({"$regex": "^a"}, bson.Regex("^a")),
    ],
)
def test_a_query_says_in_extended_json_what_toml_has_no_form_for(told, meant):
    assert meant == understood(told)


def test_a_position_is_extended_json():
    assert json_util.loads(kept([1, bson.ObjectId(ID)])) == [1, bson.ObjectId(ID)]
