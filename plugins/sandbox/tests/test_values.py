"""Reading and writing values."""

import pytest


def message(answer):
    return answer["error"]["code"], answer["error"]["message"]


def test_trailing_empties_are_left_out_and_inner_ones_kept(book):
    book.put("A1", [["a", "", "c", ""], [], ["", "b"], [""]])

    assert book.values() == [["a", "", "c"], [], ["", "b"]]


def test_an_empty_range_has_no_values_key(book):
    assert book.get("B2:C3") == {"range": "T!B2:C3", "majorDimension": "ROWS"}


def test_null_skips_a_cell_and_an_empty_text_clears_it(book):
    book.put("A1:C1", [["a", "b", "c"]])
    book.put("A1:C1", [[None, "", "C"]])

    assert book.values() == [["a", "", "C"]]


def test_raw_keeps_text_and_numbers_as_they_are(book):
    book.put("A1", [["=1+1", "2026-01-02", "007", 7, 7.0, 1.5, True, "'x"]])

    assert book.values() == [["=1+1", "2026-01-02", "007", 7, 7, 1.5, True, "'x"]]
    assert book.values(render="FORMATTED_VALUE") == [
        ["=1+1", "2026-01-02", "007", "7", "7", "1.5", "TRUE", "'x"]
    ]


def test_integers_beyond_a_double_lose_digits(book):
    book.put("A1", [[2**53, 2**53 + 1, 123456789012345678]])

    assert book.values() == [[2**53, 2**53, 1.2345678901234568e17]]


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [
        ("=4/2", 2, "2"),
        ("2020-01-01", 43831, "2020-01-01"),
        ("2020-01-01 12:00", 43831.5, "2020-01-01 12:00"),
        ("1/2/2020", 43832, "1/2/2020"),
        ("10:30", 0.4375, "10:30"),
        ("0123", 123, "123"),
        ("1e5", 100000, "1.00E+05"),
        ("1,234.5", 1234.5, "1,234.50"),
        ("12%", 0.12, "12%"),
        ("$1.50", 1.5, "$1.50"),
        ("-5", -5, "-5"),
        ("TRUE", True, "TRUE"),
        ("false", False, "FALSE"),
        ("'=1+1", "=1+1", "=1+1"),
        ("'007", "007", "007"),
        ("2020-13-01", "2020-13-01", "2020-13-01"),
        ("1.2.3", "1.2.3", "1.2.3"),
        ("+49 30 1234", "+49 30 1234", "+49 30 1234"),
        ("plain", "plain", "plain"),
        ("-", "-", "-"),
        ("=1/0", "#DIV/0!", "#DIV/0!"),
        ("=NOPE(1)", "#NAME?", "#NAME?"),
        ("=SUM(", "#ERROR!", "#ERROR!"),
        ("=A1", "#REF!", "#REF!"),
        ('="a"&"b"', "ab", "ab"),
        ("=2^3*-1", -8, "-8"),
    ],
)
def test_user_entered_reads_what_is_typed(book, typed, value, shown):
    book.put("A1", [[typed]], option="USER_ENTERED")

    assert book.values("A1") == [[value]]
    assert book.values("A1", render="FORMATTED_VALUE") == [[shown]]


def test_formulas_follow_references(book):
    book.put(
        "A1",
        [[1, 2], [3, 4], ["=SUM(A1:B2)", "=A3*2", '=IF(A3>9,"big","small")']],
        option="USER_ENTERED",
    )

    assert book.values("A3:C3") == [[10, 20, "big"]]
    assert book.values("A3", render="FORMULA") == [["=SUM(A1:B2)"]]


def test_dates_render_as_serials_or_text(book):
    book.put("A1", [["2020-01-01", 1.5]], option="USER_ENTERED")

    assert book.values("A1:B1") == [[43831, 1.5]]
    assert book.values("A1:B1", dateTimeRenderOption="FORMATTED_STRING") == [["2020-01-01", 1.5]]


def test_columns_are_a_major_dimension_both_ways(book):
    url = f"{book.url}/values/A1:B2?valueInputOption=RAW"
    book.session.put(url, json={"majorDimension": "COLUMNS", "values": [[1, 2], [3]]})

    assert book.values() == [[1, 3], [2]]
    assert book.values(majorDimension="COLUMNS") == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ("T", "T!A1:H20"),
        ("'T'", "T!A1:H20"),
        ("t!a1", "T!A1"),
        ("A:B", "T!A1:B20"),
        ("T!2:3", "T!A2:H3"),
        ("T!B3:C", "T!B3:C20"),
        ("T!B2:D", "T!B2:D20"),
        ("T!C3:A1", "T!A1:C3"),
        ("T!$A$1:$B$2", "T!A1:B2"),
        ("T!R1C1:R2C2", "T!A1:B2"),
        ("T!A1:Z99", "T!A1:H20"),
    ],
)
def test_ranges_are_read_in_all_their_forms(book, cells, shown):
    assert book.get(cells)["range"] == shown


@pytest.mark.parametrize("cells", ["Nope!A1", "Nope", "T!", "T!A0", "'T", "T!1A", "T!AAAA1"])
def test_what_is_no_range_is_refused(book, cells):
    assert message(book.get(cells)) == (400, f"Unable to parse range: {cells}")


def test_titles_with_quotes_spaces_and_slashes_are_addressed(book):
    title = "It's a/b: 100%!"
    book.batch({"addSheet": {"properties": {"title": title}}})
    book.put("'It''s a/b: 100%!'!B2", [["x"]])

    assert book.get("'It''s a/b: 100%!'!A1:B2")["values"] == [[], ["", "x"]]
    assert book.get("'It''s a/b: 100%!'!A1:B2")["range"] == "'It''s a/b: 100%!'!A1:B2"


def test_the_grid_has_edges(book):
    limits = "exceeds grid limits. Max rows: 20, max columns: 8"

    assert message(book.put("T!A21", [["x"]])) == (400, f"Range (T!A21) {limits}")
    assert message(book.put("T!A20", [["x"], ["y"]])) == (400, f"Range (T!A20:A21) {limits}")
    assert message(book.put("T!H1", [["x", "y"]])) == (400, f"Range (T!H1:I1) {limits}")
    assert message(book.get("T!A21:B22")) == (400, f"Range (T!A21:B22) {limits}")
    assert book.values() == []


def test_values_must_fit_the_range(book):
    assert message(book.put("A1:B1", [[1], [2]])) == (
        400,
        "Requested writing within range [T!A1:B1], but tried writing to row [2]",
    )
    assert message(book.put("A1:B1", [[1, 2, 3]])) == (
        400,
        "Requested writing within range [T!A1:B1], but tried writing to column [C]",
    )


def test_a_write_must_say_how_to_read_its_values(book):
    answer = book.session.put(f"{book.url}/values/A1", json={"values": [[1]]}).json()

    assert message(answer) == (400, "'valueInputOption' is required but not specified")


def test_bad_values_are_named(book):
    answer = book.put("A1", "x")

    assert answer["error"]["details"][0]["fieldViolations"][0]["field"] == "data.values"
    assert "Invalid values[0][0]: struct_value" in message(book.put("A1", [[{}]]))[1]
    assert "data.values[0]" in message(book.put("A1", ["x"]))[1]
    assert (
        'Unknown name "rows"'
        in message(
            book.session.put(f"{book.url}/values/A1?valueInputOption=RAW", json={"rows": []}).json()
        )[1]
    )
    assert "50000 characters" in message(book.put("A1", [["x" * 50_001]]))[1]
    assert book.values() == []


def test_a_batch_of_values_is_all_or_nothing(book):
    data = [{"range": "A1", "values": [["x"]]}, {"range": "A99", "values": [["y"]]}]
    answer = book.post("/values:batchUpdate", {"valueInputOption": "RAW", "data": data})

    assert message(answer)[1].startswith("Invalid data[1]: Range (T!A99) exceeds grid limits")
    assert book.values() == []


def test_written_values_come_back_on_demand(book):
    answer = book.put("A1", [[1.5]], includeValuesInResponse="true")

    assert answer["updatedData"] == {"range": "T!A1", "majorDimension": "ROWS", "values": [["1.5"]]}


def test_append_finds_the_table_like_the_real_service(book):
    first = book.post("/values/T:append", {"values": [["x", "", "z"]]}, valueInputOption="RAW")
    second = book.post("/values/T:append", {"values": [[1, 2, 3]]}, valueInputOption="RAW")
    third = book.post("/values/T!A1:append", {"values": [[4, 5, 6]]}, valueInputOption="RAW")

    assert "tableRange" not in first
    assert (second["tableRange"], second["updates"]["updatedRange"]) == ("T!C1", "T!C2:E2")
    assert (third["tableRange"], third["updates"]["updatedRange"]) == ("T!A1", "T!A2:C2")


def test_append_grows_the_grid_and_inserts_on_demand(new_book):
    book = new_book(rows=2, columns=2)
    for _ in range(3):
        book.post("/values/T:append", {"values": [["a", "b"]]}, valueInputOption="RAW")
    inserting = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS"}
    book.post("/values/T!A1:append", {"values": [["c"]]}, **inserting)
    grid = book.meta(fields="sheets.properties.gridProperties")

    assert book.values() == [["a", "b"]] * 3 + [["c"]]
    assert grid["sheets"][0]["properties"]["gridProperties"]["rowCount"] == 4


def test_clear_keeps_formats(book):
    book.put("A1", [["2020-01-01", "x"]], option="USER_ENTERED")
    cleared = book.post("/values/T:clear")
    book.put("A1", [[1]])

    assert cleared["clearedRange"] == "T!A1:H20"
    assert book.values(render="FORMATTED_VALUE") == [["1899-12-31"]]


def test_any_verb_may_stand_beside_an_unencoded_range(book):
    answer = book.session.post(f"{book.url}/values/T!A1:B2:clear").json()

    assert answer["clearedRange"] == "T!A1:B2"


def test_data_filters_address_cells(book):
    book.put("A1", [["a", "b"], ["c", "d"]])
    where = {"gridRange": {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 2, "endColumnIndex": 2}}
    read = book.post("/values:batchGetByDataFilter", {"dataFilters": [where, {"a1Range": "A1"}]})
    data = [{"dataFilter": where, "values": [["C", "D"]]}]
    wrote = book.post("/values:batchUpdateByDataFilter", {"valueInputOption": "RAW", "data": data})
    book.post("/values:batchClearByDataFilter", {"dataFilters": [{"a1Range": "A1:B1"}]})

    assert [part["valueRange"]["values"] for part in read["valueRanges"]] == [[["c", "d"]], [["a"]]]
    assert wrote["responses"][0]["updatedRange"] == "T!A2:B2"
    assert book.values() == [[], ["C", "D"]]


def test_a_field_mask_trims_any_answer(book):
    book.put("A1", [["x"]])

    assert book.get("A1", fields="values") == {"values": [["x"]]}
    assert message(book.get("A1", fields="nope")) == (400, "Request contains an invalid argument.")


def test_a_get_that_is_sent_as_a_post_is_one(sandbox, session):
    base = "https://sheets.googleapis.com/v4/spreadsheets"
    made = session.post(base, json={}).json()["spreadsheetId"]
    found = session.post(
        f"{base}/{made}/values:batchGet",
        data=[("ranges", "A1"), ("ranges", "B1"), ("majorDimension", "ROWS")],
        headers={"x-http-method-override": "GET"},
    )

    assert found.status_code == 200
    assert [each["range"] for each in found.json()["valueRanges"]] == ["Sheet1!A1", "Sheet1!B1"]
