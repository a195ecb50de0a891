"""A destination function gets what it has asked dlt for, and tailrace does the rest."""

import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import dlt
import pendulum
import pyarrow as pa
import pytest
from dlt.common.json import json as dlt_json
from dlt.destinations.exceptions import DestinationTerminalException, DestinationTransientException

import tailrace
import tailrace_dlt

from .conftest import statuses

PEOPLE = [{"id": n, "name": f"n{n}"} for n in range(5)]


@pytest.fixture
def calls():
    return []


@pytest.fixture
def made(calls):
    """Make a function that keeps what it is called with, or raises."""

    def made(*raises, **declared):
        declared = {"batch_size": 2, "name": "crm", **declared}
        script = list(raises)

        @dlt.destination(**declared)
        def function(items, table):
            calls.append((items, table))
            if script and (error := script.pop(0)) is not None:
                raise error

        return function

    return made


def test_it_is_called_with_as_many_rows_as_it_asked_for(run, made, calls):
    report, _ = run(PEOPLE, tailrace_dlt.destination(made()))

    assert statuses(report) == {"delivered": 5}
    assert [items for items, _ in calls] == [PEOPLE[:2], PEOPLE[2:4], PEOPLE[4:]]


def test_ten_rows_are_what_dlt_gives_by_itself(run, calls):
    @dlt.destination
    def plain(items, table):
        calls.append(len(items))

    run([{"id": n} for n in range(25)], tailrace_dlt.destination(plain))

    assert calls == [10, 10, 5]


def test_only_changes_are_sent_where_it_may_upsert(run, made, calls):
    destination = tailrace_dlt.destination(made(), modes=["upsert"], delivery="idempotent")
    run(PEOPLE, destination, mode="upsert", key="id")
    calls.clear()
    report, _ = run([*PEOPLE[:4], {"id": 4, "name": "new"}], destination, mode="upsert", key="id")

    assert statuses(report) == {"delivered": 1, "skipped": 4}
    ((items, table),) = calls
    assert items == [{"id": 4, "name": "new"}]
    assert table["write_disposition"] == "merge"
    assert table["columns"]["id"]["primary_key"] is True


def test_the_table_tells_of_the_rows(run, made, calls):
    rows = [
        {
            "i": 1,
            "f": 0.5,
            "d": Decimal(1),
            "t": "x",
            "b": True,
            "at": datetime.now(UTC),
            "n": None,
            "j": [1],
        }
    ]
    run(rows, tailrace_dlt.destination(made(), table="people"))

    ((_, table),) = calls
    assert (table["name"], table["write_disposition"]) == ("people", "append")
    assert {name: told.get("data_type") for name, told in table["columns"].items()} == {
        "i": "bigint",
        "f": "double",
        "d": "decimal",
        "t": "text",
        "b": "bool",
        "at": "timestamp",
        "n": None,
        "j": "json",
    }


def test_the_hints_of_a_resource_are_in_its_table(run, made, calls):
    hints = {"id": {"data_type": "bigint", "description": "who"}}
    resource = dlt.resource(
        PEOPLE, name="people", columns=hints, write_disposition="merge", primary_key="id"
    )
    for table in (resource, tailrace_dlt.source(resource)):
        run(
            tailrace_dlt.source(resource),
            tailrace_dlt.destination(made(), table=table),
            state=False,
        )

    for _, table in calls:
        assert (table["name"], table["resource"]) == ("people", "people")
        assert table["columns"]["id"]["description"] == "who"
        assert set(table["columns"]) == {"id", "name"}


def test_moments_are_those_of_dlts_files(run, made, calls):
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    run([{"at": at, "day": date(2026, 1, 2), "j": [{"at": at}]}], tailrace_dlt.destination(made()))

    (((row,), _),) = calls
    assert (type(row["at"]), type(row["day"])) == (pendulum.DateTime, pendulum.Date)
    assert (row["at"], row["j"]) == (at, [{"at": at}])
    assert row["at"].in_timezone("Asia/Tokyo").hour == 12


def test_a_function_that_asked_for_parquet_gets_record_batches(run, made, calls):
    rows = [
        {
            "id": 1,
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "j": {"a": [1]},
            "x": Decimal("1.10"),
            "t": "a",
        },
        {"id": 2, "at": None},
    ]
    run(rows, tailrace_dlt.destination(made(loader_file_format="parquet")))

    ((items, _),) = calls
    assert isinstance(items, pa.RecordBatch)
    assert items.to_pylist() == [
        {**rows[0], "j": '{"a":[1]}'},
        {"id": 2, "at": None, "j": None, "x": None, "t": None},
    ]
    assert items.schema.field("at").type == pa.timestamp("us", "UTC")


def test_what_no_column_holds_is_refused_alone(run, made, calls):
    rows = [{"id": 1}, {"id": 10**30}, {"id": 3}, {"id": 4}]
    report, _ = run(
        rows, tailrace_dlt.destination(made(loader_file_format="parquet", batch_size=4))
    )

    assert statuses(report) == {"delivered": 3, "rejected": 1}
    assert sorted(row["id"] for items, _ in calls for row in items.to_pylist()) == [1, 3, 4]


@pytest.mark.parametrize("form", ["typed-jsonl", "parquet"])
def test_a_function_that_asked_for_files_gets_paths(run, calls, form):
    @dlt.destination(batch_size=0, loader_file_format=form)
    def files(path, table):
        if form == "parquet":
            rows = pa.parquet.read_table(path).to_pylist()
        else:
            rows = [dlt_json.typed_loads(line) for line in Path(path).read_text().splitlines()]
        calls.append((path, rows))

    at = datetime(2026, 1, 1, tzinfo=UTC)
    run([{"id": n, "at": at} for n in range(3)], tailrace_dlt.destination(files))

    ((path, rows),) = calls
    assert rows == [{"id": n, "at": at} for n in range(3)]
    assert path.endswith(form)
    assert not Path(path).exists()


def with_arguments(calls):
    @dlt.destination(name="crm")
    def function(
        items, table, api_url: str = dlt.config.value, api_key=dlt.secrets.value, retries: int = 3
    ):
        calls.append((api_url, api_key, retries))

    return function


def test_arguments_are_options(run, calls):
    destination = tailrace_dlt.destination(with_arguments(calls))
    run(PEOPLE[:1], destination, api_url="https://a.example", api_key="hunter22", retries=5)

    assert calls == [("https://a.example", "hunter22", 5)]


def test_what_is_not_given_is_found_where_dlt_finds_it(run, calls, monkeypatch):
    monkeypatch.setenv("DESTINATION__CRM__API_URL", "https://dlt.example")
    monkeypatch.setenv("DESTINATION__API_KEY", "hunter22")
    run(PEOPLE[:1], tailrace_dlt.destination(with_arguments(calls)))

    assert calls == [("https://dlt.example", "hunter22", 3)]


def test_what_an_instance_was_given_stays(run, calls):
    function = with_arguments(calls)(api_url="https://own.example", api_key="hunter22")
    run(PEOPLE[:1], tailrace_dlt.destination(function))

    assert calls == [("https://own.example", "hunter22", 3)]


def test_what_is_nowhere_is_told_with_all_places(run, calls):
    with pytest.raises(tailrace.ConfigError) as caught:
        run(PEOPLE[:1], tailrace_dlt.destination(with_arguments(calls)), api_url="x")

    told = str(caught.value)
    assert told.startswith("options.api_key: missing, also in dlt's configuration")
    assert "(DESTINATION__CRM__API_KEY); looked in options['api_key']" in told
    assert calls == []


@pytest.mark.parametrize("way", ["option", "dlt"])
def test_secrets_are_shown_nowhere(run, monkeypatch, caplog, tmp_path, way):
    caplog.set_level(logging.DEBUG)

    @dlt.destination(name="crm")
    def leaks(items, table, api_key=dlt.secrets.value):
        raise RuntimeError(f"no entry with {api_key}")

    options = {"api_key": "hunter22"} if way == "option" else {}
    if way == "dlt":
        monkeypatch.setenv("DESTINATION__CRM__API_KEY", "hunter22")
    report, _ = run(PEOPLE[:1], tailrace_dlt.destination(leaks), **options)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())

    assert statuses(report) == {"in_doubt": 1}
    assert "no entry with ***" in caplog.text
    assert "hunter22" not in caplog.text + repr(report) + str(list(report.outcomes()))
    assert b"hunter22" not in kept


def test_a_credentials_class_is_dlts_to_read(run, calls, monkeypatch):
    from dlt.sources.credentials import ConnectionStringCredentials

    @dlt.destination(name="db")
    def loads(items, table, credentials: ConnectionStringCredentials = dlt.secrets.value):
        calls.append((credentials.host, credentials.password))

    monkeypatch.setenv("DESTINATION__DB__CREDENTIALS", "postgresql://me:hunter22@host/db")
    run(PEOPLE[:1], tailrace_dlt.destination(loads), state=False)
    monkeypatch.delenv("DESTINATION__DB__CREDENTIALS")
    given = tailrace.Secret("postgresql://me:hunter23@other/db")
    run(PEOPLE[:1], tailrace_dlt.destination(loads), state=False, credentials=given)

    assert calls == [("host", "hunter22"), ("other", "hunter23")]


def http_error(status, **headers):
    error = OSError(f"{status} for url")
    error.response = SimpleNamespace(status_code=status, headers=headers)
    return error


@pytest.mark.parametrize(
    ("error", "declared", "ended"),
    [
        (RuntimeError("?"), {}, {"in_doubt": 1}),
        (RuntimeError("?"), {"delivery": "idempotent"}, {"failed": 1}),
        (http_error(422), {}, {"rejected": 1}),
        (http_error(429, **{"Retry-After": "1"}), {}, {"delivered": 1}),
        (http_error(503), {}, {"in_doubt": 1}),
        (DestinationTransientException("busy"), {}, {"delivered": 1}),
        (DestinationTerminalException("never"), {}, {"rejected": 1}),
        (tailrace.RejectedError("no such person"), {}, {"rejected": 1}),
    ],
    ids=[
        "bug",
        "harmless bug",
        "refusal",
        "too many",
        "no answer",
        "transient",
        "terminal",
        "ours",
    ],
)
def test_what_an_exception_means_for_a_record(run, made, error, declared, ended):
    report, _ = run(PEOPLE[:1], tailrace_dlt.destination(made(error), **declared))

    assert statuses(report) == ended


def test_a_refused_login_stops_the_run(run, made):
    report, _ = run(PEOPLE[:1], tailrace_dlt.destination(made(http_error(401))))

    assert report.exit_code in (3, 9)
    assert "401 for url" in report.problem


def test_of_several_records_a_refusal_tells_nothing_unless_a_repeat_does_no_harm(run, made, calls):
    unsure, _ = run(PEOPLE[:2], tailrace_dlt.destination(made(http_error(422))), state=False)
    again = [http_error(422), http_error(422), None]
    harmless = tailrace_dlt.destination(made(*again), delivery="idempotent")
    split, _ = run(PEOPLE[:2], harmless, state=False)

    assert statuses(unsure) == {"in_doubt": 2}
    assert statuses(split) == {"delivered": 1, "rejected": 1}


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (dlt.destinations.duckdb(), "duckdb is no function that @dlt.destination has decorated"),
        (print, "print is no function"),
        ("crm", "str is no function"),
    ],
)
def test_what_is_no_decorated_function_is_told(function, why):
    with pytest.raises(tailrace.ConfigError) as caught:
        tailrace_dlt.destination(function)

    assert "destination" in str(caught.value)


def test_a_format_that_is_not_served_is_told(made):
    with pytest.raises(tailrace.ConfigError, match="its loader_file_format is csv"):
        tailrace_dlt.destination(made(loader_file_format="csv"))


def test_leaving_a_pipeline_takes_one_line(run, made, calls):
    resource = dlt.resource(PEOPLE, name="people", primary_key="id")
    report = tailrace.run(resource, tailrace_dlt.destination(made()), state=None)

    assert (report.sync, report.delivered) == ("people-to-crm", 5)
    assert json.dumps([row for items, _ in calls for row in items]) == json.dumps(PEOPLE)
