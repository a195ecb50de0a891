"""What services limit by; the times come from outside, so that they serve tests and the bench."""

from collections import deque
from math import ceil, floor


class Sliding:
    """At most so many in the last window."""

    def __init__(self, count, per=1.0):
        self.count, self.per, self.taken = count, per, deque()

    def take(self, now):
        """Give None where a request may pass, else the seconds to wait."""
        while self.taken and self.taken[0] <= now - self.per:
            self.taken.popleft()
        if len(self.taken) >= self.count:
            return self.taken[0] + self.per - now
        self.taken.append(now)
        return None

    def left(self, now):
        return self.count - len(self.taken)


class Fixed:
    """At most so many in each window, the first of which begins at a moment of its own."""

    def __init__(self, count, per=1.0, starts=0.0):
        self.count, self.per, self.starts = count, per, starts
        self.window, self.used = None, 0

    def take(self, now):
        window = floor((now - self.starts) / self.per)
        if window != self.window:
            self.window, self.used = window, 0
        if self.used >= self.count:
            return self.starts + (window + 1) * self.per - now
        self.used += 1
        return None

    def left(self, now):
        return self.count - self.used


class Bucket:
    """A bucket of tokens that refills evenly; full at first."""

    def __init__(self, count, per=1.0, size=None):
        self.speed, self.size = count / per, count if size is None else size
        self.tokens, self.since = float(self.size), None

    def take(self, now):
        if self.since is not None:
            self.tokens = min(self.size, self.tokens + (now - self.since) * self.speed)
        self.since = now
        if self.tokens < 1.0:
            return (1.0 - self.tokens) / self.speed
        self.tokens -= 1.0
        return None

    def left(self, now):
        return int(self.tokens)


class AtOnce:
    """At most so many at once, which the caller ends with `done`."""

    def __init__(self, count):
        self.count, self.open = count, 0

    def take(self, now):
        if self.open >= self.count:
            return 0.0
        self.open += 1
        return None

    def done(self):
        self.open -= 1

    def left(self, now):
        return self.count - self.open


def whole(seconds):
    """Give a wait as most services tell it."""
    return max(1, ceil(seconds))
