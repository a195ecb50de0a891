"""The kit, against the sandbox's org."""

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


class Kit(DestinationKit):
    destination = "salesforce"
    key = "External_Id__c"
    text = "Description"

    def open(self, through):
        base = through(SANDBOX.url("salesforce"))
        return {"object": "Account", "base_url": base, "token": "s3cret-token", **self.declared}

    def received(self):
        return SANDBOX.salesforce.records("Account")

    def reset(self):
        SANDBOX.reset()

    def row(self, number, version=0):
        text = f"name {number}, version {version}"
        return {"External_Id__c": f"k{number}", "Name": f"n{number}", "Description": text}

    def bad(self, number):
        return {**self.row(number), "Tier__c": "no such tier"}

    def same(self, row, held):
        # Salesforce keeps no spaces at the ends of a text.
        stripped = {name: str(value or "").strip() for name, value in row.items()}
        return super().same(stripped, held)


class TestCollections(Kit):
    declared = {}


class TestJobs(Kit):
    declared = {"bulk": True}
