"""History: what a channel holds already, known again by the metadata of its messages."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import attrs

from tailrace_slack._api import Api

ROW, HEAD = "tailrace_row", "tailrace_thread"
"""Types of metadata: a message of rows, and one that a thread begins with."""

_A_PAGE, _PAGES = 200, 25
_EARLIER = 600.0
"""Seconds by which the clocks of this machine and of Slack may differ."""


class Sought(NamedTuple):
    """Tell whether a message was found; `sure` is false where not all could be looked at."""

    ts: str | None
    sure: bool


def row_marks(batch: str, key: Any) -> dict[str, Any]:
    """Give the metadata by which a message of rows is known again."""
    payload = {"batch": batch} if key is None else {"batch": batch, "key": str(key)[:200]}
    return {"event_type": ROW, "event_payload": payload}


def head_marks(title: str) -> dict[str, Any]:
    """Give the metadata by which the beginning of a thread is known again."""
    return {"event_type": HEAD, "event_payload": {"thread": thread_id(title)}}


def thread_id(title: str) -> str:
    """Name a thread by what it begins with, shortly, whatever that is."""
    return blake2b(title.encode("utf-8", "replace"), digest_size=16).hexdigest()


@attrs.frozen
class History:
    """Look through the messages of channels."""

    api: Api

    def heads(self, channel: str) -> dict[str, str]:
        """Give the threads of a channel that can be found, each with its first message."""
        found: dict[str, str] = {}
        for message in self._messages("conversations.history", {"channel": channel}):
            name = None if message is None else _payload(message, HEAD).get("thread")
            if message is not None and isinstance(name, str):
                found.setdefault(name, str(message.get("ts")))
        return found

    def find(self, channel: str, thread: str | None, batch: str, since: float) -> Sought:
        """Look for the message of a batch that may have been sent after a moment."""
        asked: dict[str, Any] = {"channel": channel, "oldest": f"{max(0, since - _EARLIER):.6f}"}
        method = "conversations.history"
        if thread is not None:
            method, asked = "conversations.replies", {**asked, "ts": thread}
        parts = False
        for message in self._messages(method, asked):
            if message is None:
                return Sought(None, sure=False)
            name = _payload(message, ROW).get("batch")
            if name == batch:
                return Sought(str(message.get("ts")), sure=True)
            parts |= isinstance(name, str) and name.startswith(f"{batch}/")
        return Sought(None, sure=not parts)

    def text(self, channel: str, ts: str) -> str | None:
        """Give the text of a message as Slack holds it; None if it is gone."""
        asked = {"channel": channel, "ts": ts, "oldest": ts, "latest": ts, "inclusive": True}
        gone = ("thread_not_found", "message_not_found")
        answer = self.api.read("conversations.replies", asked, expected=gone)
        for message in answer.get("messages", ()):
            if message.get("ts") == ts:
                return str(message.get("text") or "")
        return None

    def _messages(
        self, method: str, asked: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any] | None]:
        """Give messages page by page; None at the end, where there would be more."""
        cursor = ""
        for _ in range(_PAGES):
            page = {**asked, "limit": _A_PAGE, "include_all_metadata": True}
            answer = self.api.read(method, {**page, "cursor": cursor} if cursor else page)
            yield from answer.get("messages", ())
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        yield None


def _payload(message: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != kind:
        return {}
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, Mapping) else {}
