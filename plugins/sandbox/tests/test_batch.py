"""Requests of `spreadsheets.batchUpdate`."""

import pytest


def cells(*values):
    kinds = {str: "stringValue", int: "numberValue", float: "numberValue", bool: "boolValue"}
    return {
        "values": [
            {"userEnteredValue": {kinds[type(v)]: v}} if v is not None else {} for v in values
        ]
    }


def span(start, end, dimension="ROWS"):
    return {"sheetId": 0, "dimension": dimension, "startIndex": start, "endIndex": end}


def block(top=0, bottom=None, left=0, right=None):
    ends = {"endRowIndex": bottom, "endColumnIndex": right}
    found = {"sheetId": 0, "startRowIndex": top, "startColumnIndex": left}
    return found | {name: end for name, end in ends.items() if end is not None}


def error(answer):
    return answer["error"]["message"]


def letters(book, text):
    book.put("A1", [list(row) for row in text.split()])


def rows(book):
    return ["".join(cell or "." for cell in row) for row in book.values()]


def test_nothing_is_applied_when_one_request_fails(book):
    letters(book, "ab cd")
    answer = book.batch(
        {"deleteDimension": {"range": span(0, 1)}},
        {"addSheet": {"properties": {"title": "New"}}},
        {"deleteSheet": {"sheetId": 99}},
    )

    assert error(answer) == "Invalid requests[2].deleteSheet: No grid with id: 99"
    assert rows(book) == ["ab", "cd"]
    assert len(book.meta()["sheets"]) == 1


def test_what_the_twin_lacks_is_named(book):
    answer = book.batch({"addChart": {}})

    assert error(answer) == "Invalid requests[0].addChart: the sandbox does not support addChart."
    assert answer["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"requests": []}, "Must specify at least one request."),
        (
            {"requests": [{"noSuch": {}}]},
            "Unknown name \"noSuch\" at 'requests[0]': Cannot find field.",
        ),
        (
            {"requests": [{"deleteSheet": {"sheetId": "x"}}]},
            "Invalid value at 'requests[0].delete_sheet.sheet_id' (TYPE_INT32), \"x\"",
        ),
        ({"requests": [{"deleteSheet": {}, "addSheet": {}}]}, "oneof"),
        (
            {"requests": [{"updateCells": {"fields": ""}}]},
            "At least one field must be listed in 'fields'.",
        ),
        ({"requests": [{"updateCells": {"fields": "nope"}}]}, "Invalid field: nope"),
    ],
)
def test_bad_requests_are_explained(book, body, text):
    assert text in error(book.post(":batchUpdate", body))


def test_more_than_100000_requests_are_refused(book):
    answer = book.batch(*[{"deleteSheet": {}}] * 100_001)

    assert error(answer) == "Cannot exceed 100000 requests in a single batch."


def test_tabs_are_added_copied_ordered_renamed_and_deleted(book):
    book.put("A1", [["x"]])
    replies = book.batch(
        {"addSheet": {"properties": {"title": "B", "sheetId": 7}}},
        {"duplicateSheet": {"sourceSheetId": 0, "insertSheetIndex": 2, "newSheetName": "C"}},
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 7, "index": 0, "title": "First"},
                "fields": "index,title",
            }
        },
    )["replies"]
    titles = [
        s["properties"]["title"] for s in book.meta(fields="sheets.properties.title")["sheets"]
    ]
    book.batch({"deleteSheet": {"sheetId": 7}})

    assert replies[0]["addSheet"]["properties"]["sheetId"] == 7
    assert replies[2] == {}
    assert titles == ["First", "T", "C"]
    assert book.values("C") == [["x"]]
    assert [s["properties"]["index"] for s in book.meta()["sheets"]] == [0, 1]


def test_two_titles_are_swapped_in_one_batch(book):
    book.batch({"addSheet": {"properties": {"title": "New", "sheetId": 5}}})
    rename = [(0, "Old"), (5, "T")]
    answer = book.batch(
        *(
            {"updateSheetProperties": {"properties": {"sheetId": i, "title": t}, "fields": "title"}}
            for i, t in rename
        ),
        {"deleteSheet": {"sheetId": 0}},
    )

    assert answer["replies"] == [{}, {}, {}]
    assert [s["properties"]["sheetId"] for s in book.meta()["sheets"]] == [5]


def test_a_title_cannot_be_taken_twice(book):
    assert "already exists" in error(book.batch({"addSheet": {"properties": {"title": "t"}}}))
    assert "visible sheets" in error(book.batch({"deleteSheet": {"sheetId": 0}}))


def test_the_workbook_has_ten_million_cells(book):
    grid = {"rowCount": 1_250_001}
    answer = book.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": grid},
                "fields": "gridProperties.rowCount",
            }
        }
    )

    assert error(answer) == (
        "Invalid requests[0].updateSheetProperties: This action would increase the number of "
        "cells in the workbook above the limit of 10000000 cells."
    )


def test_dimensions_are_inserted_deleted_moved_and_appended(book):
    letters(book, "ab cd ef")
    book.batch({"insertDimension": {"range": span(1, 2)}})
    assert rows(book) == ["ab", "", "cd", "ef"]
    book.batch({"deleteDimension": {"range": span(1, 3)}})
    assert rows(book) == ["ab", "ef"]
    book.batch({"insertDimension": {"range": span(1, 2, "COLUMNS")}})
    assert rows(book) == ["a.b", "e.f"]
    book.batch({"moveDimension": {"source": span(0, 1, "COLUMNS"), "destinationIndex": 3}})
    assert rows(book) == [".ba", ".fe"]
    book.batch({"moveDimension": {"source": span(1, 2), "destinationIndex": 0}})
    assert rows(book) == [".fe", ".ba"]
    book.batch({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 5}})
    book.batch({"deleteDimension": {"range": span(0, 1, "COLUMNS")}})
    grid = book.meta()["sheets"][0]["properties"]["gridProperties"]
    assert grid == {"rowCount": 24, "columnCount": 8}


def test_rows_beyond_the_grid_cannot_be_deleted(book):
    assert "range.endIndex[21]" in error(book.batch({"deleteDimension": {"range": span(5, 21)}}))
    assert "all the rows" in error(book.batch({"deleteDimension": {"range": span(0, 20)}}))


def test_cells_are_written_with_types_and_formats(book):
    date = {
        "userEnteredValue": {"numberValue": 43831.25},
        "userEnteredFormat": {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm"}},
    }
    book.batch(
        {
            "updateCells": {
                "start": {"sheetId": 0, "rowIndex": 1, "columnIndex": 1},
                "rows": [cells("=x", 1, True), {"values": [date]}],
                "fields": "userEnteredValue,userEnteredFormat.numberFormat",
            }
        }
    )

    assert book.values() == [[], ["", "=x", 1, True], ["", 43831.25]]
    assert book.values("B3", render="FORMATTED_VALUE") == [["2020-01-01 06:00"]]


def test_a_range_that_is_not_covered_is_emptied(book):
    letters(book, "abc def ghi")
    book.batch(
        {
            "updateCells": {
                "range": block(0, 2, 0, 2),
                "rows": [cells("X")],
                "fields": "userEnteredValue",
            }
        }
    )

    assert rows(book) == ["X.c", "..f", "ghi"]


def test_append_cells_goes_below_all_content_and_grows_rows_only(new_book):
    book = new_book(rows=2, columns=2)
    book.put("B2", [["x"]])
    book.batch({"appendCells": {"sheetId": 0, "rows": [cells("a", "b")], "fields": "*"}})
    answer = book.batch(
        {"appendCells": {"sheetId": 0, "rows": [cells("a", "b", "c")], "fields": "*"}}
    )

    assert book.values() == [[], ["", "x"], ["a", "b"]]
    assert error(answer) == (
        "Invalid requests[0].appendCells: Attempting to write column: 2, "
        "beyond the last requested column of: 1"
    )


def test_a_cell_is_repeated(book):
    book.batch(
        {
            "repeatCell": {
                "range": block(0, 2, 0, 2),
                "cell": cells(1)["values"][0],
                "fields": "userEnteredValue",
            }
        }
    )
    percent = {"userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0%"}}}
    book.batch(
        {
            "repeatCell": {
                "range": block(0, 1, 0, 1),
                "cell": percent,
                "fields": "userEnteredFormat.numberFormat",
            }
        }
    )

    assert book.values(render="FORMATTED_VALUE") == [["100%", "1"], ["1", "1"]]


def test_copy_paste_fills_and_shifts_formulas(book):
    book.put("A1", [[1, "=A1+$A$1"], [2, None]], option="USER_ENTERED")
    book.batch({"copyPaste": {"source": block(0, 1, 1, 2), "destination": block(1, 3, 1, 2)}})
    book.batch(
        {
            "copyPaste": {
                "source": block(0, 3, 0, 2),
                "destination": block(4, 5, 0, 1),
                "pasteType": "PASTE_VALUES",
            }
        }
    )

    assert book.values("B2:B3", render="FORMULA") == [["=A2+$A$1"], ["=A3+$A$1"]]
    assert book.values("A5:B7", render="FORMULA") == [[1, 2], [2, 3], ["", 1]]


def test_cut_paste_moves_and_delete_range_shifts(book):
    letters(book, "abc def ghi")
    book.batch(
        {
            "cutPaste": {
                "source": block(0, 1, 0, 1),
                "destination": {"sheetId": 0, "rowIndex": 3, "columnIndex": 3},
            }
        }
    )
    assert rows(book) == [".bc", "def", "ghi", "...a"]
    book.batch({"deleteRange": {"range": block(0, 1, 0, 2), "shiftDimension": "ROWS"}})
    assert rows(book) == ["dec", "ghf", "..i", "...a"]
    book.batch({"deleteRange": {"range": block(0, 1, 0, 1), "shiftDimension": "COLUMNS"}})
    book.batch({"insertRange": {"range": block(1, 2, 0, 1), "shiftDimension": "COLUMNS"}})
    assert rows(book) == ["ec", ".ghf", "..i", "...a"]


def test_ranges_are_sorted_with_empty_cells_last(book):
    book.put("A1", [["b", 1], ["", 2], [3, 3], ["A", 4], [True, 5]])
    spec = {"dimensionIndex": 0, "sortOrder": "DESCENDING"}
    book.batch({"sortRange": {"range": block(0, 5, 0, 2), "sortSpecs": [{"dimensionIndex": 0}]}})
    ascending = book.values("B1:B5")
    book.batch({"sortRange": {"range": block(0, 5, 0, 2), "sortSpecs": [spec]}})

    assert ascending == [[3], [4], [1], [5], [2]]
    assert book.values("B1:B5") == [[5], [1], [4], [3], [2]]


def test_text_is_found_and_replaced(book):
    book.put("A1", [["one two one", "ONE", 11]])
    reply = book.batch({"findReplace": {"find": "one", "replacement": "1", "allSheets": True}})[
        "replies"
    ][0]
    book.batch(
        {
            "findReplace": {
                "find": "(1) (t)",
                "replacement": "$2$1",
                "searchByRegex": True,
                "sheetId": 0,
            }
        }
    )

    assert reply["findReplace"] == {
        "valuesChanged": 2,
        "occurrencesChanged": 3,
        "rowsChanged": 1,
        "sheetsChanged": 1,
    }
    assert book.values() == [["t1wo 1", 1, 11]]


def test_metadata_sticks_to_its_row(book):
    letters(book, "a b c")
    made = book.batch(
        {
            "createDeveloperMetadata": {
                "developerMetadata": {
                    "metadataKey": "key",
                    "metadataValue": "42",
                    "location": {"dimensionRange": span(1, 2)},
                    "visibility": "DOCUMENT",
                }
            }
        }
    )["replies"][0]["createDeveloperMetadata"]["developerMetadata"]
    lookup = {"dataFilters": [{"developerMetadataLookup": {"metadataKey": "key"}}]}
    book.batch(
        {"insertDimension": {"range": span(0, 2)}}, {"deleteDimension": {"range": span(0, 1)}}
    )
    found = book.post("/developerMetadata:search", lookup)["matchedDeveloperMetadata"][0]
    values = book.post("/values:batchGetByDataFilter", lookup)["valueRanges"][0]["valueRange"]

    assert made["location"]["locationType"] == "ROW"
    assert found["developerMetadata"]["location"]["dimensionRange"]["startIndex"] == 2
    assert (values["range"], values["values"]) == ("T!A3:H3", [["b"]])
    assert (
        book.session.get(f"{book.url}/developerMetadata/{made['metadataId']}").json()[
            "metadataValue"
        ]
        == "42"
    )
    book.batch({"deleteDimension": {"range": span(2, 3)}})
    assert book.post("/developerMetadata:search", lookup) == {}


def test_protected_cells_cannot_be_written(book):
    letters(book, "ab")
    reply = book.batch({"addProtectedRange": {"protectedRange": {"range": block(0, 1, 0, 1)}}})
    number = reply["replies"][0]["addProtectedRange"]["protectedRange"]["protectedRangeId"]

    assert "protected cell" in error(book.put("A1", [["X"]]))
    assert "protected cell" in error(book.post("/values/T:clear"))
    assert "protected cell" in error(book.batch({"deleteDimension": {"range": span(0, 1)}}))
    assert book.put("B1", [["B"]])["updatedCells"] == 1
    book.batch({"deleteProtectedRange": {"protectedRangeId": number}})
    assert book.put("A1", [["A"]])["updatedCells"] == 1


def test_named_ranges_are_addressed_and_move_along(book):
    letters(book, "ab cd")
    book.batch({"addNamedRange": {"namedRange": {"name": "second", "range": block(1, 2, 0, 2)}}})
    book.batch({"insertDimension": {"range": span(0, 1)}})

    assert book.get("second")["range"] == "T!A3:B3"
    assert book.values("second") == [["c", "d"]]
    assert book.meta()["namedRanges"][0]["name"] == "second"


def test_merges_filters_and_validation_are_kept(book):
    letters(book, "ab")
    rule = {"condition": {"type": "BOOLEAN"}}
    book.batch(
        {"mergeCells": {"range": block(0, 1, 0, 2), "mergeType": "MERGE_ALL"}},
        {"setBasicFilter": {"filter": {"range": block(0, 5, 0, 2)}}},
        {"autoResizeDimensions": {"dimensions": span(0, 2, "COLUMNS")}},
        {"setDataValidation": {"range": block(3, 4, 0, 1), "rule": rule}},
    )
    sheet = book.meta(includeGridData="true")["sheets"][0]

    assert rows(book) == ["a"]
    assert sheet["merges"] == [{**block(0, 1, 0, 2)}]
    assert sheet["basicFilter"]["range"]["endRowIndex"] == 5
    assert sheet["data"][0]["rowData"][3]["values"][0]["dataValidation"] == rule
    assert len(sheet["data"][0]["rowMetadata"]) == 20
    book.batch({"clearBasicFilter": {"sheetId": 0}}, {"unmergeCells": {"range": block(0, 1, 0, 2)}})
    assert "merges" not in book.meta()["sheets"][0]


def test_a_batch_returns_the_spreadsheet_on_demand(book):
    letters(book, "ab")
    answer = book.batch(
        {"updateSpreadsheetProperties": {"properties": {"title": "New"}, "fields": "title"}},
        includeSpreadsheetInResponse=True,
        responseIncludeGridData=True,
        responseRanges=["A1"],
    )["updatedSpreadsheet"]

    assert answer["properties"]["title"] == "New"
    assert answer["sheets"][0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "a"


def test_duplicates_and_spaces_go(book):
    book.put("A1", [["a", 1], ["A", 1], [" b  c ", 2]])
    replies = book.batch(
        {"deleteDuplicates": {"range": block(0, 3, 0, 2)}},
        {"trimWhitespace": {"range": block(0, 3, 0, 2)}},
    )["replies"]

    assert replies == [
        {"deleteDuplicates": {"duplicatesRemovedCount": 1}},
        {"trimWhitespace": {"cellsChangedCount": 1}},
    ]
    assert book.values() == [["a", 1], ["b c", 2]]


def test_a_tab_is_copied_to_another_spreadsheet(book, new_book):
    letters(book, "ab")
    other = new_book()
    answer = book.post("/sheets/0:copyTo", {"destinationSpreadsheetId": other.id})

    assert answer["title"] == "Copy of T"
    assert other.values("Copy of T") == [["a", "b"]]
