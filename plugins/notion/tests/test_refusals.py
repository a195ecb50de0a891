"""What is refused, by whom, and that all the rest arrives."""

import pytest

from .conftest import held, refusals, statuses, writes
from .test_values import HOSTILE

MISSING = "00000000-0000-4000-8000-000000000000"


def rows_of(count):
    return [{"Key": f"k{n}", "Name": f"n{n}"} for n in range(count)]


def test_one_bad_row_in_a_hundred_is_refused_by_name_and_the_rest_arrives(deliver, sandbox, source):
    bad = [
        (
            {"Text": "a" * 200_001},
            "too_long",
            "200,001 characters (UTF-16), and a text may have 200,000",
        ),
        ({"Email": "a" * 201}, "too_long", "an e-mail address may have 200"),
        ({"Url": "javascript:alert(1)"}, "value", "no http or https address"),
        ({"Status": "Gone"}, "no_option", "'Gone' is none of 'Not started', 'In progress', 'Done'"),
        ({"Multi": ["a", "z"]}, "no_option", "'z', which is none of 'a', 'b', 'c'"),
        ({"Number": 2**53 + 1}, "digits", "more digits than Notion's numbers"),
        ({"Relation": MISSING}, "object_not_found", f"Could not find page with ID: {MISSING}"),
        ({"People": MISSING}, "object_not_found", f"Could not find user with ID: {MISSING}"),
        ({"Key": "k" * 2_001}, "too_long", "pages are found by 2,000 at most"),
    ]
    rows = rows_of(900)
    wanted = {}
    for n, (wrong, reason, _) in enumerate(bad):
        rows[100 * n + 50] |= wrong
        wanted[rows[100 * n + 50]["Key"]] = reason
    report = deliver(rows)
    told = {each.key: each.message for each in report.rejections}

    assert {"delivered": 891, "rejected": 9} == statuses(report)
    assert wanted == refusals(report)
    assert all(why in told[key] for key, (*_, why) in zip(wanted, bad, strict=True))
    assert {each["Key"] for each in rows} - wanted.keys() == set(held(sandbox, source))
    assert 891 + 2 == writes(sandbox)


def test_a_change_that_is_refused_leaves_its_page_as_it_was(deliver, sandbox, source):
    deliver(rows_of(3), state=True)
    rows = [{**each, "Name": "new", "Relation": MISSING} for each in rows_of(3)]
    report = deliver([rows[0], {"Key": "k1", "Name": "new"}], state=True)

    assert {"k0": "object_not_found"} == refusals(report)
    assert ["n0", "new", "n2"] == [each["Name"] for each in sandbox.notion.pages(source)]


@pytest.mark.parametrize("mode", ["insert", "update", "upsert"])
def test_a_record_whose_key_is_empty_is_refused(deliver, sandbox, mode):
    report = deliver([{"Key": "", "Name": "n"}], mode=mode)

    assert {"": "no_key"} == refusals(report)
    assert 0 == writes(sandbox)


def test_a_row_larger_than_a_request_may_be_is_refused(deliver, sandbox):
    report = deliver([{"Key": "k", "Name": "ä" * 190_000, "Text": "ä" * 190_000}])

    assert {"k": "too_long"} == refusals(report)
    assert 0 == writes(sandbox)


def test_texts_of_others_arrive_as_nothing_but_text(deliver, sandbox, source):
    rows = [{"Key": each, "Name": each, "Text": each} for each in HOSTILE]
    report = deliver(rows)

    assert {"delivered": len(rows)} == statuses(report)
    assert {each["Key"]: each for each in rows} == held(sandbox, source)
    assert all(b'"link"' not in each.body for each in sandbox.requests("notion"))
    assert all(b'"href"' not in each.body for each in sandbox.requests("notion"))
