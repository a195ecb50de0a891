"""Troubles of a service in mid-run: the end is exact, the counts are true, nothing is doubled."""

import duckdb
import pyarrow
import pytest

from .places import statuses


@pytest.mark.trouble("pace")
def test_a_service_that_says_slow_down_is_waited_for(place):
    place.strike("answer", skip=1, times=3, status=429, retry_after=7)
    rows = place.rows(place.many)
    report = place.run(rows, limits=place.small)

    assert {"delivered": place.many} == statuses(report)
    assert 3 == report.throttled
    assert 21 <= report.seconds
    assert place.wanted(rows) == place.held()


@pytest.mark.trouble("day")
def test_the_end_of_a_day_ends_the_run_at_once_and_the_next_run_goes_on(place):
    told = place.end_day()
    rows = place.rows(place.many)
    report = place.run(rows, limits=place.small)
    held = place.held()
    place.let_in()
    again = place.run(rows)

    assert 9 == report.exit_code
    assert told in report.problem
    assert 0 < report.delivered < place.many
    assert report.delivered == len(held)
    assert place.many == delivered(report, again)
    assert place.wanted(rows) == place.held()


@pytest.mark.trouble("login")
def test_a_login_that_is_taken_back_in_mid_run_ends_it_and_refuses_nothing(place, monkeypatch):
    place.shut_out(monkeypatch)
    rows = place.rows(place.many)
    report = place.run(rows, limits=place.small)
    held = place.held()
    place.let_in()
    again = place.run(rows)

    assert 9 == report.exit_code
    assert report.problem
    assert (0, 0) == (report.rejected, report.in_doubt)
    assert report.delivered == len(held)
    assert place.many == delivered(report, again)
    assert place.wanted(rows) == place.held()


@pytest.mark.trouble("lost")
def test_a_lost_answer_loses_and_doubles_nothing(place, loss, monkeypatch):
    place.lose(loss, monkeypatch)
    rows = place.rows(place.many)
    report = place.run(rows, limits=place.small)
    held = place.held()

    if place.finds:
        assert {"delivered": place.many} == statuses(report)
        assert place.wanted(rows) == held
        return
    # The second request was lost: its records are named, and stay as they are.
    doubtful = [row[place.key] for row in rows[place.batch : 2 * place.batch]]
    assert doubtful == in_doubt(report)
    assert 4 == report.exit_code
    assert place.many - len(doubtful) == report.delivered
    assert (loss == "reset_before") == (held.keys().isdisjoint(doubtful))
    again = place.run(rows if place.mode == "mirror" else [])
    assert 0 == again.delivered
    assert held == place.held()


@pytest.mark.trouble("order")
def test_answers_in_another_order_are_taken_for_the_right_records(place, monkeypatch):
    place.turn_round(monkeypatch)
    rows = place.rows(place.many)
    change, reason, _ = next(iter(place.bad.values()))
    bad = range(3, place.many, place.batch)
    for n in bad:
        rows[n] = {**rows[n], **change}
    report = place.run(rows)

    assert {rows[n][place.key]: reason for n in bad} == {
        each.key: each.reason for each in report.rejections
    }
    assert place.wanted([row for n, row in enumerate(rows) if n not in bad]) == place.held()


def test_of_two_records_with_one_key_equal_ones_are_one_and_others_are_both_refused(place):
    if place.mode == "append":
        return  # in which a key only names records
    rows = place.rows(300)
    twins = [{**rows[0]}, {**place.row(1, version=2)}]
    report = place.run([*rows[:150], *twins, *rows[150:]])

    assert {"delivered": 299, "skipped": 1, "rejected": 2} == statuses(report)
    assert [rows[1][place.key]] * 2 == [each.key for each in report.rejections]
    assert place.wanted([rows[0], *rows[2:]]) == place.held()


def delivered(first, then):
    """Count what two runs delivered; the second may have gone on with the first, and tells it."""
    earlier = sum(each.delivered for each in then.earlier)
    return then.delivered + (earlier if then.earlier else first.delivered)


def in_doubt(report):
    """Name the records in doubt, in their order."""
    table = duckdb.from_arrow(pyarrow.table(report.outcomes()))
    found = table.filter("status = 'in_doubt'").project("key").fetchall()
    return sorted(int(key) for (key,) in found)
