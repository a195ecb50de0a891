"""What goes wrong: told with what, where and what to do; no row lost, no key shown."""

import pytest

import tailrace
from tailrace.testing import MemoryDestination

from .conftest import MODES, ids


def test_a_key_that_lacks_a_permission_says_which(read, sandbox):
    sandbox.stripe.forbid("customers")
    report, rows = read(api_key="rk_test_hushhush123")

    assert report.problem.startswith("customers: the key lacks a permission; add it in Stripe")
    assert "rak_customer_read" in report.problem
    assert "hushhush" not in report.problem
    assert (3, []) == (report.exit_code, rows)


def test_a_key_that_stripe_does_not_know_says_so(read, sandbox):
    sandbox.faults.add("stripe", "answer", status=401)
    report, _ = read()

    assert "Stripe does not know this key; look at api_key" in report.problem


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 429, "retry_after": 2},
        {"kind": "answer", "status": 429},
        {"kind": "answer", "status": 500},
        {"kind": "reset_before"},
        {"kind": "truncate"},
        {"kind": "garbage"},
    ],
)
@pytest.mark.parametrize("skip", [0, 1])
def test_what_passes_is_waited_out_by_the_engine_and_nothing_is_lost_or_doubled(
    read, sandbox, fault, skip
):
    made = [sandbox.stripe.add("customers")["id"] for _ in range(150)]
    sandbox.faults.add("stripe", skip=skip, **fault)
    report, rows = read()

    assert (None, 150) == (report.problem, report.read)
    assert made[::-1] == ids(rows)
    assert 3 == len(sandbox.requests("stripe"))


def test_nothing_is_deleted_where_a_list_broke_off(read, sandbox):
    for _ in range(150):
        sandbox.stripe.add("customers")
    memory = MemoryDestination(**MODES)
    read(into=memory, mode="mirror")
    sandbox.faults.add("stripe", "answer", status=500, skip=1, times=None)
    report, _ = read(into=memory, mode="mirror")

    assert "customers: the list cannot be read" in report.problem
    assert (0, 150) == (report.removed, len(memory.rows))


def test_what_came_before_a_list_broke_off_counts(read, sandbox):
    made = [sandbox.stripe.add("customers")["id"] for _ in range(150)]
    sandbox.faults.add("stripe", "answer", status=500, skip=1, times=None)
    report, rows = read()

    assert "customers: the list cannot be read" in report.problem
    assert made[:49:-1] == ids(rows)


def test_a_list_that_broke_off_is_read_again_from_where_it_was(read, sandbox):
    made = [sandbox.stripe.add("customers")["id"] for _ in range(150)]
    sandbox.faults.add("stripe", "answer", status=500, skip=1, times=None)
    report, _ = read(incremental=True)
    sandbox.faults.clear()
    again, rows = read(incremental=True)

    assert "customers: the list cannot be read" in report.problem
    assert (None, made) == (again.problem, ids(rows))


def test_what_stripe_refuses_is_told_in_its_words(read, sandbox):
    report, _ = read(filter={"colour": "red"})

    assert "Received unknown parameter: colour" in report.problem


def test_a_list_that_does_not_tell_when_its_objects_were_made_has_no_position(
    read, sandbox, monkeypatch
):
    sandbox.stripe.add("country_specs")
    monkeypatch.setattr(
        "tailrace_sandbox.stripe.account.Account.newest_first",
        lambda account, name: [{"id": "AT", "object": "country_spec"}],
    )
    monkeypatch.setattr("tailrace_sandbox.stripe.listing._fits", lambda *given: True)
    report, _ = read("country_specs", incremental=True)
    whole, rows = read("country_specs")

    assert "do not tell when they were made; leave out incremental" in report.problem
    assert (None, ["AT"]) == (whole.problem, ids(rows))


@pytest.mark.parametrize(
    ("options", "path", "said"),
    [
        ({"object": "customer"}, "object", "did you mean 'customers'?"),
        ({"object": "checkout.session"}, "object", "did you mean 'checkout.sessions'?"),
        ({"object": "checkout"}, "object", "is no list; there are: checkout.sessions"),
        ({"object": "customers.balance_transactions"}, "object", "beneath another object"),
        ({"object": ""}, "object", "has no ''"),
        ({"api_key": "pk_live_hush"}, "api_key", "rk_ (restricted) or sk_ (secret)"),
        ({"base_url": "http://api.stripe.com"}, "base_url", "neither https nor a loopback"),
        ({"base_url": "https://"}, "base_url", "neither https nor a loopback"),
        ({"base_url": "http://[::1"}, "base_url", "is no address"),
        ({"base_url": "https://api.stripe.com"}, "api_key", "missing; looked in"),
        ({"filter": {"limit": 5}}, "filter", "'limit' is for the plugin to say"),
        ({"filter": {"expand": ["a"]}}, "filter", "use expand"),
        ({"filter": {"created": 5}}, "filter", "created is a table"),
        ({"types": ("customer.created",)}, "types", "say events = true"),
        ({"types": ("a.b",) * 21, "events": True}, "types", "20 at most, not 21"),
        ({"event_days": 0}, "event_days", "above 0"),
        ({"events": True, "incremental": True}, "events", "positions of their own"),
        ({"events": True, "expand": ("customer",)}, "expand", "which hold ids only"),
        ({"events": True, "filter": {"email": "a"}}, "filter", "does not filter by fields"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_anything_is_asked(
    read, sandbox, options, path, said
):
    with pytest.raises(tailrace.ConfigError) as caught:
        read(**options)

    assert f"source_options.{path}: " in str(caught.value)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)
    assert [] == sandbox.requests("stripe")


def test_a_cursor_that_is_no_moment_is_told(read, sandbox):
    sandbox.stripe.add("customers", {"email": "a@x.example"})
    read(cursor="email")
    with pytest.raises(tailrace.ConfigError, match="from a moment of its field `created`"):
        read(cursor="email")


def test_the_version_and_the_account_are_what_the_options_say(read, sandbox):
    read(account="acct_1", version="2025-01-27.acacia")
    read()
    asked = [each.headers for each in sandbox.requests("stripe")]

    assert ["2025-01-27.acacia", "2026-10-28.endive"] == [each["stripe-version"] for each in asked]
    assert ["acct_1", None] == [each.get("stripe-account") for each in asked]
