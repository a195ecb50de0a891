"""Values: each as Notion takes it and gives it back, or refused with the reason."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.testing.strategies import values
from tailrace_notion._misfits import UnfitError
from tailrace_notion._properties import Property
from tailrace_notion._reading import read
from tailrace_notion._values import encode
from tailrace_sandbox.notion import properties as twin

from .conftest import held, refusals, statuses

EAST = timezone(timedelta(hours=2))
ID = "5a1e0000-0000-4000-8000-000000000001"
OPTIONS = ("a", "b", "2", "2.5")
PLAIN = ID.replace("-", "")


def text(*parts):
    return [{"type": "text", "text": {"content": each}} for each in parts]


def names(*several):
    return [{"name": each} for each in several]


TAKEN = [
    ("title", "Ada", text("Ada")),
    ("rich_text", "a" * 2_001, text("a" * 2_000, "a")),
    ("rich_text", "a" * 1_999 + "\U0001f600", text("a" * 1_999, "\U0001f600")),
    ("rich_text", 5, text("5")),
    ("rich_text", Decimal("1.50"), text("1.50")),
    ("rich_text", True, text("true")),
    ("rich_text", date(2026, 1, 31), text("2026-01-31")),
    ("rich_text", UUID(int=1), text("00000000-0000-0000-0000-000000000001")),
    ("number", 5, 5),
    ("number", 2.5, 2.5),
    ("number", Decimal("0.10"), 0.1),
    ("number", "7.50", 7.5),
    ("number", 2**60, 2.0**60),
    ("checkbox", True, True),
    ("checkbox", "false", False),
    ("select", "a", {"name": "a"}),
    ("select", 2, {"name": "2"}),
    ("multi_select", ["a", "b", "a", None], names("a", "b")),
    ("multi_select", "a", names("a")),
    ("status", "b", {"name": "b"}),
    ("date", date(2026, 1, 31), {"start": "2026-01-31"}),
    ("date", "2026-01-31", {"start": "2026-01-31"}),
    ("date", datetime(2026, 1, 31, 12, tzinfo=EAST), {"start": "2026-01-31T12:00:00.000+02:00"}),
    ("date", datetime(2026, 1, 31, 12), {"start": "2026-01-31T12:00:00.000+00:00"}),
    ("date", "2026-01-31T12:00:00Z", {"start": "2026-01-31T12:00:00.000+00:00"}),
    (
        "date",
        datetime(1890, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
        {"start": "1889-12-31T23:06:32.000+00:00"},
    ),
    ("date", ["2026-01-01", "2026-01-31"], {"start": "2026-01-01", "end": "2026-01-31"}),
    ("date", {"start": date(2026, 1, 1), "end": None}, {"start": "2026-01-01"}),
    (
        "date",
        {"start": "2026-01-01T08:00", "end": "2026-01-01T09:00", "time_zone": "Europe/Berlin"},
        {
            "start": "2026-01-01T08:00:00.000",
            "end": "2026-01-01T09:00:00.000",
            "time_zone": "Europe/Berlin",
        },
    ),
    ("url", "https://x.example/ü?q=1#2", "https://x.example/ü?q=1#2"),
    ("email", "a@x.example", "a@x.example"),
    ("phone_number", "+49 1", "+49 1"),
    ("phone_number", 491, "491"),
    ("relation", PLAIN, [{"id": ID}]),
    ("relation", [ID, UUID(ID), f"https://notion.so/Page-{PLAIN}"], [{"id": ID}]),
    ("people", [ID], [{"id": ID}]),
    (
        "files",
        "https://x.example/a%20b.pdf?x=1",
        [{"name": "a b.pdf", "external": {"url": "https://x.example/a%20b.pdf?x=1"}}],
    ),
    (
        "files",
        [{"name": "one", "url": "https://x.example/1"}, "https://x.example"],
        [
            {"name": "one", "external": {"url": "https://x.example/1"}},
            {"name": "https://x.example", "external": {"url": "https://x.example"}},
        ],
    ),
]
CLEARED = {
    **dict.fromkeys(("number", "select", "status", "date", "url", "email", "phone_number"), None),
    **{name: [] for name in ("title", "rich_text", "multi_select", "relation", "people", "files")},
    "checkbox": False,
}
REFUSED = [
    ("rich_text", ["a"], "value"),
    ("rich_text", {"text": "a"}, "value"),
    ("rich_text", b"a", "value"),
    ("rich_text", "\ud800", "value"),
    ("rich_text", float("nan"), "value"),
    ("rich_text", "a" * 200_001, "too_long"),
    ("rich_text", "\U0001f600" * 100_001, "too_long"),
    ("rich_text", "a\u0301" * 99_999 + "e\u0301\u0301", "too_long"),
    ("rich_text", "a" * 30_000_000, "too_long"),
    ("number", "seven", "value"),
    ("number", float("inf"), "value"),
    ("number", True, "value"),
    ("number", 2**53 + 1, "digits"),
    ("number", Decimal("0.12345678901234567890"), "digits"),
    ("number", 10**5000, "value"),
    ("number", "1e999", "digits"),
    ("checkbox", "yes", "value"),
    ("checkbox", 1, "value"),
    ("select", "z", "no_option"),
    ("select", 1.5, "value"),
    ("select", ["a"], "value"),
    ("multi_select", ["a", "z"], "no_option"),
    ("multi_select", [["a"]], "value"),
    ("multi_select", ["a"] * 101, "too_long"),
    ("status", "z", "no_option"),
    ("date", "31.01.2026", "value"),
    ("date", "noon", "value"),
    ("date", 5, "value"),
    ("date", ["2026-01-01", "2026-01-02", "2026-01-03"], "value"),
    ("date", {"end": "2026-01-01"}, "value"),
    ("date", {"start": "2026-01-01", "until": "2026-01-01"}, "value"),
    ("date", ["2026-01-02", "2026-01-01"], "value"),
    ("date", ["2026-01-02", "2026-01-03T12:00"], "value"),
    ("date", {"start": "2026-01-01T00:00Z", "time_zone": "Europe/Berlin"}, "value"),
    ("date", {"start": "2026-01-01", "time_zone": "Europe/Berlin"}, "value"),
    ("date", {"start": "2026-01-01T08:00", "time_zone": "\ud800"}, "value"),
    ("date", {"start": "2026-01-01T08:00", "time_zone": 1}, "value"),
    ("url", "x.example", "value"),
    ("url", "https://", "value"),
    ("url", "https://x.example/a b", "value"),
    ("url", "https://x.example/\n", "value"),
    ("url", 5, "value"),
    ("url", "https://x.example/" + "a" * 2_000, "too_long"),
    ("email", "a" * 201, "too_long"),
    ("phone_number", "1" * 201, "too_long"),
    ("relation", "Ada", "value"),
    ("relation", 5, "value"),
    ("relation", [ID] * 101, "too_long"),
    ("people", "ada@x.example", "value"),
    ("files", "file:///etc/passwd", "value"),
    ("files", [{"name": "n"}], "value"),
    ("files", [{"url": "https://x.example", "more": 1}], "value"),
    ("files", [{"url": "https://x.example", "name": "n" * 101}], "too_long"),
]
HOSTILE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "mailto:a@x.example",
    "//x.example/",
    "<a href='javascript:alert(1)'>x</a>",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "https:javascript:alert(1)",
]


def of(kind, *, open_=False):
    options = OPTIONS if kind in ("select", "multi_select", "status") else ()
    return Property("p", "P", kind, options, open_)


@pytest.mark.parametrize(("kind", "value", "wanted"), TAKEN, ids=range(len(TAKEN)))
def test_values_are_written_as_notion_takes_them(kind, value, wanted):
    assert wanted == encode(of(kind), value)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("kind", CLEARED)
def test_nothing_clears(kind, value):
    assert CLEARED[kind] == json.loads(json.dumps(encode(of(kind), value)))


@pytest.mark.parametrize(("kind", "value", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_values_that_it_cannot_hold_are_refused(kind, value, reason):
    with pytest.raises(UnfitError) as told:
        encode(of(kind), value)

    assert reason == told.value.reason
    assert 5 < len(str(told.value)) < 250


@pytest.mark.parametrize("value", HOSTILE)
def test_what_could_be_clicked_on_is_refused_and_as_text_it_is_nothing_but_text(value):
    for kind in ("url", "files"):
        with pytest.raises(UnfitError):
            encode(of(kind), value)

    assert text(value) == encode(of("rich_text"), value)


@pytest.mark.parametrize("kind", ["select", "multi_select"])
def test_options_are_made_where_that_is_asked_for(kind):
    made = encode(of(kind, open_=True), "new")

    assert {"name": "new"} == (made if kind == "select" else made[0])
    for bad in ("with, comma", "n" * 101, "\ud800"):
        with pytest.raises(UnfitError):
            encode(of(kind, open_=True), bad)


def kept(kind, written):
    """Give what the twin keeps of a value, as it gives it back."""
    column = twin.Property("p", "P", kind)
    for each in OPTIONS:
        column.add(each)
    value = column.kept(json.loads(json.dumps(written)))
    if kind == "people":
        return [{"object": "user", **each} for each in value]
    return value


@pytest.mark.parametrize(("kind", "value"), [each[:2] for each in TAKEN], ids=range(len(TAKEN)))
def test_what_comes_back_is_known_for_what_was_written(kind, value):
    written = encode(of(kind), value)

    assert read(kind, written) == read(kind, kept(kind, written))


@pytest.mark.parametrize("kind", CLEARED)
def test_what_was_cleared_comes_back_empty(kind):
    written = encode(of(kind), None)

    assert read(kind, written) == read(kind, kept(kind, written))


@given(st.sampled_from(list(CLEARED)), values())
def test_whatever_a_row_holds_is_taken_and_comes_back_or_is_refused(kind, value):
    try:
        written = encode(of(kind), value)
    except UnfitError:
        return

    assert read(kind, written) == read(kind, kept(kind, written))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_lose_nothing(number):
    assert number == encode(of("number"), number)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(EAST)))
def test_moments_stay_the_same_moment_to_the_millisecond(moment):
    written = datetime.fromisoformat(encode(of("date"), moment)["start"])

    assert timedelta(0) <= moment - written < timedelta(milliseconds=1)


@given(st.sampled_from(list(CLEARED)), values(plain=True))
def test_a_shape_that_nobody_knows_is_told_apart_from_what_was_written(kind, value):
    if kind in ("checkbox", "url", "email", "phone_number"):
        return
    read(kind, value)  # and raises nothing


def test_every_type_arrives_and_a_second_run_finds_nothing_to_do(deliver, sandbox, source, make):
    pages = make({"Key": "one"}, {"Key": "other"})
    people = sandbox.notion.people
    row = {
        "Key": "k",
        "Name": "Ada \U0001f600",
        "Text": "\U0001f468\u200d\U0001f469" * 900,
        "Number": Decimal("4.20"),
        "Check": True,
        "Select": 2,
        "Multi": ["a", "c"],
        "Status": "Done",
        "Date": [datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)],
        "Url": "https://x.example",
        "Email": "a@x.example",
        "Phone": "+49 1",
        "Relation": pages,
        "People": [people["Ada"], people["Grace"]],
        "Files": "https://x.example/a.pdf",
    }
    first = deliver([row])
    before = len(sandbox.requests("notion"))
    again = deliver([row])

    assert {"delivered": 1} == statuses(first) == statuses(again)
    assert before + 3 == len(sandbox.requests("notion"))
    assert {
        **row,
        "Number": 4.2,
        "Select": "2",
        "Date": {"start": "2026-01-01T12:00:00.000+00:00", "end": "2026-01-02T00:00:00.000+00:00"},
        "Files": ["https://x.example/a.pdf"],
    } == held(sandbox, source)["k"]


def test_more_references_than_a_page_is_given_with_are_written_again(
    deliver, sandbox, source, make
):
    pages = make(*({"Key": f"p{n}"} for n in range(30)))
    for _ in range(2):
        report = deliver([{"Key": "k", "Relation": pages}])

        assert {"delivered": 1} == statuses(report)
    assert pages == held(sandbox, source)["k"]["Relation"]
    assert "PATCH" == sandbox.requests("notion")[-1].method


def test_new_options_are_made_only_if_that_is_asked_for(deliver, sandbox, source):
    rows = [{"Key": "k", "Select": "new"}, {"Key": "l", "Multi": ["a", "newer"]}]
    refused = deliver(rows)
    taken = deliver(rows, create_options=True)

    assert {"k": "no_option", "l": "no_option"} == refusals(refused)
    assert {"delivered": 2} == statuses(taken)
    assert {"k": {"Key": "k", "Select": "new"}, "l": {"Key": "l", "Multi": ["a", "newer"]}} == held(
        sandbox, source
    )
    assert {"m": "no_option"} == refusals(
        deliver([{"Key": "m", "Status": "new"}], create_options=True)
    )


def test_an_empty_text_clears_a_choice(deliver, sandbox, source):
    deliver([{"Key": "k", "Select": "a", "Status": "Done"}])
    report = deliver([{"Key": "k", "Select": ""}])

    assert {"delivered": 1} == statuses(report)
    assert {"k": {"Key": "k", "Status": "Done"}} == held(sandbox, source)
