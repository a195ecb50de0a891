"""Keyed modes through the engine: processes that die at each request, and people in between."""

import pytest

THEIRS = [["p1", "theirs", "kept"], ["", "", "a remark"], [8, "w8", "typed by them"]]
FIRST = [{"id": n, "v": f"v{n}"} for n in range(1, 6)]
SECOND = [
    {"id": 1, "v": "v1"},
    *[{"id": n, "v": f"w{n}"} for n in (2, 3)],
    *[{"id": n, "v": f"w{n}"} for n in (6, 7, 8)],
]
KEPT = [{"id": 4, "v": "v4"}, {"id": 5, "v": "v5"}]


def begun(sheet, runs):
    """Rows of people and of a first run, with notes that people have put beside those."""
    sheet.put("Sheet1!A1", [["id", "v", "mine"], *THEIRS])
    if runs.mode in ("insert", "update"):
        sheet.put("Sheet1!A5", [list(row.values()) for row in FIRST])
    assert runs.run(FIRST).exit_code == 0
    sheet.put("Sheet1!C5", [[f"note {n}"] for n in range(1, 6)])


def source(mode):
    return SECOND if mode == "mirror" else [*SECOND, *KEPT]


def expected(mode):
    """What each key's row holds in the end, by the header."""
    values = {n: f"v{n}" for n in range(1, 6)}
    if mode != "insert":
        values |= {2: "w2", 3: "w3"}
    if mode != "update":
        values |= {6: "w6", 7: "w7"}
    if mode == "mirror":
        values = {n: v for n, v in values.items() if n not in (4, 5)}
    found = {n: {"id": n, "v": v} for n, v in values.items()}
    for n in {1, 2, 3, 4, 5} & found.keys():
        found[n]["mine"] = f"note {n}"
    return found | {row[0]: dict(zip(("id", "v", "mine"), row, strict=True)) for row in THEIRS}


def rows(sheet):
    """All rows that hold anything, as the header names their cells."""
    header, *lines = sheet.values()
    lines = [dict(zip(header, line, strict=False)) for line in lines]
    lines = [{name: cell for name, cell in line.items() if name} for line in lines]
    return [line for line in lines if any(cell != "" for cell in line.values())]


def by_key(sheet):
    found = rows(sheet)
    keyed = {row["id"]: row for row in found}
    assert len(keyed) == len(found), "a key stands twice"
    return keyed


def sort(sheet):
    where = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 26}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where, "sortSpecs": order}})


def insert_column(sheet):
    where = {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    sheet.change({"insertDimension": {"range": where}})


def move_rows(sheet):
    where = {"sheetId": 7, "dimension": "ROWS", "startIndex": 4, "endIndex": 7}
    sheet.change({"moveDimension": {"source": where, "destinationIndex": 2}})


def move_tab(sheet):
    sheet.change({"addSheet": {"properties": {"title": "another", "index": 0}}})


DEEDS = {
    "sort": sort,
    "move rows": move_rows,
    "insert rows": lambda sheet: sheet.insert_rows(5, 3),
    "insert a column": insert_column,
    "move the tab": move_tab,
    "type below": lambda sheet: sheet.put(f"Sheet1!A{len(sheet.values()) + 1}", [["p2", "new"]]),
}


@pytest.mark.parametrize("mode", ["upsert", "mirror", "insert", "update"])
def test_the_end_is_exact_wherever_a_run_dies(mode, deaths):
    how = {"batch_size": 4} if mode == "mirror" else {"changes": True}
    for sheet, runs, place in deaths(mode, "id", begun=begun, rows=source(mode), **how):
        report = runs.run(source(mode))
        found = by_key(sheet)
        order = [row["id"] for row in rows(sheet)]
        again = runs.run(source(mode))

        assert (place, report.exit_code, found) == (place, 0, expected(mode))
        assert order == ["p1", "", 8, *[n for n in range(1, 8) if n in found]]
        assert (place, again.exit_code, again.delivered) == (place, 0, 0)
        assert by_key(sheet) == found
        assert list(sheet.tabs()) == ["Sheet1"]


@pytest.mark.parametrize(
    ("mode", "deed"),
    [("mirror", deed) for deed in DEEDS]
    + [(mode, "sort") for mode in ("upsert", "insert", "update")],
)
def test_the_end_is_exact_whatever_people_do_meanwhile(deed, mode, deaths):
    for sheet, runs, place in deaths(
        mode, "id", begun=begun, rows=source(mode), changes=True, batch_size=4
    ):
        DEEDS[deed](sheet)
        report = runs.run(source(mode))
        typed = {"p2": {"id": "p2", "v": "new"}} if deed == "type below" else {}

        assert (place, report.exit_code) == (place, 0)
        assert (place, by_key(sheet)) == (place, expected(mode) | typed)


def test_mirror_removes_later_what_a_dead_run_had_written_and_nothing_of_people(deaths):
    for sheet, runs, place in deaths(
        "mirror", "id", begun=begun, rows=SECOND, changes=True, batch_size=4
    ):
        runs.run(SECOND)
        report = runs.run(SECOND[:1])

        assert (place, report.exit_code) == (place, 0)
        assert (place, [*by_key(sheet)]) == (place, ["p1", "", 8, 1])


@pytest.mark.parametrize("mode", ["mirror", "insert", "update"])
def test_a_change_that_is_not_answered_is_made_once(mode, outages):
    for sheet, _, report, place in outages(mode, "id", begun=begun, rows=source(mode), times=1):
        assert (place, report.exit_code) == (place, 0)
        assert (place, by_key(sheet)) == (place, expected(mode))
        assert list(sheet.tabs()) == ["Sheet1"]


def test_the_end_is_exact_after_a_service_has_gone_away(outages):
    for sheet, runs, first, place in outages("mirror", "id", begun=begun, rows=SECOND, times=None):
        report = runs.run(SECOND)
        # Rows that are gone for good may be left in a hidden tab, of which a warning tells.
        hidden = [tab for tab in sheet.tabs() if "tailrace removed" in tab]

        assert (place, report.exit_code) == (place, 0)
        assert (place, by_key(sheet)) == (place, expected("mirror"))
        assert (place, len(hidden)) in ((place, 0), (place, int(first.ok)))


def test_rows_that_people_delete_are_left_alone_until_their_record_changes(
    sheet, tmp_path, runs_of
):
    runs = runs_of(sheet, tmp_path, "mirror", "id")
    begun(sheet, runs)
    for row in (8, 6, 5):  # the keys 4, 2 and 1
        where = {"sheetId": 7, "dimension": "ROWS", "startIndex": row - 1, "endIndex": row}
        sheet.change({"deleteDimension": {"range": where}})
    report = runs.run(SECOND)

    assert report.exit_code == 0
    assert [row["id"] for row in rows(sheet)] == ["p1", "", 8, 3, 2, 6, 7]
