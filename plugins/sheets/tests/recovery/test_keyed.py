"""Keyed rows, killed in the middle, looked up, inserted and updated."""

import pytest

PEOPLE = [["id", "v", "mine"], *[[n, f"v{n}", f"note {n}"] for n in range(1, 6)]]
ROWS = [{"id": n, "v": f"w{n}"} for n in (2, 4, 6, 7)]


def sort(sheet):
    where = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 26}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where, "sortSpecs": order}})


DEEDS = {
    "nothing": lambda sheet: None,
    "sort": sort,
    "insert": lambda sheet: sheet.insert_rows(2, 3),
    "type below": lambda sheet: sheet.put("Sheet1!D7", [["typed"]]),
    "insert a column": lambda sheet: sheet.change(
        {
            "insertDimension": {
                "range": {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
            }
        }
    ),
}


def rows(sheet):
    """The rows of a sheet by their keys, as the header names their cells."""
    header, *lines = sheet.values()
    found = [dict(zip(header, line, strict=False)) for line in lines]
    return {row["id"]: row for row in found if row.get("id")}


@pytest.mark.parametrize("mode", ["upsert", "mirror", "insert", "update"])
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("befall", ["kill", "lose", "cut", "deny"])
def test_a_key_comes_once_and_notes_stay(befall, deed, mode, sheet, process, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    action = "upsert" if mode == "mirror" else mode
    with process(mode, ["id"], befall={0: befall}) as dead:
        lost = dead.reserve(batch(ROWS, action, "id"))
        try:
            dead.writer.write(lost)
        except Exception:
            dead.die()
    DEEDS[deed](sheet)
    with process(mode, ["id"]) as again:
        statuses(again.recover(lost))
        newer = again.deliver(batch([{"id": 2, "v": "newer"}], action, "id", first=9))
    found = rows(sheet)
    new = {6, 7} if mode != "update" else set()
    old = {2, 4} if mode != "insert" else set()

    assert sorted(found) == sorted({1, 2, 3, 4, 5} | new)
    assert {n: found[n]["v"] for n in found} == {
        n: "newer" if n == 2 and old else f"w{n}" if n in old | new else f"v{n}" for n in found
    }
    assert {n: found[n]["mine"] for n in range(1, 6)} == {n: f"note {n}" for n in range(1, 6)}
    assert statuses(newer) == {2: "skipped" if mode == "insert" else "delivered"}


@pytest.mark.parametrize("mode", ["upsert", "insert"])
@pytest.mark.parametrize(("at", "befall"), [(0, "lose"), (1, "kill"), (1, "lose")])
def test_formulas_of_rows_that_a_dead_process_added_are_entered(
    at, befall, mode, sheet, process, batch, statuses
):
    sheet.put("Sheet1!A1", [["id", "twice"], [1, "theirs"]])
    rows = [{"id": n, "twice": f"=A{n + 1}*2"} for n in (1, 2, 3)]
    how = {"formulas": ("twice",)}
    with process(mode, ["id"], befall={at: befall}, **how) as dead:
        lost = dead.reserve(batch(rows, mode, "id"))
        dead.writer.write(lost)
    with process(mode, ["id"], **how) as again:
        found = statuses(again.recover(lost))

    assert {found[2], found[3]} == {"delivered"}
    assert sheet.values()[1:] == [[1, "theirs" if mode == "insert" else 2], [2, 4], [3, 6]]


def test_a_row_that_somebody_had_typed_is_not_taken_for_one_that_was_added(
    sheet, process, batch, statuses
):
    sheet.put("Sheet1!A1", [["id", "v"], [1, "same"]])
    rows = [{"id": n, "v": "same"} for n in (1, 2)]
    with process("upsert", ["id"], befall={0: "lose"}) as dead:
        lost = dead.reserve(batch(rows, "upsert", "id"))
        dead.writer.write(lost)
    with process("upsert", ["id"]) as again:
        found = statuses(again.recover(lost))

    assert found == {1: "skipped", 2: "delivered"}


@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_the_very_first_keyed_rows_come_to_their_place(befall, sheet, process, batch):
    with process("upsert", ["id"], befall={0: befall}) as dead:
        lost = dead.reserve(batch(ROWS, "upsert", "id"))
        dead.writer.write(lost)
    with process("upsert", ["id"]) as again:
        again.recover(lost)

    assert sheet.values() == [["id", "v"], *[list(row.values()) for row in ROWS]]


def test_a_lost_answer_is_followed_by_a_look_so_that_no_other_row_is_written(
    sheet, process, batch, statuses
):
    sheet.put("Sheet1!A1", PEOPLE)
    with process("upsert", ["id"], befall={0: "deny", 1: "cut"}) as live:
        held = live.reserve(batch(ROWS, "upsert", "id"))
        with pytest.raises(Exception, match="503"):
            live.writer.write(held)
        sort(sheet)
        with pytest.raises(Exception, match="reset"):
            live.writer.write(held)
        sheet.insert_rows(1, 2)
        found = statuses(live.deliver(held))

    assert set(found.values()) == {"delivered"}
    assert {n: row["v"] for n, row in rows(sheet).items()} == {
        n: f"{'w' if n in (2, 4, 6, 7) else 'v'}{n}" for n in range(1, 8)
    }


def test_insert_leaves_rows_that_exist(sheet, process, batch):
    sheet.put("Sheet1!A1", [*PEOPLE, [5, "twice"]])
    with process("insert", ["id"]) as live:
        found = live.deliver(batch([{"id": n, "v": "new"} for n in (1, 5, 6)], "insert", "id"))

    assert [(found[n].status, found[n].reason) for n in (1, 5, 6)] == [
        ("skipped", "exists"),
        ("skipped", "exists"),
        ("delivered", None),
    ]
    assert found[1].message == "its key stands in row 2"
    assert sheet.values()[7:] == [[6, "new"]]


def test_a_key_that_comes_in_meanwhile_is_left_by_insert(sheet, process, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    with process("insert", ["id"]) as live:
        held = live.reserve(batch([{"id": 6, "v": "new"}], "insert", "id"))
        sheet.put("Sheet1!A7", [[6, "somebody's"]])
        found = live.deliver(held)

    assert found[6].reason == "exists"
    assert sheet.values()[6] == [6, "somebody's"]


def test_update_adds_no_rows(sheet, process, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    with process("update", ["id"]) as live:
        found = live.deliver(
            batch([{"id": n, "v": f"v{n}" if n == 1 else "new"} for n in (1, 2, 9)], "update", "id")
        )

    assert [(found[n].status, found[n].reason) for n in (1, 2, 9)] == [
        ("skipped", "unchanged"),
        ("delivered", None),
        ("skipped", "not_found"),
    ]
    assert sheet.values() == [*PEOPLE[:2], [2, "new", "note 2"], *PEOPLE[3:]]


def test_update_skips_a_key_that_is_deleted_meanwhile(sheet, process, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    with process("update", ["id"]) as live:
        held = live.reserve(batch([{"id": 2, "v": "new"}], "update", "id"))
        where = {"sheetId": 7, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
        sheet.change({"deleteDimension": {"range": where}})
        found = live.deliver(held)

    assert found[2].reason == "not_found"
    assert sheet.values() == [*PEOPLE[:2], *PEOPLE[3:]]


@pytest.mark.parametrize("mode", ["upsert", "insert", "update"])
def test_a_lookup_tells_which_rows_the_sheet_holds_exactly(mode, sheet, process, batch):
    sheet.put("Sheet1!A1", [*PEOPLE, [8, "twice"], [8, "twice"]])
    some = [
        {"id": 1, "v": "v1"},
        {"id": 2, "v": "other"},
        {"id": 3},
        {"id": 6, "v": "new"},
        {"id": "", "v": "no key"},
        {"id": 4, "v": None},
    ]
    with process(mode, ["id"]) as fresh:
        found = {each.key: each for each in fresh.writer.lookup(batch(some, mode, "id"))}

    assert {key: (each.status, each.reason) for key, each in found.items()} == {
        1: ("delivered", None),
        2: ("failed", "not_arrived"),
        3: ("delivered", None),
        6: ("failed", "not_arrived"),
        "": ("rejected", "no_key"),
        4: ("failed", "not_arrived"),
    }
    assert fresh.changes == 0


def test_a_lookup_finds_rows_that_move_meanwhile(sheet, process, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    one = batch([{"id": 1, "v": "v1"}, {"id": 2, "v": "v2"}], "upsert", "id")
    with process("upsert", ["id"]) as live:
        live.writer.lookup(one)
        sort(sheet)
        found = {each.key: each for each in live.writer.lookup(one)}

    assert statuses(found) == {1: "delivered", 2: "delivered"}


def test_the_identity_is_the_tab_whoever_logs_in_and_however_it_is_called(sheet, process):
    found = set()
    for mode, key in (("append", []), ("upsert", ["id"]), ("mirror", ["id"]), ("replace", [])):
        with process(mode, key) as live:
            found.add(live.writer.identity)
    rename = {"properties": {"sheetId": 7, "title": "Other"}, "fields": "title"}
    sheet.change({"updateSheetProperties": rename})
    sheet.tab = "Other"
    with process("append") as live:
        found.add(live.writer.identity)

    assert found == {f"{sheet.sandbox.url('sheets')}/{sheet.id}#7"}


def test_a_replacement_that_broke_off_is_not_gone_on_with(sheet, process, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with process("replace", befall={2: "lose"}) as dead:
        first, lost = dead.reserve(batch(ROWS)), dead.reserve(batch(ROWS, first=5))
        dead.writer.write(first)
        dead.writer.write(lost)
    with process("replace") as again:
        found = {each.key: each for each in again.writer.lookup(lost)}
        with pytest.raises(Exception, match="is begun anew"):
            again.writer.write(lost)
        again.deliver(batch([{"id": 1}]))
        again.writer.commit()

    assert set(statuses(found).values()) == {"failed"}
    assert sheet.values() == [["id"], [1]]
    assert list(sheet.tabs()) == ["Sheet1"]
