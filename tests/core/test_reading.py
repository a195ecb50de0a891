import sqlite3
import uuid
from collections import ChainMap, UserDict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.arrow import PAGE, field_type
from tailrace._engine.reading import open_reading
from tailrace._engine.shapes import Known
from tailrace.components import Page
from tailrace.errors import ConfigError, SourceError
from tailrace.schema import Field, FieldType, Schema
from tailrace.testing.strategies import rows

from .conftest import schema_of


class Read:
    """All of a source, read to its end or to where it breaks off."""

    def __init__(self, source, stopped=lambda: False, now=lambda: 0.0):
        self.refused = []
        self.reading = open_reading(source, lambda *told: self.refused.append(told), stopped, now)
        self.pages = list(self.reading)
        self.rows = [row for page in self.pages for row in page.rows]
        self.numbers = [number for page in self.pages for number in page.numbers]
        self.schema = self.pages[-1].schema if self.pages else self.reading.schema


PLAIN = [{"id": 1, "name": "a", "x": 1.5}, {"id": 2, "name": None, "x": None}]


@given(st.lists(rows(), max_size=5))
def test_rows_of_any_shape_come_as_they_are_and_in_order(given_rows):
    read = Read(iter(given_rows))

    assert repr(given_rows) == repr(read.rows)
    assert list(range(1, len(given_rows) + 1)) == read.numbers
    assert (len(given_rows), True, None) == (
        read.reading.read,
        read.reading.complete,
        read.reading.problem,
    )


@given(st.lists(rows(), min_size=1, max_size=5))
def test_the_schema_is_that_of_all_rows(given_rows):
    assert schema_of(given_rows) == Read(given_rows).schema


@given(st.lists(st.sampled_from([{"a": 1}, {"a": "x", "b": 2}, 5, None, "text", [1], {1: 2}])))
def test_every_record_is_a_row_or_refused_by_its_number(given_rows):
    read = Read(given_rows)

    told = [number for number, *_ in read.refused]
    assert list(range(1, len(given_rows) + 1)) == sorted([*read.numbers, *told])
    assert read.rows == [given_rows[number - 1] for number in read.numbers]


def test_what_is_no_mapping_is_refused_with_its_type():
    read = Read([{"a": 1}, 5, {2: 3}])

    assert [
        (2, "no_mapping", "record 2 is no mapping of fields but of type int"),
        (3, "field_name", "record 3 has a field name that is no text"),
    ] == read.refused
    assert [1] == read.numbers


def test_a_large_read_keeps_its_numbers_across_pages():
    count = 2 * PAGE + 7
    read = Read({"i": i} if i != PAGE + 2 else None for i in range(1, count + 1))

    assert [i for i in range(1, count + 1) if i != PAGE + 2] == read.numbers
    assert read.numbers == [row["i"] for row in read.rows]
    assert count == read.reading.read


@pytest.mark.parametrize("kind", [dict, UserDict, ChainMap, MappingProxyType])
def test_any_mapping_is_a_row(kind):
    assert PLAIN == Read([kind(row) for row in PLAIN]).rows


def test_a_row_that_is_filled_anew_for_each_record_is_copied_in_time():
    def source():
        row = {}
        for number in range(3):
            row["i"] = number
            yield row

    assert [{"i": 0}, {"i": 1}, {"i": 2}] == Read(source).rows


def test_a_failing_source_keeps_what_came_before():
    def source():
        yield from ({"i": i} for i in range(PAGE + 5))
        raise RuntimeError("the connection was lost")

    read = Read(source)

    assert (PAGE + 5, PAGE + 5, False) == (
        len(read.rows),
        read.reading.read,
        read.reading.complete,
    )
    assert "the source broke off after 1,005 records: RuntimeError: the connection was lost" in str(
        read.reading.problem
    )
    assert "test_reading.py, line" in str(read.reading.problem)


def test_a_reader_may_declare_its_fields():
    class Reader:
        schema = Schema([Field("i", "decimal"), Field("at", "datetime")])

        def read(self, position):
            yield Page([{"i": Decimal(1), "at": None}, {"i": "one"}])

    read = Read(Reader())

    assert Reader.schema == read.reading.schema
    assert ("any", "datetime") == (read.schema["i"].type, read.schema["at"].type)


def test_a_schema_that_is_something_else_declares_nothing():
    class Reader:
        schema = "i integer"

        def read(self, position):
            yield Page([{"i": 1}])

    read = Read(Reader())

    assert read.reading.schema is None
    assert "integer" == read.schema["i"].type


def test_a_reader_that_waits_sees_a_stop_and_loses_no_row():
    looks = []

    class Reader:
        def read(self, position):
            yield Page([{"i": 0}], 1)
            while len(looks) < 100:
                looks.append(1)
                yield Page([])

    reading = open_reading(Reader(), None, lambda: len(looks) >= 3)
    rows = [row for page in reading for row in page.rows]

    assert ([{"i": 0}], 3) == (rows, len(looks))
    assert (False, None) == (reading.complete, reading.position)


def test_a_page_that_fails_keeps_its_first_rows():
    class Reader:
        def read(self, position):
            def rows_of_page():
                yield {"i": 1}
                raise OSError("half a page")

            yield Page([{"i": 0}], 1)
            yield Page(rows_of_page(), 2)

    read = Read(Reader())

    assert [{"i": 0}, {"i": 1}] == read.rows
    assert "OSError: half a page" in str(read.reading.problem)


def test_a_row_that_cannot_be_read_breaks_the_source_off():
    class Row(UserDict):
        def __getitem__(self, name):
            raise ValueError("detached")

    read = Read([{"a": 1}, Row(a=1)])

    assert [{"a": 1}] == read.rows
    assert "ValueError: detached" in str(read.reading.problem)


def test_an_error_with_a_meaning_is_kept_as_it_is():
    def source():
        yield {"a": 1}
        raise SourceError("people.csv, line 3: no")

    assert "people.csv, line 3: no" == str(Read(source).reading.problem)


def test_rows_that_can_also_be_called_are_rows():
    class Rows(list):
        def __call__(self):
            raise AssertionError

    assert [{"a": 1}] == Read(Rows([{"a": 1}])).rows


def test_a_function_that_fails_is_a_source_that_broke_off():
    def source():
        raise KeyError("PASSWORD")

    with pytest.raises(SourceError, match="before its first record: KeyError"):
        Read(source)


def test_nothing_is_read_before_it_is_asked_for():
    asked = []

    def source():
        asked.append(1)
        yield {"a": 1}

    open_reading(source, print, lambda: False)

    assert [] == asked


def test_a_stop_ends_the_read_at_once_even_where_rows_come_slowly():
    pulled = []

    def endless():
        while True:
            pulled.append(len(pulled))
            yield {"i": pulled[-1]}

    read = Read(endless, stopped=lambda: len(pulled) >= 5, now=lambda: float(len(pulled)))

    assert (5, False, None) == (
        read.reading.read,
        read.reading.complete,
        read.reading.problem,
    )
    assert [{"i": i} for i in range(5)] == read.rows


def test_a_stop_ends_the_read_soon_where_rows_come_fast():
    pulled = []

    def endless():
        while True:
            pulled.append(len(pulled))
            yield {"i": pulled[-1]}

    read = Read(endless, stopped=lambda: len(pulled) >= 500)

    assert 500 <= read.reading.read <= 532
    assert [{"i": i} for i in range(read.reading.read)] == read.rows


def test_rows_that_come_slowly_are_handed_on_before_a_page_is_full():
    pages = Read(({"i": i} for i in range(5)), now=iter(range(100)).__next__).pages

    assert [1, 1, 1, 1, 1] == [len(page.rows) for page in pages]


def test_a_generator_that_is_not_read_to_its_end_is_closed():
    closed = []

    def endless():
        try:
            while True:
                yield {"a": 1}
        finally:
            closed.append(True)

    generator = endless()
    reading = open_reading(generator, print, lambda: False)
    next(iter(reading))
    reading.close()

    assert [True] == closed


def test_a_source_that_fails_while_it_is_closed_is_reported_and_stops_nothing(caplog):
    def endless():
        try:
            while True:
                yield {"a": 1}
        finally:
            raise OSError("the connection is gone")

    reading = open_reading(endless, print, lambda: False)
    next(iter(reading))
    reading.close()

    assert ["the source failed while it was closed"] == [each.message for each in caplog.records]


def test_a_panic_in_a_source_costs_no_record():
    class Panic(BaseException):
        """What libraries written in Rust raise."""

    def source():
        yield {"a": 1}
        raise Panic("unreachable")

    read = Read(source)

    assert [{"a": 1}] == read.rows
    assert "after 1 record: Panic: unreachable" in str(read.reading.problem)


def test_a_count_that_a_source_cannot_tell_is_no_problem():
    class Rows(list):
        def __len__(self):
            raise TypeError("ask again later")

    read = Read(Rows([{"a": 1}]))

    assert ([{"a": 1}], None) == (read.rows, read.reading.expected)


def test_the_query_of_a_relation_runs_once():
    runs = []

    def seen(value):
        runs.append(value)
        return value

    connection = duckdb.connect()
    connection.create_function("seen", seen, ["BIGINT"], "BIGINT", side_effects=True)
    read = Read(connection.sql("select seen(i) as a from range(3) t(i)"))

    assert [{"a": 0}, {"a": 1}, {"a": 2}] == read.rows
    assert 3 == len(runs)


@pytest.mark.parametrize(
    ("values", "names"),
    [([[1, 2]], [7, 7]), ([[1, "x"], ["y", 2]], [7, 7]), ([[1, "x"]], ["7", 7])],
)
def test_two_columns_of_a_frame_that_are_one_as_text_are_refused(values, names):
    with pytest.raises(SourceError, match="the column '7' twice"):
        Read(pd.DataFrame(values, columns=names))


def test_a_frame_keeps_names_that_are_no_text_or_empty():
    frame = pd.DataFrame([[1, 2, 3]], columns=["", 0, ("a", "b")])

    assert [{"": 1, "0": 2, "('a', 'b')": 3}] == Read(frame).rows


def test_shapes_are_remembered_up_to_a_size():
    known = Known(Schema(), room=10)
    known.see([{"a": 1, "b": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": 1.5}])

    assert 2 == len(known._shapes)
    assert {"a": "integer", "b": "any"} == {field.name: field.type for field in known.schema}


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ({"a": [1, 2]}, "put it into a list"),
        (Path("people.csv"), 'source="file"'),
        ("text", "no source"),
        (5, "no source"),
    ],
    ids=["mapping", "path", "text", "number"],
)
def test_what_is_no_source_is_refused_with_a_hint(source, hint):
    with pytest.raises(ConfigError, match=hint):
        Read(source)


def test_the_count_is_expected_where_the_source_knows_it():
    assert [3, 2, None] == [
        Read(source).reading.expected for source in ([{}] * 3, pl.DataFrame(PLAIN), iter([]))
    ]


def relation():
    return duckdb.sql(
        "select * from (values (1, 'a', 1.5::double), (2, null, null)) t(id, name, x)"
    )


def reader():
    return pa.Table.from_pylist(PLAIN).to_reader()


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame(PLAIN),
        pl.DataFrame(PLAIN),
        pa.Table.from_pylist(PLAIN),
        pa.RecordBatch.from_pylist(PLAIN),
        reader,
        relation,
        PLAIN,
        lambda: iter(PLAIN),
    ],
    ids=["pandas", "polars", "table", "batch", "reader", "duckdb", "list", "function"],
)
def test_the_same_rows_come_from_every_kind_of_source(source):
    read = Read(source)

    assert PLAIN == read.rows
    assert {"id": "integer", "name": "string", "x": "number"} == {
        field.name: field.type for field in read.schema
    }


def test_a_stream_is_opened_once_and_no_row_of_it_is_lost():
    class Once:
        def __init__(self):
            self.opened = 0
            self.reader = pa.Table.from_pylist([{"i": i} for i in range(3 * PAGE)]).to_reader()
            self.schema = self.reader.schema

        def __arrow_c_stream__(self, requested_schema=None):
            self.opened += 1
            return self.reader.__arrow_c_stream__(requested_schema)

    source = Once()
    read = Read(source)

    assert (1, 3 * PAGE) == (source.opened, len(read.rows))
    assert list(range(3 * PAGE)) == [row["i"] for row in read.rows]


def test_digits_zones_and_kinds_of_columns_are_kept():
    berlin = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    table = pa.table(
        {
            "big": pa.array([2**53 + 1, 2**63 - 1], pa.int64()),
            "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
            "money": pa.array([Decimal("1.10"), Decimal("-0.01")], pa.decimal128(38, 2)),
            "seconds": pa.array([berlin, None], pa.timestamp("s", "Europe/Berlin")),
            "nanos": pa.array([berlin, None], pa.timestamp("ns", "Europe/Berlin")),
            "naive": pa.array([datetime(2024, 1, 1, 1), None], pa.timestamp("ns")),
            "list": pa.array([[berlin], []], pa.list_(pa.timestamp("us", "UTC"))),
            "nested": pa.array(
                [{"at": [berlin]}, None], pa.struct([("at", pa.list_(pa.timestamp("ns", "UTC")))])
            ),
            "word": pa.array(["x", "x"]).dictionary_encode(),
            "raw": pa.array([b"\0\xff", None]),
            "lasts": pa.array([timedelta(seconds=1), None], pa.duration("ns")),
            "nothing": pa.nulls(2),
        }
    )
    read = Read(table)

    assert [
        {
            "big": 2**53 + 1,
            "unsigned": 2**64 - 1,
            "money": Decimal("1.10"),
            "seconds": berlin,
            "nanos": berlin,
            "naive": datetime(2024, 1, 1, 1),
            "list": [berlin],
            "nested": {"at": [berlin]},
            "word": "x",
            "raw": b"\0\xff",
            "lasts": timedelta(seconds=1),
            "nothing": None,
        },
        dict.fromkeys(table.column_names)
        | {"big": 2**63 - 1, "money": Decimal("-0.01"), "list": [], "word": "x"},
    ] == read.rows
    assert UTC is read.rows[0]["nanos"].tzinfo
    assert "integer integer decimal datetime datetime datetime json json string bytes any null" == (
        " ".join(field.type for field in read.schema)
    )


def test_names_that_differ_in_case_only_are_two_columns():
    for frame in (pa.table([[1], [2]], names=["a", "A"]), pl.DataFrame({"a": [1], "A": [2]})):
        assert [{"a": 1, "A": 2}] == Read(frame).rows


@pytest.mark.parametrize(
    "frame",
    [pa.table([[1], [2]], names=["a", "a"]), pd.DataFrame([[1, 2]], columns=["a", "a"])],
    ids=["table", "pandas"],
)
def test_a_name_that_stands_twice_is_refused(frame):
    with pytest.raises(SourceError, match="the column 'a' twice"):
        Read(frame)


def test_a_frame_with_a_column_of_several_kinds_is_read_row_by_row():
    frame = pd.DataFrame({"a": [1, "x", None, 2.5], "t": pd.to_datetime(["2024-01-01"] * 4)})
    read = Read(frame)

    day = datetime(2024, 1, 1)
    assert [{"a": a, "t": day} for a in (1, "x", None, 2.5)] == read.rows
    assert ("any", datetime) == (read.schema["a"].type, type(read.rows[0]["t"]))


def test_a_frame_without_names_is_read_under_its_numbers():
    assert [{"0": 1, "1": 2}] == Read(pd.DataFrame([[1, 2]])).rows


def test_the_index_of_a_frame_is_read_if_it_has_a_name():
    frame = pd.DataFrame({"a": [1]}, index=[7])

    assert [{"a": 1}] == Read(frame).rows
    assert [{"a": 1, "id": 7}] == Read(frame.rename_axis("id")).rows


def test_a_query_that_fails_is_a_source_that_broke_off():
    with pytest.raises(SourceError, match="broke off before its first record"):
        Read(duckdb.sql("select cast(x as integer) from (values ('a')) t(x)"))


def test_a_kind_of_column_that_cannot_be_read_is_named():
    with pytest.raises(SourceError, match="Unsupported"):
        Read(pa.table({"a": pa.array([Decimal("1.5")], pa.decimal256(50, 2))}))


def test_what_numpy_and_pandas_wrap_is_unwrapped():
    moment = datetime(2024, 1, 1, 12, 0, 0, 123456)
    wrapped = [
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.datetime64("2024-01-01T12:00:00.123456789"), moment),
        (np.datetime64("NaT", "ns"), None),
        (np.timedelta64(1500, "ms"), timedelta(seconds=1.5)),
        (np.array([1, 2]), [1, 2]),
        (np.array(["2024-01-01"], "datetime64[D]"), [datetime(2024, 1, 1).date()]),
        (pd.Timestamp(moment), moment),
        (pd.Timestamp(moment, tz="UTC"), moment.replace(tzinfo=UTC)),
        (pd.Timedelta("1.5s"), timedelta(seconds=1.5)),
        (pd.NaT, None),
        (pd.NA, None),
    ]
    read = Read([{"value": value} for value, _ in wrapped])

    assert [(plain, type(plain)) for _, plain in wrapped] == [
        (row["value"], type(row["value"])) for row in read.rows
    ]


def test_rows_that_look_alike_are_still_unwrapped_one_by_one():
    frame = pd.DataFrame({"i": [1, 2, 3], "t": pd.to_datetime(["2024-01-01", None, "2024-01-02"])})
    read = Read(frame.to_dict("records"))

    assert [datetime(2024, 1, 1), None, datetime(2024, 1, 2)] == [row["t"] for row in read.rows]


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table people (id integer, name text)")
    connection.executemany(
        "insert into people values (?, ?)", [(i, f"p{i}") for i in range(PAGE + 1)]
    )
    yield connection
    connection.close()


PEOPLE = [{"id": i, "name": f"p{i}"} for i in range(PAGE + 1)]


def test_a_cursor_gives_its_rows_once(database):
    cursor = database.execute("select * from people order by id")

    assert PEOPLE == Read(cursor).rows
    assert [] == cursor.fetchall()


@pytest.mark.parametrize(
    "factory",
    [
        sqlite3.Row,
        lambda cursor, row: {
            column[0]: value for column, value in zip(cursor.description, row, strict=True)
        },
    ],
    ids=["Row", "dict"],
)
def test_a_cursor_may_make_its_rows_itself(database, factory):
    database.row_factory = factory

    assert PEOPLE == Read(database.execute("select * from people order by id")).rows


def test_a_cursor_may_end_with_an_empty_tuple():
    class Cursor:
        description = (("a", None),)
        pages = iter([((1,), (2,)), ()])

        def fetchmany(self, size):
            return next(self.pages)

    assert [{"a": 1}, {"a": 2}] == Read(Cursor()).rows


def test_a_cursor_with_a_name_twice_or_no_query_is_refused(database):
    with pytest.raises(SourceError, match="the column 'id' twice"):
        Read(database.execute("select id, id from people"))
    with pytest.raises(SourceError, match="execute a query first"):
        Read(database.cursor())


def test_a_cursor_that_breaks_off_keeps_what_came_before(database):
    cursor = database.execute("select id, name from people order by id")

    class Failing:
        description = cursor.description
        calls = 0

        def fetchmany(self, size):
            self.calls += 1
            if self.calls > 1:
                raise sqlite3.OperationalError("disk I/O error")
            return cursor.fetchmany(size)

    read = Read(Failing())

    assert (PAGE, "disk I/O error" in str(read.reading.problem)) == (len(read.rows), True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("HUGEINT", "integer"),
        ("UTINYINT", "integer"),
        ("INTEGER[]", "json"),
        ("STRUCT(a INTEGER)", "json"),
        ("MAP(INTEGER, VARCHAR)", "json"),
        ("DECIMAL(10,2)", "decimal"),
        ("TIMESTAMP WITH TIME ZONE", "datetime"),
        ("TIMESTAMP_NS", "datetime"),
        ("ENUM('a INT', 'b')", "string"),
        ("UUID", "string"),
        ("INTERVAL", "any"),
        ('"NULL"', "null"),
    ],
)
def test_a_column_tells_its_type(name, kind):
    assert FieldType(kind) is field_type(name)


def test_identifiers_stay_identifiers():
    key = uuid.UUID(int=7)

    assert [{"key": key}] == Read([{"key": key}]).rows
