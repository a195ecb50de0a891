"""S19: what a login lacks is named before anything is sent, where the service lets one know."""

import re
from pathlib import Path

import attrs
import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import check
from tailrace.errors import TailraceError

from ..destinations.on_hubspot import HubSpot
from ..destinations.on_sheets import Sheets
from ..destinations.on_slack import Slack

ROOT = Path(__file__).parents[2]
SLACK = {
    "nothing more": ({}, {"chat:write"}),
    "history": ({"history": True}, {"chat:write", "channels:history", "channels:read"}),
    "join": ({"join": True}, {"chat:write", "channels:join", "channels:read"}),
    "people": (
        {"channel": None, "email": "{name}"},
        {"chat:write", "users:read.email", "im:write"},
    ),
}


def checked(place, **options):
    """Check a sync, as `tailrace check` does; give what it says."""
    given = {**place.options, **options}
    given = {name: each for name, each in given.items() if each is not None}
    row = {"id": 1, "name": "ada@example.com", "score": "", "email": "a@x.example"}
    sync = tailrace.Sync(
        source=[row],
        destination=place.plugin,
        name="it",
        mode="upsert",
        key=place.key,
        mapping={"email": "email"} if place.plugin == "hubspot" else None,
        options=given,
        state=str(place.folder / "checked"),
    )
    try:
        check(prepare(sync))
    except TailraceError as error:
        return str(error)
    return "ok"


@pytest.mark.parametrize("what", SLACK)
def test_slack_needs_the_scopes_that_its_readme_asks_for_and_no_others(what, sandbox, tmp_path):
    options, scopes = SLACK[what]
    place = Slack(sandbox, tmp_path)
    place.options |= {"history": False, "text": "{name}"}
    sandbox.slack.grant(*scopes)
    place.options |= options
    place.options = {name: each for name, each in place.options.items() if each is not None}
    report = place.run([{"id": 1, "name": "ada@example.com"}], mode="upsert")

    assert 1 == report.delivered
    assert [] == [scope for scope in scopes if f"`{scope}`" not in readme("slack")]


@pytest.mark.parametrize("what", SLACK)
def test_a_scope_that_slacks_token_lacks_is_named_by_check(what, sandbox, tmp_path):
    options, scopes = SLACK[what]
    place = Slack(sandbox, tmp_path)
    place.options |= {"history": False, "text": "{name}"}
    for lacking in scopes - {"channels:read"}:
        sandbox.slack.grant(*(scopes - {lacking}))
        told = checked(place, **options)

        assert re.search(rf"the token lacks the scope {lacking}\b.*OAuth & Permissions", told)
    assert [] == sandbox.slack.messages("general")


def test_where_slack_tells_no_scopes_nothing_is_missed(sandbox, tmp_path, monkeypatch):
    place = Slack(sandbox, tmp_path)
    monkeypatch.setattr(type(sandbox.slack), "answer", without_scopes(type(sandbox.slack).answer))

    assert "ok" == checked(place)


def without_scopes(answer):
    def plain(twin, request):
        told = answer(twin, request)
        kept = tuple(each for each in told.headers if each[0] != "X-OAuth-Scopes")
        return attrs.evolve(told, headers=kept)

    return plain


@pytest.mark.parametrize("path", ["/crm/v3/properties/contacts", "/account-info"])
def test_a_scope_that_hubspots_token_lacks_is_named_by_check(path, sandbox, tmp_path):
    place = HubSpot(sandbox, tmp_path)
    sandbox.hubspot.forbid(path, "crm.objects.contacts.read")

    assert "the token lacks the scope crm.objects.contacts.read" in checked(place)


def test_a_scope_that_only_writing_needs_is_named_when_hubspot_asks_for_it(sandbox, tmp_path):
    place = HubSpot(sandbox, tmp_path)
    sandbox.hubspot.forbid("/batch/upsert", "crm.objects.contacts.write")
    report = place.run(place.rows(3))

    assert (9, 0, 3) == (report.exit_code, report.delivered, report.failed)
    assert "the token lacks the scope crm.objects.contacts.write" in report.problem


def test_a_sheet_that_is_not_shared_is_told_by_check(sandbox, tmp_path):
    place = Sheets(sandbox, tmp_path)
    sandbox.sheets.forbid(place.options["spreadsheet"])

    assert "share it as Editor" in checked(place)


def test_google_is_asked_for_one_scope():
    sources = (ROOT / "plugins" / "sheets" / "src").rglob("*.py")
    found = {
        scope
        for path in sources
        for scope in re.findall(r"https://www\.googleapis\.com/auth/[\w.]+", path.read_text())
    }

    assert {"https://www.googleapis.com/auth/spreadsheets"} == found


NEEDED = {
    "append": {"SELECT", "INSERT"},
    "insert": {"SELECT", "INSERT"},
    "update": {"SELECT", "UPDATE"},
    "upsert": {"SELECT", "INSERT", "UPDATE"},
    "mirror": {"SELECT", "INSERT", "UPDATE", "DELETE"},
}


@pytest.fixture
def role(databases):
    """Give a function that grants a login of its own some rights."""
    place = databases("postgresql")
    place.become_role()

    def grant(rights):
        place.do("REVOKE ALL ON people FROM tailrace")
        place.do(f"GRANT {', '.join(sorted(rights))} ON people TO tailrace")
        return place

    yield grant
    place.do("DROP OWNED BY tailrace")
    place.do("DROP ROLE tailrace")


@pytest.mark.parametrize("mode", NEEDED)
def test_a_role_needs_the_rights_of_the_readme_and_no_others(mode, role):
    place = role(NEEDED[mode])
    report = place.run(place.rows(3), mode=mode)

    assert report.exit_code == 0
    assert (0 if mode == "update" else 3) == report.delivered
    line = next(
        each for each in readme("sql").splitlines() if each.startswith("| ") and f"`{mode}`" in each
    )
    assert NEEDED[mode] - {"SELECT"} == set(re.findall(r"`([A-Z]+)`", line))


@pytest.mark.parametrize("mode", NEEDED)
def test_a_right_that_a_role_lacks_is_named_before_anything_is_sent(mode, role):
    for lacking in NEEDED[mode]:
        place = role(NEEDED[mode] - {lacking} | {"TRIGGER"})
        report = place.run(place.rows(3), mode=mode)

        assert (3, 0) == (report.exit_code, report.delivered)
        assert f"may not {lacking} there, which {mode} needs; grant it" in report.problem
    assert {} == place.held()


def readme(plugin):
    return (ROOT / "plugins" / plugin / "README.md").read_text()
