import csv
import gzip
import io
import json
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace import files
from tailrace._engine.reading import open_reading
from tailrace.errors import ConfigError, SourceError
from tailrace.testing.strategies import values


class Read:
    """A file, or several by a pattern, read to its end or to where it breaks off."""

    def __init__(self, path, **options):
        self.refused = []
        with files.open_files(files.Options(path=Path(path), **options)) as source:
            self.reading = open_reading(source, lambda *told: self.refused.append(told), bool)
            self.rows = [row for page in self.reading for row in page.rows]
        if self.reading.problem is not None:
            raise self.reading.problem


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def column(write, *texts):
    """Read a column of these texts; give its values."""
    path = write("a,b\n" + "".join(f"{text},x\n" for text in texts))
    return [row["a"] for row in Read(path).rows]


# Texts that look like something, to be mixed with any other.
LOOKALIKES = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "007",
        "+1",
        "-0",
        "1.0",
        "1.10",
        "1.5",
        "2.50",
        ".5",
        "5.",
        "1e5",
        "1E5",
        "1e-05",
        "1e999",
        "12E4",
        "NaN",
        "inf",
        "true",
        "TRUE",
        "False",
        "yes",
        "2024-01-31",
        "2024-02-30",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
        "2024-1-1",
        "2024-01-31T10:00",
        "2024-01-31T10:00:00Z",
        "2024-01-31T10:00:00.123456+02:00",
        "9999-12-31T23:59:59-10:00",
        "9007199254740993",
        "123456789012345678901234567890",
        "1.23456789012345678901234567890",
        "99999999999999999999999999999999999999999",
        "0.1",
        "1.2345678901234567e-20",
        "null",
        "None",
        "NULL",
    ]
)
FIGURES = (
    st.decimals(allow_nan=False, allow_infinity=False)
    .map("{:f}".format)
    .filter(lambda text: len(text) < 50)
)
CELLS = st.one_of(
    LOOKALIKES,
    st.integers().map(str),
    st.floats().map(repr),
    FIGURES,
    st.datetimes().map(str),
    st.text(max_size=5),
)


def written(value, text):
    """Tell whether a value says just what the text said."""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, datetime):
        return datetime.fromisoformat(text) == value
    if isinstance(value, float):
        return text in (repr(value), repr(value).removesuffix(".0"))
    if isinstance(value, Decimal):
        return text in (str(value), f"{value:f}", _plain(value))
    return str(value) == text


def _plain(value):
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@given(
    st.lists(
        st.one_of(
            st.lists(CELLS, min_size=3, max_size=3),
            st.lists(LOOKALIKES, min_size=3, max_size=3, unique=False),
            st.lists(st.floats(allow_nan=False).map(repr), min_size=3, max_size=3),
            st.lists(FIGURES, min_size=3, max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_value_of_a_csv_file_is_damaged(columns):
    names = [f"c{place}" for place in range(len(columns))]
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerow(names)
    table.writerows(zip(*columns, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        rows = Read(path).rows

    assert [dict(zip(names, texts, strict=True)) for texts in zip(*columns, strict=True)] == [
        {
            name: (text if written(row[name], text) else row[name])
            for name, text in zip(names, texts, strict=True)
        }
        for row, texts in zip(rows, zip(*columns, strict=True), strict=True)
    ]


@given(st.lists(st.lists(st.text(max_size=5), min_size=2, max_size=2), max_size=4))
def test_text_that_is_not_to_be_looked_into_stays_as_it_is(rows):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_text(text.getvalue(), encoding="utf-8", newline="")

        assert [dict(zip("ab", row, strict=True)) for row in rows] == Read(path, infer=False).rows


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-20", "0"], [1, -20, 0]),
        (["1", "007"], ["1", "007"]),
        (["1", "+1"], ["1", "+1"]),
        (["0", "-0"], ["0", "-0"]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["1" * 30], [int("1" * 30)]),
        (["1" * 60], ["1" * 60]),
        (["1.5", "2"], [1.5, 2.0]),
        (["1.2345678901234567e-20", "3"], [1.2345678901234567e-20, 3.0]),
        (["19.90", "5.00"], [Decimal("19.90"), Decimal("5.00")]),
        (["1.10", "1.9"], ["1.10", "1.9"]),
        (["12E4", "13E5"], ["12E4", "13E5"]),
        (["1e5"], ["1e5"]),
        (["1e999"], ["1e999"]),
        (["0.12345678901234567890"], [Decimal("0.12345678901234567890")]),
        (["true", "FALSE"], [True, False]),
        (["yes", "no"], ["yes", "no"]),
        (["2024-02-29"], [date(2024, 2, 29)]),
        (["2023-02-29"], ["2023-02-29"]),
        (["2024-01-01 10:30", "2024-01-01T10:30:00.5"],
         [datetime(2024, 1, 1, 10, 30), datetime(2024, 1, 1, 10, 30, 0, 500000)]),
        (["2024-01-01T10:30:00+02:00"], [datetime(2024, 1, 1, 8, 30, tzinfo=UTC)]),
        (["9999-12-31T23:00:00-10:00"], ["9999-12-31T23:00:00-10:00"]),
        (["0001-01-01"], ["0001-01-01"]),
        (["1", ""], [1, None]),
        (["1", '""'], ["1", ""]),
        (["NULL", "NaN"], ["NULL", "NaN"]),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_column_is_typed_only_if_all_of_it_is_spelled_plainly(write, texts, expected):
    found = column(write, *texts)

    assert [(value, type(value)) for value in expected] == [(value, type(value)) for value in found]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1,2", [{"a": 1, "b": 2}]),
        ("a,b\r\n1,2\r\n", [{"a": 1, "b": 2}]),
        ("a,b\r1,2\r", [{"a": 1, "b": 2}]),
        ("\ufeffa,b\n1,2\n", [{"a": 1, "b": 2}]),
        ('\ufeff"a","b"\n1,2\n', [{"a": 1, "b": 2}]),
        ("a;b\n1;2,5\n", [{"a": 1, "b": "2,5"}]),
        ("a\tb\n1\t2\n", [{"a": 1, "b": 2}]),
        ('"a,b,c";d\n1;2\n', [{"a,b,c": 1, "d": 2}]),
        ('"a\nb",c\n1,2\n', [{"a\nb": 1, "c": 2}]),
        ('a,b\n"x\r\ny","say ""hi"""\n', [{"a": "x\r\ny", "b": 'say "hi"'}]),
        ("a,b\n1,2\n\n3,4\n", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        ("a,A\n1,x\n", [{"a": 1, "A": "x"}]),
        ("größe,名\n1,é\n", [{"größe": 1, "名": "é"}]),
        ("a\n1\n2\n", [{"a": 1}, {"a": 2}]),
        ("a,b\n", []),
        ("a,b", []),
    ],
    ids=repr,
)
def test_a_csv_file_is_read_as_it_is_written(write, content, rows):
    assert rows == Read(write(content)).rows


def test_a_delimiter_may_be_given(write):
    path = write("a,b~c\n1~2\n")

    assert [{"a,b": 1, "c": 2}] == Read(path, delimiter="~").rows


@pytest.mark.parametrize("delimiter", ["", "||", '"', "\n"])
def test_a_delimiter_is_one_character(write, delimiter):
    with pytest.raises(ConfigError, match="delimiter"):
        Read(write("a\n1\n"), delimiter=delimiter)


def test_the_columns_of_a_csv_file_are_known_ahead(write):
    with files.open_files(files.Options(path=write("id,name\n1,a\n"))) as source:
        assert {"id": "integer", "name": "string"} == {
            field.name: field.type for field in source.schema
        }
        assert [{"id": 1, "name": "a"}] == [
            row for page in open_reading(source, print, bool) for row in page.rows
        ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: there is no header"),
        ("a,,c\n", "line 1: column 2 has no name"),
        ("a,a\n", "line 1: the column 'a' stands there twice"),
        ("a,b\n1,2\n3\n", "line 3: 1 values where the header has 2 columns"),
        ("a,b\n1,2,3\n", "line 2: 3 values where the header has 2 columns"),
        ('a,b\n1,2\n3,"x\n', "line 3: Value with unterminated quote"),
        ('"a,b\n1,2\n', "line 1: the header cannot be read"),
        (b"\xff,b\n1,2\n", "line 1: this is not UTF-8 text"),
        (b"a,b\n1,2\n3,\xff\n", "line 3: "),
        ("a,b\r\n1,2\n3,4\r\n", "two kinds of line ends"),
    ],
    ids=repr,
)
def test_a_malformed_csv_file_is_named_with_the_line(write, content, said):
    path = write(content)

    with pytest.raises(SourceError, match=said) as told:
        Read(path)
    assert str(told.value).startswith(str(path))


def test_files_of_one_pattern_are_read_in_order_and_by_name(write):
    write("id,name\n1,a\n2,b\n", "1.csv")
    write("name,id\nc,3\n", "2.csv")
    path = write("id;Name\n4;d\n", "3.csv")

    assert [
        {"id": 1, "name": "a", "Name": None},
        {"id": 2, "name": "b", "Name": None},
        {"id": 3, "name": "c", "Name": None},
        {"id": 4, "name": None, "Name": "d"},
    ] == Read(path.with_name("*.csv")).rows


def test_all_files_of_a_pattern_decide_on_a_type_together(write):
    write("id\n1\n", "1.csv")
    path = write("id\n0x2\n", "2.csv")

    assert [{"id": "1"}, {"id": "0x2"}] == Read(path.with_name("*.csv")).rows


@pytest.mark.parametrize("name", ["data[1].csv", "a*.csv", "what?.csv", "it's.csv"])
def test_a_file_whose_name_looks_like_a_pattern_is_itself(write, name):
    for other in ("data1.csv", "ab.csv", "whats.csv"):
        write("a\nother\n", other)

    assert [{"a": "mine"}] == Read(write("a\nmine\n", name)).rows


def test_a_malformed_file_of_several_is_the_one_that_is_named(write):
    write("a,b\n1,2\n", "1.csv")
    path = write("a,b\n1\n", "2.csv")

    with pytest.raises(SourceError, match=r"2\.csv, line 2"):
        Read(path.with_name("*.csv"))


@pytest.mark.parametrize(
    ("name", "content"),
    [("data.csv.gz", b"a,b\n1,x\n"), ("data.jsonl.gz", b'{"a": 1, "b": "x"}\n')],
)
def test_a_gzipped_file_is_read_and_a_broken_one_is_named(write, name, content):
    path = write(gzip.compress(content), name)
    assert [{"a": 1, "b": "x"}] == Read(path).rows

    for broken in (gzip.compress(content * 5000)[:-12], b"no gzip"):
        write(broken, name)
        with pytest.raises(SourceError, match=r"data\.(csv|jsonl)\.gz"):
            Read(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.csv", "there is no such file"),
        ("*.nothing", "there is no such file"),
        ("folder", "is a folder"),
        ("data.xlsx", "say csv, json or parquet"),
        ("mixed/*", "csv and json"),
    ],
)
def test_what_cannot_be_read_is_an_option_to_mend(write, path, said):
    root = write("a\n1\n", "data.xlsx").parent
    write("a\n1\n", "mixed/a.csv")
    write("{}\n", "mixed/b.json")
    write("a\n1\n", "folder/a.csv")

    with pytest.raises(ConfigError, match=said):
        Read(root / path)


@given(st.lists(st.dictionaries(st.text(max_size=3), values(plain=True), max_size=3)))
def test_json_lines_come_back_as_python_reads_them(rows):
    lines = [json.dumps(row, default=str) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.jsonl")
        path.write_text("\n".join(lines))
        found = Read(path, infer=False).rows

    assert [json.loads(line) for line in lines] == found


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('{"a": 1}\n\n{"b": null}\n', [{"a": 1}, {"b": None}]),
        ('[{"a": 1}, {"a": "x"}]', [{"a": 1}, {"a": "x"}]),
        ('\n\n[\n {"a": 1},\n {"a": 2}\n]\n', [{"a": 1}, {"a": 2}]),
        ('\ufeff{"a": 1}\n', [{"a": 1}]),
        ("[]", []),
        ("", []),
        ('{"a": 123456789012345678901234567890}', [{"a": 123456789012345678901234567890}]),
        ('{"a": 0.12345678901234567890}', [{"a": Decimal("0.12345678901234567890")}]),
        ('{"a": 1234567890123456.0}', [{"a": 1234567890123456.0}]),
        ('{"a": [9007199254740993, 1.5]}', [{"a": [9007199254740993, 1.5]}]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_json_file_is_read_with_all_digits(write, content, rows):
    assert repr(rows) == repr(Read(write(content, "data.json")).rows)


def test_what_is_no_object_is_refused_and_the_rest_is_read(write):
    read = Read(write('{"a": 1}\n5\n"x"\n{"a": 2}\n', "data.jsonl"))

    assert [{"a": 1}, {"a": 2}] == read.rows
    assert [2, 3] == [number for number, *_ in read.refused]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n\n{"a": }\n', "line 3: this is no JSON"),
        ('[\n{"a": 1},\n{"a": }\n]', "line 3: this is no JSON"),
        ('{"a": 1}\n{"a": NaN}\n', "line 2: this is no JSON"),
        ('{"a": 12345678901234567890, "b": NaN}\n', "line 1: this is no JSON: NaN is no number"),
        (b'{"a": "\xff"}\n', "line 1: this is no JSON"),
        (b'{"a": "\xff", "b": 12345678901234567890}\n', "line 1: .*it is not UTF-8"),
        ('{"a": ' + "1" * 5000 + "}", "line 1: .*digits"),
        ('{"a": 1} {"a": 2}\n', "line 1: this is no JSON"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_json_is_named_with_the_line(write, content, said):
    with pytest.raises(SourceError, match=rf"data\.json, {said}"):
        Read(write(content, "data.json"))


def test_a_json_field_becomes_a_date_only_if_all_of_it_is_one(write):
    rows = [
        {"day": "2024-01-01", "at": "2024-01-01T10:00:00Z", "text": "2024-01-01"},
        {"day": None, "at": "2024-01-01 10:00:00.5", "text": "soon"},
        {"day": "2024-02-29"},
    ]
    path = write("\n".join(map(json.dumps, rows)), "data.jsonl")

    assert [
        {
            "day": date(2024, 1, 1),
            "at": datetime(2024, 1, 1, 10, tzinfo=UTC),
            "text": "2024-01-01",
        },
        {"day": None, "at": datetime(2024, 1, 1, 10, 0, 0, 500000), "text": "soon"},
        {"day": date(2024, 2, 29)},
    ] == Read(path).rows
    assert rows == Read(path, infer=False).rows


def test_a_date_that_there_is_not_leaves_the_field_as_text(write):
    path = write('{"day": "2024-02-29"}\n{"day": "2023-02-29"}\n', "data.jsonl")

    assert ["2024-02-29", "2023-02-29"] == [row["day"] for row in Read(path).rows]


def test_parquet_files_keep_their_types_and_are_counted(tmp_path):
    table = pa.table(
        {"id": [1, 2], "money": pa.array([Decimal("1.10"), None], pa.decimal128(9, 2))}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table.select(["id"]), tmp_path / "b[1].parquet")
    read = Read(tmp_path / "*.parquet")

    assert [
        {"id": 1, "money": Decimal("1.10")},
        {"id": 2, "money": None},
        {"id": 1, "money": None},
        {"id": 2, "money": None},
    ] == read.rows
    assert 4 == read.reading.expected


def test_an_empty_parquet_file_has_no_rows_and_a_false_one_is_named(write):
    path = write(b"no parquet", "data.parquet")
    with pytest.raises(SourceError, match=r"data\.parquet"):
        Read(path)

    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), path)
    assert [] == Read(path).rows
