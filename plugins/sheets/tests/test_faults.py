"""Faults: whatever happens on the way, nothing is lost and nothing doubled."""

import pytest

FAULTS = {
    "429": {"kind": "answer", "status": 429},
    "429 with Retry-After": {"kind": "answer", "status": 429, "retry_after": 7},
    "500": {"kind": "answer", "status": 500},
    "503": {"kind": "answer", "status": 503},
    "500 after applying": {"kind": "lose", "status": 500},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "truncated": {"kind": "truncate"},
    "garbage": {"kind": "garbage"},
}
PLACES = {"values": "values:batchUpdate", "reads": "values:batchGet", "structure": ":batchUpdate"}
ROWS = [{"id": n, "name": f"n{n}"} for n in range(120)]


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_and_nothing_doubled(fault, place, mode, make_sheet):
    sheet = make_sheet(rows=50, columns=1)
    given = dict(FAULTS[fault])
    sheet.sandbox.faults.add("sheets", given.pop("kind"), path=PLACES[place], times=2, **given)
    report = sheet.deliver(
        ROWS,
        mode=mode,
        key="id" if mode == "upsert" else None,
        limits={"batch_size": 40},
    )

    assert sheet.counts(report) == {"read": 120, "delivered": 120}
    assert sheet.values() == [["id", "name"], *[list(row.values()) for row in ROWS]]
    assert list(sheet.tabs()) == ["Sheet1"]


@pytest.mark.parametrize("kind", ["lose", "reset_after"])
def test_a_grid_whose_growth_was_not_answered_grows_once(kind, make_sheet):
    sheet = make_sheet(rows=10, columns=2)
    sheet.sandbox.faults.add("sheets", kind, path=f"{sheet.id}:batchUpdate")
    sheet.deliver(ROWS)

    assert sheet.size() == (121 + 500, 2)
    assert sheet.count()[2] == 1


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("kind", ["lose", "reset_after", "answer"])
def test_each_change_of_structure_of_a_replacement_is_made_once(kind, skip, sheet):
    sheet.put("Sheet1!A1", [["old"]])
    sheet.sandbox.faults.add("sheets", kind, path=f"{sheet.id}:batchUpdate", skip=skip)
    report = sheet.deliver(ROWS, mode="replace")

    assert report.ok
    assert len(sheet.values()) == 121
    assert list(sheet.tabs()) == ["Sheet1"]


def test_a_lost_append_is_looked_up_so_that_the_next_run_doubles_nothing(sheet):
    sheet.sandbox.faults.add("sheets", "lose", path="values:batchUpdate", times=8)
    first = sheet.deliver(ROWS)

    assert sheet.counts(first) == {"read": 120, "delivered": 120}
    assert len(sheet.values()) == 121


def test_an_append_that_did_not_arrive_comes_back(sheet):
    sheet.sandbox.faults.add("sheets", "answer", path="values:batchUpdate", status=503, times=None)
    first = sheet.deliver(ROWS)
    sheet.sandbox.faults.clear()
    second = sheet.deliver(ROWS)

    assert sheet.counts(first) == {"read": 120, "failed": 120}
    assert second.ok
    assert len(sheet.values()) == 121


def test_an_append_that_cannot_be_looked_up_stays_in_doubt(sheet):
    sheet.sandbox.faults.add("sheets", "lose", path="values:batchUpdate", times=8)
    sheet.sandbox.faults.add("sheets", "answer", path="values:batchGet", skip=1, times=None)
    report = sheet.deliver(ROWS)

    assert sheet.counts(report) == {"read": 120, "in_doubt": 120}
    assert report.exit_code == 4


def test_a_batch_that_is_refused_is_split_and_its_rows_stay_theirs(sheet):
    sheet.sandbox.faults.add("sheets", "answer", path="values:batchUpdate", status=400, times=3)
    report = sheet.deliver(ROWS[:4])
    found = sheet.values()

    assert sheet.counts(report) == {"read": 4, "delivered": 3, "rejected": 1}
    assert found == [["id", "name"], [], [1, "n1"], [2, "n2"], [3, "n3"]]


def test_nothing_is_sent_to_a_service_that_is_down(sheet):
    sheet.sandbox.faults.add("sheets", "answer", status=503, times=None)
    report = sheet.deliver(ROWS, mode="upsert", key="id")

    assert not report.ok
    assert report.delivered == 0
    assert sheet.counts(report) in ({}, {"read": 120, "failed": 120})
