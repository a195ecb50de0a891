"""S11: no redirect is followed, by whatever login, and none learns of one."""

import pytest

import tailrace

from ..core.conftest import Say
from .endpoint import CANARY, LOGINS, send

STATUSES = [300, 301, 302, 303, 305, 307, 308]


def places(service, elsewhere):
    return {
        "another port": f"{elsewhere.url}/in",
        "another host": f"http://localhost:{elsewhere.port}/in",
        "another scheme": f"https://127.0.0.1:{elsewhere.port}/in",
        "no scheme": f"//127.0.0.1:{elsewhere.port}/in",
        "a login in it": f"http://a:b@127.0.0.1:{elsewhere.port}/in",
        "the same place": f"{service.url}/other",
        "a path": "/other",
    }


WHERE = list(places(*[type("Any", (), {"url": "", "port": 0})] * 2))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("where", WHERE)
def test_no_redirect_is_followed(status, login, where, service, elsewhere):
    service.say(Say(status, "", {"Location": places(service, elsewhere)[where]}))
    report = send(f"{service.url}/in", **LOGINS[login])

    assert ["/in"] == [each.path for each in service.seen]
    assert (0, []) == (elsewhere.connections, elsewhere.seen)
    assert 0 == report.delivered
    assert report.exit_code in (4, 9)
    assert "redirects are not followed" in report.problem
    assert CANARY not in report.problem


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_of_a_token_server_is_not_followed(status, service, elsewhere):
    service.say(Say(status, "", {"Location": f"{elsewhere.url}/token"}))
    oauth = {
        "token_url": f"{service.url}/token",
        "client_id": "ada",
        "client_secret": tailrace.Secret(CANARY),
    }
    report = send(f"{service.url}/in", oauth=oauth)

    assert ["/token"] == [each.path for each in service.seen]
    assert (0, []) == (elsewhere.connections, elsewhere.seen)
    assert 0 == report.delivered


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        ("hubspot", {"object": "contacts", "token": tailrace.Secret(CANARY)}),
        ("slack", {"channel": "general", "token": tailrace.Secret(CANARY)}),
        ("sheets", {"spreadsheet": "x" * 44}),
    ],
)
def test_no_plugin_is_led_elsewhere(plugin, options, status, service, elsewhere):
    service.usual = Say(status, "", {"Location": f"{elsewhere.url}/in"})
    given = {"base_url": service.url, **options}
    report = tailrace.run(
        [{"email": "a@x.example"}], plugin, name="it", key="email", options=given, state=None
    )

    assert 1 == len(service.seen)
    assert (0, []) == (elsewhere.connections, elsewhere.seen)
    assert 0 == report.delivered
