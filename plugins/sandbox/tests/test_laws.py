"""Laws that hold for whatever is thrown at them."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace_sandbox.sheets import a1, batch, fields, values
from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.book import Book, new_properties
from tailrace_sandbox.sheets.entry import Desk
from tailrace_sandbox.sheets.render import Rendering
from tailrace_sandbox.sheets.serial import to_datetime, today
from tailrace_sandbox.sheets.tabs import add_tab

AS_IS = Rendering("UNFORMATTED_VALUE")
ROWS, COLUMNS = 12, 6
quick = settings(max_examples=60, deadline=None)
cell = st.one_of(
    st.text(max_size=5),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)
table = st.lists(st.lists(cell, max_size=COLUMNS), max_size=ROWS)
names = st.sampled_from(["a", "b", "c", "d"])
tree = st.recursive(
    st.integers(), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=8
)


def fresh():
    book = Book(id="1", properties=new_properties("law"), file={})
    grid = {"rowCount": ROWS, "columnCount": COLUMNS}
    add_tab(book, {"title": "T", "sheetId": 0, "gridProperties": grid})
    return book


def put(book, rows, cells="T"):
    options = {"valueInputOption": "RAW"}
    values.update(book, cells, {"values": rows}, options, Desk("en_US", today()))


def read(book, cells="T"):
    return values.get(book, book.locate(cells), "ROWS", AS_IS).get("values", [])


def trimmed(rows):
    kept = []
    for cells in rows:
        row = list(cells)
        while row and row[-1] == "":
            row.pop()
        kept.append(row)
    while kept and not kept[-1]:
        kept.pop()
    return kept


@quick
@given(st.integers(0, a1.MAX_COLUMNS - 1))
def test_column_letters_round_trip(index):
    assert a1.column(a1.letters(index)) == index


@quick
@given(
    st.text(string.printable, min_size=1, max_size=8),
    st.tuples(*[st.integers(0, 40)] * 2),
    st.tuples(*[st.integers(1, 40)] * 2),
)
def test_ranges_round_trip(title, start, size):
    area = Area(start[0], start[0] + size[0], start[1], start[1] + size[1])
    found, cells = a1.split(a1.write(title, area))

    assert (found, a1.area(cells)) == (title, area)


@quick
@given(table)
def test_what_is_written_is_read_without_what_is_empty_at_the_ends(rows):
    book = fresh()
    put(book, rows)

    assert read(book) == trimmed(rows)


@quick
@given(table, table)
def test_a_second_write_covers_the_first(first, second):
    book = fresh()
    put(book, first)
    put(book, second)
    under = [[*row, *[""] * (COLUMNS - len(row))] for row in first] + [[""] * COLUMNS] * (
        ROWS - len(first)
    )
    for i, row in enumerate(second):
        under[i] = [*row, *under[i][len(row) :]]

    assert read(book) == trimmed(under)


@quick
@given(table, st.sampled_from(["ROWS", "COLUMNS"]), st.integers(0, COLUMNS - 2), st.integers(1, 3))
def test_deleting_undoes_inserting(rows, dimension, start, count):
    book = fresh()
    put(book, rows)
    before = read(book)
    where = {"sheetId": 0, "dimension": dimension, "startIndex": start, "endIndex": start + count}
    batch.apply(
        book, [{"insertDimension": {"range": where}}, {"deleteDimension": {"range": where}}]
    )

    assert read(book) == before
    assert (book.tabs[0].grid.rows, book.tabs[0].grid.columns) == (ROWS, COLUMNS)


@quick
@given(table, st.integers(0, ROWS - 3), st.integers(0, ROWS))
def test_moving_rows_keeps_them_all(rows, start, to):
    book = fresh()
    put(book, rows)
    before = read(book) + [[]] * (ROWS - len(read(book)))
    source = {"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": start + 2}
    batch.apply(book, [{"moveDimension": {"source": source, "destinationIndex": to}}])
    moved, rest = before[start : start + 2], before[:start] + before[start + 2 :]
    at = start if start <= to <= start + 2 else to if to < start else to - 2

    assert read(book) == trimmed(rest[:at] + moved + rest[at:])


@quick
@given(table)
def test_a_pasted_block_reads_like_its_source(rows):
    book = fresh()
    put(book, rows)
    add_tab(book, {"title": "U", "sheetId": 1})
    whole = {
        "startRowIndex": 0,
        "endRowIndex": ROWS,
        "startColumnIndex": 0,
        "endColumnIndex": COLUMNS,
    }
    paste = {"source": {"sheetId": 0, **whole}, "destination": {"sheetId": 1, **whole}}
    batch.apply(book, [{"copyPaste": paste}])

    assert read(book, "U") == read(book, "T") == trimmed(rows)


@quick
@given(table, table)
def test_a_fork_leaves_the_original_alone(first, second):
    book = fresh()
    put(book, first)
    fork = book.fork()
    put(fork, second)

    assert read(book) == trimmed(first)


@quick
@given(tree, tree)
def test_a_mask_leaves_what_it_names(value, wanted):
    def spell(part):
        return ",".join(f"{k}({spell(v)})" if isinstance(v, dict) else k for k, v in part.items())

    def cut(part, mask):
        if not isinstance(part, dict) or not isinstance(mask, dict):
            return part
        kept = {k: cut(v, mask[k]) for k, v in part.items() if k in mask}
        return {k: v for k, v in kept.items() if v != {}}

    mask = fields.parse(spell(wanted) if isinstance(wanted, dict) else "*")

    assert mask.apply(value) == cut(value, wanted)
    assert fields.parse(str(mask)) == mask


@quick
@given(st.integers(-600_000, 2_900_000))
def test_serials_count_days(serial):
    found = to_datetime(serial)

    assert found is not None
    assert (found - to_datetime(0)).days == serial


def test_masks_are_spelt_in_several_ways():
    value = {"a": 1, "b": {"c": [{"d": 1, "e": 2}], "f": 3}, "g": 4}

    assert fields.parse("a,b/c/d").apply(value) == {"a": 1, "b": {"c": [{"d": 1}]}}
    assert fields.parse("b.c(d,e)").apply(value) == {"b": {"c": [{"d": 1, "e": 2}]}}
    assert fields.parse("b(f),b/c.e").apply(value) == {"b": {"c": [{"e": 2}], "f": 3}}
    assert fields.parse("*/f").apply(value) == {"b": {"f": 3}, "a": 1, "g": 4}
    assert fields.parse("*").apply(value) == value
