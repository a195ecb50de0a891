"""Hints: the limits that a service tells in the headers of its answers."""

import re
from collections.abc import Mapping
from math import ceil, isfinite

import attrs

_NUMBER = re.compile(r"\s*\"?(\d{1,15}(?:\.\d{1,9})?)\"?\s*")
_MOST = 1e7
_LONGEST = 3600.0
_SLOWEST = 0.1
"""Requests a second; who tells of less is not believed before a 429 says so too."""
_EPOCH = 1e9
"""What is larger is a moment in seconds since 1970, or, a thousand times that, in milliseconds."""


@attrs.frozen
class Told:
    """Hold one limit as a service told it: so many requests in `per` seconds.

    used: what it has counted of them so far. reset: the seconds until it counts anew. sure: it
    told `per` itself; else that is the time to the reset, in whole seconds, and may be longer.
    """

    limit: int
    per: float
    used: int | None = None
    reset: float | None = None
    sure: bool = True


def told(headers: Mapping[str, str], wall: float) -> list[Told]:
    """Give the limits that an answer tells, without those that make no sense."""
    named = {
        name.replace("rate-limit", "ratelimit"): text
        for name, text in headers.items()
        if "ratelimit" in name or "rate-limit" in name
    }
    if not named:
        return []
    found = [*_policies(named), _hubspot(named), _triple(named, wall)]
    kept: dict[float, Told] = {}
    for each in found:
        if each is None or not 1 <= each.limit <= _MOST or not 0.1 <= each.per <= _LONGEST:
            continue
        if each.limit / each.per >= _SLOWEST:
            known = kept.setdefault(each.per, each)
            if known.limit > each.limit or known.used is None:
                kept[each.per] = each
    return list(kept.values())[:4]


def _policies(named: Mapping[str, str]) -> list[Told | None]:
    """Read `RateLimit-Policy`, as `50;w=1` or `"name";q=50;w=1`, which `-Limit` may hold as well."""
    texts = [named.get(f"{each}ratelimit-{part}", "") for each in ("", "x-") for part in _POLICIES]
    found: list[Told | None] = []
    for item in ",".join(texts).split(",")[:16]:
        first, *rest = item.split(";")
        pairs = dict(each.strip().partition("=")[::2] for each in rest)
        limit = _number(pairs.get("q", first))
        per = _number(pairs.get("w") or pairs.get("window") or "")
        if limit is not None and per is not None:
            found.append(Told(int(limit), per))
    return found


_POLICIES = ("policy", "limit")


def _hubspot(named: Mapping[str, str]) -> Told | None:
    limit = _number(named.get("x-hubspot-ratelimit-max", ""))
    interval = _number(named.get("x-hubspot-ratelimit-interval-milliseconds", ""))
    if limit is None or interval is None:
        return None
    left = _number(named.get("x-hubspot-ratelimit-remaining", ""))
    return Told(int(limit), interval / 1000, _used(limit, left))


def _triple(named: Mapping[str, str], wall: float) -> Told | None:
    """Read limit, remaining and reset, each in a header of its own or all in `RateLimit`."""
    whole = dict(
        each.strip().partition("=")[::2] for each in re.split(r"[,;]", named.get("ratelimit", ""))
    )
    parts = [
        next(
            (
                number
                for text in (
                    *(named.get(f"{x}ratelimit-{part}") for x in ("", "x-")),
                    whole.get(part),
                )
                if text
                and (number := _number(text.partition(",")[0].partition(";")[0])) is not None
            ),
            None,
        )
        for part in ("limit", "remaining", "reset")
    ]
    limit, left, reset = parts
    if limit is None or reset is None:
        return None
    if reset > _EPOCH:
        reset = (reset if reset < 1000 * _EPOCH else reset / 1000) - wall
    if not 0 < reset <= _LONGEST:
        return None
    return Told(int(limit), float(ceil(reset)), _used(limit, left), reset, sure=False)


def _used(limit: float, left: float | None) -> int | None:
    return None if left is None or left > limit else int(limit - left)


def _number(text: str) -> float | None:
    found = _NUMBER.fullmatch(text)
    number = float(found[1]) if found else None
    return number if number is not None and isfinite(number) else None
