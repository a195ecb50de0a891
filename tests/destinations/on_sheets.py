"""Google Sheets: rows of a tab by the column of their key."""

import json
import urllib.request
from urllib.parse import quote

from .places import Place

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sheets(Place):
    """A tab of a spreadsheet, looked at without any code of ours or Google's."""

    plugin = twin = "sheets"
    many, small = 40, {"batch_size": 10}
    batch = 50_000
    troubles = frozenset({"pace", "day", "login", "lost"})
    writes = {"method": "POST", "path": "values:batchUpdate"}
    bad = {
        "too long": ({"name": "x" * 50_001}, "too_long", "'name'"),
        "no number": ({"name": float("nan")}, "value", "'name'"),
        "wrong type": ({"name": b"bytes"}, "value", "'name'"),
    }

    def __init__(self, sandbox, folder):
        super().__init__(sandbox, folder)
        self.base = f"{sandbox.url('sheets')}/v4/spreadsheets"
        self.options["spreadsheet"] = self._made()

    def empty(self):
        super().empty()
        self.options["spreadsheet"] = self._made()

    def _made(self):
        tabs = [{"properties": {"title": "Sheet1"}}]
        return self.call("", {"properties": {"title": "Test"}, "sheets": tabs})["spreadsheetId"]

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        with OPENER.open(request) as answer:
            return json.load(answer)

    def held(self):
        range_ = quote("Sheet1", safe="")
        path = f"/{self.options['spreadsheet']}/values/{range_}"
        values = self.call(f"{path}?valueRenderOption=UNFORMATTED_VALUE").get("values", [])
        if not values:
            return {}
        head, *lines = values
        found = [dict(zip(head, line, strict=False)) for line in lines]
        assert len(found) == len({each["id"] for each in found})
        return {each["id"]: self.shown(each) for each in found}

    def optimum(self, written, removed):
        # Where rows are to be told from those of people, their places are looked at before; and
        # after a deletion what went, which is laid aside and then removed.
        return 2 + 2 * -(-written // self.batch) + 5 * -(-removed // self.batch)

    def swap(self):
        return {"spreadsheet": self._made()}
