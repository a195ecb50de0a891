"""A sandbox with a HubSpot account in it, whole runs, and a check of all that was said."""

import os

import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox

from .openapi import problems

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running
        fair = [each for each in running.requests("hubspot") if each.fault is None]
        assert [told for each in fair for told in problems(each)] == []


@pytest.fixture
def deliver(sandbox, tmp_path):
    """Run a sync into the sandbox, with no real waits."""

    def run(
        source, *, mode="upsert", key="email", state=None, limits=None, max_delete=None, **options
    ):
        given = {"object": "contacts", "base_url": sandbox.url("hubspot"), **options}
        sync = tailrace.Sync(
            source=source,
            destination="hubspot",
            name="it",
            mode=mode,
            key=key,
            limits=limits,
            max_delete=max_delete,
            options=given,
            state=str(tmp_path / "state") if state or mode == "mirror" else None,
        )
        return execute(prepare(sync), FakeClock())

    return run


@pytest.fixture
def call(sandbox):
    """Ask the twin something, as another program does."""
    import requests

    session = requests.Session()
    session.trust_env = False

    def ask(method, path, body=None):
        answer = session.request(method, sandbox.url("hubspot") + path, json=body, timeout=5)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    yield ask
    session.close()


@pytest.fixture
def pets(call):
    """Make a custom object `pets` with a unique `tag`, and give its id."""
    properties = [
        {"name": "tag", "label": "Tag", "type": "string", "hasUniqueValue": True},
        {"name": "name", "label": "Name", "type": "string"},
        {"name": "weight", "label": "Weight", "type": "number", "fieldType": "number"},
        {"name": "born", "label": "Born", "type": "date", "fieldType": "date"},
        {"name": "seen", "label": "Seen", "type": "datetime", "fieldType": "date"},
        {"name": "tame", "label": "Tame", "type": "bool", "fieldType": "booleancheckbox"},
        {
            "name": "likes",
            "label": "Likes",
            "type": "enumeration",
            "fieldType": "checkbox",
            "options": [{"label": each, "value": each, "hidden": False} for each in "abc"],
        },
        {
            "name": "kind",
            "label": "Kind",
            "type": "enumeration",
            "fieldType": "select",
            "options": [{"label": each, "value": each, "hidden": False} for each in ("cat", "2")],
        },
    ]
    made = call(
        "POST",
        "/crm-object-schemas/v3/schemas",
        {
            "name": "pets",
            "labels": {"singular": "Pet", "plural": "Pets"},
            "properties": [{"fieldType": "text", **each} for each in properties],
            "requiredProperties": ["tag"],
            "associatedObjects": ["CONTACT"],
        },
    )
    return made["objectTypeId"]


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def refusals(report):
    return {each.key: each.reason for each in report.rejections}


def held(sandbox, of="contacts", key="email", *names):
    """Give what HubSpot holds, by key: of the named properties, or of those that rows have."""
    records = sandbox.hubspot.records(of)
    own = ("hs_object_id", "createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate")
    found = {}
    for record in records:
        chosen = names or [name for name in record if name not in own]
        assert record[key] not in found, "twice"
        found[record[key]] = {name: record[name] for name in chosen if record.get(name)}
    return found


def paths(sandbox):
    """Give the last word of each path that was asked for."""
    return [each.path.rpartition("/")[2] for each in sandbox.requests("hubspot")]
