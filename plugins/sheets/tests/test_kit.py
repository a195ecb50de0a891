"""The kit, against the sandbox's spreadsheet."""

import json
import urllib.request

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


def call(path, body=None):
    url = f"{SANDBOX.url('sheets')}/v4/spreadsheets{path}"
    data = None if body is None else json.dumps(body).encode()
    with OPENER.open(urllib.request.Request(url, data)) as answer:
        return json.load(answer)


class TestSheet(DestinationKit):
    destination = "sheets"

    def open(self, through):
        return {"spreadsheet": self.made, "base_url": through(SANDBOX.url("sheets"))}

    def received(self):
        values = call(f"/{self.made}/values/Sheet1?valueRenderOption=UNFORMATTED_VALUE")
        head, *rows = values.get("values") or [[]]
        return [dict(zip(head, row, strict=False)) for row in rows]

    def reset(self):
        SANDBOX.reset()
        self.made = call("", {"sheets": [{"properties": {"title": "Sheet1"}}]})["spreadsheetId"]

    def bad(self, number):
        return {"id": number, "name": "x" * 50_001}
