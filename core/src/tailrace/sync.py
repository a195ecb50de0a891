"""The runner's face: a sync as a value, and the functions that run one or several."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from tailrace._engine.report import Report

if TYPE_CHECKING:
    from tailrace._engine.preview import Plan

Limits = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Sync:
    """Hold a source, a destination and what stands between them; running it changes nothing of it.

    See `run` for the fields. The last four are filled in by `load`: the places of the sync and of
    its source in the project file, the files it was read from, and the folder that relative paths
    start from.
    """

    source: Any = attrs.field(repr=False)
    destination: Any = attrs.field(repr=False)
    name: str | None = None
    mode: str = "append"
    key: str | Sequence[str] | None = None
    source_options: Any = attrs.field(default=None, repr=False)
    options: Any = attrs.field(default=None, repr=False)
    mapping: Mapping[str, Any] | None = None
    cursor: str | None = None
    limits: Limits | None = None
    max_delete: Any = None
    observers: Sequence[Any] = ()
    state: str | Path | None = ".tailrace"
    path: str = attrs.field(default="", repr=False)
    source_path: str = attrs.field(default="", repr=False)
    files: Sequence[str] = attrs.field(default=(), repr=False)
    folder: Path = attrs.field(default=Path(), repr=False)

    def run(self, *, wait: float = 0.0, restart: bool = False, accept: bool = False) -> Report:
        """Run once; raises a ConfigError or a LockedError, and else reports every ending.

        wait: seconds to wait for another run of this sync to end. restart: forget what was
        delivered before, so that all is sent. accept: take the source's fields as they are now,
        although they are not what they were.
        """
        from tailrace._engine.preparing import prepare
        from tailrace._engine.runner import Wishes, execute

        wishes = Wishes(wait=wait, restart=restart, accept=accept)
        return execute(prepare(self), wishes=wishes)

    def plan(self) -> "Plan":
        """Tell what a run would do: counts, samples and the requests it would take.

        The source is read; nothing is sent, and nothing is kept. Raises as `check` does.
        """
        from tailrace._engine.preparing import prepare
        from tailrace._engine.preview import preview

        return preview(prepare(self))

    def retry(self, *keys: Any, fingerprint: str | None = None) -> Report:
        """Run with refused records offered again: all, those of these keys, or of a fingerprint.

        What goes out is the source's present version of them, or nothing where it has none.
        """
        from tailrace._engine.preparing import prepare
        from tailrace._engine.runner import Wishes, execute

        wishes = Wishes(retry=tuple(map(str, keys)), fingerprint=fingerprint)
        return execute(prepare(self), wishes=wishes)

    def apply(self, plan: str) -> Report:
        """Delete what the delete breaker stopped, by the hash that the stopped run told."""
        from tailrace._engine.preparing import prepare
        from tailrace._engine.runner import Wishes, execute

        return execute(prepare(self), wishes=Wishes(release=plan))

    def resolve(self, *keys: Any, assume: str) -> int:
        """End doubts by your word that records were `delivered` or `lost`; give how many.

        Without keys it ends all of them. What is lost is sent with the next run.
        """
        from tailrace._engine.preparing import prepare
        from tailrace._engine.runner import resolve

        return resolve(prepare(self), assume, tuple(map(str, keys)))

    def check(self) -> None:
        """Open source and destination and see whether they fit; nothing is read or sent.

        Raises ConfigError (exit code 2), or PreflightError, SourceError or WriteError (3).
        """
        from tailrace._engine.preparing import prepare
        from tailrace._engine.runner import check

        check(prepare(self))


def run(
    source: Any,
    destination: Any,
    *,
    name: str | None = None,
    mode: str = "append",
    key: str | Sequence[str] | None = None,
    source_options: Any = None,
    options: Any = None,
    mapping: Mapping[str, Any] | None = None,
    cursor: str | None = None,
    limits: Limits | None = None,
    max_delete: Any = None,
    observers: Sequence[Any] = (),
    state: str | Path | None = ".tailrace",
) -> Report:
    """Bring the source's rows into the destination, once, and tell what became of each.

    source: an iterable of mappings, a data frame or table (anything with `__arrow_c_stream__`), a
    cursor, a function that returns one of these, a decorated source, or a source plugin's name.
    destination: a plugin's name, a decorated destination, or a DestinationSpec.
    mode: append, replace, insert, update, upsert or mirror; key: the field or fields that name a
    record. options, source_options: a mapping, or an instance of the plugin's Options class.
    mapping: destination field = source field, { "constant": value } or { "template": "{field}" }.
    limits: lower the plugin's batch_size, max_bytes, max_in_flight or rate.
    Raises ConfigError for what is wrong with the call; every other ending is a Report.
    """
    return Sync(
        source=source,
        destination=destination,
        name=name,
        mode=mode,
        key=key,
        source_options=source_options,
        options=options,
        mapping=mapping,
        cursor=cursor,
        limits=limits,
        max_delete=max_delete,
        observers=observers,
        state=state,
    ).run()


def run_all(syncs: Iterable[Sync]) -> list[Report]:
    """Run several syncs, one after the other; one that fails holds back none of the others.

    Syncs that share a source, the same object with the same options, run at the same time, and it
    is read once. Raises ConfigError with the problems of all of them before the first one starts.
    What only opening a sync brings up is in its report, with exit code 2.
    """
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.fanout import execute_all
    from tailrace._engine.preparing import prepare_all

    reports: dict[int, Report] = {}
    execute_all(prepare_all(syncs), SystemClock(), told=reports.__setitem__)
    return [reports[place] for place in sorted(reports)]


def serve(
    syncs: Iterable[Sync],
    *,
    every: float | None = None,
    ending: threading.Event | None = None,
    told: Callable[[Report], None] | None = None,
) -> None:
    """Receive for syncs and deliver what comes, until Ctrl-C, or until `ending` is set.

    What was received goes out before it returns. every: seconds after which sources that do not
    receive are read again; without it they are refused. told: takes the report of each run that
    found something to do. Raises ConfigError as `run_all` does.
    """
    from tailrace._engine import serving
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.preparing import prepare_all

    def telling(_: int, report: Report) -> None:
        if told is not None:
            told(report)

    ending = threading.Event() if ending is None else ending
    serving.serve(prepare_all(syncs), SystemClock(), ending, told=telling, every=every)


def load(path: str | Path = "tailrace.toml") -> list[Sync]:
    """Read a project file, and the secrets.toml beside it, into syncs.

    Raises ConfigError with every problem found, each with its place in the file.
    """
    from tailrace._engine import config

    return [Sync(**fields) for fields in config.read(Path(path))]
