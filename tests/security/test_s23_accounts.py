"""S23: a state belongs to one account, object, sheet or table; another one gets nothing."""

from .endpoint import CANARY


def test_another_account_gets_nothing_and_the_run_ends_with_3(place):
    rows = place.rows(place.many)
    place.run(rows)
    held = place.held()
    options = place.swap()
    before = place.writes_seen()
    report = place.run([place.row(n, 1) for n in range(place.many)], **options)

    assert 3 == report.exit_code
    assert 0 == report.delivered + report.in_doubt + report.rejected
    assert before == place.writes_seen()
    assert "belongs to" in report.problem or "and this is" in report.problem
    assert CANARY not in report.problem
    assert held == place.held() or place.held() == {}


def test_the_same_account_goes_on(place):
    if place.mode != "mirror":
        return  # in which nothing is compared
    rows = place.rows(place.many)
    place.run(rows)
    report = place.run([place.row(n, 1) for n in range(place.many)])

    assert (0, place.many) == (report.exit_code, report.delivered)
