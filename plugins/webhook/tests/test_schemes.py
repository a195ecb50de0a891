"""Signatures: what each service signs is taken, and nothing that differs from it in any bit."""

import json
import time

import pytest
import standardwebhooks
import stripe
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

import tailrace
from tailrace_webhook._endpoint import open_endpoint
from tailrace_webhook._schemes import Refused, Request, key_of, verify

from .conftest import options
from .senders import OTHER, SECRET, URL, sign

SCHEMES = ("standard", "stripe", "github", "slack", "hubspot", "typeform")
TIMED = ("standard", "stripe", "slack", "hubspot")
NOW = 1_790_000_000.0
BODY = b'{"id": "evt_1", "event_id": "Ev1", "name": "Ada"}'


def checked(scheme, headers, body=BODY, *, now=NOW, secrets=(SECRET,), method="POST", url=URL):
    request = Request(method, "/in", list(headers.items()), body)
    return verify(scheme, request, [key_of(scheme, each) for each in secrets], now, url)


def refused(scheme, headers, body=BODY, **how):
    with pytest.raises(Refused) as told:
        checked(scheme, headers, body, **how)
    return told.value.status


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_services_own_library_or_page_signs_is_taken(scheme):
    assert checked(scheme, sign(scheme, BODY, at=NOW))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_body_with_any_byte_changed_is_refused(scheme):
    headers = sign(scheme, BODY, at=NOW)
    changed = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]

    assert {refused(scheme, headers, body) for body in changed} == {401}
    assert refused(scheme, headers, BODY + b" ") == refused(scheme, headers, BODY[:-1]) == 401


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_header_with_any_character_changed_is_refused_where_it_is_signed(scheme):
    headers = sign(scheme, BODY, at=NOW)
    headers.pop("x-github-delivery", None)  # which GitHub does not sign
    for name, text in headers.items():
        for at, character in enumerate(text):
            changed = text[:at] + chr(ord(character) ^ 1) + text[at + 1 :]

            assert refused(scheme, {**headers, name: changed}) == 401, (name, at)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_header_that_is_missing_empty_or_there_twice_is_refused(scheme):
    headers = sign(scheme, BODY, at=NOW)
    headers.pop("x-github-delivery", None)
    for name, text in headers.items():
        rest = {each: value for each, value in headers.items() if each != name}
        twice = Request("POST", "/in", [*headers.items(), (name, text)], BODY)

        assert refused(scheme, rest) == refused(scheme, {**headers, name: ""}) == 401
        with pytest.raises(Refused, match="there twice"):
            verify(scheme, twice, [key_of(scheme, SECRET)], NOW, URL)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("away", [-301, 301, -86_400, 86_400 * 365])
def test_what_was_signed_more_than_five_minutes_away_is_refused(scheme, away):
    assert refused(scheme, sign(scheme, BODY, at=NOW + away)) == 401


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("away", [-300, -299, 0, 299, 300])
def test_what_was_signed_within_five_minutes_is_taken(scheme, away):
    assert checked(scheme, sign(scheme, BODY, at=NOW + away))


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize(
    "time", ["", " 1790000000", "1.79e9", "nan", "inf", "-1", "²³", "9" * 400, "0x6AB13B80"]
)
def test_a_time_that_is_no_plain_number_is_refused(scheme, time):
    headers = sign(scheme, BODY, at=NOW)
    name = next((each for each in headers if "timestamp" in each), "stripe-signature")
    value = f"t={time},v1=00" if scheme == "stripe" else time

    assert refused(scheme, {**headers, name: value}) == 401


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_old_secret_counts_beside_the_new_one_and_no_other_does(scheme):
    old = sign(scheme, BODY, at=NOW, secret=OTHER)

    assert checked(scheme, old, secrets=(SECRET, OTHER))
    assert refused(scheme, old, secrets=(SECRET,)) == 401


@pytest.mark.parametrize("scheme", ["standard", "stripe"])
def test_one_of_several_signatures_is_enough_while_a_sender_changes_its_secret(scheme):
    ours, theirs = (sign(scheme, BODY, at=NOW, secret=each) for each in (SECRET, OTHER))
    if scheme == "standard":
        both = f"v1a,AAAA {theirs['webhook-signature']} {ours['webhook-signature']}"
        headers = ours | {"webhook-signature": both}
    else:
        mine = ours["stripe-signature"].partition(",")[2]
        headers = {"stripe-signature": f"{theirs['stripe-signature']},{mine},v0=00"}

    assert checked(scheme, headers)


def test_a_stripe_header_with_two_times_is_refused():
    made = sign("stripe", BODY, at=NOW)["stripe-signature"]

    assert refused("stripe", {"stripe-signature": f"t={int(NOW)},{made}"}) == 401


def test_svix_names_of_the_standards_headers_are_taken():
    headers = sign("standard", BODY, at=NOW)
    renamed = {name.replace("webhook", "svix"): text for name, text in headers.items()}

    assert checked("standard", renamed)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(body=st.binary(max_size=200), data=st.data())
def test_no_signature_of_one_body_is_taken_for_another(scheme, body, data):
    if scheme in ("stripe", "slack"):  # their libraries sign text
        body = body.decode("utf-8", "ignore").encode()
    other = data.draw(st.binary(max_size=200).filter(lambda each: each != body))
    headers = sign(scheme, body, at=NOW)

    assert checked(scheme, headers, body)
    assert refused(scheme, headers, other) == 401


@pytest.mark.parametrize(
    ("target", "signed"),
    [
        ("/in", URL),
        ("/in?a=1&b=2", f"{URL}?a=1&b=2"),
        ("/in?to=%2Fx%3Fy%40z", f"{URL}?to=/x?y@z"),
        ("/in?to=%2Fx", f"{URL}?to=%2Fx"),
        ("/in?a=%20b", f"{URL}?a=%20b"),
    ],
)
def test_hubspot_signs_its_address_as_it_is_or_with_some_escapes_written_out(target, signed):
    headers = sign("hubspot", BODY, at=NOW, url=signed)
    key = [key_of("hubspot", SECRET)]
    request = Request("POST", target, [*headers.items(), ("host", "hooks.example.com")], BODY)

    assert verify("hubspot", request, key, NOW, URL)
    assert verify("hubspot", request, key, NOW)
    with pytest.raises(Refused):
        verify("hubspot", request, key, NOW, "https://elsewhere.example.com/in")
    with pytest.raises(Refused):
        verify("hubspot", Request("PUT", target, request.headers, BODY), key, NOW, URL)


def _slack(body, headers):
    if not SignatureVerifier(SECRET).is_valid_request(body, headers):
        raise ValueError("it does not fit")


LIBRARIES = {
    "standard": lambda body, headers: standardwebhooks.Webhook(SECRET).verify(body, headers),
    "stripe": lambda body, headers: stripe.WebhookSignature.verify_header(
        body.decode(), headers["stripe-signature"], SECRET, 300
    ),
    "slack": _slack,
}


@pytest.mark.parametrize("scheme", LIBRARIES)
@pytest.mark.parametrize("secret", [SECRET, OTHER])
@pytest.mark.parametrize("away", [0, -290, -310, 290, 310])
@pytest.mark.parametrize("body", [BODY, b"{}", b'{"a": "\xc3\xa9"}'])
def test_our_reading_and_that_of_the_services_libraries_agree(scheme, secret, away, body):
    now = time.time()
    headers = sign(scheme, body, secret=secret, at=now + away)
    ours = _taken(checked, scheme, headers, body, now=now)
    theirs = _taken(LIBRARIES[scheme], body, headers)
    if scheme == "stripe" and away > 300:
        theirs = False  # Stripe's own takes what is signed ahead of time

    assert ours == theirs == (secret == SECRET and abs(away) <= 300)


def _taken(attempt, *given, **how):
    try:
        attempt(*given, **how)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("secret", ["", "  "])
def test_an_empty_secret_is_none(tmp_path, scheme, secret):
    with pytest.raises(tailrace.ConfigError, match=r"secret: is (empty|no base64).*\(/in\)"):
        open_endpoint(options(tmp_path, scheme=scheme, secret=tailrace.Secret(secret)))


def test_a_standard_secret_that_is_no_base64_is_told_without_showing_it(tmp_path):
    with pytest.raises(tailrace.ConfigError) as told:
        open_endpoint(options(tmp_path, secret=tailrace.Secret("whsec_not~base64")))

    assert "not~base64" not in str(told.value)
    assert "base64" in str(told.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"secret": None}, "secret: is missing"),
        ({"scheme": "none", "host": "0.0.0.0"}, "scheme: none is for a loopback address"),
        ({"scheme": "none", "host": "hooks.example.com"}, "scheme: none is for a loopback address"),
        (
            {"scheme": "none", "secret": tailrace.Secret("abcd")},
            "scheme: none looks at no signature",
        ),
        ({"path": "form"}, "path: is the path of an address"),
        ({"path": "/a?b"}, "path: is the path of an address"),
        ({"public_url": URL}, "public_url: is for the scheme hubspot"),
        ({"fields": {"a": "b"}}, "fields.a: is id, received_at or header:NAME"),
        ({"id_header": "x", "id_field": "y"}, "id_header: and id_field are two places"),
        ({"remember": 599.0}, "remember: is a number from 600"),
        ({"port": 70_000}, "port: is a number from 0 to 65535"),
        ({"max_body": 0}, "max_body: is a number from 1"),
        ({"max_wait": float("nan")}, "max_wait: is a number from 0"),
    ],
)
def test_options_that_cannot_work_are_told(tmp_path, given, told):
    with pytest.raises(tailrace.ConfigError) as error:
        open_endpoint(options(tmp_path, **given))

    assert told in str(error.value)


def test_the_secret_is_in_no_repr(tmp_path):
    endpoint = open_endpoint(options(tmp_path, scheme="github", secret=tailrace.Secret("hunter22")))

    assert "hunter22" not in repr(endpoint)


def test_a_body_is_not_looked_at_before_its_signature(tmp_path):
    endpoint = open_endpoint(options(tmp_path))
    headers = [*sign("standard", BODY, secret=OTHER).items(), ("content-type", "image/png")]
    with pytest.raises(Refused) as told:
        endpoint.take(Request("POST", "/in", headers, b"{not json"), time.time())

    assert told.value.status == 401


def ids(tmp_path, scheme, body, **given):
    body = json.dumps(body).encode()
    headers = [*sign(scheme, body, at=NOW).items(), ("host", "localhost")]
    endpoint = open_endpoint(options(tmp_path, scheme=scheme, **given))
    return endpoint.take(Request("POST", "/in", headers, body), NOW).ids


def test_each_scheme_tells_the_id_of_an_event(tmp_path):
    body = {"id": "evt_7", "event_id": "Ev7"}

    assert ids(tmp_path, "standard", body) == ids(tmp_path, "github", body) == "evt_1"
    assert ids(tmp_path, "stripe", body) == "evt_7"
    assert ids(tmp_path, "slack", body) == ids(tmp_path, "typeform", body) == "Ev7"
    assert ids(tmp_path, "none", body) is None
    assert ids(tmp_path, "none", body, id_field="id") == ["evt_7"]
    assert ids(tmp_path, "stripe", [{"n": {"m": 1}}, {"n": {"m": 2}}], id_field="n.m") == [1, 2]


@pytest.mark.parametrize(
    ("scheme", "given"),
    [
        ("stripe", {}),
        ("typeform", {}),
        ("none", {"id_field": "id"}),
        ("none", {"id_header": "x-id"}),
    ],
)
@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": True}, {"id": ""}, {"id": [1]}])
def test_what_has_no_id_where_it_should_is_refused(tmp_path, scheme, given, body):
    with pytest.raises(Refused) as told:
        ids(tmp_path, scheme, body, **given)

    assert told.value.status == 400


def test_a_slack_command_is_known_by_the_time_and_body_that_were_signed(tmp_path):
    one, same = (ids(tmp_path, "slack", {"command": "/go"}) for _ in range(2))

    assert one == same != ids(tmp_path, "slack", {"command": "/stop"})


def test_a_hubspot_event_is_the_same_at_its_next_attempt_and_eventid_alone_says_nothing(tmp_path):
    event = {"eventId": 1, "subscriptionId": 2, "objectId": 3, "occurredAt": 4, "attemptNumber": 0}
    first = ids(tmp_path, "hubspot", [event, {**event, "objectId": 9}])
    again = ids(tmp_path, "hubspot", [{**event, "attemptNumber": 1}])

    assert first[0] == again[0]
    assert first[0] != first[1]
