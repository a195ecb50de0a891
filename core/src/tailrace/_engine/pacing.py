"""Pacing: the pace of one run, with what other processes leave of its declared rates."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.preparing import Prepared
from tailrace._engine.ratelimit import SOURCE, Pace
from tailrace.components import Rate
from tailrace.secret import Secret


@contextmanager
def open_pace(prepared: Prepared, clock: Clock) -> Iterator[Pace]:
    """Open the pace of a sync; rates are shared where one is declared and there is a state folder."""
    root = prepared.state
    if root is None or not prepared.rates or not root.is_dir():
        yield Pace(clock, prepared.rates)
        return
    from tailrace._engine.quota import Shared, open_quota

    there = account(prepared.places.plugin, prepared.options)
    here = account(prepared.source_places.plugin, prepared.source_options)
    with open_quota(root) as quota:

        def shared(rate: Rate) -> Shared:
            return quota.shared(here if rate.scope.startswith(SOURCE) else there, rate)

        yield Pace(clock, prepared.rates, shared)


def account(plugin: str, options: Any) -> tuple[str, ...]:
    """Give what tells one account from another: the plugin, its hosts and its secrets.

    Other options (a channel, an object) name parts of an account, which share its rates.
    """
    return (plugin, *sorted(set(_marks(options))))


def _marks(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield f"secret {value.reveal()}"
    elif isinstance(value, str) and value.startswith(("http://", "https://")):
        # Whether it is an address at all is for whoever sends there to say.
        with suppress(ValueError):
            yield f"host {urlsplit(value).netloc}"
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _marks(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _marks(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _marks(each)
