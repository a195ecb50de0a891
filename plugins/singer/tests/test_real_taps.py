"""Taps of others, as a package registry has them."""

import json
import sqlite3
from datetime import UTC, datetime

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
