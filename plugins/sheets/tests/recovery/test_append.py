"""Append, killed in the middle: each state of a sheet, and each kind of change by people."""

import itertools
from collections import Counter
from datetime import date

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = ["id", "v", "note"]
OLD = [[n, f"old {n}", ""] for n in range(1, 9)]
ROWS = [{"id": n, "v": f"new {n}"} for n in (101, 102, 103)]

STATES = {
    "nothing": [],
    "a header": [HEADER],
    "some rows": [HEADER, *OLD],
    "rows of people": [HEADER, *OLD, ["", "", "a total"], ["", "", "and a remark"]],
    "the same rows": [HEADER, *OLD, *[[row["id"], row["v"]] for row in ROWS]],
    "other columns": [["mine"], ["x"], ["y"]],
}


def insert(at, count=1):
    return lambda sheet, _: sheet.insert_rows(at, count)


def delete(at, count=1):
    def deed(sheet, _):
        where = {"sheetId": 7, "dimension": "ROWS", "startIndex": at, "endIndex": at + count}
        sheet.change({"deleteDimension": {"range": where}})

    return deed


def sort(sheet, _):
    where = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 26}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where, "sortSpecs": order}})


def put(column, below, text="typed"):
    return lambda sheet, first: sheet.put(f"Sheet1!{column}{first + below}", [[text]])


def move_columns(sheet, _):
    where = {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    sheet.change({"insertDimension": {"range": where}})


DEEDS = {
    "nothing": lambda sheet, first: None,
    "insert at the top": insert(1),
    "insert as many": insert(1, 3),
    "insert many": insert(1, 7),
    "insert at the place": lambda sheet, first: sheet.insert_rows(first - 1, 3),
    "insert within": lambda sheet, first: sheet.insert_rows(first),
    "delete at the top": delete(1),
    "delete as many": delete(1, 3),
    "delete above": lambda sheet, first: delete(max(1, first - 2))(sheet, first),
    "delete at the place": lambda sheet, first: delete(first - 1)(sheet, first),
    "sort": sort,
    "type in the first row": put("B", 0),
    "type in the last row": put("B", 2),
    "a note in the first row": put("Z", 0),
    "type far below": put("A", 9),
    "type above": put("B", -1),
    "clear a cell": put("B", 1, ""),
    "insert a column": move_columns,
    "rename a header": lambda sheet, first: sheet.put("Sheet1!B1", [["w"]]),
    "cut the grid": delete(500, 500),
}


def counted(sheet):
    """The rows of a sheet, wherever they stand, by their first cells that hold anything."""
    rows = [[str(cell) for cell in row if cell != ""] for row in sheet.values()]
    return Counter(row[0] for row in rows if row)


def copies(sheet):
    """How often each of the rows stands in a sheet."""
    found = counted(sheet)
    return [found[str(row["id"])] for row in ROWS]


def fill(sheet, state):
    if STATES[state]:
        sheet.put("Sheet1!A1", STATES[state])


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_nothing_is_doubled_and_nothing_claimed_that_is_not_so(
    befall, state, deed, sheet, process, batch, statuses
):
    fill(sheet, state)
    old = copies(sheet)
    with process("append", befall={0: befall}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    DEEDS[deed](sheet, lost.reservation["first"])
    there, everything = copies(sheet), counted(sheet)
    with process("append") as again:
        found = statuses(again.recover(lost))
    sent = [
        int(found[at] == "delivered" and now == before)
        for at, (now, before) in enumerate(zip(there, old, strict=True), 1)
    ]
    ours = Counter(str(row["id"]) for row, each in zip(ROWS, sent, strict=True) if each)
    ours += Counter(HEADER) - everything

    assert set(found.values()) <= {"delivered", "in_doubt"}
    assert counted(sheet) - everything <= ours
    assert everything <= counted(sheet)
    assert [a - b for a, b in zip(copies(sheet), there, strict=True)] == sent


SURE = {
    "nothing": True,
    "insert a column": True,
    "cut the grid": True,
    "insert at the top": False,
    "insert as many": False,
    "insert many": False,
    "delete at the top": False,
    "delete as many": False,
}
"""Changes after which rows are known again: also where others are the same, or not."""


@pytest.mark.parametrize(
    ("state", "deed"),
    [("some rows", deed) for deed in SURE]
    + [("the same rows", deed) for deed in SURE if SURE[deed]],
)
@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_rows_that_moved_as_one_are_known_again(
    befall, state, deed, sheet, process, batch, statuses
):
    fill(sheet, state)
    with process("append", befall={0: befall}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    DEEDS[deed](sheet, lost.reservation["first"])
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == dict.fromkeys((1, 2, 3), "delivered")
    assert copies(sheet) == [1 + (state == "the same rows")] * 3


@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_the_very_first_append_comes_to_its_rows(befall, sheet, process, batch):
    with process("append", befall={0: befall}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    with process("append") as again:
        again.recover(lost)

    assert sheet.values() == [["id", "v"], *[list(row.values()) for row in ROWS]]


@pytest.mark.parametrize("befall", ["kill", "lose"])
@pytest.mark.parametrize("at", [0, 1])
def test_dates_and_a_grid_that_is_too_small_come_back_too(
    at, befall, make_sheet, process_of, batch
):
    sheet = make_sheet(rows=2, columns=1)
    rows = [{"day": date(2026, 1, n), "n": n} for n in range(1, 6)]
    with process_of(sheet, "append", befall={at: befall}) as dead:
        lost = dead.reserve(batch(rows))
        dead.writer.write(lost)
    with process_of(sheet, "append") as again:
        again.recover(lost)

    assert sheet.values() == [["day", "n"], *[[46022 + n, n] for n in range(1, 6)]]


def test_new_columns_are_made_by_the_process_that_goes_on(sheet, process, batch):
    sheet.put("Sheet1!A1", [["id"], [1, "", "", "somebody's"]])
    with process("append", befall={0: "kill"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    with process("append") as again:
        again.recover(lost)

    assert sheet.values()[:3] == [
        ["id", "", "", "", "v"],
        [1, "", "", "somebody's"],
        [101, "", "", "", "new 101"],
    ]


def test_rows_that_somebody_has_taken_are_in_doubt_and_stay(sheet, process, batch, statuses):
    fill(sheet, "some rows")
    with process("append", befall={0: "kill"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    sheet.put("Sheet1!A11", [[55, "somebody's"]])
    before = sheet.values()
    with process("append") as again:
        found = again.recover(lost)

    assert statuses(found) == dict.fromkeys((1, 2, 3), "in_doubt")
    assert found[1].reason == "moved"
    assert "from row 10 on" in found[1].message
    assert sheet.values() == before


def test_rows_that_are_taken_after_the_look_are_left_and_new_ones_used(sheet, process, batch):
    fill(sheet, "some rows")
    with process("append", befall={0: "kill"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    with process("append") as again:
        again.writer.lookup(lost)
        sheet.put("Sheet1!A11", [[55, "somebody's"]])
        again.writer.write(lost)

    assert sheet.values()[10] == [55, "somebody's"]
    assert sheet.values()[12:] == [list(row.values()) for row in ROWS]


def test_a_row_that_somebody_changed_is_in_doubt_alone(sheet, process, batch, statuses):
    with process("append", befall={0: "lose"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    sheet.put("Sheet1!B3", [["mended"]])
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == {1: "delivered", 2: "in_doubt", 3: "delivered"}


def test_several_batches_that_a_process_left_come_back_in_any_order(
    sheet, process, batch, statuses
):
    fill(sheet, "some rows")
    with process("append", befall={1: "lose"}) as dead:
        lost = [dead.reserve(batch(ROWS, first=n)) for n in (1, 11, 21)]
        dead.writer.write(lost[0])
        dead.writer.write(lost[1])
    with process("append") as again:
        found = [statuses(again.recover(each)) for each in (lost[2], lost[1])]
        late = again.deliver(batch([{"id": 999, "v": "later"}], first=31))

    assert [set(each.values()) for each in found] == [{"delivered"}, {"delivered"}]
    assert statuses(late) == {31: "delivered"}
    assert copies(sheet) == [3, 3, 3]
    assert sheet.values()[18:] == [[999, "later"]]


def test_batches_that_are_the_same_are_not_taken_for_each_other(sheet, process, batch, statuses):
    with process("append", befall={0: "cut", 1: "cut"}) as live:
        first, second = live.reserve(batch(ROWS)), live.reserve(batch(ROWS, first=11))
        found = statuses(live.deliver(second) | live.deliver(first))

    assert set(found.values()) == {"delivered"}
    assert copies(sheet) == [2, 2, 2]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("befall", ["cut", "deny"])
def test_an_answer_that_is_lost_is_looked_up_before_anything_is_sent_again(
    befall, deed, sheet, process, batch, statuses
):
    fill(sheet, "some rows")
    with process("append", befall={0: befall}) as live:
        held = live.reserve(batch(ROWS))
        with pytest.raises(Exception, match="reset|503"):
            live.writer.write(held)
        DEEDS[deed](sheet, 10)
        there = copies(sheet)
        found = live.recover(held)
    sent = [int(each.status == "delivered") for each in found.values()]
    if befall == "cut":
        sent = [int(done and not was) for done, was in zip(sent, there, strict=True)]

    assert [a - b for a, b in zip(copies(sheet), there, strict=True)] == sent


def test_formulas_that_a_dead_process_did_not_come_to_are_entered(sheet, process, batch, statuses):
    sheet.put("Sheet1!A1", [["id", "twice", "when"]])
    rows = [{"id": n, "twice": f"=A{n + 1}*2", "when": "1/2"} for n in (1, 2)]
    how = {"formulas": ("twice", "when")}
    with process("append", befall={1: "kill"}, **how) as dead:
        lost = dead.reserve(batch(rows))
        dead.writer.write(lost)
    half = sheet.values()
    with process("append", **how) as again:
        found = statuses(again.recover(lost))
        changes = again.changes

    assert half == [["id", "twice", "when"], [1], [2]]
    assert found == {1: "delivered", 2: "delivered"}
    assert [row[:2] for row in sheet.values()[1:]] == [[1, 2], [2, 4]]
    assert sheet.values()[1][2] > 40_000
    assert changes == 1


def test_formulas_whose_rows_have_moved_stay_in_doubt(sheet, process, batch, statuses):
    sheet.put("Sheet1!A1", [["id", "twice"], [0, 0], [9, 9]])
    rows = [{"id": n, "twice": f"=A{n + 3}*2"} for n in (1, 2)]
    how = {"formulas": ("twice",)}
    with process("append", befall={1: "kill"}, **how) as dead:
        lost = dead.reserve(batch(rows))
        dead.writer.write(lost)
    sheet.insert_rows(1)
    with process("append", **how) as again:
        found = statuses(again.recover(lost))

    assert found == {1: "in_doubt", 2: "in_doubt"}
    assert sheet.values()[-1] == [2]


@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_rows_that_would_show_nothing_go_with_the_others(befall, sheet, process, batch, statuses):
    rows = [{"id": 1}, {"id": None}, {"id": 2}]
    with process("append", befall={0: befall}) as dead:
        lost = dead.reserve(batch(rows))
        dead.writer.write(lost)
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert set(found.values()) == {"delivered"}
    assert sheet.values() == [["id"], [1], [], [2]]


def test_records_that_no_cell_holds_are_refused_again(sheet, process, batch, statuses):
    rows = [{"id": 1}, {"id": float("nan")}, {"id": 3}]
    with process("append", befall={0: "lose"}) as dead:
        lost = dead.reserve(batch(rows))
        dead.writer.write(lost)
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == {1: "delivered", 2: "rejected", 3: "delivered"}
    assert sheet.values() == [["id"], [1], [3]]


def test_some_records_of_a_batch_get_new_rows_in_a_new_process(sheet, process, batch, statuses):
    with process("append", befall={0: "kill"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    some = type(lost)(
        lost.id, lost.action, lost.schema, records=lost.records[1:], reservation=lost.reservation
    )
    with process("append") as again:
        in_doubt = again.writer.lookup(some)
        found = statuses(again.deliver(some))

    assert list(in_doubt) == []
    assert found == {2: "delivered", 3: "delivered"}
    assert sheet.values() == [["id", "v"], [102, "new 102"], [103, "new 103"]]


def test_a_lookup_that_cannot_read_leaves_all_in_doubt(sheet, process, batch, statuses):
    with process("append", befall={0: "lose"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    sheet.put("Sheet1!A1", [["id", "id"]])
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == dict.fromkeys((1, 2, 3), "in_doubt")


def test_the_halves_of_a_refused_batch_each_keep_their_rows(sheet, process, batch, statuses):
    fill(sheet, "some rows")
    with process("append", befall={0: "refuse", 2: "cut"}) as live:
        whole = live.reserve(batch([*ROWS, {"id": 104, "v": "new 104"}]))
        with pytest.raises(Exception, match="refused"):
            live.writer.write(whole)
        sheet.put("Sheet1!A10", [[55, "somebody's"]])
        halves = [attrs.evolve(whole, records=whole.records[at : at + 2]) for at in (0, 2)]
        found = [statuses(live.deliver(half)) for half in halves]

    assert found == [dict.fromkeys((1, 2), "delivered"), dict.fromkeys((3, 4), "delivered")]
    assert [row[0] for row in sheet.values()[9:] if row] == [55, 103, 104, 101, 102]


def test_rows_that_were_there_before_are_not_taken_for_those_that_were_sent(
    sheet, process, batch, statuses
):
    same = [[row["id"], row["v"]] for row in ROWS]
    sheet.put("Sheet1!A1", [HEADER, *same, *same, [1, "x"], [2, "y"]])
    with process("append", befall={0: "kill"}) as dead:
        lost = dead.reserve(batch(ROWS))
        dead.writer.write(lost)
    sheet.insert_rows(1, 5)
    sheet.put("Sheet1!B13", [["mended"]])
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert sheet.values()[9:12] == same
    assert set(found.values()) == {"in_doubt"}


def test_rows_that_a_sort_has_moved_above_the_others_are_not_sent_again(
    sheet, process, batch, statuses
):
    sheet.put("Sheet1!A1", [["id", "v"], [1, "old"]])
    with process("append", befall={0: "lose"}) as dead:
        lost = dead.reserve(batch([{"id": 2, "v": "new"}]))
        dead.writer.write(lost)
    sort(sheet, 0)
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == {1: "in_doubt"}
    assert sheet.values() == [["id", "v"], [2, "new"], [1, "old"]]


def test_a_column_that_somebody_has_rewritten_and_moved_tells_nothing(
    sheet, process, batch, statuses
):
    fill(sheet, "some rows")
    with process("append", befall={0: "lose"}) as dead:
        lost = dead.reserve(batch(ROWS[:1]))
        dead.writer.write(lost)
    sheet.insert_rows(9)
    sheet.put("Sheet1!B9", [["OLD 8"], [""], ["NEW 101"]])
    with process("append") as again:
        found = statuses(again.recover(lost))

    assert found == {1: "in_doubt"}
    assert copies(sheet) == [1, 0, 0]


LINES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=6)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(1, 14), st.integers(1, 4)),
        st.tuples(st.just("delete"), st.integers(1, 14), st.integers(1, 4)),
        st.tuples(st.just("type"), st.integers(2, 14), st.just(0)),
        st.tuples(st.just("sort"), st.just(0), st.just(0)),
    ),
    max_size=3,
)


EXAMPLES = settings(max_examples=min(200, settings().max_examples))


@EXAMPLES
@given(
    old=LINES,
    new=LINES.filter(bool),
    changes=CHANGES,
    befall=st.sampled_from(["kill", "lose", "cut", "deny"]),
    crashes=st.integers(0, 2),
)
def test_whatever_people_do_no_record_comes_twice(
    old, new, changes, befall, crashes, sandbox, sheet_in, process_of, batch
):
    """Each record has an id of its own, and text that others have too."""
    ids = itertools.count(1)
    sheet = sheet_in(sandbox)
    sheet.put("Sheet1!A1", [["id", "v"], *[[next(ids), text] for text in old]])
    rows = [{"id": next(ids), "v": text} for text in new]
    with process_of(sheet, "append", befall={0: befall}) as first:
        held = first.reserve(batch(rows))
        try:
            first.writer.write(held)
        except Exception:
            first.die()
    for what, at, count in changes:
        if what == "insert":
            sheet.insert_rows(at, count)
        elif what == "delete":
            delete(at, count)(sheet, 0)
        elif what == "type":
            sheet.put(f"Sheet1!A{at}", [[f"typed {at}"]])
        else:
            sort(sheet, 0)
    there = counted(sheet)
    for _ in range(crashes):
        with process_of(sheet, "append", befall={0: "lose"}) as dead:
            dead.recover(held)
    with process_of(sheet, "append") as again:
        found = again.recover(held)
    now = counted(sheet)

    assert {each.status for each in found.values()} <= {"delivered", "in_doubt"}
    assert there <= now
    assert now - there <= Counter(str(row["id"]) for row in rows)
    assert max(now[str(row["id"])] for row in rows) <= 1
    assert all(
        now[str(rows[at - 1]["id"])]
        for at, each in found.items()
        if each.status == "delivered"
        and not any(what in ("delete", "type") for what, *_ in changes)
    )


@EXAMPLES
@given(
    old=LINES,
    new=LINES.filter(bool),
    columns=st.booleans(),
    befall=st.sampled_from(["kill", "lose", "cut", "deny"]),
    crashes=st.integers(0, 2),
)
def test_rows_that_are_all_alike_are_counted_right(
    old, new, columns, befall, crashes, sandbox, sheet_in, process_of, batch
):
    """Nothing names a record but its place, and nobody inserts or deletes rows."""
    sheet = sheet_in(sandbox)
    sheet.put("Sheet1!A1", [["v"], *[[text] for text in old]])
    with process_of(sheet, "append", befall={0: befall}) as first:
        held = first.reserve(batch([{"v": text} for text in new]))
        try:
            first.writer.write(held)
        except Exception:
            first.die()
    if columns:
        move_columns(sheet, 0)
    for _ in range(crashes):
        with process_of(sheet, "append", befall={0: "lose"}) as dead:
            dead.recover(held)
    with process_of(sheet, "append") as again:
        found = again.recover(held)

    assert {each.status for each in found.values()} == {"delivered"}
    assert counted(sheet) == Counter(["v", *old, *new])
