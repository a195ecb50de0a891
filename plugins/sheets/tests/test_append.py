"""Append: rows below what is there, under the right headers, whatever people do meanwhile."""

import logging
from datetime import UTC, date, datetime, time

import pytest

HUNDRED = [{"id": n, "name": f"n{n}"} for n in range(100)]


def test_an_empty_tab_gets_a_header_in_the_order_of_the_fields(sheet):
    report = sheet.deliver([{"b": 1, "a": 2}, {"c": 3}])

    assert sheet.counts(report) == {"read": 2, "delivered": 2}
    assert sheet.values() == [["b", "a", "c"], [1, 2], ["", "", 3]]


def test_a_small_run_takes_two_reads_and_one_write(sheet):
    sheet.deliver(HUNDRED)

    assert sheet.count() == (2, 1, 0)


def test_fields_go_under_the_headers_that_are_there_and_new_ones_to_the_end(sheet):
    sheet.put("Sheet1!A1", [["name", " id ", "", "note"], ["Ada", 1, "x", "y"]])
    sheet.deliver([{"id": 2, "plan": "team", "name": "Grace"}])

    assert sheet.values() == [
        ["name", " id ", "", "note", "plan"],
        ["Ada", 1, "x", "y"],
        ["Grace", 2, "", "", "team"],
    ]


def test_columns_without_a_header_are_somebodys_and_stay(sheet):
    sheet.put("Sheet1!A1", [["id"], [1, "someone's", "notes"]])
    sheet.deliver([{"id": 2, "new": 3}])

    assert sheet.values() == [
        ["id", "", "", "new"],
        [1, "someone's", "notes"],
        [2, "", "", 3],
    ]


def test_rows_go_below_everything_in_any_column(sheet):
    sheet.put("Sheet1!A1", [["id"], [1]])
    sheet.put("Sheet1!Z40", [["a total"]])
    sheet.deliver([{"id": 2}])

    assert sheet.values()[40] == [2]
    assert sheet.values()[39][25] == "a total"


def test_columns_that_come_up_later_are_added_by_the_batch_that_has_them(sheet):
    rows = [{"id": n, **({"late": n} if n >= 20 else {})} for n in range(30)]
    sheet.deliver(rows, limits={"batch_size": 5})

    assert sheet.values()[0] == ["id", "late"]
    assert sheet.values()[30] == [29, 29]


def test_a_header_that_differs_in_case_is_told_of(sheet, caplog):
    sheet.put("Sheet1!A1", [["E-Mail", "Full name"]])
    with caplog.at_level(logging.WARNING):
        sheet.deliver([{"e-mail": 1, "Fullname": 2}])

    assert "'e-mail' gets a column of its own; the header 'E-Mail' in A1 differs" in caplog.text
    assert "'Fullname' gets a column of its own; the header 'Full name' in B1" in caplog.text
    assert sheet.values()[0] == ["E-Mail", "Full name", "e-mail", "Fullname"]


def test_a_header_that_stands_twice_stops_the_run_before_anything_is_written(sheet):
    sheet.put("Sheet1!A1", [["id", "Email", "x", "", "Email"]])
    report = sheet.deliver([{"id": 1, "Email": "a"}])

    assert report.problem == (
        "tab 'Sheet1': the header 'Email' stands in B1 and E1; rename all but one"
    )
    assert sheet.counts(report) == {"read": 1, "failed": 1}
    assert sheet.count()[1:] == (0, 0)


def test_a_header_that_stands_twice_does_no_harm_to_those_who_do_not_write_it(sheet):
    sheet.put("Sheet1!A1", [["id", "note", "note"]])

    assert sheet.deliver([{"id": 1}]).ok
    assert sheet.values()[1] == [1]


@pytest.mark.parametrize(
    ("row", "told"),
    [({" ": 1}, "a field named ' ' can be no column's header"), ({"a": 1, "a ": 2}, "map them")],
)
def test_fields_that_can_be_no_columns_are_told(row, told, sheet):
    report = sheet.deliver([row])

    assert told in report.problem
    assert sheet.values() == []


def test_refused_records_leave_no_holes(sheet):
    rows = [{"id": 1}, {"id": 2, "note": float("nan")}, {"id": 3, "note": "x" * 60_000}, {"id": 4}]
    report = sheet.deliver(rows)

    assert sheet.counts(report) == {"read": 4, "delivered": 2, "rejected": 2}
    assert [tuple(each) for each in report.rejections] == [
        (2, "value", "field 'note': NaN is no value that a cell can hold"),
        (3, "too_long", "field 'note': 60,000 characters, and a cell may hold 50,000"),
    ]
    assert sheet.values() == [["id", "note"], [1], [4]]


def test_dates_are_dates_on_the_sheets_own_clock(make_sheet):
    sheet = make_sheet(zone="America/New_York")
    moment = datetime(2026, 1, 2, 5, tzinfo=UTC)
    sheet.deliver([{"id": 1, "day": date(2026, 1, 2), "at": moment, "time": time(6)}])

    assert sheet.values(render="FORMATTED_VALUE")[1] == [
        "1",
        "2026-01-02",
        "2026-01-02 00:00:00",
        "06:00:00",
    ]
    assert sheet.formats(900) == [None, "DATE", "DATE_TIME", "TIME"]


def test_a_persons_format_of_dates_stays_and_covers_new_rows(make_sheet):
    sheet = make_sheet(rows=3)
    sheet.put("Sheet1!A1", [["day"], ["1/2/2026"]], "USER_ENTERED")
    sheet.deliver([{"day": date(2026, 1, n)} for n in range(1, 9)])
    shown = sheet.values(render="FORMATTED_VALUE")

    assert shown[1] == ["1/2/2026"]
    assert shown[9] == ["1/8/2026"]


def test_a_second_run_formats_nothing_again(sheet):
    sheet.deliver([{"day": date(2026, 1, 2)}])
    before = sheet.count()[2]
    sheet.deliver([{"day": date(2026, 1, 3)}])

    assert sheet.count()[2] == before == 1
    assert sheet.values() == [["day"], [46024], [46025]]


def test_text_is_never_parsed_but_in_the_columns_that_ask_for_it(sheet):
    row = {"a": "=1+1", "b": "=1+1", "c": "2026-01-02", "d": "=A1", "e": None}
    sheet.deliver([row], options={"formulas": ["b", "d", "e"]})

    assert sheet.values()[1] == ["=1+1", 2, "2026-01-02", "a"]
    assert sheet.values(render="FORMULA")[1] == ["=1+1", "=1+1", "2026-01-02", "=A1"]


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@a", "\t=1", "'x", "1/2", "TRUE", "1e5", "\uff1d1"]
)
def test_no_text_becomes_anything_else(text, sheet):
    sheet.deliver([{"id": 1, "text": text, f"h{text}": 2}])

    assert sheet.values() == [["id", "text", f"h{text}"], [1, text, 2]]


def test_the_grid_grows_by_appending_only(make_sheet):
    sheet = make_sheet(rows=1, columns=1)
    report = sheet.deliver(HUNDRED, limits={"batch_size": 10})
    structural = [each for each in sheet.requests() if each.path.endswith(":batchUpdate")]

    assert sheet.counts(report) == {"read": 100, "delivered": 100}
    assert sheet.values() == [["id", "name"], *[list(row.values()) for row in HUNDRED]]
    assert all(b"updateSheetProperties" not in each.body for each in structural)
    assert sheet.count()[2] == 1


def test_a_run_that_would_not_fit_says_how_many_cells_and_what_to_do(make_sheet):
    sheet = make_sheet(rows=99_990, columns=100)
    sheet.put("Sheet1!A99990", [["someone's last row"]])
    report = sheet.deliver([{"id": n} for n in range(20)])

    assert "would have 10,001,000 cells, and Google allows 10,000,000" in report.problem
    assert "delete empty rows, columns or tabs" in report.problem
    assert sheet.counts(report) == {"read": 20, "failed": 20}


def test_bare_columns_of_a_tab_without_rows_make_room(make_sheet):
    sheet = make_sheet(rows=10, columns=1000)
    report = sheet.deliver([{"id": n, "x": 1} for n in range(12_000)])

    assert sheet.counts(report) == {"read": 12_000, "delivered": 12_000}
    assert sheet.size()[1] == 2
    assert sheet.values()[12_000] == [11_999, 1]


def test_a_tab_has_no_more_columns_than_google_allows(make_sheet):
    sheet = make_sheet(rows=2, columns=18_278)
    sheet.put("Sheet1!ZZZ1", [["last"]])
    report = sheet.deliver([{"new": 1}])

    assert "no column is left for 'new'; a tab has at most 18,278" in report.problem


def test_rows_inserted_meanwhile_are_not_written_over(sheet):
    sheet.put("Sheet1!A1", [["id"], *[[n] for n in range(50)]])
    rows = ({"id": n} for n in range(50, 80))
    report = sheet.deliver(
        rows,
        sheet.meddled({1: lambda: sheet.insert_rows(3, 5)}),
        limits={"batch_size": 10},
    )

    assert sheet.counts(report) == {"read": 30, "delivered": 30}
    assert sorted(row[0] for row in sheet.values()[1:] if row) == list(range(80))


def test_what_someone_types_below_meanwhile_is_not_written_over(sheet):
    sheet.put("Sheet1!A1", [["id"], [0]])
    report = sheet.deliver(
        ({"id": n} for n in range(1, 4)),
        sheet.meddled({0: lambda: sheet.put("Sheet1!C4", [["typed"]])}),
    )

    assert report.ok
    assert sheet.values() == [["id"], [0], [], ["", "", "typed"], [], [1], [2], [3]]


def test_columns_moved_meanwhile_stop_the_run(sheet):
    sheet.put("Sheet1!A1", [["id", "name"], [0, "zero"]])
    move = {
        "insertDimension": {
            "range": {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
        }
    }
    report = sheet.deliver(HUNDRED, sheet.meddled({0: lambda: sheet.change(move)}))

    assert "someone has changed the header meanwhile; A1 was 'id' and is ''" in report.problem
    assert sheet.counts(report) == {"read": 100, "failed": 100}
    assert sheet.values() == [["", "id", "name"], ["", 0, "zero"]]


def test_a_grid_made_smaller_meanwhile_grows_again(sheet):
    cut = {
        "deleteDimension": {
            "range": {"sheetId": 7, "dimension": "ROWS", "startIndex": 20, "endIndex": 1000}
        }
    }
    report = sheet.deliver(HUNDRED, sheet.meddled({0: lambda: sheet.change(cut)}))

    assert sheet.counts(report) == {"read": 100, "delivered": 100}
    assert len(sheet.values()) == 101


def test_a_tab_renamed_meanwhile_is_told(sheet):
    rename = {
        "updateSheetProperties": {"properties": {"sheetId": 7, "title": "Other"}, "fields": "title"}
    }
    report = sheet.deliver(HUNDRED, sheet.meddled({0: lambda: sheet.change(rename)}))

    assert report.problem.startswith("the tab is not there; was it renamed or deleted?")
    assert sheet.values("Other") == []


def test_a_key_may_come_again_in_append_and_every_record_arrives(sheet):
    rows = [{"id": n % 3, "n": n} for n in range(60)]
    report = sheet.deliver(rows, key="id", limits={"batch_size": 7})

    assert sheet.counts(report) == {"read": 60, "delivered": 60}
    assert sorted(row[1] for row in sheet.values()[1:]) == list(range(60))


def test_several_batches_at_once_keep_their_rows(sheet):
    rows = [{"id": n, f"c{n // 100}": n} for n in range(1000)]
    sheet.sandbox.faults.add("sheets", "latency", times=None, seconds=0.005)
    report = sheet.deliver(rows, limits={"batch_size": 20})

    assert sheet.counts(report) == {"read": 1000, "delivered": 1000}
    assert sheet.values()[0] == ["id", *[f"c{n}" for n in range(10)]]
    assert [row[0] for row in sheet.values()[1:]] == list(range(1000))


def test_the_title_of_a_tab_can_be_anything(make_sheet):
    sheet = make_sheet(tab="It's 100% 'A1' ü!")
    sheet.deliver(HUNDRED)

    assert len(sheet.values()) == 101
