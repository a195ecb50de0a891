"""S24: what a service says is cut, holds no login of ours, steers no terminal, and is no template."""

import json
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import tailrace
from tailrace_sandbox import Answer

from .endpoint import CANARY

STATUSES = [400, 403, 429, 500]
STEERING = "\x1b]0;owned\x07\x1b[2J\u202e\r\n{0.__class__} %s %(x)s {CANARY!r} ${jndi:ldap://x}"
LONG = "z" * 5_000


@pytest.fixture
def echoing(place, monkeypatch, ahead):
    """Let the service say all that it was asked with, at length."""
    twin = place.sandbox.twins[place.twin]
    heard = []

    def refuse(request, status):
        heard.append(dict(request.headers))
        said = f"{ahead * 'y'}{json.dumps(heard[-1])} {request.raw_path} {STEERING} {LONG}"
        return Answer(status=status, body=orjson.dumps(SHAPES[place.twin](said, status)))

    monkeypatch.setattr(twin, "refuse", refuse)
    return heard


SHAPES = {
    "slack": lambda said, status: {"ok": False, "error": said},
    "hubspot": lambda said, status: {"status": "error", "message": said, "category": said},
    "http": lambda said, status: {"error": said},
    "notion": lambda said, status: {"object": "error", "code": said, "message": said},
    "salesforce": lambda said, status: [{"errorCode": said, "message": said}],
    "sheets": lambda said, status: {
        "error": {"code": status, "message": said, "status": "INVALID_ARGUMENT"}
    },
}


def login(place, folder):
    """Give the place a login that is a secret, and the texts that nobody may see."""
    if "webhook_url" in place.options:
        return ["s3cr3tT0k3nOfTheH00k"]
    if place.plugin == "sheets":
        place.options["credentials"] = tailrace.Secret(account(place, folder))
        return ["PRIVATE KEY"]
    place.options["token"] = tailrace.Secret(CANARY)
    return [CANARY]


def account(place, folder):
    """Make a key of a service account, as Google gives it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "tailrace@it.iam.gserviceaccount.com",
            "private_key": text,
            "private_key_id": "k1",
            "token_uri": place.sandbox.url("sheets") + "/token",
        }
    )


@pytest.mark.trouble("pace")  # as every service of HTTP can cause; databases' tests stand with them
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("ahead", [0, 640])
def test_what_a_service_says_is_cut_and_harmless(place, echoing, status, tmp_path, caplog):
    secrets = login(place, tmp_path)
    caplog.set_level("DEBUG", logger="tailrace")
    wait = {"retry_after": 36_000} if status == 429 else {}
    place.strike("answer", times=None, status=status, **wait)
    report = place.run(place.rows(3))
    secrets += tokens(echoing)
    told = [report.problem or "", *(each.message for each in report.rejections)]
    told += [each.reason for each in report.rejections]
    everywhere = [*told, caplog.text, repr(report), *kept(tmp_path)]

    assert echoing
    assert 0 == report.delivered
    # A token that was cut before it was looked for would show its beginning.
    assert [] == [each for each in secrets for text in everywhere if each[:8] in text]
    assert max((len(each.message) for each in report.rejections), default=0) <= 700
    assert len(report.problem or "") <= 1_200
    assert [] == [each for each in " ".join(told) if not each.isprintable()]


def tokens(echoing):
    """Give the logins that the service was asked with, and has said."""
    found = {each.get("authorization", "").rpartition(" ")[2] for each in echoing}
    return [each for each in found if each]


def kept(folder: Path):
    """Give all that lies in a state."""
    return [
        each.read_bytes().decode("latin-1")
        for each in (folder / "state").rglob("*")
        if each.is_file()
    ]
