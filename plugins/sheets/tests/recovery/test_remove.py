"""Mirror: rows whose keys are gone are removed, and no others, whatever people do meanwhile."""

import logging
from contextlib import nullcontext
from datetime import date

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = ["id", "v", "mine"]
PEOPLE = [HEADER, *[[n, f"v{n}", f"note {n}"] for n in range(1, 11)]]
GONE = [{"id": n} for n in (2, 3, 7, 10)]
LEFT = [row for row in PEOPLE if row[0] not in (2, 3, 7, 10)]


def insert(sheet, at=1, count=1):
    sheet.insert_rows(at, count)


def delete(sheet, at=1):
    where = {"sheetId": 7, "dimension": "ROWS", "startIndex": at, "endIndex": at + 1}
    sheet.change({"deleteDimension": {"range": where}})


def sort(sheet):
    where = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 26}
    order = [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]
    sheet.change({"sortRange": {"range": where, "sortSpecs": order}})


def held(sheet):
    """The rows of a sheet that hold anything, in their order."""
    return [row for row in sheet.values() if any(cell != "" for cell in row)]


def by_key(rows):
    return sorted(rows, key=str)


@pytest.fixture
def mirror(sheet, process):
    def made(**befall):
        return process("mirror", ["id"], befall={int(at[1:]): what for at, what in befall.items()})

    return made


def test_rows_are_removed_as_rows(sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror() as live:
        found = statuses(live.deliver(batch(GONE, "delete", "id")))
        changes = live.changes

    assert found == dict.fromkeys((2, 3, 7, 10), "delivered")
    assert sheet.values() == LEFT
    assert sheet.size() == (996, 26)
    assert list(sheet.tabs()) == ["Sheet1"]
    assert changes == 2


def test_keys_that_are_not_there_are_skipped(sheet, mirror, batch):
    sheet.put("Sheet1!A1", [*PEOPLE, [4, "a second one"]])
    with mirror() as live:
        found = live.deliver(
            batch([{"id": n} for n in (1, 99, "1", "", float("nan"), 4)], "delete", "id")
        )

    assert [(each.status, each.reason) for each in found.values()] == [
        ("delivered", None),
        *[("skipped", "not_found")] * 4,
        ("rejected", "duplicate_in_sheet"),
    ]
    assert sheet.values() == [HEADER, *PEOPLE[2:], [4, "a second one"]]


def test_a_tab_without_the_keys_column_holds_none(sheet, mirror, batch):
    sheet.put("Sheet1!A1", [["name"], [1]])
    with mirror() as live:
        found = live.deliver(batch(GONE, "delete", "id"))

    assert {each.reason for each in found.values()} == {"not_found"}
    assert sheet.values() == [["name"], [1]]


def test_keys_of_several_fields_and_dates_are_found(sheet, process, batch, statuses):
    rows = [{"day": date(2026, 1, n), "who": w, "v": 1} for n in (1, 2) for w in ("a", "b")]
    with process("mirror", ["day", "who"]) as live:
        made = batch(rows, "upsert", "who")
        live.deliver(with_keys(made))
        gone = [{"day": row["day"], "who": row["who"]} for row in rows[1:3]]
        found = statuses(live.deliver(with_keys(batch(gone, "delete", "who"))))

    assert set(found.values()) == {"delivered"}
    assert [row[1] for row in sheet.values()] == ["who", "a", "b"]


def with_keys(batch):
    """Name the records of a batch by day and person."""
    records = [attrs.evolve(each, key=(each.values["day"], each.values["who"])) for each in batch]
    return attrs.evolve(batch, records=records)


def test_the_last_row_below_a_header_that_stays_in_sight_goes_too(make_sheet, process_of, batch):
    sheet = make_sheet(rows=4, columns=2)
    sheet.put("Sheet1!A1", [["id", "v"], ["", "units"], [1, "a"], [2, "b"]])
    frozen = {"sheetId": 7, "gridProperties": {"frozenRowCount": 2}}
    fields = "gridProperties.frozenRowCount"
    sheet.change({"updateSheetProperties": {"properties": frozen, "fields": fields}})
    with process_of(sheet, "mirror", ["id"]) as live:
        live.deliver(batch([{"id": 1}, {"id": 2}], "delete", "id"))

    assert sheet.values() == [["id", "v"], ["", "units"]]
    assert sheet.size() == (3, 2)


def test_upserts_after_a_deletion_go_right_below(sheet, mirror, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror() as live:
        live.deliver(batch(GONE, "delete", "id"))
        live.deliver(batch([{"id": 2, "v": "again"}, {"id": 4, "v": "new"}], "upsert", "id"))

    assert sheet.values()[-1] == [2, "again"]
    assert len(sheet.values()) == len(LEFT) + 1
    assert [4, "new", "note 4"] in sheet.values()


def test_many_rows_go_in_several_steps(make_sheet, process_of, batch, monkeypatch):
    from tailrace_sheets import _remove

    monkeypatch.setattr(_remove, "_AT_ONCE", 10)
    sheet = make_sheet(rows=200, columns=2)
    sheet.put("Sheet1!A1", [["id", "v"], *[[n, n] for n in range(60)]])
    with process_of(sheet, "mirror", ["id"]) as live:
        found = live.deliver(batch([{"id": n} for n in range(0, 60, 2)], "delete", "id"))

    assert {each.status for each in found.values()} == {"delivered"}
    assert sheet.values() == [["id", "v"], *[[n, n] for n in range(1, 60, 2)]]
    assert list(sheet.tabs()) == ["Sheet1"]


def test_without_room_for_the_hidden_tab_nothing_is_deleted(make_sheet, process_of, batch):
    sheet = make_sheet(rows=1000, columns=10_000)
    sheet.put("Sheet1!A1", PEOPLE)
    with process_of(sheet, "mirror", ["id"]) as live, pytest.raises(Exception, match="hidden tab"):
        live.deliver(batch(GONE, "delete", "id"))

    assert sheet.values() == PEOPLE


DEEDS = {
    "insert at the top": insert,
    "insert within": lambda sheet: insert(sheet, 5, 2),
    "delete a row that stays": lambda sheet: delete(sheet, 1),
    "delete a row that goes": lambda sheet: delete(sheet, 2),
    "sort": sort,
    "type below": lambda sheet: sheet.put("Sheet1!A12", [[77, "typed"]]),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_row_that_moved_into_the_place_is_put_back(deed, sheet, mirror, batch, statuses, caplog):
    sheet.put("Sheet1!A1", PEOPLE)
    seen = []

    def meddle():
        DEEDS[deed](sheet)
        seen.extend(held(sheet))

    with caplog.at_level(logging.WARNING), mirror(_0=meddle) as live:
        found = statuses(live.deliver(batch(GONE, "delete", "id")))
    gone = {2, 3, 7, 10}

    assert set(found.values()) <= {"delivered", "skipped"}
    assert held(sheet) == [row for row in seen if row[0] not in gone]
    assert ("were put back" in caplog.text) == (deed != "type below")
    assert list(sheet.tabs()) == ["Sheet1"]


def test_a_header_that_moves_stops_the_deletion(sheet, mirror, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    where = {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    with mirror() as live, pytest.raises(Exception, match="someone has changed the header"):
        sheet.change({"insertDimension": {"range": where}})
        live.deliver(batch(GONE, "delete", "id"))

    assert [row[1:] for row in sheet.values()] == PEOPLE


@pytest.mark.parametrize("deed", ["nothing", *DEEDS])
@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("befall", ["kill", "lose"])
def test_a_deletion_that_was_killed_is_finished(befall, at, deed, sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(**{f"_{at}": befall}) as dead:
        lost = dead.reserve(batch(GONE, "delete", "id"))
        dead.writer.write(lost)
    DEEDS.get(deed, lambda sheet: None)(sheet)
    before = held(sheet)
    with mirror() as again:
        found = statuses(again.recover(lost))

    assert set(found.values()) <= {"delivered", "skipped"}
    assert held(sheet) == [row for row in before if row[0] not in (2, 3, 7, 10)]
    assert list(sheet.tabs()) == ["Sheet1"]


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_killed_deletion_took_by_mistake_is_put_back(deed, sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    seen = []

    def meddle():
        DEEDS[deed](sheet)
        seen.extend(held(sheet))

    with mirror(_0=meddle, _1="kill") as dead:
        lost = dead.reserve(batch(GONE, "delete", "id"))
        dead.writer.write(lost)
    with mirror() as again:
        found = statuses(again.recover(lost))

    assert set(found.values()) <= {"delivered", "skipped"}
    assert by_key(held(sheet)) == by_key(row for row in seen if row[0] not in (2, 3, 7, 10))
    assert list(sheet.tabs()) == ["Sheet1"]


def insert_column(sheet):
    where = {"sheetId": 7, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    sheet.change({"insertDimension": {"range": where}})


def test_rows_that_were_deleted_are_known_although_columns_have_moved(
    sheet, mirror, batch, statuses
):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(_0="lose") as dead:
        lost = dead.reserve(batch(GONE, "delete", "id"))
        dead.writer.write(lost)
    insert_column(sheet)
    with mirror() as again:
        found = statuses(again.recover(lost))

    assert set(found.values()) == {"delivered"}
    assert [row[1:] for row in sheet.values()] == LEFT
    assert list(sheet.tabs()) == ["Sheet1"]


def test_rows_that_cannot_be_put_back_into_their_columns_stay_where_they_are(
    sheet, mirror, batch, statuses
):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(_0=lambda: insert(sheet), _1="kill") as dead:
        lost = dead.reserve(batch(GONE, "delete", "id"))
        dead.writer.write(lost)
    insert_column(sheet)
    with mirror() as again:
        found = statuses(again.recover(lost))
    hidden = [tab for tab in sheet.tabs() if "tailrace removed" in tab]

    assert set(found.values()) == {"in_doubt"}
    assert len(hidden) == 1
    assert by_key([*sheet.values(hidden[0])[1:], *[row[1:] for row in held(sheet)[1:]]]) == by_key(
        PEOPLE[1:]
    )


def test_a_key_that_somebody_types_again_is_theirs(sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(_0="lose") as dead:
        lost = dead.reserve(batch(GONE, "delete", "id"))
        dead.writer.write(lost)
    sheet.put("Sheet1!A20", [[2, "typed again"]])
    with mirror() as again:
        found = statuses(again.recover(lost))

    assert set(found.values()) == {"delivered"}
    assert held(sheet) == [*LEFT, [2, "typed again"]]


@pytest.mark.parametrize("deed", ["nothing", *DEEDS])
@pytest.mark.parametrize("befall", ["cut", "deny"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_lost_answer_deletes_nothing_twice(at, befall, deed, sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(**{f"_{at}": befall}) as live:
        lost = live.reserve(batch(GONE, "delete", "id"))
        # Whether the hidden tab is gone says nothing of the rows.
        with nullcontext() if at else pytest.raises(Exception, match="reset|503"):
            live.writer.write(lost)
        DEEDS.get(deed, lambda sheet: None)(sheet)
        before = held(sheet)
        found = statuses(live.recover(lost))

    assert set(found.values()) <= {"delivered", "skipped"}
    assert held(sheet) == [row for row in before if row[0] not in (2, 3, 7, 10)]
    assert list(sheet.tabs()) == ["Sheet1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_request_that_comes_late_deletes_nothing(when, sheet, mirror, batch, statuses):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror(_0="deny") as live:
        lost = live.reserve(batch(GONE, "delete", "id"))
        with pytest.raises(Exception, match="503"):
            live.writer.write(lost)
        if when == "before":
            sheet.change(*live.denied)
        found = statuses(live.recover(lost))
        if when == "after":
            with pytest.raises(Exception, match="400"):
                sheet.change(*live.denied)

    assert set(found.values()) == {"delivered"}
    assert held(sheet) == LEFT
    assert list(sheet.tabs()) == ["Sheet1"]


def test_a_lookup_tells_which_keys_are_gone(sheet, mirror, batch):
    sheet.put("Sheet1!A1", PEOPLE)
    with mirror() as fresh:
        some = batch([{"id": 1}, {"id": 99}], "delete", "id")
        found = {each.key: each for each in fresh.writer.lookup(some)}

    assert (found[1].status, found[1].reason) == ("failed", "not_arrived")
    assert found[99].status == "delivered"
    assert fresh.changes == 0


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(1, 9)),
        st.tuples(st.just("delete"), st.integers(1, 9)),
        st.tuples(st.just("sort"), st.just(0)),
    ),
    max_size=3,
)


@settings(max_examples=min(200, settings().max_examples))
@given(
    there=st.integers(1, 9),
    gone=st.sets(st.integers(1, 10), min_size=1),
    changes=st.dictionaries(st.integers(0, 3), CHANGES, max_size=2),
    befall=st.tuples(st.integers(0, 3), st.sampled_from(["kill", "lose", "cut", "deny", None])),
)
def test_whatever_people_do_only_those_rows_go(
    there, gone, changes, befall, sandbox, sheet_in, process_of, batch
):
    sheet = sheet_in(sandbox)
    sheet.put("Sheet1!A1", PEOPLE[: there + 1])
    deleted = set()

    def meddle(deeds):
        for what, at in deeds:
            if what == "insert":
                insert(sheet, at)
            elif what == "delete":
                row = (sheet.values() + [[]] * 12)[at]
                deleted.update(row[:1])
                delete(sheet, at)
            else:
                sort(sheet)

    what = {at: lambda deeds=deeds: meddle(deeds) for at, deeds in changes.items()}
    if befall[1]:
        what[befall[0]] = befall[1]
    with process_of(sheet, "mirror", ["id"], befall=what) as first:
        lost = first.reserve(batch([{"id": n} for n in sorted(gone)], "delete", "id"))
        first.deliver(lost)
    with process_of(sheet, "mirror", ["id"]) as again:
        again.recover(lost)

    assert {row[0] for row in held(sheet)[1:]} == set(range(1, there + 1)) - gone - deleted
    assert len(held(sheet)) == 1 + len(set(range(1, there + 1)) - gone - deleted)
    assert list(sheet.tabs()) == ["Sheet1"]
