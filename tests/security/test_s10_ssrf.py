"""S10: no byte leaves for this machine, its network or a cloud's metadata, however it is spelt."""

import socket

import pytest

from tailrace.errors import ConfigError, TailraceError

from ..core.conftest import Say
from .endpoint import send

METADATA = "http://169.254.169.254/latest/meta-data/"
LOOPBACK = [
    *("127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "localhost"),
    *("2130706433", "0x7f000001", "0x7f.0.0.1", "0x7F.1", "017700000001", "0177.0.0.1", "0177.1"),
    *("127.0.0.1.", "localhost.", "LOCALHOST", "127.00.00.01", "0x7f.0x0.0x0.0x1"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[::ffff:7f00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]"),
]
NETWORK = [
    *("10.0.0.1", "10.255.255.255", "167772161", "0xa000001", "012.0.0.1", "10.1"),
    *("172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.1", "0xc0a80101", "3232235777"),
    *("100.64.0.1", "100.127.255.254", "198.18.0.1", "192.0.0.1", "224.0.0.1", "255.255.255.255"),
    *("[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "[::ffff:10.0.0.1]"),
    *("[64:ff9b::a00:1]", "[2002:a00:1::]", "[::ffff:c0a8:101]"),
]
LINK_LOCAL = [
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
    *("0xa9.0xfe.0xa9.0xfe", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "169.254.170.2"),
    *("[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[64:ff9b:1::a9fe:a9fe]"),
]
SPELLINGS = [*LOOPBACK, *NETWORK, *LINK_LOCAL]


@pytest.fixture
def bytes_sent(monkeypatch):
    """Note each address that something is sent to; what goes out of this machine goes nowhere."""
    sent, plain = [], socket.socket.sendall

    def noting(self, data, *flags):
        sent.append(self.getpeername())
        return plain(self, data, *flags)

    def connect(self, address):
        if not str(address[0]).startswith("127.") and address[0] != "::1":
            raise ConnectionRefusedError("not from here")
        return connecting(self, address)

    connecting = socket.socket.connect
    monkeypatch.setattr(socket.socket, "sendall", noting)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return sent


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_byte_leaves_for_an_address_that_is_not_public(host, service, bytes_sent):
    try:
        report = send(f"https://{host}:{service.port}/in", allow_private=["elsewhere.example"])
    except TailraceError as error:
        assert isinstance(error, ConfigError)
        report = None

    assert [] == bytes_sent
    assert (0, []) == (service.connections, service.seen)
    assert report is None or (0, 0) == (report.delivered, report.in_doubt)
    assert report is None or report.exit_code in (3, 9, 10)


def test_there_are_more_than_sixty_spellings():
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60


@pytest.mark.parametrize("option", ["lookup_url", "delete_url"])
def test_a_row_names_no_other_host(option, service):
    with pytest.raises(ConfigError) as told:
        send(f"{service.url}/in", **{option: "https://{host}/in"})

    assert "no address with a host of its own" in str(told.value)


@pytest.mark.parametrize(
    "value", ["@evil.example/", "/..//evil.example", "?@evil.example", "\\evil"]
)
def test_no_value_of_a_row_makes_another_host(value, service):
    report = send(f"{service.url}/in/{{id}}", [{"id": value}])

    assert 1 == report.delivered
    assert [f"127.0.0.1:{service.port}"] == [each.headers["Host"] for each in service.seen]
    assert 2 == service.seen[0].path.count("/")


def test_a_name_that_stands_for_another_address_a_moment_later_gets_no_byte(
    service, monkeypatch, bytes_sent
):
    real, looks = socket.getaddrinfo, []

    def changing(host, port, *args, **how):
        looks.append(host)
        address = "8.8.8.8" if len(looks) == 1 else "127.0.0.1"
        if host == "rebinding.example":
            return real(address, port, *args, **how)
        return real(host, port, *args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    report = send(f"https://rebinding.example:{service.port}/in")

    assert ["rebinding.example"] * 2 == looks[:2]
    assert ([], []) == (bytes_sent, service.seen)
    assert 0 == report.delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_metadata_is_not_followed(status, service, monkeypatch):
    asked, plain = [], socket.getaddrinfo

    def noting(host, *args, **how):
        asked.append(host)
        return plain(host, *args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    service.say(Say(status, "", {"Location": METADATA}))
    report = send(f"{service.url}/in")

    assert {"127.0.0.1"} == set(asked)
    assert 0 == report.delivered
    assert "redirects are not followed" in report.problem
