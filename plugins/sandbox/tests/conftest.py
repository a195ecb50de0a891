"""A running sandbox, clients of Sheets that others wrote, and a check of all that they said."""

import importlib.util
from pathlib import Path

import pytest
import requests

from tailrace_sandbox import Sandbox

DISCOVERY = Path(__file__).parents[3] / "tests" / "vendors" / "discovery.py"


def load_discovery():
    spec = importlib.util.spec_from_file_location("vendor_discovery", DISCOVERY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def discovery():
    """The checker of the repository; None where only this plugin's folder is there."""
    return load_discovery() if DISCOVERY.exists() else None


@pytest.fixture
def sandbox(discovery):
    with Sandbox() as box:
        yield box
        if discovery is not None:
            fair = [
                e
                for e in box.requests("sheets")
                if e.fault is None
                and not e.path.startswith("/odd")
                and "x-http-method-override" not in e.headers
            ]
            problems = [problem for e in fair for problem in discovery.check(e)]
            assert problems == []


class Redirected(requests.Session):
    """Send what is meant for Google to the sandbox."""

    def __init__(self, base):
        super().__init__()
        self.trust_env = False
        self.base = base

    def request(self, method, url, *args, **kwargs):
        for host in ("https://sheets.googleapis.com", "https://www.googleapis.com"):
            url = url.replace(host, self.base)
        return super().request(method, url, *args, **kwargs)


@pytest.fixture
def session(sandbox):
    with Redirected(sandbox.url("sheets")) as opened:
        yield opened


@pytest.fixture
def gs(session):
    import gspread

    return gspread.Client(auth=None, session=session)


@pytest.fixture
def api(sandbox):
    """The official client's spreadsheets resource."""
    import httplib2
    from googleapiclient.discovery import build

    http = httplib2.Http(timeout=10, proxy_info=None)
    service = build(
        "sheets",
        "v4",
        http=http,
        client_options={"api_endpoint": sandbox.url("sheets")},
        cache_discovery=False,
    )
    yield service.spreadsheets()
    service.close()


@pytest.fixture
def drive(sandbox):
    import httplib2
    from googleapiclient.discovery import build

    service = build(
        "drive",
        "v3",
        http=httplib2.Http(timeout=10, proxy_info=None),
        client_options={"api_endpoint": sandbox.url("sheets") + "/drive/v3/"},
        cache_discovery=False,
    )
    yield service
    service.close()


class Book:
    """A spreadsheet with one tab `T`, spoken to in plain JSON."""

    def __init__(self, session, base, rows=20, columns=8):
        self.session, self.base = session, base
        grid = {"rowCount": rows, "columnCount": columns}
        body = {"sheets": [{"properties": {"title": "T", "sheetId": 0, "gridProperties": grid}}]}
        self.id = session.post(f"{base}/v4/spreadsheets", json=body).json()["spreadsheetId"]
        self.url = f"{base}/v4/spreadsheets/{self.id}"

    def put(self, cells, values, option="RAW", **params):
        url = f"{self.url}/values/{requests.utils.quote(cells, safe='')}"
        return self.session.put(
            url, json={"values": values}, params={"valueInputOption": option, **params}
        ).json()

    def get(self, cells="T", **params):
        url = f"{self.url}/values/{requests.utils.quote(cells, safe='')}"
        return self.session.get(url, params=params).json()

    def values(self, cells="T", render="UNFORMATTED_VALUE", **params):
        return self.get(cells, valueRenderOption=render, **params).get("values", [])

    def batch(self, *wanted, **more):
        answer = self.session.post(f"{self.url}:batchUpdate", json={"requests": wanted, **more})
        return answer.json()

    def post(self, path, body=None, **params):
        return self.session.post(f"{self.url}{path}", json=body, params=params).json()

    def meta(self, **params):
        return self.session.get(self.url, params=params).json()


@pytest.fixture
def book(session, sandbox):
    return Book(session, sandbox.url("sheets"))


@pytest.fixture
def new_book(session, sandbox):
    return lambda **size: Book(session, sandbox.url("sheets"), **size)
