"""Values: each as HubSpot writes it, or refused with the reason."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.testing.strategies import values
from tailrace_hubspot._properties import Property
from tailrace_hubspot._values import UnfitError, encode

from .conftest import held, refusals, statuses

EAST = timezone(timedelta(hours=2))
TAKEN = [
    ("string", "a;b", "a;b"),
    ("string", 5, "5"),
    ("string", Decimal("1.50"), "1.50"),
    ("string", True, "true"),
    ("string", date(2026, 1, 31), "2026-01-31"),
    ("string", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("number", 5, "5"),
    ("number", 1e21, "1000000000000000000000"),
    ("number", 0.1, "0.1"),
    ("number", Decimal("1E+3"), "1000"),
    ("number", "7.50", "7.50"),
    ("boolean", True, "true"),
    ("boolean", "false", "false"),
    ("date", date(2026, 1, 31), "2026-01-31"),
    ("date", "2026-01-31", "2026-01-31"),
    ("date", datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31"),
    ("date", 1430438400000, "2015-05-01"),
    ("date", "1430438400000", "2015-05-01"),
    ("datetime", datetime(2026, 1, 31, 12, tzinfo=EAST), "2026-01-31T10:00:00.000Z"),
    ("datetime", datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000Z"),
    ("datetime", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000Z"),
    ("datetime", date(2026, 1, 31), "2026-01-31T00:00:00.000Z"),
    ("datetime", 0, "1970-01-01T00:00:00.000Z"),
    ("choice", "x", "x"),
    ("choice", 2, "2"),
    ("choices", ["a", "b", "a"], "a;b"),
    ("choices", ";a;b", "a;b"),
    ("choices", "a", "a"),
    *((kind, None, "") for kind in ("string", "number", "boolean", "date", "choices")),
]
REFUSED = [
    ("string", ["a"]),
    ("string", b"a"),
    ("string", "\ud800"),
    ("number", "seven"),
    ("number", float("nan")),
    ("number", "1e999999999"),
    ("number", True),
    ("number", 10**5000),
    ("boolean", "yes"),
    ("boolean", 1),
    ("date", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("date", datetime(2026, 1, 31, tzinfo=EAST)),
    ("date", "31.01.2026"),
    ("date", 1430438400001),
    ("datetime", "noon"),
    ("datetime", 10**30),
    ("choice", 1.5),
    ("choices", ["a", "z"]),
    ("choices", "a;z"),
    ("choices", [["a"]]),
]


def of(kind):
    return Property("p", kind, ("a", "b", "c") if kind == "choices" else ())


@pytest.mark.parametrize(("kind", "value", "text"), TAKEN)
def test_values_are_written_as_hubspot_takes_them(kind, value, text):
    assert text == encode(of(kind), value)


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=range(len(REFUSED)))
def test_values_that_it_cannot_hold_are_refused(kind, value):
    with pytest.raises(UnfitError) as told:
        encode(of(kind), value)

    assert 5 < len(str(told.value)) < 250


KINDS = st.sampled_from(
    ["string", "number", "boolean", "date", "datetime", "choice", "choices", "?"]
)


@given(KINDS, values())
def test_whatever_a_row_holds_is_text_or_refused(kind, value):
    try:
        text = encode(of(kind), value)
    except UnfitError:
        return

    text.encode()
    assert kind != "choices" or not text.startswith(";")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_numbers_lose_nothing(number):
    text = encode(of("number"), number)

    assert number == Decimal(text)
    assert "e" not in text.lower()


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(EAST)))
def test_moments_stay_the_same_moment_to_the_millisecond(moment):
    read = datetime.fromisoformat(encode(of("datetime"), moment))

    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


def test_every_type_arrives_and_what_cannot_is_refused_by_name(deliver, sandbox, pets):
    whole = {
        "weight": Decimal("4.20"),
        "born": date(2020, 5, 1),
        "seen": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "tame": True,
        "likes": ["a", "c"],
        "kind": "cat",
    }
    bad = {"weight": "heavy", "born": "May", "seen": "noon", "tame": "yes", "likes": ["z"]}
    rows = [{"tag": "t", **whole}, *({"tag": name, **whole, name: v} for name, v in bad.items())]
    report = deliver([*rows, {"tag": "kind", **whole, "kind": "dog"}], object=pets, key="tag")

    assert {"delivered": 1, "rejected": 6} == statuses(report)
    assert {**dict.fromkeys(bad, "value"), "kind": "no_option"} == refusals(report)
    assert {
        "weight": "4.20",
        "born": "2020-05-01",
        "seen": "2026-01-01T12:00:00.000Z",
        "tame": "true",
        "likes": "a;c",
        "kind": "cat",
    } == {name: text for name, text in held(sandbox, "pets", "tag")["t"].items() if name != "tag"}


def test_a_number_may_name_an_option_and_nothing_clears_it(deliver, sandbox, pets):
    deliver([{"tag": "t", "kind": 2}, {"tag": "u", "kind": "cat"}], object=pets, key="tag")
    report = deliver([{"tag": "u", "kind": ""}], object=pets, key="tag")

    assert {"delivered": 1} == statuses(report)
    assert {"t": {"tag": "t", "kind": "2"}, "u": {"tag": "u"}} == held(sandbox, "pets", "tag")
