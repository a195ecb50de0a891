"""Crew: threads that do work for one who hands it out, and who takes the results when it looks up."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Generic, TypeVar

import attrs

Task = TypeVar("Task")
Result = TypeVar("Result")

_QUICK = 0.0005
"""Seconds below which a task is done where it is handed out: to pass it on would cost more."""
_MOMENT = 0.01
"""Seconds in which whoever hands out work is expected to take a result, before it is closed alone."""
_HEARING = 0.5
"""Seconds after which whoever waits for a result looks up: a signal that came in the very moment
before the wait would be heard only after it."""


@attrs.frozen
class _Failed:
    error: BaseException


@attrs.define(eq=False)
class Crew(Generic[Task, Result]):
    """Do tasks on threads, as many as are handed out at once; use it in a `with` block.

    While tasks take next to no time, they are done on the spot.

    work: does one task. claim, close: are called with a result that nobody takes for a moment, so
    that it does not lie open while the next task takes its time to come; `claim` must be quick.
    """

    work: Callable[[Task], Result]
    claim: Callable[[Result], None]
    close: Callable[[Result], None]
    busy: int = attrs.field(default=0, init=False)
    """Tasks whose result does not lie ready yet."""
    _tasks: SimpleQueue[Task | None] = attrs.field(factory=SimpleQueue)
    _done: SimpleQueue[Result | _Failed] = attrs.field(factory=SimpleQueue)
    _fresh: list[Result] = attrs.field(factory=list)
    _threads: list[threading.Thread] = attrs.field(factory=list)
    _waking: threading.Event = attrs.field(factory=threading.Event)
    _ended: threading.Event = attrs.field(factory=threading.Event)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _quick: bool = False

    def __enter__(self) -> "Crew[Task, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._waking.set()
        for _each in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def quick(self) -> bool:
        """Tell whether the next task is done on the spot."""
        return self._quick and not self.busy

    def give(self, task: Task) -> Result | None:
        """Hand a task out; give its result, which can also be taken, where it is done on the spot."""
        with self._lock:
            self.busy += 1
        if not self._threads:
            self._start(self._watch)
        if self._quick and self.busy == 1:
            result = self._do(task)
            return None if isinstance(result, _Failed) else result
        if self.busy >= len(self._threads):
            self._start(self._serve)
        self._tasks.put(task)
        return None

    @property
    def idle(self) -> bool:
        """Tell whether there is no result to take right now."""
        return self._done.empty()

    @property
    def pending(self) -> bool:
        """Tell whether a result is still to come or to be taken."""
        with self._lock:
            return self.busy > 0 or not self._done.empty()

    def take(self) -> list[Result]:
        """Give the results that there are, waiting for at least one; raises what work has raised."""
        found = [self._next()]
        with self._lock:
            while not self._done.empty():
                found.append(self._done.get())
            self._fresh.clear()
        results = []
        for each in found:
            if isinstance(each, _Failed):
                raise each.error
            results.append(each)
        return results

    def _next(self) -> Result | _Failed:
        while True:
            try:
                return self._done.get(timeout=_HEARING)
            except Empty:
                continue

    def _start(self, loop: Callable[[], None]) -> None:
        name = f"tailrace-{len(self._threads)}"
        thread = threading.Thread(target=loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._do(task)

    def _do(self, task: Task) -> Result | _Failed:
        began = perf_counter()
        try:
            result: Result | _Failed = self.work(task)
        except BaseException as error:  # noqa: BLE001  # raised where it is taken
            result = _Failed(error)
        self._quick = perf_counter() - began < _QUICK
        self._put(result)
        return result

    def _put(self, result: Result | _Failed) -> None:
        with self._lock:
            self.busy -= 1
            self._done.put(result)
            if not isinstance(result, _Failed):
                self._fresh.append(result)
        self._waking.set()

    def _watch(self) -> None:
        """Close the results that are not taken soon."""
        while self._waking.wait() and not self._ended.is_set():
            self._waking.clear()
            self._ended.wait(_MOMENT)
            with self._lock:
                left, self._fresh = self._fresh, []
                for each in left:
                    self.claim(each)
            try:
                for each in left:
                    self.close(each)
            except BaseException as error:  # noqa: BLE001  # raised where it is taken
                self._done.put(_Failed(error))
