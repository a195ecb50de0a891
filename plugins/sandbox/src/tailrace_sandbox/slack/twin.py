"""The Slack twin: calls and webhooks in, answers out, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import attrs
import orjson

from tailrace_sandbox.quotas import Quota
from tailrace_sandbox.slack.content import RefusedError
from tailrace_sandbox.slack.methods import METHODS
from tailrace_sandbox.slack.workspace import GENERAL, TEAM, Workspace
from tailrace_sandbox.twin import Part, Thing
from tailrace_sandbox.wire import Answer, Request

API, HOOKS = "/api/", "/services/"
SHOWN_TEXT = 2000
SCOPES = {
    "chat.delete": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
    "conversations.join": "channels:join",
    "conversations.list": "channels:read",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
}
"""The scope that each method needs."""
POSTS = ("chat.postMessage", "")
"""Methods that are paced by the channel; the empty one is a webhook."""


class SlackTwin:
    """Stand in for slack.com/api and hooks.slack.com/services.

    Any bearer token is taken, and none. A webhook, whatever its address, posts to `general`.
    """

    name = "slack"
    title = "Slack"

    def __init__(self, *, quotas: bool = False) -> None:
        self._lock = threading.Lock()
        self._workspace = Workspace()
        self._failures: list[tuple[str, str, bool]] = []
        self._scopes = frozenset(SCOPES.values())
        self._quota = Quota(1, 1.0) if quotas else None

    def add_channel(self, name: str, *, member: bool = True, archived: bool = False) -> str:
        """Make a channel, perhaps one that the bot is not in, and return its id."""
        with self._lock:
            return self._workspace.add_channel(name, member=member, archived=archived)

    def add_person(self, email: str) -> str:
        """Make a person and return their id."""
        with self._lock:
            return self._workspace.add_person(email)

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Return the messages of a channel, or of the conversation with a person, oldest first."""
        with self._lock:
            return [dict(each) for each in self._workspace.find(channel).messages.values()]

    def fail(self, method: str, code: str, *, times: int = 1, done: bool = False) -> None:
        """Let the next calls of a method answer `ok: false` with a code, whether done or not."""
        with self._lock:
            self._failures += [(method, code, done)] * times

    def grant(self, *scopes: str) -> None:
        """Give tokens these scopes and no others."""
        with self._lock:
            self._scopes = frozenset(scopes)

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for."""
        with self._lock:
            if request.path.startswith(HOOKS):
                return self._hook(request)
            if request.path.startswith(API):
                told = self._call(request, request.path.removeprefix(API))
                scopes = ("X-OAuth-Scopes", ",".join(sorted(self._scopes)))
                return attrs.evolve(told, headers=(*told.headers, scopes))
        return _plain("Nothing here.\n", HTTPStatus.NOT_FOUND)

    def refuse(self, request: Request, status: int) -> Answer:
        """Answer with a status, and do nothing; 200 says that it is asked too much, as 429 does."""
        limited = status in (HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS)
        if request.path.startswith(HOOKS):
            return _plain("rate_limited" if limited else "rollup_error", status)
        code = "ratelimited" if limited else "internal_error"
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            code = "invalid_auth"
        return _json({"ok": False, "error": code}, status)

    def reset(self) -> None:
        """Forget all messages, and all that was added."""
        with self._lock:
            self._workspace = Workspace()
            self._failures.clear()
            self._scopes = frozenset(SCOPES.values())
            if self._quota is not None:
                self._quota.clear()

    def things(self) -> list[Thing]:
        """Return the workspace with the channels that hold something, once there is one."""
        with self._lock:
            emails = {user: email for email, user in self._workspace.people.items()}
            parts = tuple(
                Part(
                    id=each.id,
                    title=f"#{each.name}" if each.name else emails[each.user],
                    detail=str(len(each.messages)),
                )
                for each in self._workspace.channels.values()
                if each.messages
            )
        return [Thing(id=TEAM, title="sandbox", parts=parts)] if parts else []

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None:
        """Return some messages of a channel as they were sent: from the end, threads together."""
        with self._lock:
            channel = self._workspace.channels.get(part)
            if channel is None or thing != TEAM:
                return None
            held = sorted(channel.messages.values(), key=_place, reverse=True)
            return {
                "kind": "messages",
                "title": f"#{channel.name}" if channel.name else channel.id,
                "messages": [_seen(each) for each in held[first : first + count]],
                "total": len(held),
            }

    def _call(self, request: Request, name: str) -> Answer:
        method, given = METHODS.get(name), _given(request)
        if method is None:
            return _json({"ok": False, "error": "unknown_method", "req_method": name})
        if given is None:
            return _json({"ok": False, "error": "invalid_json"})
        needed = SCOPES.get(name)
        if needed is not None and needed not in self._scopes:
            lacks = {"needed": needed, "provided": ",".join(sorted(self._scopes))}
            return _json({"ok": False, "error": "missing_scope", **lacks})
        if self._limited(name, str(given.get("channel"))):
            return self._slow_down(request)
        failure = next((each for each in self._failures if each[0] == name), None)
        if failure is not None:
            self._failures.remove(failure)
        try:
            found = method(self._workspace, given) if failure is None or failure[2] else {}
        except RefusedError as error:
            return _json({"ok": False, "error": error.code, **error.beside})
        if failure is not None:
            return _json({"ok": False, "error": failure[1]})
        return _json({"ok": True, **found})

    def _hook(self, request: Request) -> Answer:
        if len(request.path.removeprefix(HOOKS).split("/")) != 3:
            return _plain("no_service", HTTPStatus.NOT_FOUND)
        given = _given(request)
        if request.method != "POST" or given is None:
            return _plain("invalid_payload", HTTPStatus.BAD_REQUEST)
        if self._limited("", request.path):
            return self._slow_down(request)
        try:
            self._workspace.post(self._workspace.find(GENERAL), given)
        except RefusedError as error:
            return _plain(error.code, HTTPStatus.BAD_REQUEST)
        return _plain("ok")

    def _limited(self, method: str, where: str) -> bool:
        if self._quota is None or method not in POSTS:
            return False
        return not self._quota.take(f"{method} {where}")

    def _slow_down(self, request: Request) -> Answer:
        answer = self.refuse(request, HTTPStatus.TOO_MANY_REQUESTS)
        return attrs.evolve(answer, headers=(("Retry-After", "1"),))


def _given(request: Request) -> Mapping[str, Any] | None:
    """Return the arguments of a call, in whatever form they came; None for what is none."""
    asked = {name: values[-1] for name, values in request.query.items()}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        body = _object(request.body)
    else:
        form = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        body = dict(form)
        if body and request.path.startswith(HOOKS):
            body = _object(body.get("payload", ""))
    return None if body is None else {**asked, **body}


def _object(text: bytes | str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _place(message: Mapping[str, Any]) -> tuple[str, str]:
    return message.get("thread_ts", message["ts"]), message["ts"]


def _seen(message: Mapping[str, Any]) -> dict[str, Any]:
    text = message["text"]
    return {
        "ts": message["ts"],
        "text": text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "\u2026",
        "blocks": len(message.get("blocks", ())),
        "reply": message.get("thread_ts", message["ts"]) != message["ts"],
        "edited": "edited" in message,
    }


def _plain(text: str, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status=status, body=text.encode(), content_type="text/plain; charset=UTF-8")


def _json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status=status, body=orjson.dumps(value))
