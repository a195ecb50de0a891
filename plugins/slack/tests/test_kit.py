"""The kit, against the sandbox's workspace."""

from html import unescape

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


class TestMessages(DestinationKit):
    destination = "slack"

    def open(self, through):
        return {
            "channel": "general",
            "base_url": through(SANDBOX.url("slack")),
            "token": "xoxb-s3cret",
            "text": "{id}: {name}",
            "history": True,
        }

    def received(self):
        said = (each["text"].partition(": ") for each in SANDBOX.slack.messages("general"))
        return [{"id": number, "name": unescape(name)} for number, _, name in said]

    def reset(self):
        SANDBOX.reset()

    def bad(self, number):
        return {"id": number, "name": "x" * 41_000}
