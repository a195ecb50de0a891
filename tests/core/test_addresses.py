"""Requests that may only go to public addresses leave for no other, whatever a name stands for."""

import socket

import pytest

from tailrace._engine.http import Client
from tailrace._engine.ratelimit import Pace
from tailrace._engine.wire import is_public
from tailrace.errors import FatalError
from tailrace.testing import FakeClock

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9"),
    *("224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0"),
    *("fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1"),
    *("::ffff:169.254.169.254", "::ffff:a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *(
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2001:0:0:0:0:0:80ff:fffe",
        "::127.0.0.1",
        "::a9fe:a9fe",
    ),
]
SPELLINGS = ["127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "0"]


@pytest.fixture
def guarded():
    clock = FakeClock()
    client = Client(Pace(clock), clock)
    yield client.http().using(private=False)
    client.close()


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_machine_or_its_network_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_any_other_is(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", *SPELLINGS])
def test_no_byte_leaves_for_it_however_it_is_spelt(service, guarded, host):
    with pytest.raises(FatalError, match="is not a public one"):
        guarded.post(f"http://{host}:{service.port}/rows", json=[1])

    assert (0, []) == (service.connections, service.seen)


def test_a_name_that_stands_for_another_address_a_moment_later_gets_no_byte(
    service, guarded, monkeypatch
):
    real, looks = socket.getaddrinfo, []

    def changing(host, port, *args, **how):
        looks.append(host)
        if len(looks) == 1:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]
        return real("127.0.0.1", port, *args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with pytest.raises(FatalError, match=r"127\.0\.0\.1 of rebinding\.example"):
        guarded.post(f"http://rebinding.example:{service.port}/rows", json=[1])

    assert 2 == len(looks)
    assert [] == service.seen


def test_whoever_may_go_anywhere_does(service, guarded):
    answer = guarded.using(private=True).post(f"{service.url}/rows", json=[1])

    assert 200 == answer.status
