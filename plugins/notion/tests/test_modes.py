"""Whole runs into the sandbox's Notion: what each mode does, and what it costs."""

import json
from urllib.parse import unquote

import pytest

from .conftest import asked, held, refusals, statuses, writes

ROWS = [{"Key": f"k{n}", "Name": f"name {n}", "Number": n + 1} for n in range(10)]
TO_BEGIN_WITH = ["GET users", "GET data_sources"]


def by_key(rows):
    return {each["Key"]: {k: v for k, v in each.items() if v is not None} for each in rows}


def test_ten_thousand_rows_and_then_their_changes_cost_what_they_have_to(deliver, sandbox, source):
    rows = [
        {
            "Key": f"k{n}",
            "Name": f"n{n}",
            "Number": n + 1,
            "Email": None if n % 3 else "a@x.example",
        }
        for n in range(10_000)
    ]
    first = deliver(rows, mode="mirror")
    changed = [{**each, "Name": "new"} if n % 100 == 0 else each for n, each in enumerate(rows)]
    left = [each for n, each in enumerate(changed) if n % 100 != 50]
    second = deliver(left, mode="mirror")

    assert {"delivered": 10_000} == statuses(first)
    assert first.requests <= 1.1 * 10_000 + 10
    assert {"delivered": 200, "skipped": 9_800} == statuses(second)
    assert second.requests <= 200 + len(TO_BEGIN_WITH)
    assert by_key(left) == held(sandbox, source)
    assert 100 == len(sandbox.notion.pages(source, trash=True))


def test_pages_that_are_known_are_changed_without_a_question(deliver, sandbox):
    deliver(ROWS, state=True)
    before = len(asked(sandbox))
    deliver([{**each, "Name": "new"} for each in ROWS], state=True)

    assert [*TO_BEGIN_WITH, *["PATCH pages"] * 10] == asked(sandbox)[before:]


def test_ids_are_remembered_and_the_right_ones(deliver, sandbox, source):
    report = deliver(ROWS, state=True)
    ids = {each["Key"]: each["id"] for each in sandbox.notion.pages(source)}

    assert ids == {each.key: each.remote_id for each in report.outcomes()}


def test_an_upsert_changes_what_others_have_made(deliver, sandbox, source, make):
    make(*({"Key": f"k{n}", "Name": "old", "Text": "theirs"} for n in range(3)))
    report = deliver(ROWS)

    assert {"delivered": 10} == statuses(report)
    assert {**ROWS[0], "Text": "theirs"} == held(sandbox, source)["k0"]
    assert 10 == len(held(sandbox, source))


def test_what_is_there_as_it_should_be_costs_no_request_of_its_own(deliver, sandbox, source):
    deliver(ROWS)
    before = writes(sandbox)
    report = deliver([{**ROWS[0], "Number": 5}, *ROWS[1:]])

    assert {"delivered": 10} == statuses(report)
    assert 1 == writes(sandbox) - before
    assert {"Number": 5} == held(sandbox, source, names=["Number"])["k0"]


def test_properties_are_named_by_ids_which_outlive_their_names(deliver, sandbox):
    deliver(ROWS)
    created = json.loads(sandbox.requests("notion")[-1].body)

    assert "title" in created["properties"]
    assert not set(created["properties"]) & {"Key", "Name", "Number"}
    assert "in_trash" not in created
    assert "archived" not in created


def test_a_query_asks_for_what_is_compared_and_no_more(deliver, sandbox, source, call):
    columns = call("GET", f"data_sources/{source}")["properties"]
    deliver(ROWS)
    (query,) = [each for each in sandbox.requests("notion") if each.path.endswith("/query")]
    ids = [unquote(columns[name]["id"]) for name in ROWS[0]]

    assert {"filter_properties": ids} == query.query  # escaped once, as they are told
    assert any("%" in columns[name]["id"] for name in ROWS[0])
    assert set(json.loads(query.body)) == {"filter", "page_size"}


def test_a_column_whose_name_is_anothers_id_is_told_from_it(deliver, sandbox):
    columns = {"Name": {"title": {}}, "title": {"rich_text": {}}, "Key": {"rich_text": {}}}
    source = sandbox.notion.add_database("Odd", columns)
    rows = [{"Key": "k", "Name": "the title", "title": "a text"}]
    for _ in range(2):
        deliver(rows, data_source=source)
    deliver([{"Name": "the title", "title": "other"}], data_source=source, key="Name")

    assert {"the title": {"Name": "the title", "title": "other", "Key": "k"}} == held(
        sandbox, source, "Name"
    )
    assert 2 == writes(sandbox)


def test_null_clears_and_what_is_unset_is_left_alone(deliver, sandbox, source):
    deliver([{"Key": "k", "Name": "Ada", "Number": 1, "Text": "t", "Url": "https://x.example"}])
    deliver([{"Key": "k", "Name": None, "Number": None, "Url": ""}])

    assert {"k": {"Key": "k", "Text": "t"}} == held(sandbox, source)


def test_an_insert_leaves_alone_what_is_there(deliver, sandbox, source, make):
    make({"Key": "k0", "Name": "old"})
    report = deliver(ROWS, mode="insert")

    assert {"delivered": 9, "skipped": 1} == statuses(report)
    assert "old" == held(sandbox, source)["k0"]["Name"]
    assert 10 == len(held(sandbox, source))


def test_an_update_makes_nothing(deliver, sandbox, source, make):
    make(*({"Key": f"k{n}"} for n in range(4)))
    report = deliver(ROWS, mode="update")

    assert {"delivered": 4, "skipped": 6} == statuses(report)
    assert by_key(ROWS[:4]) == held(sandbox, source)


@pytest.mark.parametrize("key", [None, "Key"])
def test_an_append_adds_and_asks_for_nothing(deliver, sandbox, source, key):
    deliver(ROWS, mode="append", key=key)
    report = deliver(ROWS, mode="append", key=key)

    assert {"delivered": 10} == statuses(report)
    assert 20 == len(sandbox.notion.pages(source))
    assert ["POST pages"] * 10 == asked(sandbox)[-10:]


def test_a_mirror_puts_into_the_trash_what_it_made_and_nothing_else(deliver, sandbox, source, make):
    make({"Key": "theirs"})
    deliver(ROWS, mode="mirror")
    report = deliver(ROWS[:7], mode="mirror")

    assert {"delivered": 3, "skipped": 7} == statuses(report)
    assert {"theirs": {"Key": "theirs"}, **by_key(ROWS[:7])} == held(sandbox, source)
    assert {"k7", "k8", "k9"} == {each["Key"] for each in sandbox.notion.pages(source, trash=True)}
    assert json.loads(sandbox.requests("notion")[-1].body) == {"in_trash": True}


def test_a_page_that_somebody_put_into_the_trash_comes_back_whole(deliver, sandbox, source, call):
    report = deliver(ROWS, state=True)
    ids = {each.key: each.remote_id for each in report.outcomes()}
    call("PATCH", f"pages/{ids['k3']}", {"in_trash": True})
    rows = [{**each, "Number": 7} if each["Key"] == "k3" else each for each in ROWS]
    again = deliver(rows, state=True)

    assert {"delivered": 1, "skipped": 9} == statuses(again)
    assert by_key(rows) == held(sandbox, source)
    assert ids["k3"] in [each["id"] for each in sandbox.notion.pages(source)]


def test_a_page_that_is_gone_for_good_is_made_anew(deliver, sandbox, source):
    report = deliver(ROWS, state=True)
    sandbox.notion.hide(next(each.remote_id for each in report.outcomes() if each.key == "k3"))
    again = deliver([{**ROWS[3], "Number": 7}], state=True)

    assert {"delivered": 1} == statuses(again)
    assert [4, 7] == [
        each["Number"] for each in sandbox.notion.pages(source) if each["Key"] == "k3"
    ]


def test_what_a_mirror_would_put_into_the_trash_may_be_there_or_gone_already(
    deliver, sandbox, call
):
    report = deliver(ROWS[:3], mode="mirror")
    ids = {each.key: each.remote_id for each in report.outcomes()}
    call("PATCH", f"pages/{ids['k1']}", {"in_trash": True})
    sandbox.notion.hide(ids["k2"])
    again = deliver(ROWS[:1], mode="mirror")

    assert {"delivered": 1, "skipped": 2} == statuses(again)
    assert {"k1": None, "k2": "not_found"} == {
        each.key: each.reason for each in again.outcomes() if each.key != "k0"
    }


def test_an_update_of_what_is_in_the_trash_is_skipped(deliver, sandbox, source, call, make):
    (page,) = make({"Key": "k0"})
    deliver(ROWS[:1], mode="update", state=True)
    call("PATCH", f"pages/{page}", {"in_trash": True})
    report = deliver([{**ROWS[0], "Number": 9}], mode="update", state=True)

    assert {"skipped": 1} == statuses(report)
    assert [] == sandbox.notion.pages(source)


@pytest.mark.parametrize("mode", ["insert", "update", "upsert"])
def test_several_pages_of_one_key_are_named_and_none_of_them_is_touched(
    deliver, sandbox, source, make, mode
):
    twins = make({"Key": "k1", "Name": "one"}, {"Key": "k1", "Name": "other"})
    make({"Key": "k2", "Name": "old"})
    report = deliver(ROWS[:4], mode=mode)

    assert {"k1": "several"} == refusals(report)
    assert all(name in report.rejections[0].message for name in twins)
    assert ["one", "other"] == [
        each["Name"] for each in sandbox.notion.pages(source) if each["Key"] == "k1"
    ]


def test_capitals_tell_keys_apart_though_notions_filters_do_not(deliver, sandbox, source, make):
    make({"Key": "K1", "Name": "theirs"})
    report = deliver([{"Key": "k1", "Name": "ours"}])

    assert {"delivered": 1} == statuses(report)
    assert {"K1": "theirs", "k1": "ours"} == {
        key: each["Name"] for key, each in held(sandbox, source).items()
    }


def test_keys_that_are_one_to_notion_are_refused_together(deliver, sandbox, source):
    report = deliver([{"Key": 1, "Name": "number"}, {"Key": "1", "Name": "text"}, ROWS[0]])

    assert {1: "same_key", "1": "same_key"} == refusals(report)
    assert ["k0"] == list(held(sandbox, source))


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("Key", ["a", "b" * 2000, "\U0001f600 ü", 7]),
        ("Name", ["a", "b"]),
        ("Number", [1, 2.5, -3]),
        ("Email", ["a@x.example", "b@x.example"]),
        ("Phone", ["+1", "+2"]),
        ("Url", ["https://x.example/1", "http://x.example/2"]),
    ],
)
def test_pages_are_found_by_properties_of_these_types(deliver, sandbox, source, key, values):
    for text in ("old", "new"):
        report = deliver([{key: each, "Text": text} for each in values], key=key)

        assert {"delivered": len(values)} == statuses(report)
    assert ["new"] * len(values) == [each["Text"] for each in sandbox.notion.pages(source)]


def test_many_that_are_alike_are_read_to_the_last_page(deliver, sandbox, source, make):
    make(*({"Key": each} for each in ("K1", "k1") for _ in range(120)), {"Key": "k2"})
    report = deliver(ROWS[:3])

    assert {"k1": "several"} == refusals(report)
    assert 241 + 1 == len(sandbox.notion.pages(source))


def test_a_list_that_notion_cuts_off_in_silence_is_asked_for_in_parts(
    deliver, sandbox, source, make
):
    sandbox.notion.most_found = 20
    make(*({"Key": f"k{n}", "Name": "old"} for n in range(40)))
    rows = [{"Key": f"k{n}", "Name": "new"} for n in range(45)]
    report = deliver(rows)

    assert {"delivered": 45} == statuses(report)
    assert by_key(rows) == held(sandbox, source)


def test_where_even_one_key_has_more_pages_than_are_listed_its_record_alone_is_refused(
    deliver, sandbox, source, make
):
    sandbox.notion.most_found = 5
    make(*({"Key": "K1"} for _ in range(6)), *({"Key": "k2"} for _ in range(6)))
    report = deliver(ROWS[:4])

    assert {"k1": "several", "k2": "several"} == refusals(report)
    assert {"delivered": 2, "rejected": 2} == statuses(report)


def test_equal_rows_of_one_key_count_once_and_differing_ones_are_refused(deliver, sandbox, source):
    rows = [*ROWS[:3], ROWS[1], {**ROWS[2], "Name": "other"}]
    report = deliver(rows)

    assert {"delivered": 2, "skipped": 1, "rejected": 2} == statuses(report)
    assert by_key(ROWS[:2]) == held(sandbox, source)
