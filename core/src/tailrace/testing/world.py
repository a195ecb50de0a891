"""One run under test: a plugin before its service, a gate between them, and what was seen of both."""

import inspect
import io
import json
import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from unittest import mock

import attrs

import tailrace
from tailrace._engine.opening import takes_http
from tailrace._engine.preparing import Prepared, prepare
from tailrace._engine.report import Report
from tailrace._engine.runner import execute
from tailrace.components import DestinationSpec
from tailrace.errors import PendingError
from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch, Row
from tailrace.secret import hide
from tailrace.testing.fakes import FakeClock
from tailrace.testing.service import FakeService, gate

_OURS = str(Path(tailrace.__file__).parent)


@attrs.define(eq=False)
class Watch:
    """See what a writer does: while it writes, what it answers, and whether it sleeps."""

    problems: list[str] = attrs.field(factory=list)
    secrets: Sequence[str] = ()
    _writing: Counter[int] = attrs.field(factory=Counter)

    @property
    def writing(self) -> bool:
        """Tell whether a batch is being written right now."""
        return self._writing.total() > 0

    def spec(self, spec: DestinationSpec) -> DestinationSpec:
        """Give a spec whose writers are watched."""

        @contextmanager
        def opened(options: Any, **offered: Any) -> Iterator[Any]:
            with spec.open(options, **offered) as writer:
                yield _Watched(writer, self)

        opened.__signature__ = inspect.signature(spec.open)  # type: ignore[attr-defined]  # asked by name
        told = getattr(spec.open, "takes_http", "http" in inspect.signature(spec.open).parameters)
        opened.takes_http = told  # type: ignore[attr-defined]  # read by delivery
        return attrs.evolve(spec, open=opened)

    def write(self, writer: Any, batch: Batch) -> Any:
        """Write a batch, and see that it is answered for."""
        thread = threading.get_ident()
        self._writing[thread] += 1
        try:
            given = writer.write(batch)
        except Exception as error:
            self._leaks(f"the error that write() raises ({type(error).__name__})", str(error))
            raise
        finally:
            self._writing[thread] -= 1
        self._answers(batch, given)
        return given

    def _leaks(self, place: str, text: str) -> None:
        if any(secret in text for secret in self.secrets):
            self.problems.append(f"a secret stands in {place}")

    def _answers(self, batch: Batch, given: Any) -> None:
        if given is None:
            return
        if not isinstance(given, Sequence):
            self.problems.append(f"write() gives a {type(given).__name__}, not a list of outcomes")
            return
        for each in given:
            self._leaks("the message of an outcome", str(getattr(each, "message", "")))
        keys = Counter(each.key for each in given if isinstance(each, Outcome))
        asked = [record.key for record in batch]
        for told, found in (
            ("gives no outcome for", [key for key in asked if not keys[key]]),
            ("gives two outcomes for", [key for key, count in keys.items() if count > 1]),
            ("gives outcomes for records that are not in the batch:", [*(keys.keys() - {*asked})]),
        ):
            if found:
                self.problems.append(f"write() {told} {_some(found)}")

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Note who sleeps while it writes; it does not really."""
        real = time.sleep

        def sleep(seconds: float) -> None:
            caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001  # who sleeps
            if self._writing[threading.get_ident()] and not caller.startswith(_OURS):
                self.problems.append(
                    f"it sleeps for {seconds} s while it writes; leave waiting to the engine"
                )
            else:
                real(seconds)

        with mock.patch("time.sleep", sleep):
            yield


@attrs.frozen(eq=False)
class _Watched:
    _writer: Any
    _watch: Watch

    def write(self, batch: Batch) -> Any:
        return self._watch.write(self._writer, batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


@attrs.define(eq=False)
class World:
    """Hold a plugin, opened against its service through gates, with a state of its own."""

    destination: Any
    key: str
    clock: FakeClock
    watch: Watch
    folder: Path
    gates: list[FakeService] = attrs.field(factory=list)
    options: Mapping[str, Any] = attrs.field(factory=dict)
    echoes: bool = False
    _log: io.StringIO = attrs.field(factory=io.StringIO)

    @classmethod
    @contextmanager
    def begun(
        cls,
        destination: Any,
        key: str,
        opening: Callable[[Callable[[str], str]], Mapping[str, Any]],
    ) -> Iterator[Self]:
        """Begin; `opening` gives the options, and puts addresses through a function that it gets."""
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-"))
            world = cls(destination, key, FakeClock(), Watch(), Path(folder))

            def through(url: str) -> str:
                before = stack.enter_context(gate(url, world.clock.monotonic))
                before.striking = lambda: world.watch.writing
                world.gates.append(before)
                return before.url

            world.options = opening(through)
            stack.enter_context(world._listening())
            stack.enter_context(world.watch.awake())
            yield world

    @contextmanager
    def _listening(self) -> Iterator[None]:
        handler = logging.StreamHandler(self._log)
        handler.setFormatter(logging.Formatter("%(message)s"))
        root = logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(before)

    def prepared(self, rows: Iterable[Any], mode: str, **limits: Any) -> Prepared:
        """Give a sync of these rows, with its writer watched."""
        sync = tailrace.Sync(
            source=list(rows),
            destination=self.destination,
            name="kit",
            mode=mode,
            key=None if mode == "replace" else self.key,
            options=self.options,
            limits=limits or None,
            max_delete={"percent": 100} if mode == "mirror" else None,
            state=self.folder / "state",
        )
        made = prepare(sync)
        # What a service says back, the engine hides.
        self.watch.secrets = () if self.echoes else hide(made.options).secrets
        return attrs.evolve(made, destination=self.watch.spec(made.destination))

    @property
    def spec(self) -> DestinationSpec:
        """Give what the plugin declares, with these options."""
        modes = ("append", "upsert", "insert", "update", "mirror", "replace")
        for mode in modes:
            try:
                return self.prepared([], mode).destination
            except tailrace.ConfigError as error:
                wrong = error
        raise wrong

    @property
    def speaks_http(self) -> bool:
        """Tell whether something can go wrong between the plugin and its service."""
        return bool(self.gates)

    @property
    def takes_http(self) -> bool:
        """Tell whether the plugin sends through the engine's client."""
        return takes_http(self.prepared([], next(iter(self.spec.modes))))

    def run(self, rows: Iterable[Any], mode: str, **limits: Any) -> Report:
        """Run once; what the plugin may never do is asserted."""
        if limits:
            own = self.prepared([], mode).destination
            ceilings = {name: getattr(own, name) for name in limits}
            limits = {name: min(limit, ceilings[name] or limit) for name, limit in limits.items()}
        prepared = self.prepared(rows, mode, **limits)
        # Runs of one moment would have one name, and so would their batches.
        self.clock.sleep(60.0)
        report = execute(prepared, self.clock)
        self.check(report, prepared)
        return report

    def check(self, report: Report, prepared: Prepared) -> None:
        """Assert what holds of every run."""
        assert not self.watch.problems, self.watch.problems[0]
        counted = [
            report.delivered,
            report.skipped,
            report.rejected,
            report.failed,
            report.in_doubt,
        ]
        assert report.read + report.removed == sum(counted), f"the counts do not add up: {report}"
        told = {
            "the log": self._log.getvalue(),
            "the report": json.dumps(report.as_json(), default=str) + repr(report),
            "the options": repr(prepared.options),
            "the state": self._kept(),
        }
        for secret in hide(prepared.options).secrets:
            for place, text in told.items():
                assert secret not in text, f"a secret stands in {place}"

    def _kept(self) -> str:
        files = [path for path in (self.folder / "state").rglob("*") if path.is_file()]
        return "".join(path.read_bytes().decode("latin-1") for path in files)

    @contextmanager
    def writer(self, mode: str) -> Iterator[Any]:
        """Open the plugin's writer by itself, with the engine's client."""
        from tailrace._engine.http import Client
        from tailrace._engine.opening import open_destination
        from tailrace._engine.ratelimit import Pace

        prepared = self.prepared([], mode)
        client = Client(Pace(self.clock, prepared.rates), self.clock)
        try:
            with open_destination(prepared, client) as writer:
                yield writer
        finally:
            client.close()

    def written(self, writer: Any, batch: Batch) -> Any:
        """Write a batch as the engine does, asking again while the service is at work on it."""
        while True:
            try:
                return writer.write(batch)
            except PendingError as error:
                self.clock.sleep(error.retry_after or 1.0)

    def fault(self, kind: Any, **how: Any) -> None:
        """Let something go wrong between the plugin and its service."""
        self.gates[0].fault(kind, **how)


def told(report: Report) -> dict[Status, list[str]]:
    """Give the keys of a report's outcomes, as text, by what became of them."""
    found: dict[Status, list[str]] = {status: [] for status in Status}
    for outcome in report.outcomes():
        found[outcome.status].append(str(outcome.key))
    return found


def same(row: Row, held: Mapping[str, Any]) -> bool:
    """Tell whether a service holds a row, whatever types it has; nothing is an empty text."""
    return all(_text(value) == _text(held.get(name)) for name, value in row.items())


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _some(found: Sequence[Any]) -> str:
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(map(repr, found[:3])) + more
