"""Recovering: what a person can do about a state that cannot be believed; nothing is deleted."""

import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.disk import unwritable
from tailrace._engine.execution import Execution
from tailrace._engine.finishing import Unfinished
from tailrace._engine.flow import Parcel
from tailrace._engine.lease import hold
from tailrace._engine.planned import lay_plan, opened
from tailrace._engine.preparing import Prepared
from tailrace._engine.state import COPY, LEDGER, folder_of, open_state, put_aside
from tailrace._engine.store import looked_into
from tailrace.errors import ConfigError, PreflightError, StateError
from tailrace.outcomes import Outcome, Status

WAYS = {
    "copy": "put the last verified copy of the ledger back; what was sent after it was made may be"
    " sent again",
    "destination": "ask the destination which of the source's records it holds as they are",
    "source": "take all that the source holds now as delivered; nothing of it is sent",
    "nothing": "begin with nothing; all is sent again",
}
"""The ways out, each with what it means."""


def examine(prepared: Prepared, clock: Clock) -> str | None:
    """Say what is wrong with a state, or None."""
    assert prepared.state is not None
    try:
        with open_state(prepared.state, prepared.name, clock):
            return None
    except StateError as error:
        return str(error)


def offers(prepared: Prepared) -> dict[str, str]:
    """Give the ways that are open to this sync."""
    folder = _folder(prepared)
    ways = dict(WAYS)
    if not (folder / COPY).exists():
        del ways["copy"]
    if not prepared.planned:
        del ways["destination"]
        del ways["source"]
    return ways


def set_aside(prepared: Prepared, clock: Clock) -> Path:
    """Move what there is out of the way; give where it is."""
    folder = _folder(prepared)
    moment = datetime.fromtimestamp(clock.wall(), UTC).strftime("%Y%m%dT%H%M%S%f")
    try:
        with hold(folder / "lock", prepared.name, 0.0, clock) as lease:
            aside = put_aside(folder, moment)
            lease.witness(0)
    except OSError as error:
        raise unwritable(folder, error) from None
    return aside


def put_copy_back(prepared: Prepared, clock: Clock) -> Path:
    """Put the last verified copy of the ledger in the place of the one that is there."""
    folder = _folder(prepared)
    copy = folder / COPY
    if not copy.exists():
        raise ConfigError(f"there is no copy of the ledger in {folder}; choose another way")
    with hold(folder / "lock", prepared.name, 0.0, clock) as lease:
        with looked_into(copy, prepared.name) as store:
            commits, files = store.commits, store.rows("files")
        missing = [row["name"] for row in files if not (folder / row["name"]).exists()]
        if missing:
            raise StateError(
                f"the copy of the ledger needs {missing[0]}, which is gone; choose another way"
            )
        moment = datetime.fromtimestamp(clock.wall(), UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = folder.with_name(f"{folder.name}.aside-{moment}")
        aside.mkdir(mode=0o700)
        for ending in ("", "-wal", "-shm"):
            if (folder / f"{LEDGER}{ending}").exists():
                shutil.move(folder / f"{LEDGER}{ending}", aside)
        shutil.copy2(copy, folder / LEDGER)
        os.chmod(folder / LEDGER, 0o600)  # noqa: PTH101  # as it was
        lease.witness(commits)
    return aside


@attrs.frozen
class Adopting:
    """Take what the source holds as delivered: all, or what the destination says it holds."""

    asks: bool

    def __call__(self, run: Execution) -> None:
        """Make a snapshot without sending anything."""
        state, ledger = run.state, run.ledger
        assert state is not None
        with run.destination() as writer:
            lookup = getattr(writer, "lookup", None)
            if self.asks and lookup is None:
                raise PreflightError(
                    "this destination cannot tell what it holds (its writer has no lookup);"
                    " choose another way"
                )
            with opened(run, writer) as planning:
                told = planning.read()
                if told is not None or not planning.intake.reading.complete:
                    raise PreflightError(told or "the source was not read to its end")
                ledger.deliver(**lay_plan(planning), adopting=True)
            for parcel in _parcels(run):
                ledger.intend(parcel)
                ledger.settle(parcel, _outcomes(parcel, lookup if self.asks else None))
        run.run.began = True


def _parcels(run: Execution) -> Iterator[Parcel]:
    assert run.state is not None
    yield from Unfinished(run.state, run.ledger.run).unsent(run.ceilings(), "plan")


def _outcomes(parcel: Parcel, lookup: Any) -> Sequence[Outcome]:
    if lookup is None:
        return [parcel.batch.outcome(each) for each in parcel.batch]
    told = {each.key: each for each in lookup(parcel.batch)}
    found = []
    for record in parcel.batch:
        answer = told.get(record.key)
        there = answer is not None and answer.status in (Status.DELIVERED, Status.SKIPPED)
        remote = answer.remote_id if answer is not None else None
        missing = None if there else "the destination does not hold it as it is"
        found.append(parcel.batch.outcome(record, failed=missing, remote_id=remote))
    return found


def _folder(prepared: Prepared) -> Path:
    if prepared.state is None:
        raise ConfigError("the sync keeps no state; there is nothing to recover")
    folder = folder_of(prepared.state, prepared.name)
    if not folder.exists():
        raise ConfigError(
            f"there is no state of {prepared.name!r} yet; there is nothing to recover"
        )
    return folder
