"""S12: without a good certificate and TLS 1.2, nothing is sent, and what was not sent is failed."""

import socket
import ssl
import warnings

import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock

from .authority import DAY, certify, server_side, serving
from .endpoint import CANARY, send


@pytest.fixture(scope="module")
def authority():
    return certify("our authority", hosts=())


@pytest.fixture(autouse=True)
def _trusted(authority, tmp_path, monkeypatch):
    """Trust our authority as the system's are trusted: there is no option for anything else."""
    path = tmp_path / "authority.pem"
    path.write_bytes(
        authority.written(tmp_path).read_bytes().split(b"-----END PRIVATE KEY-----")[1]
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


BAD = {
    "expired": ({"since": -3 * DAY, "until": -2 * DAY}, "expired"),
    "not valid yet": ({"since": DAY, "until": 2 * DAY}, "not yet valid"),
    "of another host": ({"hosts": ("evil.example",)}, "not valid for '127.0.0.1'"),
    "of another address": ({"hosts": ("127.0.0.2",)}, "not valid for '127.0.0.1'"),
}


def test_a_good_certificate_is_good(authority, tmp_path):
    good = certify("good", authority).written(tmp_path)
    with serving(server_side(good)) as (port, heard):
        report = send(f"https://127.0.0.1:{port}/in")

    assert 1 == report.delivered
    assert heard[0].startswith(b"POST /in HTTP/1.1")


@pytest.mark.parametrize("what", BAD)
def test_a_bad_certificate_gets_nothing(what, authority, tmp_path):
    how, told = BAD[what]
    with serving(server_side(certify("bad", authority, **how).written(tmp_path))) as (port, heard):
        report = send(f"https://127.0.0.1:{port}/in", token=tailrace.Secret(CANARY))

    refused(report, heard)
    assert told in report.problem


def test_one_that_signed_itself_gets_nothing(tmp_path):
    with serving(server_side(certify("127.0.0.1").written(tmp_path))) as (port, heard):
        report = send(f"https://127.0.0.1:{port}/in", token=tailrace.Secret(CANARY))

    refused(report, heard)
    assert "self-signed" in report.problem


def test_one_of_an_authority_that_is_not_trusted_gets_nothing(tmp_path):
    stranger = certify("our authority", hosts=())
    with serving(server_side(certify("good", stranger).written(tmp_path))) as (port, heard):
        report = send(f"https://127.0.0.1:{port}/in", token=tailrace.Secret(CANARY))

    refused(report, heard)
    assert "unable to get local issuer certificate" in report.problem


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_version_gets_nothing(version, authority, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = old(server_side(certify("good", authority).written(tmp_path)), version)
        client = old(ssl.create_default_context(), version)
    with serving(context) as (port, heard):
        if not speaks(client, port):
            pytest.skip("this machine's OpenSSL speaks no version that is old")
        heard.clear()
        report = send(f"https://127.0.0.1:{port}/in", token=tailrace.Secret(CANARY))

    refused(report, heard)


def test_a_plain_line_gets_nothing_where_a_secure_one_was_asked_for():
    with serving(None) as (port, heard):
        report = send(f"https://127.0.0.1:{port}/in", token=tailrace.Secret(CANARY))

    assert {b"\x16"} == {each[:1] for each in heard}  # the beginning of a handshake
    refused(report, [each for each in heard if b"POST" in each or CANARY.encode() in each])


@pytest.mark.parametrize("plugin", ["hubspot", "slack", "sheets"])
def test_no_plugin_goes_on_without_a_good_certificate(plugin, tmp_path):
    options = {
        "hubspot": {"object": "contacts", "token": tailrace.Secret(CANARY)},
        "slack": {"channel": "general", "token": tailrace.Secret(CANARY)},
        "sheets": {"spreadsheet": "x" * 44},
    }[plugin]
    with serving(server_side(certify("127.0.0.1").written(tmp_path))) as (port, heard):
        sync = tailrace.Sync(
            source=[{"email": "a@x.example"}],
            destination=plugin,
            name="it",
            mode="upsert",
            key="email",
            options={"base_url": f"https://127.0.0.1:{port}", **options},
            state=None,
        )
        report = run(sync)

    refused(report, heard)


def run(sync):
    return execute(prepare(sync), FakeClock())


def refused(report, heard):
    """Check that nothing was sent, and that it counts as such."""
    assert [] == heard
    assert (0, 0, 0) == (report.delivered, report.in_doubt, report.rejected)
    assert report.exit_code in (3, 9, 10)
    assert CANARY not in str(report)


def old(context, version):
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def speaks(context, port):
    """Tell whether somebody who would take the old version gets through."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return bool(secure.recv(10))
    except OSError:
        return False
