"""A1 notation and windows."""

from hypothesis import given
from hypothesis import strategies as st

from tailrace_sheets import _ranges

COLUMNS = st.integers(0, 18_277)
ROWS = st.sets(st.integers(2, 500), min_size=1).map(sorted)
COSTS = st.builds(_ranges.Cost, st.integers(1, 40), st.integers(1, 600))


@given(COLUMNS)
def test_letters_and_numbers_of_columns_round_trip(column):
    assert _ranges.number(_ranges.letters(column)) == column


def test_columns_are_named_as_the_sheet_shows_them():
    shown = [_ranges.letters(each) for each in (0, 25, 26, 701, 702, 18_277)]

    assert shown == ["A", "Z", "AA", "ZZ", "AAA", "ZZZ"]


def test_a_title_can_hold_anything():
    found = _ranges.block("Bob's !A1", (2, 3), (0, 27))

    assert found == "'Bob''s !A1'!A2:AB3"


@given(ROWS)
def test_runs_hold_all_numbers_and_no_others(rows):
    found = [row for first, last in _ranges.runs(rows) for row in range(first, last + 1)]

    assert found == rows


@given(ROWS, COSTS)
def test_windows_cover_all_rows_in_order(rows, cost):
    found = _ranges.windows(rows, cost)
    covered = [row for first, last in found for row in range(first, last + 1)]

    assert set(rows) <= set(covered)
    assert covered == sorted(set(covered))


@given(ROWS, COSTS)
def test_groups_hold_the_windows_and_keep_to_what_fits_one_request(rows, cost):
    windows = _ranges.windows(rows, cost)
    groups = list(_ranges.grouped(windows, cost))
    covered = [row for group in groups for first, last in group for row in range(first, last + 1)]

    assert covered == [row for first, last in windows for row in range(first, last + 1)]
    assert max(map(len, groups)) <= cost.windows
    assert max(sum(last - first + 1 for first, last in group) for group in groups) <= cost.rows


def test_rows_far_apart_are_read_apart_and_near_ones_together():
    found = _ranges.windows([2, 3, 5, 90_000, 90_001], _ranges.Cost(40, 20_000))

    assert found == [(2, 5), (90_000, 90_001)]
