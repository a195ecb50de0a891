"""A resource gives its rows, with the key and types of its hints, and its state is the position."""

import threading
from datetime import UTC, date, datetime, time
from decimal import Decimal

import attrs
import dlt
import pandas as pd
import pendulum
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailrace
import tailrace_dlt

ROWS = [{"id": 1, "at": "2026-01-01T00:00:00Z"}, {"id": 2, "at": "2026-01-02T00:00:00Z"}]


@dlt.resource(primary_key="id")
def people():
    yield ROWS


@attrs.define
class Log:
    """What a resource with an incremental is to give, and from where it was asked to."""

    rows: list
    asked: list = attrs.field(factory=list)
    fails: bool = False

    @property
    def resource(self):
        since_2026 = dlt.sources.incremental("at", initial_value="2026")

        @dlt.resource(name="events", primary_key="id")
        def events(since=since_2026):
            self.asked.append(since.last_value)
            yield [row for row in self.rows if row["at"] >= since.last_value]
            if self.fails:
                raise OSError("the log broke")

        return events


def test_rows_come_as_they_are(run):
    nested = {"id": 1, "tags": ["a", {"b": [None]}], "name": None}

    @dlt.resource
    def rows():
        yield nested
        yield [{"id": 2}]
        yield {"id": 10**30, "x": Decimal("0.10"), "d": date(2026, 1, 1), "b": b"\0"}

    report, memory = run(tailrace_dlt.source(rows))

    assert report.exit_code == 0
    assert memory.rows == [
        nested,
        {"id": 2},
        {"id": 10**30, "x": Decimal("0.10"), "d": date(2026, 1, 1), "b": b"\0"},
    ]


def test_a_resource_alone_is_a_source_too(run):
    report, memory = run(people, state=False)

    assert (report.exit_code, memory.rows) == (0, ROWS)


def test_the_key_is_the_primary_keys(run):
    source = tailrace_dlt.source(people)
    run(source, mode="upsert", key=source.key)
    report, _ = run(source, mode="upsert", key=source.key)

    assert source.key == ("id",)
    assert (report.read, report.skipped) == (2, 2)


@pytest.mark.parametrize(
    ("hints", "key"),
    [
        ({"primary_key": ["a", "b"]}, ("a", "b")),
        ({"merge_key": "a"}, ("a",)),
        ({"columns": {"c": {"primary_key": True, "data_type": "text"}}}, ("c",)),
        ({"primary_key": lambda row: row["k"], "table_name": lambda row: row["t"]}, ()),
        ({}, ()),
    ],
    ids=["several", "merge", "column", "of each row", "none"],
)
def test_a_key_is_offered_where_hints_tell_one(hints, key):
    assert tailrace_dlt.source(dlt.resource([{}], name="x", **hints)).key == key


def test_it_can_be_read_again_and_names_the_sync(run):
    source = tailrace_dlt.source(people)
    reports = [tailrace.run(source, run(people)[1].spec, state=None) for _ in range(2)]

    assert [(each.sync, each.read) for each in reports] == [("people-to-destination", 2)] * 2


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_an_incremental_goes_on_from_where_all_was_settled(run, mode):
    log = Log(ROWS)
    key = "id" if mode == "upsert" else None
    _, memory = run(tailrace_dlt.source(log.resource), mode=mode, key=key)
    log.rows = [
        *ROWS,
        {"id": 3, "at": "2026-01-02T00:00:00Z"},
        {"id": 4, "at": "2026-01-03T00:00:00Z"},
    ]
    second, _ = run(tailrace_dlt.source(log.resource), memory, mode=mode, key=key)
    third, _ = run(tailrace_dlt.source(log.resource), memory, mode=mode, key=key)

    assert log.asked == ["2026", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    assert [row["id"] for row in memory.rows] == [1, 2, 3, 4]
    assert (second.read, third.read) == (2, 0)


def test_a_resource_that_breaks_off_goes_on_from_where_it_was(run):
    log = Log(ROWS, fails=True)
    broken, memory = run(tailrace_dlt.source(log.resource))
    log.fails = False
    whole, _ = run(tailrace_dlt.source(log.resource), memory)

    assert (broken.read, whole.exit_code) == (2, 0)
    assert "the log broke" in broken.problem
    assert log.asked == ["2026", "2026"]
    assert [row["id"] for row in memory.rows] == [1, 2]


def test_a_mirror_is_read_from_the_start(run):
    log = Log([{"id": n, "at": f"2026-{n:04}"} for n in range(20)])
    _, memory = run(tailrace_dlt.source(log.resource), mode="mirror", key="id")
    log.rows = log.rows[:-1]
    report, _ = run(tailrace_dlt.source(log.resource), memory, mode="mirror", key="id")

    assert log.asked == ["2026", "2026"]
    assert (report.read, report.removed) == (19, 1)


def test_one_object_of_an_incremental_reads_from_each_position(run):
    log = Log(ROWS)
    source = tailrace_dlt.source(log.resource)
    run(source)
    run(source)
    run(source, state=False)

    assert log.asked == ["2026", "2026-01-02T00:00:00Z", "2026"]


def test_other_state_of_a_resource_is_kept_with_its_types(run):
    seen = []

    @dlt.resource
    def pages():
        state = dlt.current.resource_state()
        seen.append(dict(state))
        state["at"] = pendulum.datetime(2026, 1, len(seen))
        state["price"] = Decimal("0.10")
        yield {"id": len(seen)}

    run(tailrace_dlt.source(pages))
    run(tailrace_dlt.source(pages))

    assert seen == [{}, {"at": datetime(2026, 1, 1, tzinfo=UTC), "price": Decimal("0.10")}]


def test_one_resource_of_a_source_is_read_by_its_name(run):
    @dlt.source
    def crm():
        return people, dlt.resource([{"pet": 1}], name="pets")

    report, memory = run(tailrace_dlt.source(crm(), "pets"))

    assert (report.exit_code, memory.rows) == (0, [{"pet": 1}])
    assert tailrace_dlt.source(crm().with_resources("pets")).resource.name == "pets"


def test_a_transformer_is_read_with_what_it_goes_by(run):
    @dlt.transformer(data_from=people)
    def names(rows):
        yield [{"id": row["id"], "name": f"n{row['id']}"} for row in rows]

    _, memory = run(tailrace_dlt.source(names))

    assert memory.rows == [{"id": 1, "name": "n1"}, {"id": 2, "name": "n2"}]


@pytest.mark.parametrize(
    ("resource", "name", "why"),
    [
        (
            dlt.source(lambda: [people, dlt.resource([1], name="pets")], name="crm")(),
            None,
            "crm has people, pets",
        ),
        (dlt.source(lambda: people, name="crm")(), "pets", "crm has people; name one"),
        (people, "pets", "is called people, not pets"),
        (lambda: 1, None, "<lambda> is no dlt resource or source"),
        ([{}], None, "list is no dlt resource or source"),
    ],
)
def test_what_is_no_one_resource_is_told(resource, name, why):
    with pytest.raises(tailrace.ConfigError, match=why):
        tailrace_dlt.source(resource, name)


def test_a_resource_that_needs_arguments_says_so(run):
    @dlt.resource
    def of_account(account):
        yield {"account": account}

    report, _ = run(tailrace_dlt.source(of_account))
    called, memory = run(tailrace_dlt.source(of_account("x")))

    assert report.exit_code == 3
    assert "of_account" in report.problem
    assert (called.exit_code, memory.rows) == (0, [{"account": "x"}])


FRAME = {"id": [1, 2], "name": ["a", None]}


@pytest.mark.parametrize(
    "table",
    [
        pa.table(FRAME),
        pa.RecordBatch.from_pydict(FRAME),
        pl.DataFrame(FRAME),
        pd.DataFrame({"id": [1, 2], "name": ["a", None]}, index=[5, 6]),
    ],
    ids=["table", "batch", "polars", "pandas"],
)
def test_tables_are_rows(run, table):
    @dlt.resource
    def tables():
        yield table

    _, memory = run(tailrace_dlt.source(tables))

    assert memory.rows == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


def test_what_is_no_row_is_refused(run):
    report, _ = run(tailrace_dlt.source(dlt.resource([{"id": 1}, 5], name="mixed")))

    assert (report.delivered, report.rejected) == (1, 1)


HINTS = {
    "at": {"data_type": "timestamp"},
    "local": {"data_type": "timestamp", "timezone": False},
    "day": {"data_type": "date"},
    "clock": {"data_type": "time"},
    "price": {"data_type": "decimal"},
    "note": {"data_type": "text"},
}


def test_hinted_types_are_given_where_nothing_is_lost(run):
    given = {
        "at": "2026-01-02T03:04:05+02:00",
        "local": "2026-01-02T03:04:05",
        "day": "2026-01-02",
        "clock": "03:04:05",
        "price": 0.1,
        "note": 5,
    }
    odd = {"at": "soon", "price": "dear", "day": 5}
    rows = dlt.resource([given, odd, {"at": datetime(2026, 1, 1)}], name="x", columns=HINTS)
    _, memory = run(tailrace_dlt.source(rows))

    first, second, third = memory.rows
    assert first == {
        "at": datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC),
        "local": datetime(2026, 1, 2, 3, 4, 5),
        "day": date(2026, 1, 2),
        "clock": time(3, 4, 5),
        "price": Decimal("0.1"),
        "note": 5,
    }
    assert {type(value) for value in first.values()} <= {datetime, date, time, Decimal, int}
    assert second == odd
    assert third == {"at": datetime(2026, 1, 1, tzinfo=UTC)}


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_moments_of_pendulum_are_pythons_own(moment):
    hints = tailrace_dlt.source(dlt.resource([{}], name="x")).hints
    # It moves a time that its zone leaves out when clocks are put forward.
    at = pendulum.instance(moment, tz=None)
    row = hints.fit({"at": at, "day": pendulum.Date(2026, 1, 2)})

    assert (type(row["at"]), row["at"].isoformat()) == (datetime, at.isoformat())
    assert (type(row["day"]), row["day"]) == (date, date(2026, 1, 2))


def test_a_contract_that_lets_no_field_in_declares_them(run):
    closed = {"columns": "freeze"}
    rows = dlt.resource([{"at": None}], name="x", columns=HINTS, schema_contract=closed)
    told = tailrace_dlt.source(rows).hints.schema
    _, memory = run(tailrace_dlt.source(rows))

    assert [str(each.type) for each in told] == [
        "datetime",
        "datetime",
        "date",
        "time",
        "decimal",
        "string",
    ]
    assert memory.writes[0].schema["at"].type == "datetime"
    assert tailrace_dlt.source(people).hints.schema is None


@pytest.mark.parametrize("kind", ["plain", "parallel", "async"])
def test_a_resource_that_is_left_early_is_closed(kind):
    closed = []

    def endless():
        try:
            while True:
                yield {"id": 1}
        finally:
            closed.append(True)

    async def awaited():
        try:
            while True:
                yield {"id": 1}
        finally:
            closed.append(True)

    resource = dlt.resource(
        awaited if kind == "async" else endless, name="x", parallelized=kind == "parallel"
    )
    before = threading.active_count()
    with tailrace_dlt.source(resource).tailrace_source().open(None) as reader:
        pages = reader.read(None)
        assert next(iter(next(pages).rows)) == {"id": 1}
        pages.close()

    assert threading.active_count() == before
    assert closed == [True] or kind == "async"


def test_no_thread_is_left_and_nothing_is_told_to_anybody(run):
    before = threading.active_count()
    run(tailrace_dlt.source(people))

    assert threading.active_count() == before
