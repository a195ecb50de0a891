"""A sandbox with a Salesforce org in it, and whole runs by a clock that stands still."""

import os

import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")

KEY = "External_Id__c"


class Clock(FakeClock):
    """Stand still until slept on, and let something happen then."""

    then = None

    def sleep(self, seconds):
        super().sleep(seconds)
        if self.then is not None:
            self.then()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    """An org whose jobs wait for half a minute, and work for another."""
    with Sandbox() as running:
        running.salesforce.clock = clock.monotonic
        running.salesforce.seconds = 30.0
        yield running


@pytest.fixture
def deliver(sandbox, tmp_path, clock):
    """Run a sync into the sandbox, with no real waits."""

    def run(
        source,
        *,
        mode="upsert",
        key=KEY,
        state=None,
        limits=None,
        max_delete=None,
        mapping=None,
        **options,
    ):
        given = {"object": "Contact", "base_url": sandbox.url("salesforce"), **options}
        sync = tailrace.Sync(
            source=source,
            destination="salesforce",
            name="it",
            mode=mode,
            key=key,
            limits=limits,
            max_delete=max_delete,
            mapping=mapping,
            options=given,
            state=str(tmp_path / "state") if state or mode == "mirror" else None,
        )
        return execute(prepare(sync), clock)

    return run


@pytest.fixture
def call(sandbox):
    """Ask the twin something, as another program does."""
    import requests

    session = requests.Session()
    session.trust_env = False

    def ask(method, path, body=None):
        url = f"{sandbox.url('salesforce')}/services/data/v62.0/{path}"
        answer = session.request(method, url, json=body, timeout=5)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    yield ask
    session.close()


def people(count, **more):
    return [{KEY: f"p-{n}", "LastName": f"name {n}", **more} for n in range(count)]


def by_key(rows, key=KEY):
    return {each[key]: {name: value for name, value in each.items() if value} for each in rows}


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def refusals(report):
    return {each.key: each.reason for each in report.rejections}


OWN = (
    *("Id", "Name", "OwnerId", "CreatedDate", "LastModifiedDate", "Active__c"),
    "HasOptedOutOfEmail",
)


def held(sandbox, of="Contact", key=KEY, *names):
    """Give what Salesforce holds, by key: of the named fields, or of those that rows have."""
    found = {}
    for record in sandbox.salesforce.records(of):
        assert record[key] not in found, "twice"
        chosen = names or [name for name in record if name not in OWN]
        found[record[key]] = {name: record[name] for name in chosen if record.get(name)}
    return found


def asked(sandbox, method=None, part=""):
    """Give the last part of each path that was asked for with a method."""
    return [
        each.path.rpartition("v62.0/")[2]
        for each in sandbox.requests("salesforce")
        if (method is None or each.method == method) and part in each.path
    ]
