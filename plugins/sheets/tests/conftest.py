"""A sandbox, a spreadsheet in it that is looked at without any code of ours, and whole runs."""

import functools
import importlib.util
import json
import os
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import attrs
import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox
from tailrace_sheets import tailrace_destination

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
DISCOVERY = Path(__file__).parents[3] / "tests" / "vendors" / "discovery.py"

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


@pytest.fixture(scope="session")
def discovery():
    """The repository's checker of traffic; None where only this plugin's folder is there."""
    if not DISCOVERY.exists():
        return None
    spec = importlib.util.spec_from_file_location("vendor_discovery", DISCOVERY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def built_once():
    """Google's client takes a tenth of a second to build, which many runs would add up."""
    from googleapiclient import discovery

    build = discovery.build

    @functools.cache
    def built(endpoint):
        service = build(
            "sheets",
            "v4",
            http=object(),
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": endpoint},
        )
        methods = service.spreadsheets()
        values = methods.values()
        methods.values = lambda: values
        return SimpleNamespace(spreadsheets=lambda: methods)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            discovery, "build", lambda *_, **how: built(how["client_options"]["api_endpoint"])
        )
        yield


@pytest.fixture(scope="session")
def served():
    """One server for all tests, so that Google's client is built for one address."""
    with Sandbox() as box:
        yield box


@pytest.fixture
def sandbox(served, discovery):
    served.reset()
    yield served
    if discovery is not None:
        fair = [each for each in served.requests("sheets") if each.fault is None]
        assert [problem for each in fair for problem in discovery.check(each)] == []


class Sheet:
    """A spreadsheet with one tab of some size, spoken to in plain JSON."""

    def __init__(self, sandbox, tab="Sheet1", rows=1000, columns=26, zone="Etc/GMT"):
        self.sandbox, self.tab = sandbox, tab
        self.base = f"{sandbox.url('sheets')}/v4/spreadsheets"
        grid = {"rowCount": rows, "columnCount": columns}
        properties = {"title": tab, "sheetId": 7, "gridProperties": grid}
        made = self.call(
            "", {"properties": {"timeZone": zone}, "sheets": [{"properties": properties}]}
        )
        self.id = made["spreadsheetId"]
        self.before = len(sandbox.requests("sheets"))

    @property
    def options(self):
        return {
            "spreadsheet": self.id,
            "tab": self.tab,
            "base_url": self.sandbox.url("sheets"),
        }

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        with OPENER.open(request) as answer:
            return json.load(answer)

    def values(self, tab=None, render="UNFORMATTED_VALUE"):
        name = quote("'" + (tab or self.tab).replace("'", "''") + "'", safe="")
        path = f"/{self.id}/values/{name}?valueRenderOption={render}"
        return self.call(path).get("values", [])

    def put(self, at, values, option="RAW"):
        path = f"/{self.id}/values/{quote(at, safe='')}?valueInputOption={option}"
        self.call(path, {"values": values}, method="PUT")

    def change(self, *requests):
        return self.call(f"/{self.id}:batchUpdate", {"requests": requests})["replies"]

    def insert_rows(self, at, count=1):
        """Insert empty rows, as people do; `at` counts from 0."""
        where = {"sheetId": 7, "dimension": "ROWS", "startIndex": at, "endIndex": at + count}
        self.change({"insertDimension": {"range": where}})

    def tabs(self):
        found = self.call(f"/{self.id}?fields=sheets.properties")["sheets"]
        return {each["properties"]["title"]: each["properties"] for each in found}

    def size(self):
        grid = self.tabs()[self.tab]["gridProperties"]
        return grid["rowCount"], grid["columnCount"]

    def formats(self, row):
        """The types of the number formats of a row's cells."""
        name = quote(f"'{self.tab}'!{row}:{row}", safe="")
        fields = "sheets.data.rowData.values.userEnteredFormat.numberFormat.type"
        found = self.call(f"/{self.id}?ranges={name}&fields={fields}")["sheets"][0]
        cells = found.get("data", [{}])[0].get("rowData", [{}])[0].get("values", [])
        return [
            each.get("userEnteredFormat", {}).get("numberFormat", {}).get("type") for each in cells
        ]

    def requests(self):
        """What has arrived since the spreadsheet was made, and is no request of this class."""
        return [
            each
            for each in self.sandbox.requests("sheets")[self.before :]
            if not each.headers.get("user-agent", "").startswith("Python-urllib")
        ]

    def count(self):
        """How many reads, writes of values and changes of structure have arrived."""
        found = self.requests()
        reads = sum(each.method == "GET" for each in found)
        writes = sum("/values" in each.path and each.method != "GET" for each in found)
        return reads, writes, len(found) - reads - writes

    def deliver(self, rows, destination="sheets", *, options=None, **sync):
        """Run a sync into this tab, on a clock that does not wait."""
        made = tailrace.Sync(
            source=rows,
            destination=destination,
            options={**self.options, **(options or {})},
            state=None,
            **sync,
        )
        return execute(prepare(made), FakeClock())

    @staticmethod
    def counts(report):
        """The counts of a report that are not 0."""
        names = ("read", "delivered", "skipped", "rejected", "failed", "in_doubt")
        return {name: getattr(report, name) for name in names if getattr(report, name)}

    @staticmethod
    def meddled(deeds):
        """The destination, with what people do right before its first, second... write."""
        spec = tailrace_destination()

        @contextmanager
        def opened(options, *, http, mode, key, log):
            with spec.open(options, http=http, mode=mode, key=key, log=log) as writer:
                yield Meddled(writer, deeds)

        return attrs.evolve(spec, open=opened, max_in_flight=1)


@attrs.define
class Meddled:
    """A writer before whose writes someone does something to the sheet."""

    writer: object
    deeds: dict
    writes: int = 0

    def __getattr__(self, name):
        return getattr(self.writer, name)

    def write(self, batch):
        deed = self.deeds.get(self.writes)
        self.writes += 1
        if deed is not None:
            deed()
        return self.writer.write(batch)


@pytest.fixture
def sheet(sandbox):
    return Sheet(sandbox)


@pytest.fixture
def make_sheet(sandbox):
    return lambda **how: Sheet(sandbox, **how)


@pytest.fixture(scope="session")
def private_key():
    """A key that opens nothing, made anew for each session."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def service_account(sandbox, private_key):
    """The JSON of a service account whose tokens the sandbox gives out."""
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "writer@project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{sandbox.url('sheets')}/token",
    }


@pytest.fixture(scope="session")
def sheet_in():
    """The class of spreadsheets, for tests whose examples each need a new one."""
    return Sheet
