"""The HTTP twin: an endpoint that keeps whatever JSON it is sent, by path and by id."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from tailrace_sandbox.sheets.a1 import letters
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

SHOWN_TEXT = 2000
WRITES = ("POST", "PUT", "PATCH")
PART = "records"


class BadBodyError(Exception):
    """Say why a body holds no records."""


class HttpTwin:
    """Stand in for an endpoint of one's own.

    Records are kept under the first part of the path, by their `id` or else by the rest of it; what
    has neither is only added. A record with a field `refuse` is refused with that as the reason: by
    name among the results, or, under `?strict=1`, with all that came with it. A request whose
    `Idempotency-Key` was seen gets the answer that it got before.
    """

    name = "http"
    title = "HTTP endpoint"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, dict[str, Any]]] = {}
        self._answers: dict[str, Answer] = {}
        self._added = 0

    def records(self, collection: str) -> list[dict[str, Any]]:
        """Return what a collection holds, in the order in which it came."""
        with self._lock:
            return list(self._kept.get(collection, {}).values())

    def answer(self, request: Request) -> Answer:
        """Keep, give or delete records."""
        collection, name = _split(request.raw_path)
        key = request.headers.get("idempotency-key")
        with self._lock:
            if key is not None and key in self._answers:
                return self._answers[key]
            answer = self._act(request, collection, name)
            if key is not None:
                self._answers[key] = answer
        return answer

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status, and do nothing."""
        return _json({"error": "refused by a fault of the sandbox"}, status)

    def reset(self) -> None:
        """Forget all records."""
        with self._lock:
            self._kept.clear()
            self._answers.clear()
            self._added = 0

    def things(self) -> list[Thing]:
        """Return the collections, the newest first."""
        with self._lock:
            return [
                Thing(
                    id=name,
                    title=f"/{name}",
                    parts=(Part(id=PART, title=PART, detail=str(len(records))),),
                )
                for name, records in reversed(self._kept.items())
            ]

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some records of a collection as a grid, their fields' names above them."""
        with self._lock:
            kept = self._kept.get(thing)
            records = None if kept is None or part != PART else list(kept.values())
        if records is None:
            return None
        fields = list(dict.fromkeys(name for record in records for name in record))
        lines = [[[name, "s"] for name in fields]]
        lines += [[_shown(record.get(name)) for name in fields] for record in records]
        return {
            "kind": "grid",
            "title": f"/{thing}",
            "rows": lines[first : first + count],
            "first": first,
            "columns": [letters(at) for at in range(max(len(fields), 12))],
            "filled": len(lines),
            "size": [len(lines), max(len(fields), 12)],
            "frozen": 1,
        }

    def _act(self, request: Request, collection: str, name: str) -> Answer:
        kept = self._kept.get(collection, {})
        if request.method in WRITES:
            return self._write(request, collection, name)
        if request.method == "DELETE":
            if kept.pop(name, None) is None:
                return _json({"error": "there is none of that id"}, HTTPStatus.NOT_FOUND)
            return Answer(status=HTTPStatus.NO_CONTENT)
        if request.method not in ("GET", "HEAD"):
            told = {"error": f"{request.method} is not served here"}
            return _json(told, HTTPStatus.METHOD_NOT_ALLOWED)
        if not name:
            return _json(list(kept.values()))
        if name not in kept:
            return _json({"error": "there is none of that id"}, HTTPStatus.NOT_FOUND)
        return _json(kept[name])

    def _write(self, request: Request, collection: str, name: str) -> Answer:
        try:
            records = list(_records(request))
        except BadBodyError as error:
            return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        refused = [record for record in records if "refuse" in record]
        if refused and request.parameter("strict"):
            return _json({"error": str(refused[0]["refuse"])}, HTTPStatus.UNPROCESSABLE_ENTITY)
        results = []
        for record in records:
            told = {"id": record.get("id"), "ok": "refuse" not in record}
            if "refuse" in record:
                results.append({**told, "message": str(record["refuse"])})
                continue
            self._keep(collection, record, name, merged=request.method == "PATCH")
            results.append(told)
        return _json({"received": len(records), "results": results})

    def _keep(self, collection: str, record: dict[str, Any], name: str, *, merged: bool) -> None:
        held = self._kept.setdefault(collection, {})
        self._added += 1
        key = str(record["id"]) if "id" in record else name or f"#{self._added}"
        held[key] = {**held.get(key, {}), **record} if merged else record


def _split(raw_path: str) -> tuple[str, str]:
    first, _, rest = raw_path.lstrip("/").partition("/")
    return unquote(first), unquote(rest)


def _records(request: Request) -> Iterable[dict[str, Any]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            found: Any = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        elif kind == "application/x-ndjson":
            found = [orjson.loads(line) for line in request.body.splitlines()]
        else:
            found = orjson.loads(request.body)
    except ValueError:
        raise BadBodyError(f"the body is no {kind or 'JSON'}") from None
    records = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in records):
        raise BadBodyError("a record is an object")
    return records


def _shown(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).upper(), "b"]
    if isinstance(value, (int, float)):
        return [str(value), "n"]
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return [text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "\u2026", "s"]


def _json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status=status, body=orjson.dumps(value))
