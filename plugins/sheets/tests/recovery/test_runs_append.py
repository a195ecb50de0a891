"""Append through the engine: processes that die at each request, and people in between."""

import pytest

ROWS = [{"id": n, "v": f"new {n}"} for n in range(101, 106)]
OLD = [["id", "v", "note"], [1, "old 1", "a note"], [2, "old 2"], [3, "old 3"]]
NEW = [list(row.values()) for row in ROWS]


def begun(sheet, runs):
    sheet.put("Sheet1!A1", OLD)


def filled(sheet):
    """The rows that hold anything, by their numbers."""
    return {at: row for at, row in enumerate(sheet.values(), 1) if any(c != "" for c in row)}


def arrived(sheet):
    """The ids of our rows in the sheet, in their order."""
    header, *lines = sheet.values()
    ids = [dict(zip(header, line, strict=False)).get("id") for line in lines]
    return [each for each in ids if each in WHOLE]


def doubtful(report):
    """The ids of the records that a run leaves in doubt."""
    return {100 + each.key for each in report.outcomes() if each.status == "in_doubt"}


def rows_gone(first, count=1):
    where = {"sheetId": 7, "dimension": "ROWS", "startIndex": first - 1}
    return {"deleteDimension": {"range": where | {"endIndex": first - 1 + count}}}


def inserted(sheet, at, cells):
    sheet.insert_rows(at - 1)
    sheet.put(f"Sheet1!A{at}", [cells])


def sort(sheet):
    where = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 3}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where, "sortSpecs": order}})


def swap_columns(sheet):
    where = {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    sheet.change({"moveDimension": {"source": where, "destinationIndex": 2}})


DEEDS = {
    "type below": lambda sheet: sheet.put(f"Sheet1!A{max(filled(sheet)) + 1}", [[55, "theirs"]]),
    "type further below": lambda sheet: sheet.put("Sheet1!B8", [["theirs"]]),
    "insert a row of their own": lambda sheet: inserted(sheet, 3, [55, "theirs"]),
    "insert empty rows": lambda sheet: sheet.insert_rows(1, 2),
    "delete an old row": lambda sheet: sheet.change(rows_gone(2)),
    "sort": sort,
    "note beside the last row": lambda sheet: sheet.put(
        f"Sheet1!C{max(filled(sheet))}", [["theirs"]]
    ),
    "note below the last row": lambda sheet: sheet.put(
        f"Sheet1!C{max(filled(sheet)) + 1}", [["theirs"]]
    ),
    "swap columns": swap_columns,
}
WHOLE = {*range(101, 106)}
HARMLESS = {
    "insert empty rows",
    "note beside the last row",
    "note below the last row",
    "swap columns",
}
"""What leaves no doubt about any row."""


def test_every_row_arrives_once_and_in_order_wherever_a_run_dies(deaths):
    places = []
    for sheet, runs, place in deaths("append", begun=begun, rows=ROWS, grid=(5, 3)):
        places.append(place)
        report = runs.run(ROWS)

        assert (place, report.exit_code) == (place, 0)
        assert (place, sheet.values()) == (place, [*OLD, *NEW])
        assert (place, report.delivered + report.skipped) == (place, len(ROWS))

    assert len(places) == 2 * 9


def test_runs_that_finish_dead_ones_may_die_too(deaths):
    again = [(0, "before"), (0, "after"), (1, "after")]
    for sheet, runs, place in deaths("append", begun=begun, rows=ROWS, changes=True):
        ended = any(not runs.die(ROWS, at, when, changes=True) for at, when in again)
        if not ended:
            assert runs.run(ROWS).exit_code == 0

        assert (place, sheet.values()) == (place, [*OLD, *NEW])


@pytest.mark.parametrize("deed", DEEDS)
def test_no_row_comes_twice_and_people_keep_theirs_wherever_a_run_dies(deed, deaths):
    for sheet, runs, place in deaths("append", begun=begun, rows=ROWS, changes=True, batch_size=3):
        DEEDS[deed](sheet)
        before = filled(sheet)
        report = runs.run(ROWS)
        now = filled(sheet)
        ours, doubts = arrived(sheet), doubtful(report)

        assert (place, {at: now.get(at) for at in before}) == (place, before)
        assert (place, sorted({*ours})) == (place, sorted(ours))
        assert (place, WHOLE - {*ours} - doubts) == (place, set())
        assert (place, report.exit_code) == (place, 4 if doubts else 0)
        assert not (doubts and deed in HARMLESS), place
        if deed != "sort":
            assert (place, ours) == (place, sorted(ours))
        if doubts:
            third = runs.run(ROWS)
            assert (place, third.delivered, filled(sheet)) == (place, 0, now)
            assert third.exit_code == 4


def test_a_change_that_is_not_answered_is_made_once(outages):
    for sheet, _, report, place in outages("append", begun=begun, rows=ROWS, times=1):
        assert (place, report.exit_code, sheet.values()) == (place, 0, [*OLD, *NEW])


def test_a_service_that_goes_away_leaves_no_row_twice_and_none_untold(outages):
    broken = 0
    for sheet, runs, first, place in outages("append", begun=begun, rows=ROWS, times=None):
        broken += not first.ok
        report = first if first.ok else runs.run(ROWS)
        ours, doubts = arrived(sheet), doubtful(report)

        assert (place, ours) == (place, sorted({*ours}))
        assert (place, WHOLE - {*ours} - doubts) == (place, set())
        assert (place, report.exit_code) == (place, 4 if doubts else 0)
    assert broken
