"""One bad row in a hundred is refused by its name, with the field and the reason; all others arrive."""

from itertools import cycle

from .places import statuses


def test_one_bad_row_in_a_hundred_is_refused_by_name_and_the_rest_arrives(place):
    count = 200 * len(place.bad)
    rows, wanted = place.rows(count), {}
    for n, (change, reason, words) in zip(range(50, count, 100), cycle(place.bad.values())):
        rows[n] = bad = {**rows[n], **distinct(change, n)}
        wanted[bad[place.key]] = (reason, words.replace("nobody", f"nobody{n}"))
    report = place.run(rows)

    told = {each.key: each for each in report.rejections}
    assert {"delivered": count - len(wanted), "rejected": len(wanted)} == statuses(report)
    assert 8 == report.exit_code
    assert {key: reason for key, (reason, _) in wanted.items()} == {
        key: each.reason for key, each in told.items()
    }
    assert [] == [key for key, (_, words) in wanted.items() if words not in told[key].message]
    good = [row for row in rows if row[place.key] not in wanted]
    assert place.wanted(good) == place.held()


def test_a_bad_row_that_is_mended_arrives_and_nothing_else_is_sent_again(place):
    if place.mode == "append":
        return  # which sends all that it reads
    rows = place.rows(place.many)
    bad, *_ = place.bad.values()
    broken = [*rows[:7], {**rows[7], **distinct(bad[0], 7)}, *rows[8:]]
    place.run(broken)
    before = place.held()
    report = place.run(broken)
    mended = place.run(rows)

    assert {"skipped": place.many} == statuses(report)
    assert before == {key: each for key, each in place.wanted(rows).items() if key != gone(rows[7])}
    assert {"delivered": 1, "skipped": place.many - 1} == statuses(mended)
    assert place.wanted(rows) == place.held()


def distinct(change, n):
    """Make a bad key, where it is the key that is bad, another for each row."""
    return {name: f"nobody{n}" if value == "nobody" else value for name, value in change.items()}


def gone(row):
    """Give the key of a row, whatever it is called."""
    return next(iter(row.values()))
