"""Opening: options that go together, and Stripe's client for the list that they name."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from inspect import signature
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tailrace
from tailrace_stripe._api import Api, Service, connect
from tailrace_stripe._events import Events
from tailrace_stripe._lists import Lists
from tailrace_stripe._values import Rows, seconds

if TYPE_CHECKING:
    from tailrace_stripe import Options

_OURS = frozenset({"limit", "starting_after", "ending_before", "expand"})
_ANY_KEY = "sk_test_sandbox"
"""What is given to a loopback address that needs no key."""


def open_reader(options: "Options", http: tailrace.Http, since: Any) -> Lists | Events:
    """Give the reader of what the options name."""
    problems = [*_problems(options, since), *_key_problems(options)]
    if problems:
        raise tailrace.ConfigError(*problems)
    key = _ANY_KEY if options.api_key is None else options.api_key.reveal()
    client, transport = connect(
        http, key, options.base_url.rstrip("/"), options.version, options.account
    )
    asked = {name: seconds(value) for name, value in options.filter.items()}
    if options.expand:
        asked["expand"] = [f"data.{each}" for each in options.expand]
    api = Api(_service(client.v1, options.object), options.object, transport)
    rows = Rows(options.moments)
    if options.events:
        events = Api(client.v1.events, "events", transport)
        return Events(api, events, rows, asked, options.types, options.event_days)
    return Lists(api, rows, asked, options.incremental, _since(since))


def _problems(options: "Options", since: Any) -> Iterator[tailrace.Problem]:
    for name in sorted(_OURS.intersection(options.filter)):
        told = f"{name!r} is for the plugin to say"
        yield tailrace.Problem("filter", told + ("; use expand" if name == "expand" else ""))
    created = options.filter.get("created")
    if created is not None and not isinstance(created, Mapping):
        yield tailrace.Problem("filter", "created is a table: { gte = 2026-01-01 }")
    if options.types and not options.events:
        yield tailrace.Problem("types", "are types of events; say events = true")
    if len(options.types) > 20:
        yield tailrace.Problem("types", f"are 20 at most, not {len(options.types)}")
    if options.event_days < 1:
        yield tailrace.Problem("event_days", "is a whole number above 0")
    if not options.events:
        return
    if options.incremental or since is not None:
        yield tailrace.Problem("events", "have positions of their own; leave the others out")
    if options.expand:
        yield tailrace.Problem("expand", "does not go with events, which hold ids only")
    if {**options.filter, "status": "all"} != {"status": "all"}:
        told = "does not go with events, which Stripe does not filter by fields; but status = 'all' does"
        yield tailrace.Problem("filter", told)


def _key_problems(options: "Options") -> Iterator[tailrace.Problem]:
    try:
        parts = urlsplit(options.base_url)
        host = parts.hostname or ""
    except ValueError:
        yield tailrace.Problem("base_url", f"{options.base_url!r} is no address")
        return
    local = _is_loopback(host)
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        yield tailrace.Problem(
            "base_url", f"{options.base_url!r} is neither https nor a loopback address"
        )
    elif options.api_key is None and not local:
        raise tailrace.MissingOption("api_key", "missing")
    if options.api_key is not None and not options.api_key.reveal().startswith(("rk_", "sk_")):
        told = "is no key that may read: those begin with rk_ (restricted) or sk_ (secret)"
        yield tailrace.Problem("api_key", told)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _service(services: Any, name: str) -> Service:
    """Give the client's service for a list; raises ConfigError with a near name."""
    found, ahead = services, ""
    for part in name.split("."):
        known = sorted(getattr(type(found), "__annotations__", ()))
        if part not in known:
            near = get_close_matches(part, known, 1)
            told = f"Stripe's client has no {name!r}"
            hint = f"; did you mean {ahead + near[0]!r}?" if near else ""
            raise tailrace.ConfigError(tailrace.Problem("object", told + hint))
        found, ahead = getattr(found, part), f"{ahead}{part}."
    listing = getattr(found, "list", None)
    if listing is None:
        inner = sorted(getattr(type(found), "__annotations__", ()))
        hint = f"; there are: {', '.join(ahead + each for each in inner)}" if inner else ""
        raise tailrace.ConfigError(tailrace.Problem("object", f"{name!r} is no list{hint}"))
    if next(iter(signature(listing).parameters)) != "params":
        told = f"{name!r} is a list beneath another object, of which there are many"
        raise tailrace.ConfigError(tailrace.Problem("object", told))
    return found  # type: ignore[no-any-return]  # one of many classes


def _since(since: Any) -> int | None:
    found = seconds(since)
    if since is not None and (type(found) is not int or isinstance(since, bool)):
        told = f"a list goes on from a moment of its field `created`, not from {since!r}"
        raise tailrace.ConfigError(tailrace.Problem("", told))
    return found  # type: ignore[no-any-return]  # checked above
