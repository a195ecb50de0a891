"""Lists: all of their objects, in pages that nothing moves, or those since the last run."""

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.testing import MemoryDestination

from .conftest import MODES, ids


def at_second(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def test_all_objects_are_read_newest_first_in_pages_of_a_hundred(read, sandbox):
    made = [sandbox.stripe.add("customers", {"email": f"{n}@x.example"}) for n in range(250)]
    report, rows = read()
    asked = [each.query["limit"] for each in sandbox.requests("stripe")]

    assert (250, None) == (report.delivered, report.problem)
    assert ids(made)[::-1] == ids(rows)
    assert [["100"]] * 3 == asked


def test_a_row_is_the_object_with_moments_for_seconds(read, sandbox):
    made = sandbox.stripe.add(
        "subscriptions",
        {
            "trial_end": 2_000_000,
            "items": {"data": [{"current_period_end": 3_000_000, "quantity": 1_500_000_000}]},
            "metadata": {"created": "1000", "x": "y"},
        },
    )
    _, [row] = read("subscriptions")
    _, [plain] = read("subscriptions", moments=False)

    assert made == plain
    assert (at_second(1_000_000), at_second(2_000_000)) == (row["created"], row["trial_end"])
    item = {"current_period_end": at_second(3_000_000), "quantity": 1_500_000_000}
    assert [item] == row["items"]["data"]
    assert {"created": "1000", "x": "y"} == row["metadata"]
    assert set(made) == set(row)


def test_amounts_stay_in_the_minor_unit_and_nothing_stays_null(read, sandbox):
    sandbox.stripe.add("charges", {"amount": 1099, "currency": "jpy"})
    _, [row] = read("charges")

    assert (1099, "jpy", None) == (row["amount"], row["currency"], row["customer"])


def test_filters_and_expanded_fields(read, sandbox, at):
    customer = sandbox.stripe.add("customers", {"email": "a@x.example"})["id"]
    sandbox.stripe.add("subscriptions", {"customer": customer})
    at(86_400 * 400)
    late = sandbox.stripe.add("subscriptions", {"customer": customer})["id"]
    ended = sandbox.stripe.add("subscriptions")["id"]
    sandbox.stripe.remove("subscriptions", ended)
    since = {"created": {"gte": date(1971, 1, 1)}}
    _, running = read("subscriptions", filter=since, expand=("customer",))
    _, every = read("subscriptions", filter={"status": "all", **since})

    assert [late] == ids(running)
    assert "a@x.example" == running[0]["customer"]["email"]
    assert at_second(1_000_000) == running[0]["customer"]["created"]
    assert [ended, late] == ids(every)


def test_objects_that_are_made_while_pages_are_read_neither_move_them_nor_are_missed(
    read, sandbox, at
):
    made = [sandbox.stripe.add("charges")["id"] for _ in range(150)]
    answer = sandbox.stripe.answer

    def meanwhile(request):
        found = answer(request)
        sandbox.stripe.answer = answer
        at(1_000_001)
        made.append(sandbox.stripe.add("charges")["id"])
        return found

    sandbox.stripe.answer = meanwhile
    _, first = read("charges", incremental=True)
    _, second = read("charges", incremental=True)

    assert made[:150] == ids(first)
    assert made[150:] == ids(second)


def test_a_run_reads_what_was_made_since_the_last_one(read, sandbox, at):
    made = []
    for second in (1_000_000, 1_000_005, 1_000_005):
        at(second)
        made.append(sandbox.stripe.add("charges")["id"])
    _, first = read("charges", incremental=True)
    made.append(sandbox.stripe.add("charges")["id"])
    late = sandbox.stripe.add("charges", {"created": 1_000_001})["id"]
    at(1_000_050)
    made.append(sandbox.stripe.add("charges")["id"])
    _, second = read("charges", incremental=True)
    _, third = read("charges", incremental=True)
    bounds = [
        {name: value for name, value in each.query.items() if name.startswith("created")}
        for each in sandbox.requests("stripe")
    ]

    assert made[:3] == ids(first)
    assert [late, made[3], made[4]] == ids(second)
    assert [] == third
    assert [{}, {"created[gte]": ["999995"]}, {"created[gte]": ["1000040"]}] == bounds


def test_what_bounds_created_below_bounds_it_above_by_the_first_page(read, sandbox, at):
    sandbox.stripe.add("charges")
    read("charges", incremental=True)
    for second in range(1_000_100, 1_000_250):
        at(second)
        sandbox.stripe.add("charges")
    _, rows = read("charges", incremental=True)
    *_, first, second = (each.query for each in sandbox.requests("stripe"))

    assert 150 == len(rows)
    assert ["999990"] == first["created[gte]"] == second["created[gte]"]
    assert "created[lte]" not in first
    assert ["1000249"] == second["created[lte]"]


def test_an_append_that_died_goes_on_though_more_was_made_meanwhile(read, sandbox, at):
    made = [sandbox.stripe.add("charges")["id"] for _ in range(6)]
    dying = MemoryDestination([None, KeyboardInterrupt()], batch_size=2, max_in_flight=1, **MODES)
    with suppress(KeyboardInterrupt):
        read("charges", into=dying, incremental=True)
    at(1_000_030)
    made.append(sandbox.stripe.add("charges")["id"])
    report, rows = read("charges", incremental=True)

    assert made[:2] == ids(dying.rows)
    assert (None, 0) == (report.problem, report.exit_code)
    assert made == ids(dying.rows) + ids(rows)


def test_an_object_that_goes_and_one_that_comes_back_are_not_read_twice(read, sandbox, at):
    made = []
    for second in (1_000_000, 1_000_008, 1_000_015, 1_000_016):
        at(second)
        made.append(sandbox.stripe.add("charges")["id"])
    _, first = read("charges", incremental=True)
    charges = sandbox.stripe._account.lists["charges"]
    sandbox.stripe.remove("charges", made[3])
    hidden = charges.pop(made[2])
    _, second = read("charges", incremental=True)
    charges[made[2]] = hidden
    _, third = read("charges", incremental=True)

    assert made == ids(first)
    assert [] == second == third


def test_an_account_that_holds_nothing_yet_is_read_from_its_start_later(read, sandbox):
    _, first = read(incremental=True)
    made = sandbox.stripe.add("customers")["id"]
    _, second = read(incremental=True)

    assert ([], [made]) == (first, ids(second))


@pytest.mark.parametrize("moments", [True, False])
def test_the_syncs_own_cursor_bounds_created(read, sandbox, at, moments):
    memory = MemoryDestination(**MODES)
    made = [sandbox.stripe.add("charges")["id"]]
    read("charges", into=memory, cursor="created", moments=moments)
    at(1_000_009)
    made.append(sandbox.stripe.add("charges")["id"])
    read("charges", into=memory, cursor="created", moments=moments)

    assert made == ids(memory.rows)
    assert ["1000000"] == sandbox.requests("stripe")[-1].query["created[gte]"]


STEPS = st.lists(st.lists(st.integers(0, 12), max_size=4), max_size=6)


@given(steps=STEPS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_object_is_read_once_however_runs_and_seconds_fall(sandbox, steps, tmp_path_factory):
    import tailrace
    from tailrace._engine.preparing import prepare
    from tailrace._engine.runner import execute
    from tailrace.testing import FakeClock

    sandbox.reset()
    now, made, folder = 1_000_000, [], tmp_path_factory.mktemp("it")
    memory = MemoryDestination(**MODES)
    options = {"object": "charges", "base_url": sandbox.url("stripe"), "incremental": True}
    for waits in steps:
        for wait in waits:
            now += wait
            made.append(sandbox.stripe.add("charges", {"created": now})["id"])
        sync = tailrace.Sync(
            source="stripe",
            source_options=options,
            destination=memory.spec,
            name="it",
            state=folder,
        )
        execute(prepare(sync), FakeClock())

    assert made == ids(memory.rows)


def test_lists_beneath_a_group_are_read_by_their_full_name(read, sandbox):
    made = sandbox.stripe.add("checkout.sessions", {"expires_at": 5})["id"]
    _, rows = read("checkout.sessions")

    assert [made] == ids(rows)
    assert at_second(5) == rows[0]["expires_at"]
