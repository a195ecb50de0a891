"""Runner: the order of all this, and nothing else."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import attrs

from tailrace._engine import plugins
from tailrace._engine.attempts import Attempts
from tailrace._engine.batching import Batching
from tailrace._engine.clock import Clock, SystemClock
from tailrace._engine.delivery import MOST_IN_FLIGHT, Delivery, Gate
from tailrace._engine.flow import Records, Refuse, Rows
from tailrace._engine.http import Client
from tailrace._engine.ledger import Ledger
from tailrace._engine.mapping import Mapper, mapper
from tailrace._engine.preparing import KEYED, Prepared
from tailrace._engine.ratelimit import SOURCE, Pace
from tailrace._engine.reading import Reading, broken, open_reading
from tailrace._engine.report import Report, worst
from tailrace._engine.run import Ending, Run, Teller
from tailrace.components import SourceSpec
from tailrace.errors import (
    ConfigError,
    FatalError,
    InternalError,
    MissingOption,
    PreflightError,
    Problem,
    RejectedError,
    TailraceError,
    WriteError,
)
from tailrace.options import Places
from tailrace.outcomes import Status
from tailrace.records import Action, Mode
from tailrace.secret import Hide, hidden_in, hide

_log = logging.getLogger("tailrace")

_ACTIONS = {
    Mode.APPEND: Action.APPEND,
    Mode.REPLACE: Action.APPEND,
    Mode.INSERT: Action.INSERT,
    Mode.UPDATE: Action.UPDATE,
    Mode.UPSERT: Action.UPSERT,
}


def execute(prepared: Prepared, clock: Clock | None = None) -> Report:
    """Run a sync once; raises a ConfigError, and else reports every ending."""
    report, late = _executed(prepared, clock or SystemClock())
    if late is not None:
        raise late
    return report


def execute_each(prepared: Prepared, clock: Clock | None = None) -> Report:
    """Run one of several syncs: what is wrong with its configuration holds back none of the others."""
    return _executed(prepared, clock or SystemClock())[0]


def _executed(prepared: Prepared, clock: Clock) -> tuple[Report, ConfigError | None]:
    """Run a sync; give its report, and a ConfigError where opening it brought one."""
    hiding = hide(prepared.options, prepared.source_options)
    late = None
    client = Client(Pace(clock, prepared.rates), clock)
    run = Run(prepared.name, _run_id(clock), prepared.mode, Ledger(), client)
    began = clock.monotonic()
    with ExitStack() as stack:
        stack.callback(client.close)
        plugin_logs = (_log_of(prepared.places), _log_of(prepared.source_places, "source"))
        for log in (_log, logging.getLogger("tailrace.http"), *plugin_logs):
            stack.enter_context(hidden_in(log, hiding))
        hooks = plugins.observers(prepared.observers)
        tell = Teller(hooks, [])
        tell("tailrace_run_started", run=run)
        ending = Ending()
        try:
            _carry_out(prepared, run, clock, tell, ending)
        except Exception as error:  # noqa: BLE001  # every ending is a report
            if isinstance(error, ConfigError) and not run.began:
                late = error
            _note(error, run, ending)
            run.ledger.abandon(run.read, ending.problem or "")
        report = _report(run, ending, clock.monotonic() - began, tell.failures)
        if hiding.secrets:
            report = _hidden(report, hiding)
        tell("tailrace_run_finished", run=run, report=report)
    return report, late


def _hidden(report: Report, hiding: Hide) -> Report:
    return attrs.evolve(
        report,
        problem=hiding(report.problem) if report.problem else None,
        warnings=tuple(map(hiding, report.warnings)),
        rejections=tuple(each._replace(message=hiding(each.message)) for each in report.rejections),
    )


def _note(error: Exception, run: Run, ending: Ending) -> None:
    """Note what ended a run: before anything was sent, while it was closed, or as a bug."""
    if not isinstance(error, TailraceError) or isinstance(error, InternalError):
        _log.error("a plugin, or tailrace itself, failed", exc_info=error)
        ending.stop(1, f"{type(error).__name__}: {error}")
    elif run.began:
        ending.stop(9, f"while the destination was closed: {error}")
    else:
        ending.stop(code_of(error), str(error))


def check(prepared: Prepared, clock: Clock | None = None) -> None:
    """Open source and destination and see whether they fit; sends and reads no record."""
    clock = clock or SystemClock()
    client = Client(Pace(clock, prepared.rates), clock)
    with ExitStack() as stack:
        stack.callback(client.close)
        ledger = Ledger()
        writer = stack.enter_context(_destination(prepared, client))
        if isinstance(prepared.source, SourceSpec):
            source = stack.enter_context(_source(prepared, client))
            mapping = _mapper(prepared, ledger, writer)
            reading = open_reading(source, ledger.refuse, lambda: True)
            if reading.schema is not None:
                mapping.check(reading.schema)


def _carry_out(prepared: Prepared, run: Run, clock: Clock, tell: Teller, ending: Ending) -> None:
    ledger = run.ledger
    with ExitStack() as stack:
        writer = stack.enter_context(_destination(prepared, run.client))
        mapping = _mapper(prepared, ledger, writer)
        source = stack.enter_context(_source(prepared, run.client))
        delivery = Delivery(
            writer,
            Attempts(writer, prepared.destination, run.client, clock, _takes_http(prepared)),
            ledger,
            clock,
            Gate(prepared.destination.max_in_flight or MOST_IN_FLIGHT),
            observe=lambda batch, outcomes: tell(
                "tailrace_batch_delivered", run=run, batch=batch, outcomes=outcomes
            ),
        )
        reading = open_reading(
            source, _unnamed(prepared, ledger), lambda: bool(delivery.halt) or clock.stopping
        )
        stack.callback(reading.close)
        run.reading = reading
        if reading.schema is not None:
            mapping.check(reading.schema)
        pages: Iterable[Records] = mapping.map(_first_checked(reading, mapping, ledger, ending))
        if prepared.mode in KEYED:
            planned = stack.enter_context(_planned(pages, reading, ledger))
            if reading.problem is not None or planned.refusal is not None:
                delivery.halt.why = planned.refusal or str(reading.problem)
                ending.stop(3, delivery.halt.why)
            pages = planned.pages
        limits = prepared.destination
        batching = Batching(
            run.run_id,
            _ACTIONS[prepared.mode],
            limits.batch_size,
            limits.max_bytes,
            limits.weigh,
        )
        run.began = True
        delivery.run(batching.cut(pages))
        _conclude(delivery, reading, writer, prepared, ending, clock)
        ending.warnings += [
            f"the mapped field {name!r} was in no record" for name in mapping.unused() if run.read
        ]


def _conclude(  # noqa: PLR0917  # the end needs to see all of it
    delivery: Delivery,
    reading: Reading,
    writer: Any,
    prepared: Prepared,
    ending: Ending,
    clock: Clock,
) -> None:
    """Say why a run ended early, and make a replacement visible if it did not."""
    ledger = delivery.ledger
    if reading.problem is not None:
        sent = ledger.counts[Status.DELIVERED] + ledger.counts[Status.IN_DOUBT]
        ending.stop(9 if sent else 3, str(reading.problem))
    if delivery.halt and not ending.codes:
        ending.stop(delivery.halt.code, delivery.halt.why or "")
    if clock.stopping and not reading.complete and not ending.codes:
        ending.stop(9, "the run was asked to stop")
    commit = getattr(writer, "commit", None)
    if commit is None:
        return
    whole = not (ending.codes or ledger.counts[Status.FAILED] or ledger.counts[Status.IN_DOUBT])
    # Where every record was refused, emptiness is hardly meant.
    whole = whole and bool(ledger.counts[Status.DELIVERED] or not reading.read)
    if prepared.mode is Mode.REPLACE and not whole:
        ledger.unpublish("not shown: a replacement is shown only when all of it arrived")
        return
    try:
        commit()
    except Exception as error:  # noqa: BLE001  # a plugin's bug: kept with its traceback
        if prepared.mode is Mode.REPLACE:
            ledger.unpublish(str(error))
        if isinstance(error, WriteError):
            ending.stop(9, str(error))
        else:
            _log.exception("the destination's commit() failed")
            ending.stop(1, f"the destination's commit() failed: {type(error).__name__}: {error}")


@attrs.frozen
class _Planned:
    pages: Iterable[Records]
    refusal: str | None


@contextmanager
def _planned(pages: Iterable[Records], reading: Reading, ledger: Ledger) -> Iterator[_Planned]:
    """Read all before anything is sent, and refuse a read that can hardly be meant."""
    from tailrace._engine.diff import Plan

    with Plan(ledger.refuse, ledger.skip) as plan:
        standing = plan.make(pages)
        unnamed = ledger.reasons["no_key"]
        refusal = None
        if reading.read and (unnamed == reading.read or unnamed > max(9, reading.read // 100)):
            last = ledger.rejections[-1].message
            refusal = (
                f"{unnamed:,} of {reading.read:,} records have no usable key ({last});"
                " nothing was sent"
            )
        yield _Planned(standing, refusal)


def _first_checked(
    reading: Reading, mapping: Mapper, ledger: Ledger, ending: Ending
) -> Iterator[Rows]:
    """Check the first rows of a source that declares no schema, before anything is sent."""
    unchecked = reading.schema is None and mapping.accepts is not None
    for page in reading:
        if unchecked and page.rows:
            unchecked = False
            try:
                mapping.check(page.schema)
            except PreflightError as error:
                ending.stop(3, str(error))
                for number in page.numbers:
                    ledger.fail(number, "not sent: the source does not fit the destination")
                return
        yield page


def _unnamed(prepared: Prepared, ledger: Ledger) -> Refuse:
    """Refuse what is no record: by its number, unless that could be taken for a key."""
    if not prepared.key:
        return ledger.refuse
    return lambda _, reason, message: ledger.refuse(None, reason, message)


def _mapper(prepared: Prepared, ledger: Ledger, writer: Any) -> Mapper:
    made = mapper(prepared.mapping, prepared.key, ledger.refuse)
    describe = getattr(writer, "describe", None)
    return made if describe is None else attrs.evolve(made, accepts=describe())


def code_of(error: TailraceError) -> int:
    """Tell how a run ends that was refused before anything was sent."""
    if isinstance(error, (FatalError, RejectedError)):
        return 3
    return 9 if isinstance(error, WriteError) else error.exit_code


def _destination(prepared: Prepared, client: Client) -> AbstractContextManager[Any]:
    offered = {
        "http": client.http(),
        "log": _log_of(prepared.places),
        "mode": prepared.mode,
        "key": prepared.key,
    }
    return _open(prepared.destination.open, prepared.options, offered, prepared.places)


@contextmanager
def _source(prepared: Prepared, client: Client) -> Iterator[Any]:
    if not isinstance(prepared.source, SourceSpec):
        yield prepared.source
        return
    offered = {
        "http": client.http(SOURCE),
        "log": _log_of(prepared.source_places, "source"),
    }
    opening = _open(prepared.source.open, prepared.source_options, offered, prepared.source_places)
    with ExitStack() as stack:
        try:
            source = stack.enter_context(opening)
        except TailraceError:
            raise
        except Exception as error:
            raise broken(error, 0) from error
        yield source


@contextmanager
def _open(
    opener: Callable[..., Any], options: Any, offered: Mapping[str, Any], places: Places
) -> Iterator[Any]:
    """Open with what is asked for by name; a problem of an option gets the option's whole path."""
    asked = inspect.signature(opener).parameters
    wanted = {name: value for name, value in offered.items() if name in asked}
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(opener(options, **wanted))
        except MissingOption as error:
            told = f"{error.message}; looked in {places.looked(error.option)}"
            raise ConfigError(Problem(f"{places.path}.{error.option}", told)) from None
        except ConfigError as error:
            raise ConfigError(
                *(
                    Problem(
                        f"{places.path}.{each.path}" if each.path else places.path, each.message
                    )
                    for each in error.problems
                )
            ) from None
        yield opened


def _log_of(places: Places, kind: str = "destination") -> logging.Logger:
    return logging.getLogger(f"tailrace.{places.plugin or kind}")


def _takes_http(prepared: Prepared) -> bool:
    opener = prepared.destination.open
    told = getattr(opener, "takes_http", None)
    return bool(told) if told is not None else "http" in inspect.signature(opener).parameters


def _run_id(clock: Clock) -> str:
    moment = datetime.fromtimestamp(clock.wall(), UTC)
    return f"{moment:%Y%m%dT%H%M%S}-{int(clock.random() * 0xFFFFFF):06x}"


def _report(run: Run, ending: Ending, seconds: float, failures: list[str]) -> Report:
    ledger, counters = run.ledger, run.client.counters
    ledger.check(run.read)
    counts = ledger.counts
    codes = [0, *ending.codes]
    codes += [4] if counts[Status.IN_DOUBT] else []
    codes += [10] if counts[Status.FAILED] else []
    codes += [8] if counts[Status.REJECTED] else []
    worst_trouble = max(ledger.troubles, key=ledger.troubles.__getitem__, default=None)
    return Report(
        sync=run.sync,
        run_id=run.run_id,
        mode=run.mode,
        read=run.read,
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
        rejections=tuple(ledger.rejections),
    )
