"""The Stripe twin: requests in, answers out, one at a time."""

from __future__ import annotations

import re
import threading
import time
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from copy import deepcopy
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import attrs
import orjson

from tailrace_sandbox.quotas import Quota
from tailrace_sandbox.sheets.a1 import letters
from tailrace_sandbox.stripe.account import API_VERSION, Account
from tailrace_sandbox.stripe.errors import ApiError, error_answer, refusal
from tailrace_sandbox.stripe.forms import fields_of
from tailrace_sandbox.stripe.kinds import KINDS, Object, kind_of
from tailrace_sandbox.stripe.listing import Asked, expanded, page_of
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

ACCOUNT = "acct_sandbox"
PER_SECOND = 25
SHOWN_TEXT = 2000
_KEY = re.compile(r"(sk|rk)_(live|test)_\w+")
_PATH = re.compile(r"/v1/((?:\w+/)*?\w+?)(?:/([a-z]+_\w*\d\w*))?")


class StripeTwin:
    """Stand in for api.stripe.com.

    Any secret or restricted key is taken. Objects are made by the API or from tests, by `add`,
    `change` and `remove`, and each of these leaves an event. `clock` gives the seconds of that.
    """

    name = "stripe"
    title = "Stripe"

    def __init__(self, *, quotas: bool = False) -> None:
        self._lock = threading.RLock()
        self._quota = Quota(PER_SECOND, 1.0) if quotas else None
        self.clock: Callable[[], float] = time.time
        self.reset()

    def add(self, name: str, given: Mapping[str, Any] | None = None) -> Object:
        """Make an object of a list (`customers`, `checkout.sessions`), and return it."""
        with self._lock:
            return deepcopy(self._account.add(_path(name), given or {}))

    def change(self, name: str, id_: str, given: Mapping[str, Any]) -> Object:
        """Change fields of an object, and return it."""
        with self._lock:
            return deepcopy(self._account.change(_path(name), id_, given))

    def remove(self, name: str, id_: str) -> None:
        """Delete an object; a subscription is canceled, and stays."""
        with self._lock:
            self._account.remove(_path(name), id_)

    def forbid(self, name: str) -> None:
        """Keep restricted keys from reading a list."""
        with self._lock:
            self._forbidden.add(_path(name))

    def forget_events(self, before: float) -> None:
        """Let go of the events from before a moment, as Stripe does after thirty days."""
        with self._lock:
            self._account.forget_events(before)

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        with self._lock:
            try:
                made = Answer(body=orjson.dumps(self._serve(request)))
            except ApiError as error:
                made = error_answer(error)
            return self._headed(made)

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status in Stripe's shape, and do nothing."""
        return self._headed(error_answer(refusal(status)))

    def reset(self) -> None:
        """Forget all objects and what is forbidden."""
        with self._lock:
            self._account = Account(clock=self._now)
            self._forbidden: set[str] = set()
            self._done: dict[str, Object] = {}
            self._requests = 0
            if self._quota is not None:
                self._quota.clear()

    def things(self) -> list[Thing]:
        """Return the account, once it holds something, and its lists."""
        with self._lock:
            parts = tuple(
                Part(id=name, title=name, detail=str(len(held)))
                for name, held in self._account.lists.items()
                if held
            )
        return [Thing(id=ACCOUNT, title="Account", parts=parts)] if parts else []

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some objects of a list as a grid, their fields' names above them."""
        with self._lock:
            if thing != ACCOUNT or part not in self._account.lists:
                return None
            held = self._account.newest_first(part)
            used = dict.fromkeys(name for each in held for name in each if each[name] is not None)
            names = list(used)
            shown = held[max(0, first - 1) : first + count - 1]
            lines = [[_cell(each.get(name)) for name in names] for each in shown]
        head = [[[name, "s"] for name in names]] if first == 0 else []
        width = max(len(names), 12)
        return {
            "kind": "grid",
            "title": part,
            "rows": [*head, *lines],
            "first": first,
            "columns": [letters(at) for at in range(width)],
            "filled": len(held) + 1,
            "size": [len(held) + 1, width],
            "frozen": 1,
        }

    def _now(self) -> float:
        # The clock may be set to another after the account was made.
        return self.clock()

    def _serve(self, request: Request) -> Any:
        key = _key(request)
        if self._quota is not None and not self._quota.take(key):
            raise refusal(HTTPStatus.TOO_MANY_REQUESTS)
        found = _PATH.fullmatch(request.path)
        if found is None or (found[1] == "events" and request.method != "GET"):
            raise _unknown(request)
        name, id_ = found.groups()
        if name not in KINDS and name not in self._account.lists:
            raise _unknown(request)
        if key.startswith("rk_") and name in self._forbidden:
            raise _forbidden(key, kind_of(name).object, request.method)
        if request.method == "GET":
            return self._read(name, id_, request)
        again = request.headers.get("idempotency-key")
        if again is not None and again in self._done:
            return self._done[again]
        made = self._write(name, id_, request)
        if again is not None:
            self._done[again] = made
        return made

    def _read(self, name: str, id_: str | None, request: Request) -> Object:
        if id_ is None:
            return page_of(self._account, name, request)
        if id_ in self._account.gone:
            return _deleted(id_, self._account.gone[id_])
        subject = deepcopy(self._account.find(name, id_))
        return expanded(self._account, subject, Asked.of(request))

    def _write(self, name: str, id_: str | None, request: Request) -> Object:
        kind = kind_of(name)
        if request.method == "DELETE" and id_ is not None:
            self._account.remove(name, id_)
            held = self._account.lists[name].get(id_)
            return _deleted(id_, kind.object) if held is None else deepcopy(held)
        if request.method != "POST":
            raise _unknown(request)
        given = fields_of(kind, request.body)
        if name == "subscriptions" and isinstance(given.get("items"), list):
            given["items"] = self._account.items(given["items"])
        if id_ is None:
            return deepcopy(self._account.add(name, given))
        if "metadata" in given:
            given["metadata"] = {**self._account.find(name, id_)["metadata"], **given["metadata"]}
        return deepcopy(self._account.change(name, id_, given))

    def _headed(self, answer: Answer) -> Answer:
        self._requests += 1
        told = (
            ("Request-Id", f"req_{self._requests:014d}"),
            ("Stripe-Version", API_VERSION),
            ("Date", formatdate(self.clock(), usegmt=True)),
        )
        return attrs.evolve(answer, headers=told)


def _deleted(id_: str, object_: str) -> Object:
    return {"id": id_, "object": object_, "deleted": True}


def _unknown(request: Request) -> ApiError:
    told = (
        f"Unrecognized request URL ({request.method}: {request.path}): nothing is made of it here."
    )
    return ApiError(told, HTTPStatus.NOT_FOUND)


def _forbidden(key: str, object_: str, method: str) -> ApiError:
    right = f"rak_{object_.replace('.', '_')}_{'read' if method == 'GET' else 'write'}"
    told = (
        f"The provided key '{key[:8]}***' does not have the required permissions for this endpoint."
        f" Having the '{right}' permission would allow this request to continue."
    )
    return ApiError(told, HTTPStatus.FORBIDDEN, code="more_permissions_required")


def _path(name: str) -> str:
    return name.replace(".", "/")


def _key(request: Request) -> str:
    """Return the key that a request is signed with; raises the error of one that is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = b64decode(text, validate=True).decode("latin-1").partition(":")[0]
        except NotBase64:
            text = ""
    if not text:
        told = "You did not provide an API key."
        raise ApiError(told, HTTPStatus.UNAUTHORIZED)
    if not _KEY.fullmatch(text):
        told = f"Invalid API Key provided: {text[:8]}***"
        raise ApiError(told, HTTPStatus.UNAUTHORIZED, code="api_key_invalid")
    return text


def _cell(value: Any) -> list[str]:
    if value is None:
        return ["", "s"]
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    kind = "n" if type(value) in (int, float) else "s"
    return [text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "\u2026", kind]
