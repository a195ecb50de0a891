"""Fan-out: several syncs, those of one source at the same time, so that it is read once."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.codec import decode_value
from tailrace._engine.http import Client
from tailrace._engine.intake import position_of
from tailrace._engine.opening import open_source
from tailrace._engine.pacing import open_pace
from tailrace._engine.preparing import Prepared
from tailrace._engine.report import Report
from tailrace._engine.runner import Wishes, empty, execute_each
from tailrace._engine.sharing import Shared
from tailrace._engine.spool import spool_folder
from tailrace._engine.state import read_state
from tailrace.errors import InternalError, TailraceError

_log = logging.getLogger("tailrace")

_HEARING = 0.2
"""Seconds between two looks at whether a signal came; one that came just before a wait is heard only
after it."""

Told = Callable[[int, Report], None]
"""Take a sync's place among those given, and its report; called once at a time."""


def execute_all(
    prepared: Sequence[Prepared], clock: Clock, wishes: Wishes | None = None, *, told: Told
) -> None:
    """Run syncs in their order; those that share a source together, where the first of them stands.

    One that fails, or waits, holds back none of the others. Asked to stop, it begins no more.
    """
    wishes = wishes or Wishes()
    for group in groups(prepared):
        if clock.stopping:
            return
        if len(group) == 1:
            told(group[0], execute_each(prepared[group[0]], clock, wishes))
        else:
            _together({place: prepared[place] for place in group}, clock, wishes, told)


def groups(prepared: Sequence[Prepared]) -> list[list[int]]:
    """Put the places of syncs together that share a source; two of one state are no such."""
    groups: list[list[int]] = []
    for place, each in enumerate(prepared):
        for group in groups:
            others = [prepared[other] for other in group]
            if _is_one(each.given, others[0].given) and not any(
                each.state is not None and (each.state, each.name) == (other.state, other.name)
                for other in others
            ):
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def _is_one(given: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    named = isinstance(given[0], str) and given[0] == other[0]
    return (named or given[0] is other[0]) and given[1] is other[1]


def _together(group: dict[int, Prepared], clock: Clock, wishes: Wishes, told: Told) -> None:
    """Run syncs at the same time, each on a thread, while this one reads their source.

    A source is code of others, which may be bound to the thread that made it.
    """
    first = next(iter(group.values()))
    lock = threading.Lock()
    with spool_folder(first.state, clock) as folder:
        shared = Shared(first.source, folder, users=len(group))
        interrupts: list[BaseException] = []

        def run(place: int) -> None:
            each = group[place]
            try:
                report = execute_each(attrs.evolve(each, source=shared), clock, wishes)
            except Exception as error:  # noqa: BLE001  # kept with its traceback
                _log.exception("tailrace itself failed")
                failed = InternalError(f"{type(error).__name__}: {error}")
                report = empty(each, clock, failed)
            except BaseException as error:  # noqa: BLE001  # raised where the caller is
                interrupts.append(error)
                clock.ask_to_stop()
                return
            finally:
                shared.leave()
            with lock:
                told(place, report)

        threads = [
            threading.Thread(target=run, args=(place,), name=f"tailrace-{each.name}", daemon=True)
            for place, each in group.items()
        ]
        for thread in threads:
            thread.start()
        try:
            _read(shared, list(group.values()), clock, wishes)
            _join(threads)
        except BaseException:
            clock.ask_to_stop()
            shared.end()
            _join(threads)
            raise
        finally:
            shared.close()
    for interrupt in interrupts:
        raise interrupt


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(_HEARING)


def _read(shared: Shared, group: Sequence[Prepared], clock: Clock, wishes: Wishes) -> None:
    """Read the source that syncs share, once one of them wants to."""
    if not shared.sought():
        return
    positions = [None if wishes.restart else _position(each) for each in group]
    alike = len({each.cursor for each in group}) == 1
    first, position = group[0] if alike else attrs.evolve(group[0], cursor=None), positions[0]
    names = tuple(each.name for each in group)
    if any(each != position for each in positions):
        # Which of them comes first is for nobody but the source to tell.
        shared.part()
        return
    try:
        with ExitStack() as stack:
            client = Client(stack.enter_context(open_pace(first, clock)), clock)
            stack.callback(client.close)
            start = None if wishes.restart else _start(group)
            opened = stack.enter_context(open_source(first, client, start, names))
            shared.fill(opened, lambda: clock.stopping, position)
    except Exception as error:  # noqa: BLE001  # each of the syncs tells it
        shared.end(error)
    else:
        shared.end()


def _start(group: Iterable[Prepared]) -> Any:
    """Give the least of the cursors of syncs, to read on from; None where one needs all."""
    told = list(_cursors(group))
    with suppress(TypeError):
        return min(told) if told and None not in told else None
    return None


def _position(prepared: Prepared) -> Any:
    # A state that cannot be read is for its own sync to tell.
    with suppress(TailraceError, OSError):
        if prepared.state is not None:
            with read_state(prepared.state, prepared.name) as state:
                return position_of(prepared, state)
    return None


def _cursors(group: Iterable[Prepared]) -> Iterator[Any]:
    fields = {each.cursor for each in group}
    for each in group:
        known = None
        # A state that cannot be read is for its own sync to tell.
        with suppress(TailraceError, OSError):
            if each.state is not None and len(fields) == 1:
                with read_state(each.state, each.name) as state:
                    known = None if state is None else state.store.meta("cursor")
        yield None if known is None else decode_value(known)
