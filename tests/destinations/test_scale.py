"""Ten thousand rows, then one in a hundred changed and one removed: few requests, an exact end."""

from .places import statuses


def within(asked, optimum):
    """Tell that there were hardly more requests than there had to be."""
    return asked <= 1.1 * optimum + 10


def test_many_rows_take_hardly_more_requests_than_they_must_and_end_exact(place):
    rows = place.rows(place.count)
    before = place.asked()
    report = place.run(rows)
    first = place.asked() - before

    assert {"delivered": place.count} == statuses(report)
    assert place.wanted(rows) == place.held()
    assert within(first, place.optimum(place.count, 0)), first
    if place.mode == "mirror":
        changes(place, rows)


def changes(place, rows):
    share = place.count // 100
    kept = [place.row(n, 1) if n % 100 == 7 else row for n, row in enumerate(rows) if n % 100 != 50]
    before = place.asked()
    report = place.run(kept)
    second = place.asked() - before

    assert {"delivered": 2 * share, "skipped": len(kept) - share} == statuses(report)
    assert (len(kept), share) == (report.read, report.removed)
    assert place.wanted(kept) == place.held()
    assert within(second, place.optimum(share, share)), second

    before = place.asked()
    assert {"skipped": len(kept)} == statuses(place.run(kept))
    assert within(place.asked() - before, place.optimum(0, 0))
