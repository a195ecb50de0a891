"""The kit, against the sandbox's workspace."""

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


class TestPages(DestinationKit):
    destination = "notion"
    key = "Name"
    text = "Note"

    def open(self, through):
        base = through(SANDBOX.url("notion"))
        return {"data_source": self.made, "base_url": base, "token": "ntn_s3cret"}

    def received(self):
        return SANDBOX.notion.pages(self.made)

    def reset(self):
        SANDBOX.reset()
        properties = {"Name": {"title": {}}, "Note": {"rich_text": {}}, "Plan": {"select": {}}}
        self.made = SANDBOX.notion.add_database("Kit", properties)

    def row(self, number, version=0):
        return {"Name": f"k{number}", "Note": f"name {number}, version {version}"}

    def bad(self, number):
        return {**self.row(number), "Plan": "no such plan"}
