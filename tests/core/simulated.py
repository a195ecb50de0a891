"""Delivery in virtual time: a world of workers that wake in order, a service, and the real pace."""

import random
from heapq import heappop, heappush
from itertools import count

from tailrace._engine.gate import Gate
from tailrace._engine.ratelimit import Pace
from tailrace._engine.retry import retry_after, slow_down

from .limiters import AtOnce, whole


class World:
    """Be the clock of all that runs in it; tasks give the seconds that they wait."""

    epoch = 1_700_000_000.0

    def __init__(self, seed=0):
        self.now, self.chance = 1000.0, random.Random(seed)
        self.stopping = False
        self._order, self._due = count(), []

    def monotonic(self):
        return self.now

    def wall(self):
        return self.epoch + self.now

    def random(self):
        return self.chance.random()

    def start(self, task, after=0.0):
        heappush(self._due, (self.now + after, next(self._order), task))

    def run(self, until=float("inf")):
        while self._due and self._due[0][0] <= until:
            self.now, _, task = heappop(self._due)
            for seconds in task:
                self.start(task, seconds)
                break


class Service:
    """Answer after a time, and refuse what its limiters refuse.

    asks: how it tells to wait: None, "whole" seconds or "exact" ones. tells: headers of an answer
    at a moment. lanes: requests that it works on at once; the others queue.
    """

    def __init__(
        self, world, *limiters, asks="whole", latency=0.1, jitter=0.004, lanes=None, tells=None
    ):
        self.world, self.limiters, self.asks, self.tells = world, limiters, asks, tells
        self.latency, self.jitter, self.lanes = latency, jitter, lanes
        self.free = [0.0] * (lanes or 0)
        self.seen, self.refused, self.early, self.passed = 0, 0, 0, []
        self.barred = 0.0

    def exchange(self):
        """Take one request: give waits, then leave the answer's status and headers in `said`."""
        world = self.world
        self.seen += 1
        self.early += world.now < self.barred
        yield world.random() * self.jitter
        waits = [wait for each in self.limiters if (wait := each.take(world.now)) is not None]
        headers = self.tells(world.now) if self.tells else {}
        if waits:
            self.refused += 1
            if self.asks:
                wait = whole(max(waits)) if self.asks == "whole" else max(waits)
                headers["retry-after"] = f"{wait:.3f}"
                yield 0.002
                self.barred = max(self.barred, world.now + wait - 0.001)
            return 429, headers
        self.passed.append(world.now)
        yield self._works()
        for each in self.limiters:
            if isinstance(each, AtOnce):
                each.done()
        return 200, headers

    def _works(self):
        if self.lanes is None:
            return self.latency * (1.0 + 0.1 * self.world.random())
        lane = self.free.index(min(self.free))
        self.free[lane] = max(self.free[lane], self.world.now) + self.latency
        return self.free[lane] - self.world.now


class Run:
    """Deliver batches of one request each, as many at once as the gate allows."""

    def __init__(self, world, service, batches, *, rates=(), slots=None, ceiling=None, scope="a"):
        self.world, self.service, self.left, self.scope = world, service, batches, scope
        self.pace = Pace(world, rates) if slots is None else Pace(world, rates, slots)
        self.gate = Gate.under(ceiling)
        self.flying, self.most, self.ended = 0, 0, None
        self.began = world.now
        self._fill()

    @property
    def seconds(self):
        return self.ended - self.began

    def _fill(self):
        while self.left and self.flying < int(self.gate.allowed):
            self.left -= 1
            self.flying += 1
            self.most = max(self.most, self.flying)
            self.world.start(self._batch())

    def _batch(self):
        world = self.world
        began, waited, throttles = world.now, 0.0, 0
        while True:
            for seconds in self.pace.turns(self.scope):
                waited += seconds
                yield seconds
            sent = world.now
            status, headers = yield from self.service.exchange()
            self.pace.answered(self.scope, sent, status, headers)
            if status == 200:
                break
            throttles += 1
            wait = slow_down(retry_after(headers, world.wall()), throttles, world.random())
            self.pace.pause(self.scope, wait)
        self.flying -= 1
        self.gate.learn(world.now, world.now - began, waited, throttles > 0)
        self.ended = world.now
        self._fill()
