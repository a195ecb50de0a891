"""The kit, against the sandbox's account."""

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


class TestContacts(DestinationKit):
    destination = "hubspot"
    key = "email"
    text = "firstname"

    def open(self, through):
        base = through(SANDBOX.url("hubspot"))
        return {"object": "contacts", "base_url": base, "token": "s3cret-token"}

    def received(self):
        return SANDBOX.hubspot.records("contacts")

    def reset(self):
        SANDBOX.reset()

    def row(self, number, version=0):
        return {
            "email": f"p{number}@example.com",
            "firstname": f"name {number}, version {version}",
        }

    def bad(self, number):
        return {**self.row(number), "lifecyclestage": "no such stage"}
