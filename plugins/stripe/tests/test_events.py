"""Events: all objects once, then those that were changed or deleted since."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

from .conftest import MODES, ids

DAY = 86_400


@pytest.fixture
def changes(read):
    """Read what changed, run after run; give the rows of each, by id."""

    def run(object="customers", mode="upsert", **how):
        report, rows = read(object, mode=mode, events=True, **how)
        assert report.problem is None, report.problem
        assert len(rows) == len(set(ids(rows)))
        return {row["id"]: row for row in rows}

    return run


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_run_gives_what_was_changed_since_the_last_one(changes, sandbox, at, mode):
    one, two, three = (sandbox.stripe.add("customers", {"name": n})["id"] for n in "abc")
    first = changes(mode=mode)
    for name in "xyz":
        sandbox.stripe.change("customers", one, {"name": name})
    sandbox.stripe.remove("customers", two)
    at(1_000_100)
    four = sandbox.stripe.add("customers", {"name": "d"})["id"]
    sandbox.stripe.add("charges")
    second, third = changes(mode=mode), changes(mode=mode)

    assert {one: "a", two: "b", three: "c"} == {id_: row["name"] for id_, row in first.items()}
    assert {one: ("z", False), two: ("b", True), four: ("d", False)} == {
        id_: (row["name"], row["deleted"]) for id_, row in second.items()
    }
    assert {} == third
    assert {False} == {row["deleted"] for row in first.values()}


def test_what_happens_while_all_is_read_is_read_again(changes, sandbox):
    one = sandbox.stripe.add("customers", {"name": "a"})["id"]
    answer = sandbox.stripe.answer

    def meanwhile(request):
        found = answer(request)
        if request.path == "/v1/customers":
            sandbox.stripe.answer = answer
            sandbox.stripe.change("customers", one, {"name": "b"})
        return found

    sandbox.stripe.answer = meanwhile

    assert ["a", "b"] == [changes()[one]["name"] for _ in range(2)]


def test_an_older_event_that_shows_late_does_not_undo_a_newer_one(changes, sandbox, at):
    one = sandbox.stripe.add("customers", {"name": "a"})["id"]
    changes()
    at(1_000_005)
    sandbox.stripe.change("customers", one, {"name": "late"})
    account = sandbox.stripe._account
    hidden = account.lists["events"].pop(next(reversed(account.lists["events"])))
    at(1_000_006)
    sandbox.stripe.change("customers", one, {"name": "newest"})

    assert "newest" == changes()[one]["name"]
    account.lists["events"][hidden["id"]] = hidden
    assert {} == changes()


def test_a_subscription_that_ended_is_a_deletion_that_keeps_its_fields(changes, sandbox):
    one = sandbox.stripe.add("subscriptions")["id"]
    changes("subscriptions")
    sandbox.stripe.remove("subscriptions", one)
    [row] = changes("subscriptions").values()

    assert (one, "canceled", True) == (row["id"], row["status"], row["deleted"])


def test_named_types_alone_are_asked_for(changes, sandbox):
    types = ("customer.created", "customer.deleted")
    one = sandbox.stripe.add("customers")["id"]
    changes(types=types)
    sandbox.stripe.change("customers", one, {"name": "b"})
    two = sandbox.stripe.add("customers")["id"]

    assert [two] == list(changes(types=types))
    asked = [each.query for each in sandbox.requests("stripe") if each.path == "/v1/events"]
    assert all(each["types[0]"] + each["types[1]"] == list(types) for each in asked)


@pytest.mark.parametrize(("days", "lost"), [(30, False), (31, True)])
def test_what_stripe_no_longer_keeps_says_what_to_do_and_a_restart_helps(
    read, sandbox, at, days, lost
):
    sandbox.stripe.add("customers")
    read(mode="upsert", events=True)
    at(1_000_000 + days * DAY)
    sandbox.stripe.add("customers")
    report, rows = read(mode="upsert", events=True)
    again, all_rows = read(mode="upsert", events=True, restart=True)

    assert lost == ("--restart" in (report.problem or ""))
    assert (0 if lost else 1) == len(rows)
    assert (0, 2) == (again.exit_code, len(all_rows))


def test_a_quiet_account_is_no_lost_history(changes, sandbox, at):
    sandbox.stripe.add("customers")
    for day in range(0, 100, 20):
        at(1_000_000 + day * DAY)
        sandbox.stripe.forget_events(1_000_000 + (day - 30) * DAY)
        changes()


def test_an_account_without_any_event_yet(changes, sandbox):
    changes()
    one = sandbox.stripe.add("customers")["id"]

    assert [one] == list(changes())


def test_a_run_that_failed_reads_the_same_changes_again(changes, read, sandbox):
    changes()
    made = {sandbox.stripe.add("customers")["id"] for _ in range(3)}
    failing = MemoryDestination([ConnectionResetError()] * 9, **MODES)
    report, _ = read(into=failing, mode="upsert", events=True)

    assert not report.ok
    assert made == set(changes())


def test_a_mirror_reads_all_each_time_and_deletes_what_is_gone(read, sandbox):
    made = [sandbox.stripe.add("customers")["id"] for _ in range(30)]
    memory = MemoryDestination(**MODES)
    read(into=memory, mode="mirror", events=True)
    sandbox.stripe.remove("customers", made[3])
    report, _ = read(into=memory, mode="mirror", events=True)

    assert (29, 1) == (report.read, report.removed)


def test_many_events_are_read_in_pages_and_come_as_they_happened(changes, sandbox):
    changes()
    made = [sandbox.stripe.add("customers")["id"] for _ in range(230)]

    assert made == list(changes(mode="append"))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["change", "remove"]), st.integers(0, 4)),
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(st.sampled_from(["run", "fail"]), st.none()),
    ),
    max_size=25,
)


@given(operations=OPERATIONS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_rows_of_all_runs_put_together_are_what_the_account_holds(
    sandbox, at, tmp_path_factory, operations
):
    sandbox.reset()
    folder, held, made, now = tmp_path_factory.mktemp("it"), {}, [], 1_000_000
    living = {}
    at(now)

    def run(script=()):
        memory = MemoryDestination(list(script), **MODES)
        sync = tailrace.Sync(
            source="stripe",
            source_options={
                "object": "customers",
                "base_url": sandbox.url("stripe"),
                "events": True,
            },
            destination=memory.spec,
            name="it",
            mode="upsert",
            key="id",
            state=folder,
        )
        execute(prepare(sync), FakeClock())
        for row in memory.rows:
            gone = row["deleted"]
            held.pop(row["id"], None) if gone else held.update({row["id"]: row["name"]})

    for what, number in [*operations, ("run", None)]:
        if what == "add":
            made.append(sandbox.stripe.add("customers", {"name": str(number)})["id"])
            living[made[-1]] = str(number)
        elif what in ("change", "remove"):
            id_ = made[number] if number < len(made) else None
            if id_ in living and what == "change":
                living[id_] += "x"
                sandbox.stripe.change("customers", id_, {"name": living[id_]})
            elif id_ in living:
                del living[id_]
                sandbox.stripe.remove("customers", id_)
        elif what == "wait":
            at(now := now + number)
        else:
            run([ConnectionResetError()] * 9 if what == "fail" else ())

    assert living == held
