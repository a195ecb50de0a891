"""Read one stream of a tap: records as rows, states as positions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

import tailrace
from tailrace import SourceError
from tailrace_singer._catalog import Stream, known
from tailrace_singer._messages import batched, parse
from tailrace_singer._process import Process, Tap
from tailrace_singer._schema import Shape, shape_of

_ROWS = 1000
_BYTES = 8_000_000
_OF_STREAMS = frozenset({"SCHEMA", "RECORD", "ACTIVATE_VERSION", "BATCH"})


@attrs.define
class TapReader:
    """Run the tap, and read what it writes; leaving `read` early ends the tap."""

    tap: Tap
    stream: Stream
    config: str
    start: Any = None
    """The state to begin from, where there is no position."""

    @property
    def schema(self) -> tailrace.Schema | None:
        """Give the fields that the catalog tells of; None where it tells of none."""
        properties = known(self.stream.schema, self.stream)
        return shape_of(properties, self.stream.key).schema if properties else None

    def read(self, position: Any) -> Iterator[tailrace.Page]:
        """Read all that the tap gives; a page's position is the last state before its end."""
        state = self.start if position is None else position
        arguments = ["--config", self.config]
        if self.stream.catalog is not None:
            arguments += ["--catalog", self.tap.lay("catalog.json", self.stream.catalog)]
        if state is not None:
            arguments += ["--state", self.tap.lay("state.json", state)]
        with self.tap.started(*arguments) as process:
            yield from _Reading(self.tap, self.stream).pages(process)


@attrs.define
class _Reading:
    """Be at one place of what a tap writes."""

    tap: Tap
    stream: Stream
    rows: list[dict[str, Any]] = attrs.field(factory=list)
    size: int = 0
    state: Any = None
    name: str | None = None
    """What the messages call the stream, once one has told."""
    shape: Shape | None = None
    version: Any = None
    told: Counter[str] = attrs.field(factory=Counter)
    """What was warned of, and how often it came."""
    number: int = 0

    def pages(self, process: Process) -> Iterator[tailrace.Page]:
        try:
            for line in process.lines():
                if line is not None:
                    self.number += 1
                    yield from self._take(line, process)
                # What came is handed on when the tap is silent; an empty page lets a stop be seen.
                if line is None or self._is_full():
                    yield self._page()
            process.finish()
        except SourceError:
            # What came before counts.
            if self.rows:
                yield self._page()
            raise
        yield self._page()
        for what, times in self.told.items():
            if times > 1:
                self.tap.log.warning("%s: %s: %s times in all", self.tap.name, what, f"{times:,}")

    def _is_full(self) -> bool:
        return len(self.rows) >= _ROWS or self.size >= _BYTES

    def _page(self) -> tailrace.Page:
        page = tailrace.Page(self.rows, self.state)
        self.rows, self.size = [], 0
        return page

    def _take(self, line: bytes, process: Process) -> Iterator[tailrace.Page]:
        message = self._message(line, process)
        kind = None if message is None else message["type"]
        if message is None:
            return
        if kind == "STATE":
            # Whatever it stands for came before it, or comes with this read, which counts as a whole.
            self.state = message.get("value")
        elif kind not in _OF_STREAMS:
            self._tell(f"a message of type {str(kind)[:40]!r} was left out")
        elif self._is_ours(message):
            if kind == "SCHEMA":
                self._describe(message)
            elif kind == "RECORD":
                self._add(message.get("record"), message, len(line))
            elif kind == "ACTIVATE_VERSION":
                self._activate(message.get("version"))
            else:
                for record, length in batched(message, self.tap.name):
                    self._add(record, message, length)
                    if self._is_full():
                        yield self._page()

    def _message(self, line: bytes, process: Process) -> Mapping[str, Any] | None:
        """Read a line; None where it is no message, and is none that was damaged either."""
        if not line or line.isspace():
            return None
        try:
            read = parse(line)
        except ValueError as error:
            if process.cut:
                process.finish()
                raise self._broken("its last line is cut off") from None
            # What may be a part of a message is no chatter of some library.
            if b'{"' in line:
                told = f"line {self.number} of its output is no message: {error}"
                raise self._broken(told) from None
            read = None
        if isinstance(read, dict) and "type" in read:
            return read
        self._tell("a line of its output that is no message was left out")
        return None

    def _is_ours(self, message: Mapping[str, Any]) -> bool:
        name, kind = message.get("stream"), message["type"]
        if not isinstance(name, str):
            raise self._broken(f"the {kind} in line {self.number} of its output names no stream")
        if self.stream.is_ours(name) or (not self.stream.names and self.name in (None, name)):
            self.name = name
            return True
        if not self.stream.names:
            raise self._broken(f"it has the streams {self.name!r} and {name!r}; name one: stream")
        if kind in ("RECORD", "BATCH"):
            self._tell(f"records of the stream {name!r}, which nobody asked for, were left out")
        return False

    def _describe(self, message: Mapping[str, Any]) -> None:
        schema = message.get("schema")
        if not isinstance(schema, dict):
            raise self._broken(f"the SCHEMA in line {self.number} of its output holds none")
        key = tuple(map(str, message.get("key_properties") or ()))
        if self.stream.fields is not None:
            self.stream = attrs.evolve(self.stream, fields=self.stream.fields | set(key))
        if self.shape is None:
            told = ", ".join(key) or "none"
            self.tap.log.info("%s: the key of %s is %s", self.tap.name, self.name, told)
        self.shape = shape_of(known(schema, self.stream), key)

    def _add(self, record: Any, message: Mapping[str, Any], length: int) -> None:
        if not isinstance(record, dict):
            raise self._broken(f"line {self.number} of its output has a record that is no object")
        if self.shape is None:
            self._tell("a record came before its schema; the catalog's is taken, if there is one")
            self.shape = shape_of(known(self.stream.schema, self.stream))
        wanted = self.stream.fields
        if wanted is not None:
            record = {name: value for name, value in record.items() if name in wanted}
        for misfit in self.shape.fit(record):
            expected, came = misfit.expected, misfit.came
            told = f"the field {misfit.name!r} is to be {expected} and came as {came}"
            self._tell(f"{told}; it is given as it came")
        if "version" in message:
            self.version = message["version"]
        self.rows.append(record)
        self.size += length

    def _activate(self, version: Any) -> None:
        if self.version is not None and self.version != version:
            self._tell("the stream has changed its version; older records of this read stay")
        self.version = version

    def _broken(self, what: str) -> SourceError:
        return SourceError(f"{self.tap.name}: {what}")

    def _tell(self, what: str) -> None:
        self.told[what] += 1
        if self.told[what] == 1:
            self.tap.log.warning("%s: %s", self.tap.name, what)
