import pytest

from tailrace.components import DestinationSpec, Rate, SourceSpec
from tailrace.errors import ConfigError
from tailrace.records import Action, Mode


def destination(**declared):
    return DestinationSpec(open=print, **declared)


def test_a_destination_appends_at_most_once_unless_it_says_more():
    spec = destination()

    assert {Mode.APPEND} == spec.modes
    assert set(Action) == set(spec.delivery)
    assert {"at_most_once"} == set(spec.delivery.values())


def test_a_delivery_class_may_differ_by_action():
    spec = destination(delivery={"upsert": "idempotent", Action.APPEND: "keyed"})

    assert ("idempotent", "keyed", "at_most_once") == (
        spec.delivery[Action.UPSERT],
        spec.delivery[Action.APPEND],
        spec.delivery[Action.DELETE],
    )


@pytest.mark.parametrize("rate", [None, Rate(1), [Rate(1), Rate(2, 60, "token")]])
def test_rates_are_none_one_or_several(rate):
    wanted = () if rate is None else (rate,) if isinstance(rate, Rate) else tuple(rate)

    assert wanted == destination(rate=rate).rate == SourceSpec(open=print, rate=rate).rate


@pytest.mark.parametrize(
    "declared",
    [
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"batch_size": None},
        {"batch_size": True},
        {"max_bytes": -1},
        {"max_bytes": 1.5},
        {"max_in_flight": 0},
        {"max_in_flight": 1.5},
        {"modes": "append"},
        {"modes": ["appendd"]},
        {"delivery": "exactly_once"},
        {"delivery": {"append": "sometimes"}},
    ],
    ids=repr,
)
def test_what_a_plugin_declares_is_checked(declared):
    with pytest.raises(ConfigError):
        destination(**declared)


@pytest.mark.parametrize(
    "numbers", [(0,), (-1,), (None,), (float("nan"),), (float("inf"),), (1, 0), (1, None), ("1",)]
)
def test_a_rate_is_a_number_above_zero(numbers):
    with pytest.raises(ConfigError, match="above 0"):
        Rate(*numbers)


def test_a_fraction_of_a_request_is_a_rate():
    assert 0.5 == Rate(0.5, 60, "daily").count


def test_an_unknown_action_is_refused():
    with pytest.raises(ConfigError, match="upsrt"):
        destination(delivery={"upsrt": "idempotent"})
