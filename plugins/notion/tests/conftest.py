"""A sandbox with a Notion workspace in it, whole runs, and a check of all that was said."""

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

EVERYTHING = {
    "Key": {"rich_text": {}},
    "Name": {"title": {}},
    "Text": {"rich_text": {}},
    "Number": {"number": {}},
    "Check": {"checkbox": {}},
    "Select": {"select": {"options": [{"name": "a"}, {"name": "2"}]}},
    "Multi": {"multi_select": {"options": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}},
    "Status": {"status": {}},
    "Date": {"date": {}},
    "Url": {"url": {}},
    "Email": {"email": {}},
    "Phone": {"phone_number": {}},
    "Relation": {"relation": {}},
    "People": {"people": {}},
    "Files": {"files": {}},
    "Formula": {"formula": {}},
    "Number of it": {"unique_id": {"prefix": "X"}},
    "Made": {"created_time": {}},
}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running
        fair = [each for each in running.requests("notion") if each.fault is None]
        assert [told for each in fair for told in problems(each)] == []


@pytest.fixture
def source(sandbox):
    """Make a database with a property of each type, and give its data source's id."""
    return sandbox.notion.add_database("Everything", EVERYTHING)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def sync(sandbox, source, tmp_path):
    """Give a sync into the sandbox."""

    def make(rows, *, mode="upsert", key="Key", state=None, limits=None, **options):
        place = {} if "database" in options else {"data_source": source}
        return tailrace.Sync(
            source=rows,
            destination="notion",
            name="it",
            mode=mode,
            key=key,
            limits=limits,
            max_delete=1_000 if mode == "mirror" else None,
            options={"base_url": sandbox.url("notion"), **place, **options},
            state=str(tmp_path / "state") if state or mode == "mirror" else None,
        )

    return make


@pytest.fixture
def deliver(sync, clock):
    """Run a sync into the sandbox, with no real waits."""
    return lambda rows, **how: execute(prepare(sync(rows, **how)), clock)


@pytest.fixture
def call(sandbox):
    """Ask the twin something, as another integration does."""
    import requests

    session = requests.Session()
    session.trust_env = False
    headers = {"Notion-Version": "2025-09-03", "Authorization": "Bearer another"}

    def ask(method, path, body=None, *, status=200):
        url = f"{sandbox.url('notion')}/v1/{path}"
        answer = session.request(method, url, json=body, headers=headers, timeout=5)
        assert answer.status_code == status, answer.text
        return answer.json()

    yield ask
    session.close()


@pytest.fixture
def make(call, source):
    """Make pages, as another integration does; give their ids."""

    def pages(*rows):
        texts = [
            {name: [{"text": {"content": text}}] for name, text in each.items()} for each in rows
        ]
        bodies = [
            {
                name: {"title" if name == "Name" else "rich_text": text}
                for name, text in each.items()
            }
            for each in texts
        ]
        parent = {"type": "data_source_id", "data_source_id": source}
        made = [call("POST", "pages", {"parent": parent, "properties": each}) for each in bodies]
        return [each["id"] for each in made]

    return pages


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def refusals(report):
    return {each.key: each.reason for each in report.rejections}


READ_ONLY = ("id", "Formula", "Made", "Number of it")


def held(sandbox, source, key="Key", names=None):
    """Give what pages hold, by key: of the named properties, or all that they have but their ids."""
    found = {}
    for page in sandbox.notion.pages(source):
        assert page[key] not in found, "twice"
        chosen = names or [name for name in page if name not in READ_ONLY]
        empty = (None, "", [], False, "Not started")
        found[page[key]] = {name: page[name] for name in chosen if page[name] not in empty}
    return found


def asked(sandbox):
    """Give the method and the kind of path of each request, without ids."""
    return [
        f"{each.method} {each.path.split('/')[2]}{'/query' if '/query' in each.path else ''}"
        for each in sandbox.requests("notion")
    ]


def writes(sandbox):
    """Count the requests that change pages."""
    return sum(each in ("POST pages", "PATCH pages") for each in asked(sandbox))
