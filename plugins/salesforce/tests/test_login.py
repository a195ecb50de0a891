"""Logins: each flow, a session that ends in mid-run, and that no secret shows."""

import json
import logging
from urllib.parse import parse_qs

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import tailrace
from tailrace_salesforce import Options
from tailrace_salesforce._login import address, find_login
from tailrace_salesforce._opening import _trusted

from .conftest import asked, by_key, held, people, statuses

PEOPLE = people(500)
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
FLOWS = {
    "jwt": {"private_key": PEM, "client_id": "3MVG9app", "username": "ada@acme.example"},
    "one_line": {
        "private_key": PEM.replace("\n", "\\n"),
        "client_id": "3MVG9app",
        "username": "ada@acme.example",
    },
    "client": {"client_id": "3MVG9app", "client_secret": "s3cr3t-of-the-app"},
    "refresh": {"client_id": "3MVG9app", "refresh_token": "5Aep-r3fresh"},
}


def posted(sandbox):
    return [
        {name: values[0] for name, values in parse_qs(each.body.decode()).items()}
        for each in sandbox.requests("salesforce")
        if each.path.endswith("/token")
    ]


@pytest.mark.parametrize("flow", FLOWS)
def test_each_flow_gets_one_token_for_the_whole_run(deliver, sandbox, flow):
    report = deliver(PEOPLE, **FLOWS[flow], bulk=False)

    assert {"delivered": 500} == statuses(report)
    assert 1 == len(posted(sandbox))
    assert all(
        "authorization" in each.headers
        for each in sandbox.requests("salesforce")
        if "/data/" in each.path
    )


def test_an_assertion_names_the_app_the_user_and_the_service_and_is_short_lived(deliver, sandbox):
    deliver(PEOPLE[:1], **FLOWS["jwt"])
    [form] = posted(sandbox)
    claims = jwt.decode(
        form["assertion"],
        KEY.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
    )

    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" == form["grant_type"]
    assert ("3MVG9app", "ada@acme.example") == (claims["iss"], claims["sub"])
    assert {"iss", "sub", "aud", "exp"} == set(claims)


def test_a_sandbox_org_has_the_audience_of_sandboxes():
    options = Options(
        object="Contact",
        client_id="a",
        username="b",
        private_key=tailrace.Secret(PEM),
    )
    url = "https://acme--dev.sandbox.my.salesforce.com"
    login = find_login(options, url, tailrace.Http(lambda *_: None))
    claims = jwt.decode(login._form()["assertion"], options={"verify_signature": False})

    assert "https://test.salesforce.com" == claims["aud"]


@pytest.mark.parametrize("flow", FLOWS)
def test_a_session_that_ends_in_mid_run_is_renewed_once(deliver, sandbox, flow):
    def rows():
        sandbox.salesforce.expire()
        yield from PEOPLE

    report = deliver(rows, **FLOWS[flow], bulk=False)

    assert {"delivered": 500} == statuses(report)
    assert 2 == len(posted(sandbox))
    assert by_key(PEOPLE) == held(sandbox)


def test_a_session_that_ends_while_a_job_is_at_work_is_renewed(deliver, sandbox, clock):
    clock.then = sandbox.salesforce.expire
    report = deliver(PEOPLE, **FLOWS["client"], bulk=100)

    assert {"delivered": 500} == statuses(report)
    assert 1 == len(asked(sandbox, "PUT"))


def test_a_token_that_nothing_renews_ends_the_run_and_the_next_one_goes_on(deliver, sandbox):
    sandbox.faults.add("salesforce", "answer", status=401, path="composite", skip=1, times=None)
    how = {"state": True, "limits": {"max_in_flight": 1}, "bulk": False}
    report = deliver(PEOPLE, token="00D!t0ken-of-a-try", **how)
    sandbox.faults.clear()
    again = deliver(PEOPLE, token="00D!another-t0ken", **how)

    assert (9, 200) == (report.exit_code, report.delivered)
    assert "Session expired or invalid" in report.problem
    assert "t0ken" not in report.problem
    assert again.ok
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("flow", FLOWS)
def test_no_secret_is_told_of_a_login_that_fails(deliver, sandbox, flow, caplog):
    caplog.set_level(logging.DEBUG)
    sandbox.faults.add("salesforce", "answer", status=400, path="token", times=None)
    report = deliver(PEOPLE, **FLOWS[flow])

    assert 3 == report.exit_code
    assert "Salesforce gives no token" in report.problem
    told = report.summary() + json.dumps(report.as_json()) + caplog.text
    for secret in (*PEM.splitlines()[1:-1], "s3cr3t", "r3fresh"):
        assert secret not in told


def test_a_grant_that_is_refused_is_told_with_its_cure(deliver, sandbox):
    sandbox.salesforce.deny("invalid_grant", "user hasn't approved this consumer")
    report = deliver(PEOPLE, **FLOWS["jwt"])

    assert 3 == report.exit_code
    assert "(invalid_grant: user hasn't approved this consumer)" in report.problem
    assert "the app has to be pre-authorised for this user" in report.problem
    assert {} == held(sandbox)


def test_a_token_endpoint_that_is_down_for_a_while_is_asked_again(deliver, sandbox):
    sandbox.faults.add("salesforce", "answer", status=503, path="token", times=3)

    assert {"delivered": 500} == statuses(deliver(PEOPLE, **FLOWS["jwt"]))


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({}, "private_key"),
        ({"private_key": PEM}, "client_id"),
        ({"private_key": PEM, "client_id": "a"}, "username"),
        ({"client_secret": "s"}, "client_id"),
        ({"refresh_token": "s"}, "client_id"),
    ],
)
def test_a_login_that_lacks_something_names_it(given, option):
    kinds = {each.name for each in attrs.fields(Options) if "Secret" in str(each.type)}
    secret = {name: tailrace.Secret(v) if name in kinds else v for name, v in given.items()}
    options = Options(object="Contact", **secret)

    with pytest.raises(tailrace.ConfigError, match=f"^{option}: missing"):
        find_login(options, "https://acme.my.salesforce.com", tailrace.Http(lambda *_: None))


@pytest.mark.parametrize("key", ["no key", PEM.replace("A", "B"), PEM[:200]])
def test_a_key_that_is_none_is_told_before_anything_is_sent(deliver, sandbox, key):
    with pytest.raises(tailrace.ConfigError) as told:
        deliver(PEOPLE, **{**FLOWS["jwt"], "private_key": key})

    assert "private_key: is no RSA private key in PEM form" in str(told.value)
    assert key not in str(told.value)
    assert [] == sandbox.requests("salesforce")


@pytest.mark.parametrize(
    "url",
    ["http://acme.my.salesforce.com", "acme.my.salesforce.com", "ftp://x", "https://", "http://["],
)
@pytest.mark.parametrize("name", ["instance_url", "base_url"])
def test_a_login_goes_to_no_address_where_others_could_read_it(url, name):
    with pytest.raises(tailrace.ConfigError, match=f"^{name}: .* neither https nor a loopback"):
        address(Options(object="Contact", **{name: url}))


def test_the_org_is_where_it_is_said_to_be_and_base_url_comes_first():
    here = "http://127.0.0.1:9/salesforce"
    there = "https://acme.my.salesforce.com/"

    assert there[:-1] == address(Options(object="Contact", instance_url=there))
    assert here == address(Options(object="Contact", instance_url=there, base_url=here))
    with pytest.raises(tailrace.MissingOption, match="My Domain"):
        address(Options(object="Contact"))


def test_a_login_follows_salesforce_to_another_host_but_not_to_one_that_is_none():
    base = "https://login.salesforce.com"

    assert "https://acme.my.salesforce.com" == _trusted("https://acme.my.salesforce.com/", base)
    for strange in ("http://acme.my.salesforce.com", "http://127.0.0.1:80", "x"):
        with pytest.raises(tailrace.FatalError, match="is no https address"):
            _trusted(strange, base)
