"""Replace: the whole tab becomes this read, in one step."""

import re
from datetime import date

OLD = [["old", "columns", "here"], *[["x", 1, 2]] * 50]


def replace(sheet, rows, destination="sheets", **more):
    return sheet.deliver(rows, destination, mode="replace", **more)


def test_the_tab_is_this_read_and_keeps_its_id(sheet):
    sheet.put("Sheet1!A1", OLD)
    report = replace(sheet, [{"b": 1, "a": "=x"}, {"c": True}])

    assert sheet.counts(report) == {"read": 2, "delivered": 2}
    assert sheet.values() == [["b", "a", "c"], [1, "=x"], ["", "", True]]
    assert {title: each["sheetId"] for title, each in sheet.tabs().items()} == {"Sheet1": 7}


def test_the_old_content_stands_until_the_new_is_there_in_one_request(sheet):
    sheet.put("Sheet1!A1", OLD)
    seen = []
    look = sheet.meddled({n: lambda: seen.append(sheet.values()) for n in range(4)})
    replace(sheet, ({"id": n} for n in range(20)), look, limits={"batch_size": 5})
    touching = [each for each in sheet.requests() if re.search(rb'"sheetId": 7\b', each.body)]

    assert seen == [OLD] * 4
    assert len(touching) == 1
    assert sheet.values() == [["id"], *[[n] for n in range(20)]]


def test_it_takes_few_requests(sheet):
    replace(sheet, [{"id": n} for n in range(100)])

    assert sheet.count() == (3, 1, 2)


def test_formulas_charts_and_other_tabs_that_look_at_the_tab_go_on(sheet):
    sheet.put("Sheet1!A1", [["n"], [1], [2]])
    sheet.change({"addSheet": {"properties": {"title": "Sum"}}})
    sheet.put("Sum!A1", [["=SUM(Sheet1!A2:A10)"]], "USER_ENTERED")
    replace(sheet, [{"n": 10}, {"n": 20}, {"n": 30}])

    assert sheet.values("Sum") == [[60]]


def test_the_grid_grows_to_what_comes(make_sheet):
    sheet = make_sheet(rows=2, columns=1)
    replace(sheet, [{"a": n, "b": n, "c": n} for n in range(30)])

    assert sheet.size() == (31, 3)
    assert sheet.values()[30] == [29, 29, 29]


def test_an_empty_read_leaves_the_header_alone(sheet):
    sheet.put("Sheet1!A1", OLD)
    report = replace(sheet, [])

    assert report.ok
    assert sheet.values() == [OLD[0]]


def test_an_empty_read_into_a_tab_of_one_row(make_sheet):
    sheet = make_sheet(rows=1, columns=1)

    assert replace(sheet, []).ok
    assert sheet.values() == []


def test_a_read_that_breaks_off_leaves_the_old_content_and_no_other_tab(sheet):
    sheet.put("Sheet1!A1", OLD)

    def rows():
        yield from ({"id": n} for n in range(3000))
        raise OSError("the warehouse went away")

    report = replace(sheet, rows)

    assert sheet.counts(report) == {"read": 3000, "failed": 3000}
    assert sheet.values() == OLD
    assert list(sheet.tabs()) == ["Sheet1"]


def test_the_staging_tab_of_a_dead_run_is_removed(sheet):
    sheet.change({"addSheet": {"properties": {"title": "Sheet1 (tailrace staging)"}}})
    replace(sheet, [{"a": 1}])

    assert list(sheet.tabs()) == ["Sheet1"]
    assert sheet.values() == [["a"], [1]]


def test_the_staging_tab_is_hidden(sheet):
    seen = []
    replace(
        sheet,
        [{"a": n} for n in range(2)],
        sheet.meddled({1: lambda: seen.append(sheet.tabs())}),
        limits={"batch_size": 1},
    )

    assert seen[0]["Sheet1 (tailrace staging)"]["hidden"] is True


def test_dates_show_as_dates_and_numbers_not(sheet):
    replace(sheet, [{"day": date(2026, 1, 2), "n": 5}])
    replace(sheet, [{"n": 5, "day": date(2026, 1, 2)}])

    assert sheet.values(render="FORMATTED_VALUE") == [["n", "day"], ["5", "2026-01-02"]]


def test_a_persons_format_of_dates_stays(sheet):
    sheet.put("Sheet1!A1", [["day"], ["1/2/2026"]], "USER_ENTERED")
    replace(sheet, [{"day": date(2026, 3, 4)}, {"day": date(2026, 3, 5)}])

    assert sheet.values(render="FORMATTED_VALUE") == [["day"], ["3/4/2026"], ["3/5/2026"]]


def test_formula_columns_compute_on_the_tab_itself(sheet):
    rows = [{"n": n, "twice": f"=A{n + 2}*2", "text": "=A1"} for n in range(3)]
    replace(sheet, rows, options={"formulas": ["twice"]})

    assert sheet.values()[1:] == [[0, 0, "=A1"], [1, 2, "=A1"], [2, 4, "=A1"]]
    assert sheet.values(render="FORMULA")[2][1] == "=A3*2"


def test_columns_stand_in_the_order_of_the_mapping_also_when_one_comes_late(sheet):
    rows = [{"x": n, "z": n, **({"y": n} if n > 5 else {})} for n in range(10)]
    mapping = {"X": "x", "Y": "y", "Z": "z"}
    replace(sheet, iter(rows), mapping=mapping, limits={"batch_size": 2})

    assert sheet.values()[0] == ["X", "Y", "Z"]
    assert sheet.values()[1] == [0, "", 0]
    assert sheet.values()[10] == [9, 9, 9]


def test_a_second_replacement_is_the_same(sheet):
    rows = [{"id": n, "v": None if n % 2 else "x"} for n in range(30)]
    replace(sheet, rows)
    first = sheet.values()
    replace(sheet, rows)

    assert sheet.values() == first


def test_old_and_new_content_have_to_fit_together(make_sheet):
    sheet = make_sheet(rows=900_000, columns=11)
    sheet.put("Sheet1!A1", OLD)
    report = replace(sheet, ({f"c{c}": n for c in range(11)} for n in range(20_000)))

    assert "room for the old and the new content at the same time" in report.problem
    assert report.delivered == 0
    assert sheet.values() == OLD
    assert list(sheet.tabs()) == ["Sheet1"]
