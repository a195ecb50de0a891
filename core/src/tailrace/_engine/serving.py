"""Serving: syncs of sources that receive run again and again, until they are asked to stop."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.fanout import Told, execute_all, groups
from tailrace._engine.opening import log_of
from tailrace._engine.preparing import Prepared
from tailrace._engine.report import Report
from tailrace.components import SourceSpec
from tailrace.errors import ConfigError, Problem, several

_LOOK = 0.2
"""Seconds between two looks at whether it is to end."""
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds until what could not be delivered is tried again: twice as long each time, up to this."""
_SETTLED = frozenset({0, 4, 5, 8})
"""Exit codes after which trying again changes nothing."""


@attrs.frozen
class Every:
    """Have a source that does not receive read every so many seconds."""

    seconds: float
    address: str = ""

    def wait(self, seconds: float) -> bool:
        """Wait; what is asked for is no more than a look."""
        return False


def serve(
    prepared: Sequence[Prepared],
    clock: Clock,
    ending: threading.Event,
    *,
    told: Told,
    begun: Callable[[str], None] = lambda _: None,
    every: float | None = None,
) -> None:
    """Receive and deliver until `ending` is set; then deliver what was received, and return.

    told: takes each report, but not of runs that found nothing to do. begun: takes each address
    that is listened on. every: seconds after which sources that do not receive are read again.
    """
    _refuse(prepared, every)
    lock = threading.Lock()

    def telling(place: int, report: Report) -> None:
        if report.read or report.removed or report.problem or report.earlier:
            with lock:
                told(place, report)

    works = [_Work(places, [prepared[each] for each in places]) for places in groups(prepared)]
    with _received(works) as receivers:
        for receiver in receivers:
            if getattr(receiver, "address", ""):
                begun(receiver.address)
        _keep_on(
            [
                partial(work.keep_on, receiver, clock, ending, every, telling)
                for work, receiver in zip(works, receivers, strict=True)
            ],
            ending,
        )
    for work in works:
        # Nothing more comes in: what is there goes out.
        work.run(clock, telling)


def _keep_on(works: Iterable[Callable[[], None]], ending: threading.Event) -> None:
    """Do works on threads until they end; what one of them raises ends all."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised where the caller is
            errors.append(error)
            ending.set()

    threads = [threading.Thread(target=guarded, args=(each,), daemon=True) for each in works]
    for thread in threads:
        thread.start()
    try:
        _join(threads)
    except KeyboardInterrupt:
        ending.set()
        _join(threads)
    for error in errors:
        raise error


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(_LOOK)


@attrs.define(eq=False)
class _Work:
    """Run the syncs of one source."""

    places: Sequence[int]
    syncs: Sequence[Prepared]

    def run(self, clock: Clock, told: Told) -> bool:
        """Run them once; tell whether there is something to try again."""
        codes = []

        def noted(place: int, report: Report) -> None:
            codes.append(report.exit_code)
            told(self.places[place], report)

        execute_all(self.syncs, clock, told=noted)
        return not _SETTLED.issuperset(codes)

    def keep_on(  # what a thread is given
        self,
        receiver: Any,
        clock: Clock,
        ending: threading.Event,
        every: float | None,
        told: Told,
    ) -> None:
        """Run them whenever something came, or when it is time to try again."""
        wait = 0.0
        due = True
        while not ending.is_set():
            if not due:
                due = receiver.wait(_LOOK)
                continue
            trouble = self.run(clock, told)
            wait = min(max(2 * wait, _FIRST), _LONGEST) if trouble else 0.0
            pause = max(wait, every or 0.0) if isinstance(receiver, Every) else wait
            due = bool(pause) and not ending.wait(pause)


@contextmanager
def _received(works: Sequence[_Work]) -> Iterator[list[Any]]:
    """Open what receives, all of one plugin together; give a receiver for each work."""
    receivers: dict[int, Any] = dict.fromkeys(range(len(works)), Every(0.0))
    with ExitStack() as stack:
        for serving in dict.fromkeys(_serving(work.syncs[0]) for work in works):
            if serving is None:
                continue
            mine = [at for at, work in enumerate(works) if _serving(work.syncs[0]) is serving]
            first = works[mine[0]].syncs[0]
            options = [works[at].syncs[0].source_options for at in mine]
            opened = serving(options, log=log_of(first.source_places, "source"))
            receivers |= zip(mine, stack.enter_context(opened), strict=True)
        yield [receivers[at] for at in range(len(works))]


def _serving(prepared: Prepared) -> Callable[..., Any] | None:
    return prepared.source.serve if isinstance(prepared.source, SourceSpec) else None


def _refuse(prepared: Sequence[Prepared], every: float | None) -> None:
    """Refuse sources that neither receive nor are to be read every so often."""
    if every is not None:
        return
    told = "does not receive; read it on a schedule (tailrace run), or give --every SECONDS"
    several(
        [
            Problem(each.source_places.path, f"the source {each.source_places.plugin} {told}")
            for each in prepared
            if _serving(each) is None
        ]
    )
    if not prepared:
        raise ConfigError("there is nothing to serve")
