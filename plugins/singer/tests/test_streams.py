"""What a tap writes becomes rows and positions; what breaks the rules is handled and told."""

import gzip
import json
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import tailrace
from tailrace.testing import MemoryDestination
from tailrace_singer import tailrace_source

from .conftest import PROPERTIES, record, schema, state, stream


def told(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_records_become_rows_and_the_last_state_the_position(tap, run):
    tap.writes(
        schema(),
        record(id=1, name="Ada"),
        state({"bookmarks": {"people": 1}}),
        record(id=2, name=None),
        state({"bookmarks": {"people": 2}}),
    )
    report, destination = run(tap, state=True)
    tap.writes(schema(), record(id=2, name=None), record(id=3))
    again, _ = run(tap, state=True, destination=destination)

    assert (report.exit_code, again.exit_code) == (0, 0)
    assert destination.rows == [
        {"id": 1, "name": "Ada"},
        {"id": 2, "name": None},
        {"id": 2, "name": None},
        {"id": 3},
    ]
    syncs = [each for each in tap.seen if "--discover" not in each["arguments"]]
    assert [each.get("state") for each in syncs] == [None, {"bookmarks": {"people": 2}}]


def test_a_later_state_replaces_an_earlier_one_whole(tap, run):
    tap.writes(schema(), state({"a": 1, "b": 1}), record(id=1), state({"a": 2}))
    run(tap, state=True)
    run(tap, state=True)

    assert tap.seen[-1]["state"] == {"a": 2}


def test_a_state_keeps_all_digits(tap, run):
    text = b'{"type":"STATE","value":{"lsn":12345678901234567.12345678901234567}}'
    tap.writes(schema(), record(id=1), text)
    run(tap, state=True)
    (tap.folder / "kept").write_text("")
    tap.writes(code="(folder / 'kept').write_text(Path(given['--state']).read_text())")
    run(tap, state=True)

    assert (tap.folder / "kept").read_text() == '{"lsn":12345678901234567.12345678901234567}'


def test_a_state_before_its_records_waits_for_all_that_is_read(tap, run):
    tap.writes(schema(), state({"at": 9}), record(id=1), record(id=2), after="sys.exit(3)")
    broken, _ = run(tap, state=True)
    tap.writes(schema(), state({"at": 9}), record(id=1), record(id=2))
    run(tap, state=True)
    run(tap, state=True)

    assert broken.exit_code != 0
    syncs = [each for each in tap.seen if "--discover" not in each["arguments"]]
    assert [each.get("state") for each in syncs] == [None, None, {"at": 9}]


def test_a_run_begins_from_a_state_that_it_is_given_until_it_keeps_one(tap, run, tmp_path):
    start = tmp_path / "state.json"
    start.write_text('{"bookmarks": 5}')
    tap.writes(schema(), record(id=6), state({"bookmarks": 6}))
    run(tap, state=True, start=start)
    run(tap, state=True, start=start)

    syncs = [each for each in tap.seen if "--discover" not in each["arguments"]]
    assert [each["state"] for each in syncs] == [{"bookmarks": 5}, {"bookmarks": 6}]


def test_several_syncs_share_one_run_of_the_tap(tap, tmp_path):
    tap.writes(schema(), record(id=1), state({"at": 1}))
    memories = [MemoryDestination(), MemoryDestination()]
    source, options = tailrace_source(), {"tap": tap.command}
    reports = tailrace.run_all(
        tailrace.Sync(
            source=source,
            source_options=options,
            destination=memory.spec,
            name=f"it-{at}",
            state=str(tmp_path / "state"),
        )
        for at, memory in enumerate(memories)
    )

    assert [report.exit_code for report in reports] == [0, 0]
    assert [memory.rows for memory in memories] == [[{"id": 1}]] * 2
    assert [each["arguments"][-1] for each in tap.seen].count("--discover") == 1
    assert len(tap.seen) == 2


def test_a_mirror_is_read_from_the_start_and_deletes_what_is_gone(tap, run):
    tap.writes(schema(), *(record(id=n) for n in range(20)), state({"at": 20}))
    _, destination = run(tap, mode="mirror", key="id", state=True)
    tap.writes(schema(), *(record(id=n) for n in range(19)), state({"at": 20}))
    report, _ = run(tap, mode="mirror", key="id", state=True, destination=destination)

    assert (report.read, report.removed, report.delivered) == (19, 1, 1)
    assert "state" not in tap.seen[-1]


def test_a_tap_that_fails_deletes_nothing_and_moves_nothing(tap, run):
    tap.writes(schema(), *(record(id=n) for n in range(20)), state({"at": 20}))
    _, destination = run(tap, mode="mirror", key="id", state=True)
    tap.writes(schema(), record(id=0), after="sys.exit('no more')")
    report, _ = run(tap, mode="mirror", key="id", state=True, destination=destination)

    assert (report.removed, report.delivered) == (0, 0)
    assert report.problem == "tap-made ended with exit code 1; it said: no more"


def test_what_came_before_a_failure_counts(tap, run):
    tap.writes(schema(), record(id=1), record(id=2), after="os.abort()")
    report, _ = run(tap)

    assert (report.read, report.delivered, report.exit_code) == (2, 2, 9)
    assert "was ended by signal 6" in report.problem


def test_rows_have_the_types_that_the_schema_tells(tap, run):
    properties = {
        "id": {"type": "integer"},
        "at": {"type": ["null", "string"], "format": "date-time"},
        "price": {"type": "number", "multipleOf": 0.01},
        "more": {"type": "object"},
    }
    line = (
        b'{"type":"RECORD","stream":"people","record":{"id":1,"at":"2026-01-02T03:04:05Z",'
        b'"price":12345678901234567.89,"more":{"a":[0.1234567890123456789]}}}'
    )
    tap.writes(schema(properties=properties), line, catalog=[stream(properties=properties)])
    _, destination = run(tap)

    (row,) = destination.rows
    assert row == {
        "id": 1,
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "price": Decimal("12345678901234567.89"),
        "more": {"a": [Decimal("0.1234567890123456789")]},
    }
    told = {each.name: str(each.type) for each in destination.writes[0].schema}
    assert told == {"id": "integer", "at": "datetime", "price": "decimal", "more": "json"}


def test_fields_are_declared_before_there_is_a_row(tap, run):
    tap.writes(schema(), record(id=1))
    report, _ = run(tap, mapping={"n": "nmae"})

    assert report.exit_code == 3
    assert "the source has no field 'nmae'" in report.problem


def test_a_value_that_its_schema_forbids_is_given_as_it_came_and_told_once(tap, run, caplog):
    tap.writes(schema(), *(record(id="x", name=n) for n in range(3)))
    _, destination = run(tap)

    assert [row["id"] for row in destination.rows] == ["x"] * 3
    assert destination.writes[0].schema["id"].type == "any"
    assert [each for each in told(caplog) if "'id'" in each] == [
        "tap-made: the field 'id' is to be integer and came as str; it is given as it came",
        "tap-made: the field 'id' is to be integer and came as str; it is given as it came: 3 times in all",
    ]


def test_a_schema_may_change_in_the_midst(tap, run, caplog):
    wider = {**PROPERTIES, "id": {"type": "string"}, "age": {"type": "integer"}}
    tap.writes(schema(), record(id=1), schema(properties=wider), record(id="a", age=3))
    _, destination = run(tap)

    assert destination.rows == [{"id": 1}, {"id": "a", "age": 3}]
    assert told(caplog) == []


def test_a_record_before_its_schema_is_taken_by_the_catalogs_and_told(tap, run, caplog):
    tap.writes(record(id=1.0, name="Ada"), schema(), record(id=2))
    _, destination = run(tap)

    assert repr(destination.rows[0]) == "{'id': 1, 'name': 'Ada'}"
    assert "a record came before its schema" in told(caplog)[0]


def test_chatter_on_the_output_is_left_out_and_told(tap, run, caplog):
    tap.writes(
        b"Downloading...", schema(), b"", b"  ", b"[1, 2]", record(id=1), b'{"level": "info"}'
    )
    report, destination = run(tap)

    assert (report.exit_code, len(destination.rows)) == (0, 1)
    assert told(caplog)[0].endswith("a line of its output that is no message was left out")
    assert told(caplog)[-1].endswith("3 times in all")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            b'{"type":"RECORD","stream":"people","record":{"id":2',
            "line 3 of its output is no message",
        ),
        (b'warning: {"type":"RECORD","stream":"people"}', "line 3 of its output is no message"),
        (b'{"type":"RECORD","stream":"people","record":[1]}', "a record that is no object"),
        (b'{"type":"RECORD","record":{}}', "the RECORD in line 3 of its output names no stream"),
        (b'{"type":"SCHEMA","stream":"people"}', "the SCHEMA in line 3 of its output holds none"),
        (b'{"a":' * 100_000, "is no message: it is nested too deeply"),
        (
            b'{"type":"RECORD","stream":"people","record":{"id":' + b"9" * 5000 + b"}}",
            "is no message",
        ),
        (b'{"type":"STATE","value":"\xff\xfe"}', "is no message"),
    ],
    ids=["cut", "mixed", "list", "nameless", "schemaless", "deep", "digits", "bytes"],
)
def test_a_damaged_message_breaks_the_read_off(tap, run, line, why):
    tap.writes(schema(), record(id=1), line, record(id=3))
    report, destination = run(tap)

    assert [row["id"] for row in destination.rows] == [1]
    assert why in report.problem


def test_a_last_line_without_an_end_is_a_line(tap, run):
    tap.writes(schema(), record(id=1), end="")
    report, destination = run(tap)

    assert (report.exit_code, destination.rows) == (0, [{"id": 1}])


def test_a_last_line_that_is_cut_off_is_told(tap, run):
    tap.writes(schema(), record(id=1), b'{"type":"RECORD","stream":"peo', end="")
    report, _ = run(tap)

    assert "its last line is cut off" in report.problem


def test_a_cut_line_of_a_tap_that_failed_tells_of_the_failure(tap, run):
    tap.writes(schema(), b'{"type":"REC', end="", after="sys.exit('out of memory')")
    report, _ = run(tap)

    assert "ended with exit code 1; it said: out of memory" in report.problem


def test_numbers_that_are_none_come_as_they_are(tap, run):
    properties = {"id": {"type": "number"}}
    line = b'{"type":"RECORD","stream":"people","record":{"id":NaN}}'
    tap.writes(schema(properties=properties), line, catalog=[stream(properties=properties)])
    _, destination = run(tap)

    assert repr(destination.rows) == "[{'id': nan}]"


def test_what_belongs_to_other_streams_is_left_out_and_told(tap, run, caplog):
    tap.writes(
        schema("pets"),
        record("pets", id=7),
        schema(),
        record(id=1),
        catalog=[stream(), stream("pets")],
    )
    _, destination = run(tap, stream="people")

    assert destination.rows == [{"id": 1}]
    assert "records of the stream 'pets', which nobody asked for, were left out" in told(caplog)[0]


def test_messages_of_an_unknown_kind_are_left_out_and_told(tap, run, caplog):
    tap.writes(schema(), {"type": "PING"}, record(id=1))
    report, _ = run(tap)

    assert report.delivered == 1
    assert "a message of type 'PING' was left out" in told(caplog)[0]


@pytest.mark.parametrize(("versions", "warned"), [((1, 1), False), ((1, 2), True)])
def test_a_version_that_changes_in_the_midst_is_told(tap, run, caplog, versions, warned):
    first, second = versions
    tap.writes(
        {"type": "ACTIVATE_VERSION", "stream": "people", "version": first},
        schema(),
        {**record(id=1), "version": first},
        {"type": "ACTIVATE_VERSION", "stream": "people", "version": second},
    )
    report, _ = run(tap)

    assert report.delivered == 1
    assert any("has changed its version" in each for each in told(caplog)) is warned


def batch(*paths, **encoding):
    return {
        "type": "BATCH",
        "stream": "people",
        "encoding": {"format": "jsonl", **encoding},
        "manifest": [f"file://{path}" for path in paths],
    }


@pytest.mark.parametrize("packed", ["gzip", None])
def test_batches_in_files_are_read_as_records(tap, run, tmp_path, packed):
    paths = []
    for part in range(2):
        path = tmp_path / f"part {part}"
        with gzip.open(path, "wb") if packed else path.open("wb") as file:
            for n in range(1500):
                file.write(json.dumps({"id": part * 1500 + n, "x": 1}).encode() + b"\n")
        paths.append(str(path).replace(" ", "%20"))
    tap.writes(schema(), batch(*paths, compression=packed), state({"at": 3000}))
    report, destination = run(tap, state=True, select=["id"])
    run(tap, state=True)

    assert report.delivered == 3000
    assert [row["id"] for row in destination.rows] == list(range(3000))
    assert {tuple(row) for row in destination.rows} == {("id",)}
    assert tap.seen[-1]["state"] == {"at": 3000}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (batch("/nowhere/at/all"), "/nowhere/at/all, after line 0: No such file"),
        (batch("x", format="parquet"), "batches of parquet"),
        (batch("x", compression="snappy"), "batches of jsonl, snappy"),
        ({**batch(), "manifest": ["s3://bucket/part"]}, "a batch lies at s3://bucket"),
    ],
    ids=["missing", "parquet", "snappy", "s3"],
)
def test_a_batch_that_cannot_be_read_breaks_the_read_off(tap, run, message, why):
    tap.writes(schema(), record(id=1), message)
    report, _ = run(tap)

    assert report.delivered == 1
    assert why in report.problem


def test_a_batch_that_is_cut_off_gives_what_is_whole(tap, run, tmp_path):
    path = tmp_path / "part"
    path.write_bytes(b'{"id": 1}\n{"id": 2}\n{"id"')
    tap.writes(schema(), batch(path))
    report, destination = run(tap)

    assert [row["id"] for row in destination.rows] == [1, 2]
    assert "after line 3: this is no JSON" in report.problem
