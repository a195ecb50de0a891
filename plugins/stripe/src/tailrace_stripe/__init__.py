"""Stripe as a source: customers, subscriptions, invoices and any other list, or what has changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Options:
    """Name the objects that are read, and who reads."""

    object: str = tailrace.option(
        help="The list: `customers`, `subscriptions`, `invoices`, `charges`, `checkout.sessions`, or"
        " any other that Stripe's client has."
    )
    api_key: tailrace.Secret | None = tailrace.option(
        None,
        help="A restricted key (`rk_...`) that may read the list, or a secret key; may be left out"
        " for a loopback address.",
    )
    base_url: str = tailrace.option(
        "https://api.stripe.com", help="Where the API is; a loopback address for the sandbox."
    )
    filter: Mapping[str, Any] = tailrace.option(
        factory=dict, help="Parameters of the list, as Stripe has them."
    )
    expand: tuple[str, ...] = tailrace.option(
        (), help="Fields whose ids are to be objects: `customer`, `latest_invoice.charge`."
    )
    incremental: bool = tailrace.option(
        False,
        help="Read only what was made since the last run; changes of older ones are not seen.",
    )
    events: bool = tailrace.option(
        False, help="Read all once, then what was changed or deleted since, from Stripe's events."
    )
    types: tuple[str, ...] = tailrace.option(
        (), help="Types of events to ask for, 20 at most; left out: all, of which most are let go."
    )
    event_days: int = tailrace.option(30, help="Days for which Stripe keeps events.")
    moments: bool = tailrace.option(
        True, help="Whether Unix seconds become dates with a time, in UTC."
    )
    account: str | None = tailrace.option(
        None, help="The connected account (`acct_...`) that is read for."
    )
    version: str = tailrace.option(
        "2026-10-28.endive", help="The API version that answers are written in."
    )


@contextmanager
def open_stripe(options: Options, *, http: tailrace.Http, cursor: Any = None) -> Iterator[Any]:
    """Give the reader; nothing is asked of Stripe before it is read."""
    from tailrace_stripe._opening import open_reader

    yield open_reader(options, http, cursor)


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source; 25 requests a second are what Stripe allows a sandbox, a quarter of live."""
    return tailrace.SourceSpec(options=Options, open=open_stripe, rate=tailrace.Rate(25))
