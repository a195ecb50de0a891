"""Places: the channel, person or thread that a row goes to."""

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

import tailrace
from tailrace_slack._api import Api
from tailrace_slack._draft import MAX_CHARS
from tailrace_slack._history import History, head_marks, thread_id
from tailrace_slack._template import Text, Values

if TYPE_CHECKING:
    from tailrace_slack import Options

_ID = re.compile(r"[CDG][A-Z0-9]{8,}")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_EMAIL = re.compile(r"[^\s<>@]+@[^\s<>@]+")

STILL: Mapping[str, Any] = {
    "link_names": False,
    "parse": "none",
    "unfurl_links": False,
    "unfurl_media": False,
}
"""What keeps Slack from making mentions, links and previews out of plain words."""


@attrs.define(eq=False)
class Places:
    """Find where rows go, and remember it; used by several threads at once."""

    api: Api
    channel: Text
    email: Text | None
    thread: Text | None
    join: bool
    history: History | None
    _ids: dict[str, str] = attrs.field(factory=dict, init=False)
    _people: dict[str, str] = attrs.field(factory=dict, init=False)
    _heads: dict[str, dict[str, str]] = attrs.field(factory=dict, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False, repr=False)

    @classmethod
    def of(cls, options: "Options", api: Api) -> "Places":
        """Take the places out of the options."""
        return cls(
            api,
            Text(options.channel or ""),
            Text(options.email) if options.email is not None else None,
            Text(options.thread) if options.thread is not None else None,
            options.join,
            History(api) if options.history else None,
        )

    @property
    def names(self) -> frozenset[str]:
        """Give the fields that decide where a row goes."""
        every = (self.channel, self.email, self.thread)
        return frozenset().union(*(each.names for each in every if each is not None))

    def channel_of(self, values: Values) -> str:
        """Give the channel of a row, by its id or the name that it is called."""
        if self.email is not None:
            return self._person(self.email.plain(values).strip().lower())
        name = self.channel.plain(values).strip()
        if not _CHANNEL.fullmatch(name):
            raise tailrace.RejectedError(f"{name[:80]!r} is no channel", reason="channel")
        return name.removeprefix("#")

    def id_of(self, channel: str) -> str:
        """Give the id of a channel, which is all that most methods take."""
        if _ID.fullmatch(channel):
            return channel
        if channel not in self._ids:
            self._list()
        if channel not in self._ids:
            told = f"there is no channel {channel!r} that the app can see"
            raise tailrace.RejectedError(told, reason="channel_not_found")
        return self._ids[channel]

    def title_of(self, values: Values) -> str | None:
        """Give what the thread of a row begins with; None where there are no threads."""
        if self.thread is None:
            return None
        title = self.thread.fill(values).strip()
        if not title or len(title) > MAX_CHARS:
            told = f"a thread begins with a text of 1 to {MAX_CHARS:,} characters"
            raise tailrace.RejectedError(told, reason="thread")
        return title

    def head(self, channel: str, title: str) -> str:
        """Give the first message of a thread, which is posted if there is none."""
        name = thread_id(title)
        # One at a time, or a thread would begin twice.
        with self._lock:
            ts = self.find_head(channel, title)
            if ts is None:
                marks = {} if self.history is None else {"metadata": head_marks(title)}
                _, ts = self.post(channel, {"text": title, **marks})
                self._heads[channel][name] = ts
        return ts

    def find_head(self, channel: str, title: str) -> str | None:
        """Give the first message of a thread, if it is known or can be found."""
        with self._lock:
            if channel not in self._heads:
                seen = self.history.heads(self.id_of(channel)) if self.history is not None else {}
                self._heads[channel] = seen
            return self._heads[channel].get(thread_id(title))

    def forget_heads(self) -> None:
        """Look for the first messages of threads anew."""
        with self._lock:
            self._heads.clear()

    def post(self, channel: str, message: Mapping[str, Any]) -> tuple[str, str]:
        """Post to a channel, joining it if need be; give the ids of channel and message.

        Raises RejectedError for what Slack has cut, and takes that away.
        """
        answer = self._posted(channel, message, ("not_in_channel",) if self.join else ())
        if not answer["ok"]:
            self.api.write("conversations.join", {"channel": self.id_of(channel)}, again=True)
            answer = self._posted(channel, message, ())
        found, ts = answer.get("channel"), answer.get("ts")
        if not isinstance(found, str) or not isinstance(ts, str):
            raise tailrace.UnansweredError("chat.postMessage: the answer names no message")
        self._ids.setdefault(channel, found)
        if was_cut(answer):
            self.delete(found, ts)
            told = "Slack cut the message, which was then taken away again"
            raise tailrace.RejectedError(told, reason="message_truncated")
        return found, ts

    def delete(self, channel: str, ts: str) -> bool:
        """Delete a message; tell whether it was there."""
        given = {"channel": channel, "ts": ts}
        gone = ("message_not_found",)
        return bool(self.api.write("chat.delete", given, again=True, expected=gone)["ok"])

    def _posted(
        self, channel: str, message: Mapping[str, Any], expected: tuple[str, ...]
    ) -> dict[str, Any]:
        given = {"channel": self._ids.get(channel, channel), **message, **STILL}
        scope = f"chat.postMessage {channel}"
        return self.api.write("chat.postMessage", given, scope=scope, expected=expected)

    def _person(self, email: str) -> str:
        if not _EMAIL.fullmatch(email):
            raise tailrace.RejectedError(f"{email[:80]!r} is no e-mail address", reason="email")
        if email not in self._people:
            user = self.api.read("users.lookupByEmail", {"email": email}).get("user", {}).get("id")
            opened = self.api.read("conversations.open", {"users": user})
            self._people[email] = str(opened.get("channel", {}).get("id"))
        return self._people[email]

    def _list(self) -> None:
        asked: dict[str, Any] = {"exclude_archived": True, "limit": 1000}
        while True:
            answer = self.api.read("conversations.list", asked)
            for each in answer.get("channels", ()):
                self._ids.setdefault(str(each.get("name")), str(each.get("id")))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor or cursor == asked.get("cursor"):
                return
            asked["cursor"] = cursor


def was_cut(answer: Mapping[str, Any]) -> bool:
    """Tell whether Slack warns that it has cut a text."""
    beside = answer.get("response_metadata")
    warnings = beside.get("warnings") if isinstance(beside, Mapping) else None
    told = [str(answer.get("warning", "")), *(warnings if isinstance(warnings, list) else [])]
    return any("message_truncated" in str(each) for each in told)
