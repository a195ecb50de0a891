"""The methods of the Web API, as far as the twin serves them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tailrace_sandbox.slack.content import RefusedError
from tailrace_sandbox.slack.workspace import BOT, BOT_ID, TEAM, Channel, Workspace

Given = Mapping[str, Any]
Found = dict[str, Any]
MOST, USUAL = 999, 100


def auth_test(workspace: Workspace, given: Given) -> Found:
    """Tell who asks."""
    return {
        "url": "https://sandbox.slack.com/",
        "team": "sandbox",
        "user": "tailrace",
        "team_id": TEAM,
        "user_id": BOT,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def post_message(workspace: Workspace, given: Given) -> Found:
    """Post a message."""
    channel = workspace.find(str(given.get("channel") or ""))
    message, warnings = workspace.post(channel, given)
    found: Found = {"channel": channel.id, "ts": message["ts"], "message": message}
    if warnings:
        found |= {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}
    return found


def update(workspace: Workspace, given: Given) -> Found:
    """Change a message; only an id names its channel."""
    channel, ts = _by_id(workspace, given), str(given.get("ts") or "")
    message = workspace.update(channel, ts, given)
    return {"channel": channel.id, "ts": ts, "text": message["text"], "message": message}


def delete(workspace: Workspace, given: Given) -> Found:
    """Delete a message."""
    channel, ts = _by_id(workspace, given), str(given.get("ts") or "")
    workspace.delete(channel, ts)
    return {"channel": channel.id, "ts": ts}


def list_channels(workspace: Workspace, given: Given) -> Found:
    """Page through the public channels."""
    hide = _true(given.get("exclude_archived"))
    named = [each for each in workspace.channels.values() if each.name]
    page, beside = _page([each.resource() for each in named if not (hide and each.archived)], given)
    return {"channels": page, **beside}


def info(workspace: Workspace, given: Given) -> Found:
    """Show a channel."""
    return {"channel": _by_id(workspace, given).resource()}


def join(workspace: Workspace, given: Given) -> Found:
    """Make the bot a member of a public channel."""
    channel = _by_id(workspace, given)
    if channel.archived:
        raise RefusedError("is_archived")
    if channel.user:
        raise RefusedError("method_not_supported_for_channel_type")
    channel.member = True
    return {"channel": channel.resource()}


def open_conversation(workspace: Workspace, given: Given) -> Found:
    """Open the conversation with one person."""
    users = str(given.get("users") or "")
    if not users:
        raise RefusedError("users_list_not_supplied")
    channel = workspace.open(users)
    return {"channel": channel.resource() if _true(given.get("return_im")) else {"id": channel.id}}


def history(workspace: Workspace, given: Given) -> Found:
    """Page through the messages of a channel that are no replies, the newest first."""
    channel = _by_id(workspace, given)
    if not channel.member:
        raise RefusedError("not_in_channel")
    kept = [each for each in reversed(channel.roots()) if _within(each["ts"], given)]
    page, beside = _page(kept, given)
    more = bool(beside["response_metadata"]["next_cursor"])
    return {"messages": [_shown(channel, each, given) for each in page], "has_more": more, **beside}


def replies(workspace: Workspace, given: Given) -> Found:
    """Page through a thread, the oldest first; its first message always comes along."""
    channel, ts = _by_id(workspace, given), str(given.get("ts") or "")
    if ts not in channel.messages:
        raise RefusedError("thread_not_found")
    first, *rest = channel.thread(ts)
    page, beside = _page([each for each in rest if _within(each["ts"], given)], given)
    more = bool(beside["response_metadata"]["next_cursor"])
    shown = [_shown(channel, each, given) for each in (first, *page)]
    return {"messages": shown, "has_more": more, **beside}


def lookup_by_email(workspace: Workspace, given: Given) -> Found:
    """Find the person of an e-mail address."""
    email = str(given.get("email") or "").lower()
    if email not in workspace.people:
        raise RefusedError("users_not_found")
    return {"user": workspace.person(email)}


def list_users(workspace: Workspace, given: Given) -> Found:
    """Page through the people."""
    page, beside = _page([workspace.person(each) for each in workspace.people], given)
    return {"members": page, "cache_ts": 1_700_000_000, **beside}


METHODS: Mapping[str, Callable[[Workspace, Given], Found]] = {
    "auth.test": auth_test,
    "chat.delete": delete,
    "chat.postMessage": post_message,
    "chat.update": update,
    "conversations.history": history,
    "conversations.info": info,
    "conversations.join": join,
    "conversations.list": list_channels,
    "conversations.open": open_conversation,
    "conversations.replies": replies,
    "users.list": list_users,
    "users.lookupByEmail": lookup_by_email,
}


def _by_id(workspace: Workspace, given: Given) -> Channel:
    channel = workspace.channels.get(str(given.get("channel") or ""))
    if channel is None:
        raise RefusedError("channel_not_found")
    return channel


def _within(ts: str, given: Given) -> bool:
    try:
        at = Decimal(ts)
        oldest = Decimal(str(given.get("oldest") or 0))
        latest = Decimal(str(given.get("latest") or "Infinity"))
    except InvalidOperation:
        raise RefusedError("invalid_ts_oldest") from None
    if _true(given.get("inclusive")):
        return oldest <= at <= latest
    return oldest < at < latest


def _page(every: Sequence[Any], given: Given) -> tuple[list[Any], Found]:
    cursor = str(given.get("cursor") or "")
    try:
        first = int(b64decode(cursor, validate=True)) if cursor else 0
    except ValueError:
        raise RefusedError("invalid_cursor") from None
    asked = str(given.get("limit") or USUAL)
    if not asked.isdecimal():
        raise RefusedError("invalid_limit")
    end = first + min(int(asked), MOST)
    token = b64encode(str(end).encode()).decode() if end < len(every) else ""
    return list(every[first:end]), {"response_metadata": {"next_cursor": token}}


def _shown(channel: Channel, message: Found, given: Given) -> Found:
    shown = dict(message)
    if not _true(given.get("include_all_metadata")):
        shown.pop("metadata", None)
    if message.get("thread_ts") == message["ts"]:
        shown["reply_count"] = len(channel.thread(message["ts"])) - 1
    return shown


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in ("1", "true")
