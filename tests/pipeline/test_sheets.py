"""Rows into the sandbox sheet, over real HTTP, through Google's own client."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing.fakes import FakeClock

CLASSIC = [
    {"row": 1, "a": "a"},
    {"row": 2, "b": "b"},
    {"row": 3, "c": "c"},
    {"row": 1, "a": 1},
    {"row": 2, "b": 2},
    {"row": 3, "c": 3},
]


def _counts(report):
    names = ("read", "delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_the_classic_example(sheet):
    report = tailrace.run(
        (row for row in CLASSIC),
        "sheets",
        name="people",
        options=sheet.options,
        limits={"batch_size": 100},
        state=None,
    )

    assert _counts(report) == {"read": 6, "delivered": 6}
    assert sheet.values() == [
        ["row", "a", "b", "c"],
        [1, "a"],
        [2, "", "b"],
        [3, "", "", "c"],
        [1, 1],
        [2, "", 2],
        [3, "", "", 3],
    ]


TABLE = {
    "id": [1, 2, 3],
    "name": ["Ada", "Grace", None],
    "score": [0.5, None, 2.25],
    "active": [True, False, True],
    "since": [date(2026, 1, 31), date(1999, 12, 31), None],
    "seen": [datetime(2026, 1, 31, 12, 30), None, datetime(2000, 1, 1)],
    "big": [2**60, 2**53 + 1, 7],
}
CSV = """\
id,name,score,active,since,seen,big
1,Ada,0.5,true,2026-01-31,2026-01-31 12:30:00,1152921504606846976
2,Grace,,false,1999-12-31,,9007199254740993
3,,2.25,true,,2000-01-01 00:00:00,7
"""


def _rows():
    return [dict(zip(TABLE, values, strict=True)) for values in zip(*TABLE.values(), strict=True)]


def _arrow():
    return pyarrow.table(TABLE)


def _file(folder, name, text=None):
    path = folder / name
    if text is not None:
        path.write_text(text)
    else:
        pyarrow.parquet.write_table(_arrow(), path)
    return "file", {"path": path}


SOURCES = {
    "rows": lambda folder: (_rows(), None),
    "generator": lambda folder: ((row for row in _rows()), None),
    "function": lambda folder: (_rows, None),
    "pyarrow": lambda folder: (_arrow(), None),
    "pyarrow reader": lambda folder: (_arrow().to_reader(), None),
    "pandas": lambda folder: (pandas.DataFrame(_rows()).astype({"big": "Int64"}), None),
    "polars": lambda folder: (polars.from_arrow(_arrow()), None),
    "duckdb": lambda folder: (duckdb.from_arrow(_arrow()), None),
    "csv": lambda folder: _file(folder, "people.csv", CSV),
    "json lines": lambda folder: _file(
        folder, "people.jsonl", "".join(json.dumps(row, default=str) + "\n" for row in _rows())
    ),
    "parquet": lambda folder: _file(folder, "people.parquet"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_rows_arrive_equal_from_every_kind_of_source(kind, sheet, tmp_path):
    source, given = SOURCES[kind](tmp_path)
    report = tailrace.run(source, "sheets", source_options=given, options=sheet.options, state=None)

    assert _counts(report) == {"read": 3, "delivered": 3}
    assert sheet.values() == [
        list(TABLE),
        [1, "Ada", 0.5, True, 46053, 46053.520833333336, "1152921504606846976"],
        [2, "Grace", "", False, 36525, "", "9007199254740993"],
        [3, "", 2.25, True, "", 36526, 7],
    ]


def test_values_keep_what_they_are(sheet):
    row = {
        "text": "=1+1",
        "zip": "0123",
        "decimal": Decimal("1.10"),
        "digits": Decimal("12345678901234567890.123456789"),
        "none": None,
        "list": [1, {"a": None}],
        "moment": datetime(2026, 6, 1, 12, tzinfo=UTC),
    }
    report = tailrace.run([row], "sheets", options=sheet.options, state=None)

    assert report.ok
    values = sheet.values()[1]
    assert values[:6] == [
        "=1+1",
        "0123",
        1.1,
        "12345678901234567890.123456789",
        "",
        '[1,{"a":null}]',
    ]
    assert "None" not in str(values)


def test_a_value_that_no_cell_holds_is_refused_by_name(sheet):
    rows = [
        {"id": 1, "note": "x" * 50_001},
        {"id": 2, "note": float("nan")},
        {"id": 3, "note": "y"},
    ]
    rows += [{"id": 4, "note": object()}, {"id": 5, "note": b"\x00"}]
    report = tailrace.run(
        rows, "sheets", mode="append", key="id", options=sheet.options, state=None
    )

    assert _counts(report) == {"read": 5, "delivered": 1, "rejected": 4}
    assert report.exit_code == 8
    assert sheet.values() == [["id", "note"], [3, "y"]]
    assert {key: reason for key, reason, _ in report.rejections} == {
        1: "too_long",
        2: "value",
        4: "value",
        5: "value",
    }
    assert "field 'note': 50,001 characters, and a cell may hold 50,000" in str(report.rejections)


def test_a_second_upsert_sends_only_what_changed(sheet):
    rows = [{"id": n, "score": n / 2} for n in range(500)]

    def upsert():
        report = tailrace.run(
            rows, "sheets", mode="upsert", key="id", options=sheet.options, state=None
        )
        return _counts(report)

    assert upsert() == {"read": 500, "delivered": 500}
    assert upsert() == {"read": 500, "skipped": 500}
    rows[7]["score"], rows[400]["score"] = 99, None
    rows.append({"id": 500, "score": 1})
    assert upsert() == {"read": 501, "delivered": 3, "skipped": 498}
    values = sheet.values()
    assert (values[8], values[401], values[501]) == ([7, 99], [400], [500, 1])
    assert len(values) == 502


def test_replace_makes_the_tab_this_read_in_one_step(sheet):
    sheet.write([["old", "columns", "here"], *[["x", 1, 2]] * 50])
    before = len(sheet.sandbox.requests("sheets"))
    report = tailrace.run(
        ({"id": n} for n in range(20)),
        "sheets",
        mode="replace",
        options=sheet.options,
        limits={"batch_size": 5},
        state=None,
    )
    touching = [
        each
        for each in sheet.sandbox.requests("sheets")[before:]
        if each.method != "GET" and b"copyPaste" in each.body
    ]

    assert _counts(report) == {"read": 20, "delivered": 20}
    assert sheet.values() == [["id"], *[[n] for n in range(20)]]
    assert len(touching) == 1
    tabs = sheet.call(f"/{sheet.id}?fields=sheets.properties.title")["sheets"]
    assert [each["properties"]["title"] for each in tabs] == ["Sheet1"]


def test_a_replacement_that_breaks_off_leaves_the_old_content(sheet):
    sheet.write([["id"], [1], [2]])

    def rows():
        yield from ({"id": n} for n in range(5000))
        raise OSError("the warehouse went away")

    report = tailrace.run(rows, "sheets", mode="replace", options=sheet.options, state=None)

    assert _counts(report) == {"read": 5000, "failed": 5000}
    assert report.exit_code in (3, 9)
    assert sheet.values() == [["id"], [1], [2]]
    tabs = sheet.call(f"/{sheet.id}?fields=sheets.properties.title")["sheets"]
    assert [each["properties"]["title"] for each in tabs] == ["Sheet1"]


FAULTS = {
    "429": {"kind": "answer", "status": 429},
    "429 with Retry-After": {"kind": "answer", "status": 429, "retry_after": 0},
    "500": {"kind": "answer", "status": 500},
    "503": {"kind": "answer", "status": 503},
    "500 after applying": {"kind": "lose", "status": 500},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "truncated": {"kind": "truncate"},
    "garbage": {"kind": "garbage"},
}


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
@pytest.mark.parametrize("fault", FAULTS)
def test_under_faults_nothing_is_lost_and_nothing_doubled(fault, mode, sandbox, sheet):
    given = dict(FAULTS[fault])
    kind = given.pop("kind")
    for path in ("values:batchUpdate", "values:batchGet", ":batchUpdate"):
        sandbox.faults.add("sheets", kind, path=path, times=1, **given)
    sync = tailrace.Sync(
        source=[{"id": n, "name": f"n{n}"} for n in range(1200)],
        destination="sheets",
        mode=mode,
        key=None if mode == "replace" else "id",
        options=sheet.options,
        limits={"batch_size": 400},
        state=None,
    )
    report = execute(prepare(sync), FakeClock())

    assert _counts(report) == {"read": 1200, "delivered": 1200}
    assert report.ok
    assert report.retries > 0
    assert sheet.values() == [["id", "name"], *[[n, f"n{n}"] for n in range(1200)]]


def test_a_hundred_thousand_rows_take_the_requests_that_two_megabytes_imply(sheet):
    rows = [{"id": n, "name": f"person number {n}", "score": n / 7} for n in range(100_000)]
    size = sum(len(json.dumps(list(row.values()))) + 2 for row in rows)
    report = tailrace.run(iter(rows), "sheets", options=sheet.options, state=None)
    writes = [
        each for each in sheet.sandbox.requests("sheets") if "values:batchUpdate" in each.path
    ]

    assert report.delivered == 100_000
    assert len(writes) <= 1.2 * -(-size // 2_000_000)
    assert report.requests <= len(writes) + 6
    assert max(len(each.body) for each in writes) < 2_100_000
    last = sheet.call(f"/{sheet.id}/values/Sheet1!A100001:B100001")["values"]
    assert last == [["99999", "person number 99999"]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spreadsheet": "nothing"}, "there is no spreadsheet 'nothing'"),
        ({"tab": "Peple"}, "there is no tab 'Peple' in the spreadsheet; it has 'Sheet1'"),
    ],
)
def test_what_is_not_there_is_named(change, told, sheet):
    report = tailrace.run([{"a": 1}], "sheets", options=sheet.options | change, state=None)

    assert report.exit_code == 3
    assert report.problem.startswith(told)
    assert report.read == 0


def test_a_sheet_that_is_not_shared_is_told(sheet):
    sheet.sandbox.sheets.forbid(sheet.id)
    report = tailrace.run([{"a": 1}], "sheets", options=sheet.options, state=None)

    assert report.exit_code == 3
    assert "is not shared with" in report.problem
    assert "share it as Editor" in report.problem


def _run(sheet, rows, mode, **how):
    sync = tailrace.Sync(
        source=rows, destination="sheets", mode=mode, options=sheet.options, state=None, **how
    )
    return execute(prepare(sync), FakeClock())


def test_rows_are_appended_below_formulas_that_show_nothing(sheet):
    sheet.write([["id"], [1]])
    path = f"/{sheet.id}/values/Sheet1!A3?valueInputOption=USER_ENTERED"
    sheet.call(path, {"values": [['=""'], ['=""']]}, method="PUT")
    report = _run(sheet, [{"id": 2}], "append")

    assert report.ok
    path = f"/{sheet.id}/values/Sheet1!A3:A5?valueRenderOption=FORMULA"
    assert sheet.call(path)["values"] == [['=""'], ['=""'], [2]]


def test_keys_that_are_one_as_cells_are_not_both_delivered(sheet):
    rows = [{"id": 0.1, "v": 1}, {"id": Decimal("0.1"), "v": 2}, {"id": 3, "v": 3}]
    report = _run(sheet, rows, "upsert", key="id")

    assert _counts(report) == {"read": 3, "delivered": 2, "rejected": 1}
    assert report.rejections[0].reason == "double_key"
    assert sheet.values() == [["id", "v"], [0.1, 1], [3, 3]]


def test_a_replacement_of_which_every_record_is_refused_changes_nothing(sheet):
    sheet.write([["id"], [1]])
    report = _run(sheet, [{"id": b"no"}, {"id": float("nan")}], "replace")

    assert _counts(report) == {"read": 2, "rejected": 2}
    assert report.exit_code == 8
    assert sheet.values() == [["id"], [1]]


def test_a_replacement_that_was_done_and_never_answered_is_delivered(sandbox, sheet):
    sheet.write([["id"], [1]])
    sandbox.faults.add(
        "sheets", "lose", method="POST", path=f"{sheet.id}:batchUpdate", times=None, skip=1
    )
    report = _run(sheet, [{"id": 7}], "replace")

    assert report.ok, report.summary()
    assert sheet.values() == [["id"], [7]]


def test_rows_of_long_texts_are_compared_in_answers_of_a_bearable_size(sheet):
    rows = [{"id": n, "text": f"{n} " + "x" * 9_000} for n in range(2_000)]
    first, second = (_run(sheet, rows, "upsert", key="id") for _ in range(2))

    assert _counts(first) == {"read": 2000, "delivered": 2000}
    assert _counts(second) == {"read": 2000, "skipped": 2000}
    assert max(len(each.answer) for each in sheet.sandbox.requests("sheets")) < 8_000_000


def test_an_address_that_is_none_is_told(sheet):
    with pytest.raises(tailrace.ConfigError, match="is no address"):
        tailrace.run([{"a": 1}], "sheets", options=sheet.options | {"base_url": "http://[::1"})
