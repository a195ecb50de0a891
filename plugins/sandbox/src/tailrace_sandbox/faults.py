"""Faults on demand: what goes wrong, for which requests, how often."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Literal, get_args

import attrs

from tailrace_sandbox.wire import Request

Kind = Literal[
    "answer", "lose", "reset_before", "reset_after", "truncate", "garbage", "latency", "late"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@attrs.frozen(kw_only=True)
class Fault:
    """Describe one thing that goes wrong."""

    twin: str
    kind: Kind
    status: int
    retry_after: float | str | None = None
    seconds: float = 0.0
    method: str | None = None
    path: str | None = None
    rate: float = 1.0

    def fits(self, twin: str, request: Request) -> bool:
        """Tell whether a request is one of those that this fault is meant for."""
        return (
            self.twin == twin
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or self.path in request.path)
        )


@attrs.define(eq=False)
class _Armed:
    fault: Fault
    times: int | None
    skip: int
    dice: random.Random

    def strikes(self) -> bool:
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0 or self.dice.random() >= self.fault.rate:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@attrs.define(eq=False)
class _Late:
    apply: Callable[[], None]
    timer: threading.Timer | None = None


class Faults:
    """Keep the faults that are armed, and the writes that they hold back."""

    def __init__(self, twins: tuple[str, ...]) -> None:
        self._twins = twins
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._late: list[_Late] = []

    def add(
        self,
        twin: str,
        kind: Kind,
        *,
        times: int | None = 1,
        skip: int = 0,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        retry_after: float | str | None = None,
        seconds: float = 0.0,
        rate: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Arm a fault.

        It strikes `times` requests (None: all) after letting `skip` fitting ones pass. `path` is a
        part of the decoded path. `rate` is the chance of each fitting request to be struck, drawn
        from a generator seeded with `seed`. Of several faults that fit a request, every latency
        is waited for and the first other one strikes.
        """
        if twin not in self._twins:
            raise ValueError(f"no twin {twin!r}; there are: {', '.join(self._twins)}")
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are: {', '.join(KINDS)}")
        if status is None:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            if kind == "answer":
                status = HTTPStatus.SERVICE_UNAVAILABLE
        fault = Fault(
            twin=twin,
            kind=kind,
            status=status,
            retry_after=retry_after,
            seconds=seconds,
            method=method,
            path=path,
            rate=rate,
        )
        dice = random.Random(seed)  # noqa: S311 - repeatable chance, nothing to guess
        with self._lock:
            self._armed.append(_Armed(fault, times, skip, dice))

    def draw(self, twin: str, request: Request) -> list[Fault]:
        """Return what goes wrong with a request, in the order in which it was armed."""
        drawn: list[Fault] = []
        struck = False
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if struck and fault.kind != "latency":
                    continue
                if fault.fits(twin, request) and armed.strikes():
                    drawn.append(fault)
                    struck = struck or fault.kind != "latency"
            self._armed = [armed for armed in self._armed if armed.times != 0]
        return drawn

    def clear(self) -> None:
        """Disarm all faults; what is held back stays so until `release`."""
        with self._lock:
            self._armed.clear()

    def release(self) -> int:
        """Apply every request that is held back, oldest first, and return how many there were."""
        held = self._take_all()
        for late in held:
            late.apply()
        return len(held)

    def drop(self) -> None:
        """Forget every request that is held back."""
        self._take_all()

    def hold(self, apply: Callable[[], None], seconds: float) -> None:
        """Keep a request for later: until `release`, or for `seconds` where that is not 0."""
        late = _Late(apply)
        if seconds > 0:
            late.timer = threading.Timer(seconds, self._ripen, (late,))
            late.timer.daemon = True
        with self._lock:
            self._late.append(late)
        if late.timer is not None:
            late.timer.start()

    def _ripen(self, late: _Late) -> None:
        with self._lock:
            if late not in self._late:
                return
            self._late.remove(late)
        late.apply()

    def _take_all(self) -> list[_Late]:
        with self._lock:
            held, self._late = self._late, []
        for late in held:
            if late.timer is not None:
                late.timer.cancel()
        for late in held:
            if late.timer is not None and late.timer is not threading.current_thread():
                late.timer.join()
        return held
