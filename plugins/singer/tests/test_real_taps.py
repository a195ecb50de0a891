"""Taps of others, as a package registry has them."""

import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

import pytest

ROWS = [
    {"id": 1, "name": "Ada", "at": "2026-01-01T00:00:00Z", "score": 0.98},
    {"id": 2, "name": "Grace", "at": "2026-01-02T00:00:00Z", "score": 12},
]


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def jsonl(real_tap, lines):
    command = real_tap("tap-jsonl==0.3.1", "tap-jsonl")
    return {"tap": command, "config": {"path": str(lines), "primary_keys": ["id"]}}


def test_a_tap_of_the_sdk_gives_its_rows_with_types(run, jsonl):
    report, destination = run(None, select=["name", "at", "score"], **jsonl)

    assert report.exit_code == 0, report.problem
    assert [row["id"] for row in destination.rows] == [1, 2]
    assert destination.rows[0]["at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert destination.writes[0].schema.get("_sdc_filename") is None


def test_a_tap_of_the_sdk_goes_on_from_its_state(run, jsonl, lines, tmp_path):
    _, destination = run(None, mode="upsert", key="id", state=True, **jsonl)
    first = len(destination.rows)
    with sqlite3.connect(next(tmp_path.rglob("ledger.db"))) as ledger:
        kept = str(ledger.execute("SELECT * FROM meta").fetchall())
    ledger.close()
    lines.write_text(lines.read_text() + json.dumps({**ROWS[0], "id": 3}) + "\n")
    report, _ = run(None, mode="upsert", key="id", state=True, destination=destination, **jsonl)

    assert first == 2
    assert "bookmarks" in kept and "replication_key_value" in kept
    assert report.exit_code == 0, report.problem
    assert 3 in [row["id"] for row in destination.rows]


def test_a_tap_of_the_sdk_writes_batches(run, jsonl, tmp_path):
    jsonl["config"]["batch_config"] = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}", "prefix": "batch-"},
    }
    report, destination = run(None, **jsonl)

    assert report.exit_code == 0, report.problem
    assert [(row["id"], row["name"]) for row in destination.rows] == [(1, "Ada"), (2, "Grace")]
    assert list(tmp_path.glob("batch-*"))


def test_what_a_tap_of_the_sdk_does_not_like_is_told(run, jsonl):
    jsonl["config"] = {}
    report, _ = run(None, **jsonl)

    assert report.exit_code == 3
    assert "tap-jsonl ended with exit code" in report.problem
    assert "'path' is a required property" in report.problem


WITH_SINGER_PYTHON = """
import sys
from datetime import datetime, timezone
from decimal import Decimal
import singer

args = singer.utils.parse_args(["token"])
schema = {"properties": {
    "id": {"type": "integer"},
    "price": {"type": ["null", "number"], "multipleOf": 0.01},
    "at": {"type": ["null", "string"], "format": "date-time"},
}}
if args.discover:
    facts = singer.metadata.get_standard_metadata(schema, key_properties=["id"])
    entry = {"stream": "people", "tap_stream_id": "people", "schema": schema, "metadata": facts}
    singer.catalog.write_catalog(singer.catalog.Catalog.from_dict({"streams": [entry]}))
    sys.exit()
chosen = args.catalog.get_stream("people")
facts = singer.metadata.to_map(chosen.metadata)
assert chosen.is_selected() and not singer.metadata.get(facts, ("properties", "at"), "selected")
singer.write_schema("people", schema, ["id"], ["id"])
began = args.state.get("id", 0)
singer.write_version("people", 5)
for n in (began + 1, began + 2):
    row = {"id": n, "price": Decimal("12345678901234567.89")}
    moment = singer.utils.now()
    singer.write_message(singer.RecordMessage("people", row, version=5, time_extracted=moment))
singer.write_version("people", 5)
singer.write_state({"id": began + 2})
"""


def test_a_tap_of_the_first_library_gives_exact_numbers_and_goes_on(run, real_tap, tmp_path):
    python = real_tap("singer-python==6.8.0", "python")
    (tmp_path / "tap_own.py").write_text(WITH_SINGER_PYTHON)
    options = {
        "tap": f"{python} {tmp_path / 'tap_own.py'}",
        "config": {"token": "hunter22"},
        "select": ["price"],
        "state": True,
    }
    report, destination = run(None, **options)
    run(None, destination=destination, **options)

    assert report.exit_code == 0, report.problem
    price = Decimal("12345678901234567.89")
    assert destination.rows == [{"id": n, "price": price} for n in (1, 2, 3, 4)]
