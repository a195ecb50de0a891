"""A workspace: channels, people and messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from tailrace_sandbox.slack.content import RefusedError, content

TEAM, BOT, BOT_ID, APP = "T0SANDBOX", "U0TAILRACE", "B0TAILRACE", "A0TAILRACE"
GENERAL = "general"
PEOPLE = ("ada", "grace", "edsger", "barbara")
MAX_UPDATED_TEXT = 4_000
_MADE = 1_700_000_000


@attrs.define(kw_only=True)
class Channel:
    """Hold the messages of a channel, or of a conversation with one person, by their ts."""

    id: str
    name: str = ""
    user: str = ""
    member: bool = True
    archived: bool = False
    messages: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def resource(self) -> dict[str, Any]:
        """Return the channel as the API shows it."""
        if self.user:
            return {"id": self.id, "created": _MADE, "is_im": True, "user": self.user}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_im": False,
            "is_private": False,
            "is_general": self.name == GENERAL,
            "is_archived": self.archived,
            "is_member": self.member,
            "created": _MADE,
            "creator": BOT,
            "num_members": len(PEOPLE),
        }

    def roots(self) -> list[dict[str, Any]]:
        """Return the messages that are no replies, oldest first."""
        every = self.messages.values()
        return [each for each in every if each.get("thread_ts") in (None, each["ts"])]

    def thread(self, ts: str) -> list[dict[str, Any]]:
        """Return a message and its replies, oldest first; a reply gives its whole thread."""
        first = self.messages[ts].get("thread_ts", ts)
        every = self.messages.values()
        return [each for each in every if first in (each["ts"], each.get("thread_ts"))]


@attrs.define
class Workspace:
    """Hold all channels and people; guarded by its twin."""

    channels: dict[str, Channel] = attrs.field(factory=dict)
    people: dict[str, str] = attrs.field(factory=dict)
    wall: Callable[[], float] = time.time
    _last: int = 0

    def __attrs_post_init__(self) -> None:
        self.add_channel(GENERAL)
        for name in PEOPLE:
            self.add_person(f"{name}@example.com")

    def add_channel(self, name: str, *, member: bool = True, archived: bool = False) -> str:
        """Make a channel and return its id."""
        made = Channel(id=f"C{len(self.channels):08d}", name=name, member=member, archived=archived)
        self.channels[made.id] = made
        return made.id

    def add_person(self, email: str) -> str:
        """Make a person and return their id."""
        return self.people.setdefault(email, f"U{len(self.people):08d}")

    def find(self, name: str) -> Channel:
        """Return the channel of an id, of a name with or without `#`, or of a person's id."""
        if name in self.people.values():
            return self.open(name)
        if name in self.channels:
            return self.channels[name]
        plain = name.removeprefix("#")
        for channel in self.channels.values():
            if channel.name and channel.name == plain:
                return channel
        raise RefusedError("channel_not_found")

    def open(self, user: str) -> Channel:
        """Return the conversation with a person."""
        if user not in self.people.values():
            raise RefusedError("user_not_found")
        name = f"D{user[1:]}"
        return self.channels.setdefault(name, Channel(id=name, user=user))

    def person(self, email: str) -> dict[str, Any]:
        """Return a person as the API shows them."""
        name = email.partition("@")[0]
        return {
            "id": self.people[email],
            "team_id": TEAM,
            "name": name,
            "deleted": False,
            "is_bot": False,
            "profile": {"email": email, "real_name": name.title(), "display_name": name},
        }

    def post(self, channel: Channel, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Add a message; return it and the warnings that go with it."""
        if channel.archived:
            raise RefusedError("is_archived")
        if not channel.member:
            raise RefusedError("not_in_channel")
        said, warnings = content(given)
        ts = self._ts()
        message = {
            "type": "message",
            "subtype": "bot_message",
            "ts": ts,
            "user": BOT,
            "bot_id": BOT_ID,
            "app_id": APP,
            "team": TEAM,
            **said,
        }
        thread = given.get("thread_ts")
        if thread in channel.messages:  # else it is a message of its own
            head = channel.messages[thread]
            message["thread_ts"] = head.setdefault("thread_ts", thread)
        channel.messages[ts] = message
        return message, warnings

    def update(self, channel: Channel, ts: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Change a message; blocks and metadata that are not given stay."""
        held = channel.messages.get(ts)
        if held is None:
            raise RefusedError("message_not_found")
        if len(str(given.get("text") or "")) > MAX_UPDATED_TEXT:
            raise RefusedError("msg_too_long")
        said, _ = content(given)
        if given.get("blocks") in ([], "[]"):
            held.pop("blocks", None)
        held.update(said, edited={"user": BOT, "ts": self._ts()})
        return held

    def delete(self, channel: Channel, ts: str) -> None:
        """Take a message away."""
        if channel.messages.pop(ts, None) is None:
            raise RefusedError("message_not_found")

    def _ts(self) -> str:
        self._last = max(self._last + 1, int(self.wall() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
