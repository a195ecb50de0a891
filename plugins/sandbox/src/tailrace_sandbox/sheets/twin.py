"""The Google Sheets twin: requests in, answers out, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import attrs
import orjson

from tailrace_sandbox.quotas import Quota
from tailrace_sandbox.sheets import drive, shapes
from tailrace_sandbox.sheets.a1 import Area, letters
from tailrace_sandbox.sheets.errors import MESSAGES, ApiError, error_answer
from tailrace_sandbox.sheets.resource import cell_data
from tailrace_sandbox.sheets.routes import Route, find
from tailrace_sandbox.sheets.service import READS as READ_METHODS
from tailrace_sandbox.sheets.service import ROOTS, Call, serve
from tailrace_sandbox.sheets.shelf import READS, WRITES, Shelf
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

PER_MINUTE = 60
SHOWN_TEXT = 2000
_METRICS = {True: "Read requests", False: "Write requests"}


class SheetsTwin:
    """Stand in for sheets.googleapis.com and for the files of www.googleapis.com/drive/v3."""

    name = "sheets"
    title = "Google Sheets"

    def __init__(self, *, quotas: bool = False) -> None:
        self._lock = threading.RLock()
        self._shelf = Shelf()
        self._quotas: Mapping[bool, Quota] = {}
        if quotas:
            self._quotas = {reads: Quota(PER_MINUTE, 60.0) for reads in (True, False)}

    def add(self, spreadsheet: str, title: str, tab: int = 0) -> None:
        """Make a spreadsheet whose id is chosen, which the API does not let a client do.

        tab: the id of its one tab.
        """
        sheets = [{"properties": {"sheetId": tab, "title": "Sheet1"}}]
        with self._lock:
            book = self._shelf.create({"properties": {"title": title}, "sheets": sheets})
            del self._shelf.books[book.id]
            book.id = spreadsheet
            self._shelf.books[spreadsheet] = book

    def forbid(self, spreadsheet: str, *, writes_only: bool = False) -> None:
        """Make a spreadsheet one that its owner has not shared, or has shared to read only."""
        with self._lock:
            book = self._shelf.open(spreadsheet, write=False)
            book.forbidden = WRITES if writes_only else READS

    def allow(self, spreadsheet: str) -> None:
        """Take `forbid` back."""
        with self._lock:
            self._shelf.books[spreadsheet].forbidden = None

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        request = _as_meant(request)
        route = find(request)
        if route is None:
            return self._no_route(request)
        on_drive = not route.method.startswith("sheets.")
        try:
            if route.method == "token":
                return drive.token(request)
            self._charge(request, route)
            return self._serve(request, route)
        except ApiError as error:
            return error_answer(error, drive=on_drive)

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status in Google's shape, and do nothing."""
        route = find(request)
        message = MESSAGES.get(status, "The request was refused by a fault of the sandbox.")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            message = message.format(metric=_METRICS[route is None or route.method in READ_METHODS])
        on_drive = route is not None and not route.method.startswith("sheets.")
        return error_answer(ApiError(status, message), drive=on_drive)

    def reset(self) -> None:
        """Forget every spreadsheet."""
        with self._lock:
            self._shelf = Shelf()
            for quota in self._quotas.values():
                quota.clear()

    def things(self) -> list[Thing]:
        """Return the spreadsheets and their tabs, the newest first."""
        with self._lock:
            return [
                Thing(
                    id=book.id,
                    title=book.title,
                    parts=tuple(
                        Part(id=str(tab.id), title=tab.title, detail=f"{tab.grid.last_row()}")
                        for tab in book.tabs
                    ),
                )
                for book in reversed(self._shelf.books.values())
            ]

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some rows of a tab, each cell as what it shows and what kind it is."""
        with self._lock:
            book = self._shelf.books.get(thing)
            tab = None if book is None else next((t for t in book.tabs if str(t.id) == part), None)
            if book is None or tab is None:
                return None
            evaluator = book.evaluator()
            end = min(first + count, tab.grid.rows)
            rows = []
            width = 0
            for down, cells in enumerate(tab.grid.slices(Area(first, end))):
                row = []
                for across, content in enumerate(cells):
                    data = cell_data(evaluator, tab, (first + down, across), content)
                    row.append(_shown(data))
                    if data:
                        width = max(width, across + 1)
                rows.append(row)
            return {
                "kind": "grid",
                "title": tab.title,
                "rows": rows,
                "first": first,
                "columns": [letters(i) for i in range(min(tab.grid.columns, max(width, 12)))],
                "filled": tab.grid.last_row(),
                "size": [tab.grid.rows, tab.grid.columns],
                "frozen": tab.frozen.get("frozenRowCount", 0),
            }

    def _no_route(self, request: Request) -> Answer:
        text = (
            f"<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n"
            f"<p><b>404.</b> The requested URL was not found on this server. "
            f"The sandbox's Google Sheets has nothing for {request.method} on this path.\n"
        )
        return Answer(
            status=HTTPStatus.NOT_FOUND, body=text.encode(), content_type="text/html; charset=UTF-8"
        )

    def _charge(self, request: Request, route: Route) -> None:
        if not self._quotas or not route.method.startswith("sheets."):
            return
        reads = route.method in READ_METHODS
        caller = request.headers.get("authorization", "") + request.parameter("quotaUser")
        if not self._quotas[reads].take(caller):
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS, MESSAGES[429].format(metric=_METRICS[reads])
            )

    def _serve(self, request: Request, route: Route) -> Answer:
        method = route.method
        options = shapes.options(method, request.query)
        mask = shapes.mask(method, request.parameter("fields"))
        body = shapes.body(method, request.body, root=ROOTS.get(method, ""))
        call = Call(method=method, ids=route.ids, options=options, body=body, mask=mask)
        with self._lock:
            if method.startswith("drive."):
                found = drive.serve(call, self._shelf)
            else:
                found = serve(call, self._shelf)
            if found is None:
                return Answer(status=HTTPStatus.NO_CONTENT)
            data = orjson.dumps(found if mask.everything else mask.apply(found))
        return Answer(body=data, headers=_HEADERS)


def _as_meant(request: Request) -> Request:
    """Take a POST that says it is a GET for one, as Google's client sends where an address is long."""
    if request.headers.get("x-http-method-override", "").upper() != "GET":
        return request
    query = parse_qs(request.body.decode(), keep_blank_values=True)
    return attrs.evolve(request, method="GET", query={**request.query, **query}, body=b"")


_HEADERS = (("Vary", "Origin"), ("Cache-Control", "private"))


def _shown(data: Mapping[str, Any]) -> list[str]:
    if not data:
        return []
    text = str(data.get("formattedValue", ""))
    if len(text) > SHOWN_TEXT:
        text = text[:SHOWN_TEXT] + "\u2026"
    kind = next(iter(data.get("effectiveValue", {"": 0})))
    names = {"numberValue": "n", "boolValue": "b", "errorValue": "e", "stringValue": "s"}
    shown = [text, names.get(kind, "")]
    formula = data.get("userEnteredValue", {}).get("formulaValue")
    return [*shown, formula] if formula else shown
