"""When to try again."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

ATTEMPTS = 8
"""How often one thing is tried before it counts as failed: with the waits below, some two minutes,
which outlasts quotas that are refilled every minute."""

PATIENCE = 3600.0
"""Seconds that a service may ask to wait; if it asks for more, the run stops and names the time."""

_FIRST, _LONGEST = 0.25, 64.0


def backoff(attempt: int, chance: float) -> float:
    """Give the seconds to wait after the n-th attempt (from 1): doubling, the upper half by chance."""
    ceiling = min(_FIRST * 2.0 ** min(attempt, 16), _LONGEST)
    return ceiling / 2 + ceiling / 2 * chance


def slow_down(asked: float | None, times: int, chance: float) -> float:
    """Give the seconds to wait after the n-th refusal (from 1) of a service that is asked too much.

    A little more than asked, by chance, so that many who were refused do not come back as one.
    """
    seconds = 0.0 if asked is None else asked + min(asked, 1.0) * 0.05 * chance
    return seconds if seconds >= 1.0 else max(seconds, backoff(times, chance))


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Give the seconds that a service asks to wait, never below 0; None if it does not say.

    A date is taken against the answer's own Date header, so that the local clock does not matter
    (RFC 9110, 10.2.3).
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = _timestamp(text)
        if until is None:
            return None
        now = _timestamp(headers.get("date", ""))
        seconds = until - (wall if now is None else now)
    return max(seconds, 0.0) if seconds == seconds else None  # noqa: PLR0124  # not a NaN


def _timestamp(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" leaves the zone open; HTTP dates are in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
