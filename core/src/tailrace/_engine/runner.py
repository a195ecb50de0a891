"""Runner: the order of all this, and nothing else."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs
import orjson

from tailrace._engine import plugins
from tailrace._engine.clock import Clock, SystemClock
from tailrace._engine.closing import drop
from tailrace._engine.conduct import Work, finish, fresh, new_run_id, run_once
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import Unfinished, find_unfinished
from tailrace._engine.http import Client
from tailrace._engine.intake import Intake
from tailrace._engine.ledger import Ledger
from tailrace._engine.pacing import open_pace
from tailrace._engine.preparing import Prepared
from tailrace._engine.recovering import Adopting, offers, put_copy_back, set_aside
from tailrace._engine.report import Report
from tailrace._engine.resolving import DELIVERED, LOST, due_again, find_stopped, make_due, resend
from tailrace._engine.resolving import resolve as end_doubts
from tailrace._engine.run import Ending, Run, Teller
from tailrace._engine.state import State, open_state, read_state
from tailrace.components import SourceSpec
from tailrace.errors import (
    ConfigError,
    InternalError,
    LockedError,
    PreflightError,
    StateError,
    TailraceError,
)
from tailrace.records import Mode
from tailrace.secret import hide
from tailrace.text import cut


@attrs.frozen
class Wishes:
    """Hold what a person asks of one run.

    wait: seconds to wait for another run's lock. restart: forget what was delivered before.
    accept: take the source's fields as they are now. retry: offer refused records again, those of
    these keys, or of a fingerprint. release: delete what the breaker stopped, by its plan's hash.
    """

    wait: float = 0.0
    restart: bool = False
    accept: bool = False
    retry: tuple[str, ...] | None = None
    fingerprint: str | None = None
    release: str | None = None


def execute(prepared: Prepared, clock: Clock | None = None, wishes: Wishes | None = None) -> Report:
    """Run a sync once; raises a ConfigError or a LockedError, and else reports every ending."""
    report, late = _executed(prepared, clock or SystemClock(), wishes or Wishes())
    if late is not None:
        raise late
    return report


def execute_each(
    prepared: Prepared, clock: Clock | None = None, wishes: Wishes | None = None
) -> Report:
    """Run one of several syncs: what is wrong with its configuration holds back none of the others."""
    return _executed(prepared, clock or SystemClock(), wishes or Wishes())[0]


def _executed(
    prepared: Prepared, clock: Clock, wishes: Wishes
) -> tuple[Report, TailraceError | None]:
    """Finish what an earlier run has left, then run; give also the error that is the caller's."""
    if prepared.state is None:
        return run_once(prepared, clock, fresh)
    earlier: list[Report] = []
    try:
        with open_state(prepared.state, prepared.name, clock, wishes.wait) as state:
            state.sweep()
            _heed(state, wishes)
            for unfinished in find_unfinished(state):
                report = _finished(prepared, clock, state, unfinished)
                earlier += [report] if report is not None else []
                if _broken_off(earlier):
                    break
            left = find_unfinished(state)
            if any(each.holds_back for each in left) or _broken_off(earlier):
                return _stuck(prepared, clock, earlier), None
            work = _asked(prepared, state, wishes)
            if work is fresh and prepared.mode is not Mode.REPLACE and due_again(state):
                earlier.append(run_once(_appending(prepared), clock, resend, state)[0])
            report, late = run_once(
                _appending(prepared) if work is resend else prepared, clock, work, state
            )
            return attrs.evolve(report, earlier=tuple(earlier)), late
    except (ConfigError, LockedError) as error:
        return empty(prepared, clock, error), error
    except (PreflightError, StateError) as error:
        return attrs.evolve(empty(prepared, clock, error), earlier=tuple(earlier)), None


def _asked(prepared: Prepared, state: State, wishes: Wishes) -> Work:
    """Give the work that a person asks for."""
    if wishes.release is not None:
        stopped = find_stopped(state, wishes.release)
        if stopped is None:
            raise ConfigError(f"there is no stopped plan {wishes.release!r}")
        return stopped.release
    if wishes.retry is not None:
        make_due(state, wishes.retry, wishes.fingerprint)
        if prepared.mode is Mode.APPEND and not prepared.planned and due_again(state):
            return resend
    return fresh


def _appending(prepared: Prepared) -> Prepared:
    return attrs.evolve(prepared, mode=Mode.APPEND, cursor=None)


def _heed(state: State, wishes: Wishes) -> None:
    """Forget what a person says no longer counts."""
    if not (wishes.restart or wishes.accept):
        return
    with state.store.transaction() as store:
        store.set_meta("schema", None)
        if wishes.restart:
            for fact in ("source", "keys", "identity", "stream", "cursor", "position"):
                store.set_meta(fact, None)
            store.drop("refusals")
            store.drop("doubts")
            store.drop("files", "kind IN ('snapshot', 'stopped', 'settled', 'since')")
            for run in store.rows("runs", "state IN ('reading', 'delivering')"):
                store.change("runs", run, state="dropped", ended=run["started"])
    state.sweep()


def _finished(
    prepared: Prepared, clock: Clock, state: State, unfinished: Unfinished
) -> Report | None:
    """Finish an older run under its own id; None where it had sent nothing."""
    run = unfinished.run
    mode = Mode(run["mode"])
    adopting = unfinished.facts.get("adopting", False)
    if run["state"] == "reading" or mode is Mode.REPLACE or adopting:
        drop(state, run, clock.wall())
        return None
    then = attrs.evolve(prepared, mode=mode, key=tuple(unfinished.facts.get("key", ())))
    report, _ = run_once(then, clock, finish, state, unfinished)
    return report


def _broken_off(earlier: Sequence[Report]) -> bool:
    """Tell whether the last run could not be kept, so that nothing is to follow it now."""
    return bool(earlier) and earlier[-1].exit_code in (1, 7)


def _stuck(prepared: Prepared, clock: Clock, earlier: list[Report]) -> Report:
    last = earlier[-1] if earlier else None
    why = f": {last.problem}" if last is not None and last.problem else ""
    name = f" {last.run_id}" if last is not None else ""
    told = f"an earlier run{name} has to be finished first, and could not be{why}"
    code = last.exit_code if last is not None and last.exit_code in (1, 7) else 9
    report = empty(prepared, clock, InternalError(told))
    return attrs.evolve(report, exit_code=code, earlier=tuple(earlier))


def empty(prepared: Prepared, clock: Clock, error: TailraceError) -> Report:
    """Give the report of a run that could not even begin."""
    hiding = hide(prepared.options, prepared.source_options)
    return Report(
        sync=prepared.name,
        run_id=new_run_id(clock),
        mode=prepared.mode,
        exit_code=error.exit_code,
        problem=cut(hiding(str(error))),
    )


def resolve(
    prepared: Prepared, assume: str, keys: tuple[str, ...], clock: Clock | None = None
) -> int:
    """End doubts by a person's word, all or those of keys; give how many."""
    clock = clock or SystemClock()
    if assume not in (DELIVERED, LOST):
        raise ConfigError(f"{assume!r} is none of {DELIVERED}, {LOST}")
    if prepared.state is None:
        raise ConfigError("the sync keeps no state, so that nothing of it stays in doubt")
    with open_state(prepared.state, prepared.name, clock) as state:
        return end_doubts(state, assume, keys, clock.wall())


def recover(prepared: Prepared, way: str, clock: Clock | None = None) -> tuple[Path, Report | None]:
    """Begin a state anew in one of the ways that `offers` gives; the old one is kept aside."""
    clock = clock or SystemClock()
    ways = offers(prepared)
    if way not in ways:
        raise ConfigError(f"{way!r} is no way to recover this sync (there are: {', '.join(ways)})")
    assert prepared.state is not None
    if way == "copy":
        return put_copy_back(prepared, clock), None
    aside = set_aside(prepared, clock)
    if way == "nothing":
        return aside, None
    with open_state(prepared.state, prepared.name, clock) as state:
        adopt = Adopting(asks=way == "destination")
        return aside, run_once(prepared, clock, adopt, state)[0]


def has_stopped(prepared: Prepared, hash_: str) -> bool:
    """Tell whether the delete breaker has stopped a plan with that hash in this sync."""
    if prepared.state is None:
        return False
    with read_state(prepared.state, prepared.name) as state:
        rows = [] if state is None else state.store.rows("files", "kind = 'stopped'")
        return any(orjson.loads(row["facts"])["hash"] == hash_ for row in rows)


def check(prepared: Prepared, clock: Clock | None = None) -> None:
    """Open source and destination and see whether they fit; sends and reads no record."""
    clock = clock or SystemClock()
    with ExitStack() as stack:
        client = Client(stack.enter_context(open_pace(prepared, clock)), clock)
        stack.callback(client.close)
        run = Run(prepared.name, "", prepared.mode, Ledger(), client)
        execution = Execution(prepared, run, clock, Teller(plugins.observers({}), []), Ending())
        writer = stack.enter_context(execution.destination())
        if isinstance(prepared.source, SourceSpec):
            stack.enter_context(Intake.open(execution, writer))
