"""Conduct: one run, from its beginning to its report, and its end in the ledger."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import attrs
import orjson

from tailrace._engine import plugins
from tailrace._engine.clock import Clock
from tailrace._engine.closing import close
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import Unfinished
from tailrace._engine.http import Client
from tailrace._engine.intake import commit, conclude
from tailrace._engine.ledger import Ledger
from tailrace._engine.listing import outcomes_of
from tailrace._engine.opening import code_of, log_of
from tailrace._engine.pacing import open_pace
from tailrace._engine.planned import config_of, deliver_plan, plan
from tailrace._engine.preparing import Prepared
from tailrace._engine.report import Report, worst
from tailrace._engine.run import Ending, Run, Teller
from tailrace._engine.state import State
from tailrace._engine.streaming import stream
from tailrace.errors import ConfigError, InternalError, StateError, TailraceError
from tailrace.outcomes import Status
from tailrace.records import Action
from tailrace.secret import Hide, hidden_in, hide
from tailrace.text import cut

_log = logging.getLogger("tailrace")

Work = Callable[[Execution], None]


def run_once(
    prepared: Prepared,
    clock: Clock,
    work: Work,
    state: State | None = None,
    unfinished: Unfinished | None = None,
) -> tuple[Report, TailraceError | None]:
    """Do one run; give its report, and a ConfigError where opening it brought one."""
    hiding = hide(prepared.options, prepared.source_options)
    permit = (lambda: None) if state is None else state.lease.check
    with ExitStack() as stack:
        client = Client(stack.enter_context(open_pace(prepared, clock)), clock, permit=permit)
        run_id = new_run_id(clock) if unfinished is None else unfinished.run["run_id"]
        ledger = Ledger(
            None if state is None else state.store,
            wall=clock.wall,
            keyed=prepared.planned,
        )
        run = Run(prepared.name, run_id, prepared.mode, ledger, client, hiding)
        late = None
        began = clock.monotonic()
        stack.callback(client.close)
        plugin_logs = (log_of(prepared.places), log_of(prepared.source_places, "source"))
        for log in (_log, logging.getLogger("tailrace.http"), *plugin_logs):
            stack.enter_context(hidden_in(log, hiding))
        tell = Teller(plugins.observers(prepared.observers), [])
        tell("tailrace_run_started", run=run)
        ending = Ending()
        execution = Execution(prepared, run, clock, tell, ending, state)
        try:
            if unfinished is None:
                facts = {"key": list(prepared.key), "config": prepared.config}
                ledger.begin(run_id, prepared.mode, facts)
            else:
                unfinished.restore(ledger)
            work(execution)
            if ending.unsent:
                ledger.abandon(run.read + run.removed, ending.problem or "")
        except Exception as error:  # noqa: BLE001  # every ending is a report
            if isinstance(error, ConfigError) and not run.began:
                late = error
            _note(error, run, ending)
            if unfinished is not None and not run.restored:
                run.restored = ledger.account.answered
            ledger.abandon(run.read + run.removed, ending.problem or "")
        report = _report(run, ending, clock.monotonic() - began, tell.failures)
        report = _hidden(report, hiding)
        if state is not None:
            report = _closed(execution, state, report, died=unfinished is not None)
            report = _listed(execution, state, report)
        tell("tailrace_run_finished", run=run, report=report)
    return report, late


def fresh(run: Execution) -> None:
    """Carry out a run of its own."""
    if run.prepared.planned:
        plan(run)
    else:
        stream(run)


def finish(run: Execution) -> None:
    """Finish a run that died: first what it may have sent, then the rest of its plan."""
    state, ledger = run.state, run.ledger
    assert state is not None
    unfinished = Unfinished(state, ledger.run)
    facts = unfinished.facts
    planned = not facts.get("stream")
    if planned:
        run.run.restored, run.run.removed = facts["read"], facts["removed"]
    with run.destination() as writer:
        actions = [Action(row["action"]) for row in unfinished.batches]
        run.durable(*(actions or tuple(Action)))
        ledger.known(config_of(run, writer))
        run.deliver(list(unfinished.sent(ledger)))
        if planned:
            deliver_plan(run)
        conclude(run)
        commit(run, writer, read=True)
    if not planned:
        run.run.restored = ledger.account.answered


def _closed(run: Execution, state: State, report: Report, *, died: bool) -> Report:
    """Close a run in the ledger, or leave it to be finished where that is not all."""
    ledger, row = run.ledger, run.ledger.run
    if not row:
        return report
    now = run.clock.wall()
    try:
        ledger.flush()
        if row["state"] == "reading":
            with state.store.transaction() as store:
                told = orjson.dumps(report.as_json(), default=str).decode()
                store.change(
                    "runs",
                    row,
                    state="dropped",
                    ended=now,
                    exit_code=report.exit_code,
                    report=told,
                )
            state.sweep(row["number"])
            return report
        if report.exit_code in (1, 7):
            return report
        warning = _end(run, state, report, now, died=died)
        if warning is not None:
            return attrs.evolve(report, warnings=(*report.warnings, warning))
    except StateError as error:
        return attrs.evolve(report, exit_code=7, problem=str(error))
    except OSError as error:
        return attrs.evolve(report, exit_code=7, problem=str(state.unwritable(error)))
    return report


def _end(run: Execution, state: State, report: Report, now: float, *, died: bool) -> str | None:
    ledger, counts = run.ledger, run.ledger.account.counts
    form = orjson.loads(orjson.dumps(report.as_json(), default=str))
    facts = ledger.facts()
    keyed = run.prepared.planned
    meta: dict[str, Any] = {}
    if facts.get("stream"):
        whole = bool(facts.get("complete"))
        position = facts.get("position")
        # Who runs again after a run has died means the same records: they are to be known again.
        done = whole and not died and not counts[Status.FAILED]
        # Where a source has positions, it does not begin with what is in doubt, which the ledger has.
        done = done and (position is not None or not counts[Status.IN_DOUBT])
        known = state.store.meta("stream")
        # A source that was read on from behind this run does not begin with its records.
        passed = died and facts.get("start") != state.store.meta("position")
        meta["stream"] = None if done else known if passed else known or ledger.number
        if done and position is not None:
            meta["position"] = position
    if ledger.left_open or (meta and counts[Status.FAILED]):
        with state.store.transaction() as store:
            for name, value in meta.items():
                store.set_meta(name, value)
            told = orjson.dumps(form).decode()
            store.change("runs", ledger.run, exit_code=report.exit_code, report=told)
        return None
    planned = keyed and not facts.get("stream")
    return close(state, ledger.run, planned, report.exit_code, form, now, **meta)


def _listed(run: Execution, state: State, report: Report) -> Report:
    """Let a report find the outcomes that are kept of its run."""
    counts = {status: getattr(report, status) for status in Status}
    where = (state.folder.parent, run.prepared.name, run.ledger.number)
    return attrs.evolve(report, each=lambda: outcomes_of(*where, counts, report.problem or ""))


def _hidden(report: Report, hiding: Hide) -> Report:
    return attrs.evolve(
        report,
        problem=cut(hiding(report.problem)) if report.problem else None,
        warnings=tuple(cut(hiding(each)) for each in report.warnings),
        rejections=tuple(each._replace(message=hiding(each.message)) for each in report.rejections),
    )


def _note(error: Exception, run: Run, ending: Ending) -> None:
    """Note what ended a run: before anything was sent, while it was closed, or as a bug."""
    if isinstance(error, StateError):
        ending.stop(7, str(error))
    elif not isinstance(error, TailraceError) or isinstance(error, InternalError):
        _log.error("a plugin, or tailrace itself, failed", exc_info=error)
        ending.stop(1, f"{type(error).__name__}: {error}")
    elif run.began:
        ending.stop(9, f"while the destination was closed: {error}")
    else:
        ending.stop(code_of(error), str(error))


def new_run_id(clock: Clock) -> str:
    moment = datetime.fromtimestamp(clock.wall(), UTC)
    return f"{moment:%Y%m%dT%H%M%S}-{int(clock.random() * 0xFFFFFF):06x}"


def _report(run: Run, ending: Ending, seconds: float, failures: list[str]) -> Report:
    ledger, counters = run.ledger, run.client.counters
    try:
        ledger.check(run.read + run.removed)
    except InternalError as error:
        _log.error("%s", error)
        ending.stop(1, str(error))
    account = ledger.account
    counts = account.counts
    codes = [0, *ending.codes]
    codes += [4] if counts[Status.IN_DOUBT] else []
    codes += [10] if counts[Status.FAILED] else []
    codes += [8] if counts[Status.REJECTED] else []
    worst_trouble = max(account.troubles, key=account.troubles.__getitem__, default=None)
    return Report(
        sync=run.sync,
        run_id=run.run_id,
        mode=run.mode,
        read=run.read,
        removed=run.removed,
        delivered=counts[Status.DELIVERED],
        skipped=counts[Status.SKIPPED],
        rejected=counts[Status.REJECTED],
        failed=counts[Status.FAILED],
        in_doubt=counts[Status.IN_DOUBT],
        requests=counters.requests,
        retries=counters.retries,
        throttled=counters.throttled,
        seconds=seconds,
        exit_code=worst(codes),
        problem=ending.problem or worst_trouble,
        warnings=(*ending.warnings, *failures),
        rejections=tuple(account.rejections),
    )
