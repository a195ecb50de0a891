"""Slack as a destination: a message for a row, digests of many, threads, people, webhooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

import tailrace
from tailrace_slack._draft import MAX_CHARS, Draft
from tailrace_slack._template import ROWS, Text, names_in

_TIER_2, _TIER_3 = 20, 50
_TIERS = {
    "chat.delete": _TIER_3,
    "chat.update": _TIER_3,
    "conversations.history": _TIER_3,
    "conversations.join": _TIER_3,
    "conversations.list": _TIER_2,
    "conversations.open": _TIER_3,
    "conversations.replies": _TIER_3,
    "users.lookupByEmail": _TIER_3,
}
"""Requests a minute that Slack grants an app for each method in a workspace."""
_EVERY_REQUEST = "*"


@attrs.frozen(kw_only=True)
class Options:
    """Say where messages go, what they say, and who sends them."""

    channel: str | None = tailrace.option(
        None,
        help="The channel, by its name or better its id; `{field}` stands for the row's value.",
    )
    email: str | None = tailrace.option(
        None,
        help="A person's e-mail address, with `{field}`s: rows go to people directly.",
    )
    token: tailrace.Secret | None = tailrace.option(
        None, help="The bot token (`xoxb-...`); may be left out for a loopback address."
    )
    base_url: str = tailrace.option(
        "https://slack.com", help="Where the API is; a loopback address for the sandbox."
    )
    webhook_url: tailrace.Secret | None = tailrace.option(
        None, help="An incoming webhook, in place of channel and token; it can only append."
    )
    text: str = tailrace.option(
        "", help="What is said of a row, with `{field}`s; left out: all fields, a line each."
    )
    blocks: Any = tailrace.option(
        None,
        help="Block Kit, with `{field}`s in its texts; `text` is then what notifications show.",
    )
    rows: int = tailrace.option(
        1,
        help="Rows of one message, at most; above 1 each is a line of it, and messages only added.",
    )
    title: str = tailrace.option("", help="What stands above the rows of a message.")
    thread: str | None = tailrace.option(
        None, help="What a thread begins with, with `{field}`s: rows with the same go into one."
    )
    gone: Literal["delete", "strike"] = tailrace.option(
        "delete",
        help="What a mirror does to messages of rows that are gone; `strike` needs history.",
    )
    history: bool = tailrace.option(
        False, help="Whether the app may read the channel: messages in doubt and threads are found."
    )
    join: bool = tailrace.option(False, help="Whether the app joins public channels by itself.")
    max_chars: int = tailrace.option(
        MAX_CHARS, help="Characters of a message's text, at most; a longer one is refused."
    )
    per_minute: int = tailrace.option(240, help="Requests of a minute to the workspace, at most.")


@contextmanager
def open_slack(options: Options, *, http: tailrace.Http) -> Iterator[Any]:
    """Give the writer; one request shows whether the token is good."""
    from tailrace_slack._opening import open_messages
    from tailrace_slack._webhook import open_webhook

    if options.webhook_url is not None:
        yield open_webhook(options, http)
        return
    if options.token is None and not _is_loopback(options.base_url):
        told = "is needed: the bot token of the app, as its page `OAuth & Permissions` shows it"
        raise tailrace.MissingOption("token", told)
    yield open_messages(options, http)


@tailrace.hookimpl
def tailrace_destination(options: Options | None) -> tailrace.DestinationSpec:
    """Give the destination; digests and webhooks only append, since nobody can tell their rows."""
    if options is None:
        modes = {"append", "insert", "update", "upsert", "mirror"}
        return tailrace.DestinationSpec(options=Options, open=open_slack, modes=modes)
    _check(options)
    digest, hook = options.rows > 1, options.webhook_url is not None
    draft, fixed = Draft.of(options), not (names_in(options.channel) | names_in(options.email))
    again = "probe" if options.history else "at_most_once"
    return tailrace.DestinationSpec(
        options=Options,
        open=open_slack,
        modes={"append"} | (set() if digest or hook else {"insert", "update", "upsert", "mirror"}),
        batch_size=options.rows,
        max_bytes=draft.room() if digest else None,
        weigh=draft.weigh if digest else None,
        # One at a time keeps a channel's messages in order; where rows go to many, one that waits
        # holds nobody else up.
        max_in_flight=1 if fixed else 8,
        rate=_rates(options, fixed=fixed),
        delivery={
            **dict.fromkeys(("append", "insert", "upsert"), again),
            "update": "idempotent",
            "delete": "idempotent",
        },
    )


def _rates(options: Options, *, fixed: bool) -> list[tailrace.Rate]:
    """Give the paces that Slack asks for; what is on this machine says itself when it is enough."""
    if options.webhook_url is not None:
        local = _is_loopback(options.webhook_url.reveal())
        return [] if local else [tailrace.Rate(1, 1.0, "webhook")]
    if _is_loopback(options.base_url):
        return []
    rates = [tailrace.Rate(count, 60.0, method) for method, count in _TIERS.items()]
    rates.append(tailrace.Rate(options.per_minute, 60.0, _EVERY_REQUEST))
    if fixed and options.channel is not None:
        channel = options.channel.strip().removeprefix("#")
        rates.append(tailrace.Rate(1, 1.0, f"chat.postMessage {channel}"))
    return rates


def _check(options: Options) -> None:
    """Raise a ConfigError of all that does not go together."""
    problems = [tailrace.Problem(*each) for each in (*_unfit(options), *_astray(options))]
    if problems:
        raise tailrace.ConfigError(*problems)


def _unfit(options: Options) -> Iterator[tuple[str, str]]:
    for name, most in (("rows", None), ("per_minute", None), ("max_chars", MAX_CHARS)):
        value = getattr(options, name)
        if value < 1 or (most is not None and value > most):
            yield name, "is a whole number above 0" + (f", up to {most:,}" if most else "")
    if options.blocks is not None and not options.text:
        yield "text", "is needed beside blocks: it is what notifications show"
    if options.blocks is not None and not _are_blocks(options.blocks):
        yield "blocks", "is a list of tables, each with a type"
    if options.gone == "strike" and not options.history:
        yield "gone", "strikes through what history lets it read; set history = true"
    if options.rows > 1:
        for name in ("channel", "email", "thread"):
            found = names_in(getattr(options, name))
            if found:
                told = f"has a value of one row ({{{min(found)}}}), and a message has many"
                yield name, told
        strange = names_in(options.blocks) - {ROWS}
        if strange:
            yield "blocks", f"has {{{min(strange)}}}; of many rows there is only {{{ROWS}}}"


def _astray(options: Options) -> Iterator[tuple[str, str]]:
    places = [options.channel, options.email, options.webhook_url]
    if sum(each is not None for each in places) != 1:
        yield "channel", "is one place, email and webhook_url are others; give one of them"
    if options.channel is not None and not Text(options.channel).template.strip():
        yield "channel", "is empty"
    if not _is_safe(options.base_url):
        yield "base_url", "is neither https nor a loopback address; the token would be readable"
    if options.webhook_url is None:
        return
    if not _is_safe(options.webhook_url.reveal()):
        yield "webhook_url", "is neither https nor a loopback address"
    for name in ("token", "thread", "history", "join"):
        if getattr(options, name):
            yield name, "goes with a channel; a webhook can only post"


def _are_blocks(blocks: Any) -> bool:
    return isinstance(blocks, (list, tuple)) and all(
        isinstance(each, dict) and isinstance(each.get("type"), str) for each in blocks
    )


def _is_safe(url: str) -> bool:
    return url.startswith("https://") or (url.startswith("http://") and _is_loopback(url))


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
