"""Streaming: append and replace, which send while the source is still read."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import attrs

from tailrace._engine.execution import Execution
from tailrace._engine.finishing import taken
from tailrace._engine.flow import Parcel
from tailrace._engine.intake import Intake
from tailrace._engine.streams import Continuing, Running, Segments
from tailrace.records import Action, Mode


def stream(run: Execution) -> None:
    """Carry out a run that compares nothing."""
    prepared, ledger = run.prepared, run.ledger
    action = Action.APPEND
    with ExitStack() as stack:
        writer = stack.enter_context(run.destination())
        intake = stack.enter_context(Intake.open(run, writer))
        pages = intake.pages()
        parcels: Iterable[Parcel] = run.batching(action).cut(pages)
        if run.state is not None and prepared.mode is Mode.APPEND:
            running = Running()
            before = taken(run.state)
            if before is not None:
                ended = lambda: intake.reading.complete  # noqa: E731  # known at the end
                pages = Continuing(before, ledger, running, prepared.name, ended).go_on(pages)
            start = run.state.store.meta("position")
            ledger.deliver([], stream=True, keyed=bool(prepared.key), start=start)
            name = f"plan-{ledger.number}.lines"
            durable = run.durable(action)
            keyed = bool(prepared.key)
            segments = stack.enter_context(
                Segments(run.state, name, action, running, keyed, durable)
            )
            parcels = segments.seal(run.batching(action).cut(pages))
        elif run.state is not None:
            ledger.deliver([])
            parcels = _laid_nowhere(run.batching(action).cut(pages))
        run.deliver(intake.guarded(parcels))
        ledger.flush()
        intake.conclude()
        ledger.note(complete=intake.reading.complete, position=intake.position)


def _laid_nowhere(parcels: Iterable[Parcel]) -> Iterator[Parcel]:
    """Keep nothing of what is shown only when all of it arrived, and else is read again."""
    for parcel in parcels:
        yield attrs.evolve(parcel, body=b"")
