"""Upsert: found by key, compared with the sheet, and only then written."""

from datetime import date

import pytest

PEOPLE = [{"id": n, "name": f"n{n}", "score": n / 2} for n in range(40)]


def upsert(sheet, rows, destination="sheets", key="id", **more):
    return sheet.deliver(rows, destination, mode="upsert", key=key, **more)


def test_a_first_run_takes_two_reads_and_one_write(sheet):
    report = upsert(sheet, PEOPLE)

    assert sheet.counts(report) == {"read": 40, "delivered": 40}
    assert sheet.count() == (2, 1, 0)


def test_a_second_run_writes_nothing(sheet):
    upsert(sheet, PEOPLE)
    before = sheet.count()
    report = upsert(sheet, PEOPLE)

    assert sheet.counts(report) == {"read": 40, "skipped": 40}
    assert sheet.count()[1:] == before[1:]
    assert sheet.count()[0] - before[0] == 4


def test_only_changed_rows_are_written_and_new_ones_go_below(sheet):
    upsert(sheet, PEOPLE)
    changed = [dict(row) for row in PEOPLE]
    changed[3]["score"] = 99
    changed.append({"id": 40, "name": "new", "score": 1})
    report = upsert(sheet, changed)
    [body] = [each.body for each in sheet.requests() if "values:batchUpdate" in each.path][1:]

    assert sheet.counts(report) == {"read": 41, "delivered": 2, "skipped": 39}
    assert body.count(b'"range"') == 2
    assert sheet.values()[4] == [3, "n3", 99]
    assert sheet.values()[41] == [40, "new", 1]


def test_unset_leaves_a_cell_alone_and_null_empties_it(sheet):
    sheet.put("Sheet1!A1", [["id", "a", "b", "mine"], [1, "x", "y", "z"], [2, "x", "y", "z"]])
    report = upsert(sheet, [{"id": 1, "b": None}, {"id": 2, "a": "new"}])

    assert sheet.counts(report) == {"read": 2, "delivered": 2}
    assert sheet.values()[1:] == [[1, "x", "", "z"], [2, "new", "y", "z"]]


def test_formulas_and_columns_of_people_stay(sheet):
    sheet.put("Sheet1!A1", [["x", "id", "twice", "n"], ["mine", 1, "=D2*2", 4]], "USER_ENTERED")
    upsert(sheet, [{"id": 1, "n": 5}])

    assert sheet.values() == [["x", "id", "twice", "n"], ["mine", 1, 10, 5]]


def test_numbers_texts_and_booleans_are_keys_of_their_own(sheet):
    sheet.put("Sheet1!A1", [["id", "n"], [1, ""], ["1", ""], [True, ""], [" a", ""]])
    report = upsert(sheet, [{"id": 1.0, "n": "number"}, {"id": "1", "n": "text"}, {"id": "a"}])

    assert sheet.counts(report) == {"read": 3, "delivered": 3}
    assert sheet.values() == [
        ["id", "n"],
        [1, "number"],
        ["1", "text"],
        [True],
        [" a"],
        ["a"],
    ]


def test_a_key_of_several_fields(sheet):
    rows = [{"a": n % 2, "b": n // 2, "v": n} for n in range(10)]
    upsert(sheet, rows, key=("a", "b"))
    rows[7]["v"] = 70
    report = upsert(sheet, rows, key=("a", "b"))

    assert sheet.counts(report) == {"read": 10, "delivered": 1, "skipped": 9}
    assert sheet.values()[1:] == [[row["a"], row["b"], row["v"]] for row in rows]


def test_dates_are_keys_too(sheet):
    rows = [{"day": date(2026, 1, n), "v": n} for n in range(1, 10)]
    upsert(sheet, rows, key="day")
    report = upsert(sheet, rows, key="day")

    assert sheet.counts(report) == {"read": 9, "skipped": 9}


def test_long_integers_are_keys_with_all_their_digits(sheet):
    rows = [{"id": 2**60 + n, "v": n} for n in range(5)]
    upsert(sheet, rows)
    report = upsert(sheet, rows)

    assert sheet.counts(report) == {"read": 5, "skipped": 5}
    assert len(sheet.values()) == 6


def test_a_key_that_stands_twice_in_the_sheet_is_refused_with_its_rows(sheet):
    sheet.put("Sheet1!A1", [["id", "v"], [1, ""], [2, ""], [1, ""], [1, ""]])
    report = upsert(sheet, [{"id": 1, "v": "x"}, {"id": 2, "v": "y"}, {"id": 3, "v": "z"}])

    assert sheet.counts(report) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [tuple(each) for each in report.rejections] == [
        (
            1,
            "duplicate_in_sheet",
            "its key stands in rows 2 and 4 and 5 of tab 'Sheet1'; remove all but one",
        )
    ]
    assert sheet.values() == [["id", "v"], [1], [2, "y"], [1], [1], [3, "z"]]


def test_an_empty_text_is_no_key(sheet):
    sheet.put("Sheet1!A1", [["id", "v"], ["", "a row without a key"]])
    report = upsert(sheet, [{"id": "", "v": 1}, {"id": "x", "v": 2}])

    assert report.rejections[0].reason == "no_key"
    assert sheet.values()[1:] == [["", "a row without a key"], ["x", 2]]


def test_a_tab_without_the_keys_column_gets_one(sheet):
    sheet.put("Sheet1!A1", [["name"], ["Ada"]])
    report = upsert(sheet, [{"id": 1, "name": "Grace"}])

    assert sheet.counts(report) == {"read": 1, "delivered": 1}
    assert sheet.values() == [["name", "id"], ["Ada"], ["Grace", 1]]


def test_a_key_whose_header_stands_twice_is_refused_when_it_is_opened(sheet):
    sheet.put("Sheet1!A1", [["id", "id"]])
    report = upsert(sheet, PEOPLE)

    assert report.exit_code == 3
    assert "the header 'id' stands in A1 and B1" in report.problem


def test_a_key_column_cannot_be_parsed(sheet):
    import tailrace

    with pytest.raises(tailrace.ConfigError, match="'id' is the key"):
        upsert(sheet, PEOPLE, options={"formulas": ["id"]})


def sort_down(sheet):
    where = {"sheetId": 7, "startRowIndex": 1, "endRowIndex": 41, "startColumnIndex": 0}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where | {"endColumnIndex": 26}, "sortSpecs": order}})


DEEDS = {
    "sort": sort_down,
    "insert": lambda sheet: sheet.insert_rows(5, 3),
    "delete": lambda sheet: sheet.change(
        {
            "deleteDimension": {
                "range": {"sheetId": 7, "dimension": "ROWS", "startIndex": 30, "endIndex": 35}
            }
        }
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("write", [0, 1, 2])
def test_people_who_move_rows_meanwhile_lose_nothing(deed, write, sheet):
    upsert(sheet, [{**row, "mine": f"note {row['id']}"} for row in PEOPLE])
    rows = [{"id": n, "score": -n - 1} for n in range(50)]
    report = upsert(
        sheet,
        rows,
        sheet.meddled({write: lambda: DEEDS[deed](sheet)}),
        limits={"batch_size": 10},
    )
    found = {row[0]: row[1:] for row in sheet.values()[1:] if row}

    assert sheet.counts(report) == {"read": 50, "delivered": 50}
    there = [n for n in range(50) if n in found]
    assert len([row for row in sheet.values()[1:] if row]) == len(found)
    assert [found[n][1] for n in there] == [-n - 1 for n in there]
    assert all(found[n][2] == f"note {n}" for n in there if n < 40 and len(found[n]) > 2)
    if deed != "delete":
        assert there == list(range(50))
        assert all(found[n][2] == f"note {n}" for n in range(40))


def test_rows_typed_where_new_ones_were_to_go_stay(sheet):
    upsert(sheet, PEOPLE)
    report = upsert(
        sheet,
        [{"id": 100, "name": "new", "score": 1}],
        sheet.meddled({0: lambda: sheet.put("Sheet1!B42", [["typed"]])}),
    )

    assert report.ok
    assert sheet.values()[41] == ["", "typed"]
    assert [100, "new", 1] in sheet.values()


def test_formula_columns_are_compared_by_their_formulas(sheet):
    rows = [{"id": n, "twice": f"=A{n + 2}*2", "five": "5"} for n in range(5)]
    options = {"formulas": ["twice", "five"]}
    upsert(sheet, rows, options=options)
    report = upsert(sheet, rows, options=options)
    rows[2]["twice"] = "=A4*3"
    changed = upsert(sheet, rows, options=options)

    assert sheet.counts(report) == {"read": 5, "skipped": 5}
    assert sheet.counts(changed) == {"read": 5, "delivered": 1, "skipped": 4}
    assert [row[1] for row in sheet.values()[1:]] == [0, 2, 6, 6, 8]


def test_only_the_keys_column_is_read_whole(sheet):
    rows = [{"id": n, "note": "x" * 1000} for n in range(200)]
    upsert(sheet, rows)
    before = len(sheet.requests())
    upsert(sheet, [{"id": 5, "note": "y"}])
    reads = [each for each in sheet.requests()[before:] if each.method == "GET"]

    assert sum(len(each.answer) for each in reads[2:]) < 10_000
    assert sheet.values()[6] == [5, "y"]


def test_rows_far_apart_are_read_in_few_requests(make_sheet):
    sheet = make_sheet(rows=4000, columns=4)
    upsert(sheet, [{"id": n, "v": n} for n in range(3000)])
    before = sheet.count()
    report = upsert(sheet, [{"id": n, "v": -n} for n in range(0, 3000, 7)])

    assert sheet.counts(report) == {"read": 429, "delivered": 428, "skipped": 1}
    assert sheet.count()[0] - before[0] <= 5
    assert sheet.count()[1] - before[1] == 1
