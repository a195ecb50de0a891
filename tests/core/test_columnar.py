"""Columnar: what the codec tells apart, a print tells apart; what has one name has one mark."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine import columnar as module
from tailrace._engine.arrow import connect, literal, scan
from tailrace._engine.codec import encode, name_of
from tailrace._engine.columnar import Columnar, marks_of

INTEGERS = [0, 1, -1, 2, 7, 97, 127, -128]
TEXTS = ["", " ", "NULL", "null", "a", "A", "a ", "é", "e\u0301", "x" * 12, "x" * 13, "'", "[1, 2]"]
NUMBERS = [
    "0.0",
    "-0.0",
    "1",
    "1.5",
    "-1.5",
    "1e-300",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "0.1",
    "16777217",
]
MOMENTS = [
    "1970-01-01 00:00:00",
    "1970-01-01 00:00:00.000001",
    "2024-02-29 12:30:00",
    "2024-02-29 12:30:00.123456",
    "9999-12-31 23:59:59.999999",
    "0001-01-01 00:00:00",
]


def cast(texts, kind):
    return [f"CAST({literal(str(each))} AS {kind})" for each in texts]


TYPES = {
    "BOOLEAN": ["true", "false"],
    **{kind: cast(INTEGERS, kind) for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")},
    **{kind: cast(range(9), kind) for kind in ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")},
    "DECIMAL(18, 3)": cast(["0", "0.001", "-0.001", "999999999999999.999"], "DECIMAL(18, 3)"),
    "DECIMAL(19, 3)": cast(["0", "0.001", "-0.001", "9999999999999999.999"], "DECIMAL(19, 3)"),
    "UHUGEINT": cast([0, 1, 2**64, 2**64 + 1, 2**127 + 1], "UHUGEINT"),
    "HUGEINT": cast([*INTEGERS, 2**64, 2**64 + 1, -(2**64), 2**100, 2**63], "HUGEINT"),
    "FLOAT": cast(["0", "-0.0", "1", "0.1", "nan", "inf", "-inf", "16777216"], "FLOAT"),
    "DOUBLE": cast([each for each in NUMBERS if each != "-nan"], "DOUBLE"),
    "DECIMAL(4, 1)": cast(["0", "0.1", "-0.1", "1", "10", "100.5"], "DECIMAL(4, 1)"),
    "DECIMAL(38, 10)": cast(
        ["0", "0.1", "1", "1e20", "0.0000000001", "-0.0000000001"], "DECIMAL(38, 10)"
    ),
    "VARCHAR": list(map(literal, TEXTS)),
    "BLOB": ["''::BLOB", "'\\x00'::BLOB", "'\\x00\\x00'::BLOB", "'a'::BLOB", "'\\xff'::BLOB"],
    "DATE": cast(["1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31"], "DATE"),
    "TIME": cast(["00:00:00", "00:00:00.000001", "23:59:59", "12:00:00"], "TIME"),
    **{
        kind: cast(MOMENTS, kind)
        for kind in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMPTZ")
    },
    "TIMESTAMP_NS": cast(["1970-01-01", "2024-02-29 12:30:00.123456789"], "TIMESTAMP_NS"),
    "TIMETZ": cast(["00:00:00+00", "01:00:00+01", "00:00:00+01"], "TIMETZ"),
    "INTERVAL": cast(["1 month", "30 days", "24 hours", "1 day", "0 days"], "INTERVAL"),
    "UUID": cast(
        [f"{one:08x}-0000-0000-{two:04x}-000000000000" for one in range(3) for two in range(3)]
        + ["80000000-0000-0000-0000-000000000000", "7fffffff-ffff-ffff-ffff-ffffffffffff"],
        "UUID",
    ),
    "ENUM('a', 'b', '')": cast(["a", "b", ""], "ENUM('a', 'b', '')"),
    "JSON": cast(["null", "1", "1.0", '"1"', "[]", "{}", '{"a": 1}', '{"a":1}'], "JSON"),
    "INTEGER[]": ["[]", "[NULL]", "[0]", "[1, 2]", "[2, 1]", "[1]", "[1, NULL]"],
    "INTEGER[][]": ["[]", "[[]]", "[[1], [2]]", "[[1, 2]]", "[NULL]"],
    "DOUBLE[]": ["[0.0]", "['-0.0'::DOUBLE]", "[]", "[1.5]"],
    "VARCHAR[]": ["[]", "['']", "['NULL']", "[NULL]", "['a, b']", "['a', 'b']", "['[]']"],
    "DOUBLE[2]": ["[0.0, 1.0]", "['-0.0'::DOUBLE, 1.0]", "[1.0, 0.0]"],
    "STRUCT(a INTEGER, b VARCHAR)": [
        "{'a': 1, 'b': 'x'}",
        "{'a': NULL, 'b': NULL}",
        "{'a': NULL, 'b': 'NULL'}",
        "{'a': 1, 'b': ''}",
    ],
    "STRUCT(a DOUBLE)": ["{'a': 0.0}", "{'a': '-0.0'::DOUBLE}", "{'a': NULL}"],
    "STRUCT(a TIMESTAMPTZ)": [f"{{'a': {each}}}" for each in cast(MOMENTS[:3], "TIMESTAMPTZ")],
    "MAP(VARCHAR, INTEGER)": ["MAP {}", "MAP {'a': 1}", "MAP {'a': NULL}", "MAP {'a': 1, 'b': 2}"],
}
DRAWN = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "HUGEINT": st.integers(-(2**126), 2**126),
    "DOUBLE": st.floats(allow_nan=False).map(repr),
    "FLOAT": st.floats(width=32, allow_nan=False).map(repr),
    "DECIMAL(38, 10)": st.decimals("-1e20", "1e20", places=10),
    "VARCHAR": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=16),
    "TIMESTAMP": st.datetimes().map(str),
    "DATE": st.dates().map(str),
    "UUID": st.uuids(),
}
KEYS = {
    **{
        kind: TYPES[kind] for kind in ("TINYINT", "BIGINT", "UBIGINT", "HUGEINT", "VARCHAR", "UUID")
    },
    "DATE": [*TYPES["DATE"], "'infinity'::DATE", "'-infinity'::DATE"],
    "TIMESTAMP": [*TYPES["TIMESTAMP"], "'infinity'::TIMESTAMP"],
}


def scanned(kind, values):
    connection = connect()
    rows = ", ".join(f"({number}, {each})" for number, each in enumerate(values))
    connection.execute(f"CREATE TABLE source (place INTEGER, v {kind})")
    connection.execute(f"INSERT INTO source VALUES {rows}")
    return scan(connection, "source")


def picked(kind, values, fields, key):
    """Give each row of a table, with its mark and its print."""
    with TemporaryDirectory() as folder:
        scan_ = scanned(kind, values)
        marks = marks_of(scan_, fields, key, ())
        pages = list(Columnar(scan_, marks, None, Path(folder), lambda: False).pages())
        told = [line.split("\t") for line in (Path(folder) / "marks").read_text().splitlines()]
    rows = [row for page in pages for row in page]
    return [(row, mark, print_) for row, (_, mark, print_) in zip(rows, told, strict=True)]


def alike(kind, values):
    """Give the lines that share a print; only the column itself is in it."""
    found = {}
    for row, _, print_ in picked(kind, values, {"v"}, ["place"]):
        row.pop("place")
        found.setdefault(print_, set()).add(encode(row))
    return [lines for lines in found.values() if len(lines) > 1]


@pytest.fixture
def of_one_place(monkeypatch):
    """Leave the column that names the place of a row out of its print."""
    printed = module._printed
    monkeypatch.setattr(
        module, "_printed", lambda column: [] if column.own == "place" else printed(column)
    )


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.usefixtures("of_one_place")
def test_what_the_codec_tells_apart_has_prints_that_differ(kind):
    found = alike(kind, [*TYPES[kind], "NULL"])

    assert [] == found


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.usefixtures("of_one_place")
def test_whatever_the_codec_tells_apart_has_prints_that_differ(kind):
    @given(st.lists(DRAWN[kind], min_size=2, max_size=40, unique_by=str))
    def check(values):
        assert [] == alike(kind, [*cast(values, kind), "NULL"])

    check()


@pytest.mark.parametrize("kind", KEYS)
def test_records_of_one_name_have_one_mark(kind):
    found = {}
    for row, mark, _ in picked(kind, [*KEYS[kind], *KEYS[kind]], None, ["v"]):
        found.setdefault(name_of(row["v"]), set()).add(mark)

    assert all(len(marks) == 1 for marks in found.values())


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("key", [["v"], ["place", "v"]], ids=["alone", "of two"])
def test_a_mark_is_found_by_the_name(kind, key):
    rows = picked(kind, TYPES[kind], None, key)
    marks = marks_of(scanned(kind, TYPES[kind]), None, key, ())
    names = [name_of(row["v"] if len(key) == 1 else (row["place"], row["v"])) for row, _, _ in rows]
    connection = connect()
    marks.named(connection, "found", [*names, '"another"', "[1,2,3]", "7"])
    found = {str(mark) for (mark,) in connection.execute("FROM found").fetchall()}

    assert {mark for _, mark, _ in rows} <= found


@pytest.mark.parametrize(
    "kind", ["DOUBLE", "DECIMAL(4, 1)", "BOOLEAN", "TIMESTAMP_NS", "TIMESTAMPTZ", "BLOB", "JSON"]
)
def test_a_key_whose_names_and_values_are_not_the_same_is_not_relied_on(kind):
    assert marks_of(scanned(kind, TYPES[kind]), None, ["v"], ()) is None


def test_a_tag_tells_what_a_print_depends_on():
    def tag(kind="INTEGER", fields=None, told=()):
        return marks_of(scanned(kind, ["1"]), fields, ["place"], told).tag

    plain = tag()
    others = [tag("BIGINT"), tag(fields={"place"}), tag(told=("upsert",))]
    with mock.patch.object(module, "_hashes", return_value="another"):
        others.append(tag())
    with mock.patch("duckdb.__version__", "0.0"):
        others.append(tag())

    assert plain == tag()
    assert plain not in others
    assert 5 == len(set(others))
