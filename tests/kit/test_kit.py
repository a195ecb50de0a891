"""The kit passes what is sound, and names the defect of what is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit import crm

import tailrace
from tailrace.testing import DestinationKit

pytestmark = pytest.mark.once

SERVICE = crm.Crm()


class Kit(DestinationKit):
    destination = crm.spec(crm.Writer)

    def open(self, through):
        return {"base_url": through(SERVICE.service.url), "token": "s3cret-token"}

    def received(self):
        return SERVICE.held()

    def reset(self):
        SERVICE.reset()

    def bad(self, number):
        return {"id": number, "name": "bad"}


class TestSound(Kit):
    """All checks, as an author runs them."""


class TestAppending(Kit):
    destination = crm.spec(crm.Appending, modes={"append"}, delivery="at_most_once")


def kit(writer, **declared):
    made = Kit()
    made.destination = crm.spec(writer, **declared)
    return made


APPENDING = {"modes": {"append"}, "delivery": "at_most_once"}
BROKEN = [
    (crm.RetriesByItself, APPENDING, "trouble_loses_and_doubles_nothing", ("reset_after", 0),
     "the service holds records twice.*something sent them again"),
    (crm.Trusts200, {}, "a_bad_record_is_refused_by_name", (),
     "the service refused .* reported as delivered: look into its answer, whatever the status"),
    (crm.MatchesByIndex, {}, "a_bad_record_is_refused_by_name", (),
     "match results by key, not by place"),
    (crm.DropsTheLastBatch, {"max_in_flight": 1}, "every_record_arrives_once", (25,),
     "reported as delivered, and did not arrive"),
    (crm.IgnoresRetryAfter, {}, "a_429_is_waited_for", ("seconds",),
     "the service asked to wait for 30 s, and the next request came after 0.0 s"),
    (crm.LeaksTheToken, {}, "secrets_stay_secret", (),
     r"a secret stands in the error that write\(\) raises"),
    (crm.Sleeps, {}, "every_record_arrives_once", (1,), "it sleeps for 0.5 s while it writes"),
    (crm.SharesItsClient, {}, "batches_in_flight_do_not_mix", (),
     "in flight|did not arrive|lacks|the destination failed"),
    (crm.SendsStrOfNone, {}, "values_arrive_as_they_are_or_are_refused", (),
     "'name': None} arrived as .*'name': 'None'"),
    (crm.LosesRows, {}, "a_bad_record_is_refused_by_name", (), r"write\(\) gives no outcome for"),
    (crm.SwallowsRefusals, {}, "a_bad_record_is_refused_by_name", (), "reported as delivered"),
    (crm.DoublesAfterAReset, {}, "a_repeat_does_what_is_declared", (),
     "it declares idempotent, and after the same batch a second time, the service holds records twice"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("writer", "declared", "check", "arguments", "named"),
    BROKEN,
    ids=[each[0].__name__ for each in BROKEN],
)
def test_a_defect_is_named(writer, declared, check, arguments, named):
    with pytest.raises(AssertionError) as told:
        getattr(kit(writer, **declared), f"test_{check}")(*arguments)

    assert re.search(named, str(told.value)), told.value


def test_what_is_not_filled_in_says_so():
    class Empty(DestinationKit):
        destination = crm.spec(crm.Writer)

    with pytest.raises(NotImplementedError, match="fill in reset"):
        Empty().test_every_record_arrives_once(1)


def test_a_service_that_refuses_nothing_has_to_be_said():
    made = kit(crm.Writer)
    made.bad = lambda number: None

    with pytest.raises(AssertionError, match="fill in bad"):
        made.test_a_bad_record_is_refused_by_name()

    made.exempt = {"a_bad_record_is_refused_by_name": "it takes anything"}
    with pytest.raises(pytest.skip.Exception, match="exempt: it takes anything"):
        made.test_a_bad_record_is_refused_by_name()


def test_a_plugin_that_does_something_on_import_is_told():
    made = Kit()
    made.destination = "file"

    made.test_importing_it_does_nothing()


def test_the_report_is_a_table(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "every_record or repeat"),
            f"{__file__}::TestAppending",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert done.returncode == 0, done.stdout
    assert "TestAppending: what was checked" in done.stdout
    assert "| every record arrives once | passed |" in done.stdout
    assert (
        "| a repeat does what is declared | does not apply: a repeat is not harmless" in done.stdout
    )


def test_the_kit_costs_nothing_where_it_is_not_used():
    told = "import sys, tailrace.testing.pytest_plugin as p; print('tailrace.testing.kit' in sys.modules, 'duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout == "False False\n"
    assert tailrace.testing.DestinationKit is DestinationKit
