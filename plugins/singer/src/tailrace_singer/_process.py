"""A tap's process: its lines as they come, its last words, and its end."""

import os
import select
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from logging import Logger
from pathlib import Path
from typing import IO, Any, Self

import attrs

import tailrace
from tailrace_singer._config import Hide, encoded

_CHUNK = 1 << 20
_LOOK = 0.2
"""Seconds after which whoever reads is told that nothing came."""
_LONGEST = 1 << 30
"""Bytes of a line that is still taken for one."""
_LAST = 8
"""Lines that are kept of what a tap said."""
_GRACE = 5.0
"""Seconds in which a tap may end by itself once it is told to."""
_END = 60.0
"""Seconds in which it may end once it has closed its output."""


@attrs.frozen
class Tap:
    """Run a command, with files that only its owner may read, in a folder of its own."""

    command: Sequence[str]
    folder: Path
    hide: Hide
    log: Logger
    timeout: float

    @property
    def name(self) -> str:
        """Give the command's name, as messages say it."""
        return Path(self.command[0]).name

    def lay(self, name: str, value: Any) -> str:
        """Write a file of JSON; give its path."""
        path = self.folder / name
        try:
            text = encoded(value)
        except TypeError as error:
            problem = tailrace.Problem(path.stem, f"JSON cannot hold it: {error}")
            raise tailrace.ConfigError(problem) from None
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123  # a mode from the start
            file.write(text)
        return str(path)

    def started(self, *arguments: str) -> "Process":
        """Start it."""
        try:
            process = subprocess.Popen(  # noqa: S603  # no shell; the command is the user's own
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env=environment(),
            )
        except OSError as error:
            told = f"{self.command[0]} cannot be run: {error.strerror}"
            raise tailrace.ConfigError(tailrace.Problem("tap", told)) from None
        return Process(self, process)


def environment() -> Mapping[str, str]:
    """Give a tap the environment, but for this program's own settings."""
    ours = ("TAILRACE_", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


def found(command: str) -> list[str]:
    """Take a command apart, as a shell would, and find its program."""
    try:
        parts = shlex.split(command)
    except ValueError as error:
        raise tailrace.ConfigError(tailrace.Problem("tap", f"{error}: {command}")) from None
    program = shutil.which(parts[0]) if parts else None
    if program is None:
        told = f"there is no program {parts[0]!r}; give its path, or `pip` to have it installed"
        raise tailrace.ConfigError(tailrace.Problem("tap", told))
    return [program, *parts[1:]]


class Process:
    """Read a process that was started; leaving its block ends it, and all that it has started."""

    cut = False
    """Whether the last line had no end."""

    def __init__(self, tap: Tap, process: subprocess.Popen[bytes]) -> None:
        self._tap, self._process = tap, process
        self._said: deque[str] = deque(maxlen=_LAST)
        self._silent = 0.0
        self._closed = False
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self) -> Iterator[bytes | None]:
        """Give its lines; None where nothing came for a moment."""
        assert self._process.stdout is not None
        number = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP)
        parts: list[bytes] = []
        length = 0
        while True:
            if not poll.poll(_LOOK * 1000):
                # What it started may still hold the pipe, but has nothing to say.
                if self._process.poll() is not None:
                    break
                self._silent += _LOOK
                if self._silent > self._tap.timeout:
                    raise self.broken(f"was silent for {self._tap.timeout:g} seconds")
                yield None
                continue
            self._silent = 0.0
            chunk = os.read(number, _CHUNK)
            if not chunk:
                break
            head, *rest = chunk.split(b"\n")
            parts.append(head)
            length += len(head)
            if length > _LONGEST:
                raise self.broken(f"wrote a line of more than {_LONGEST:,} bytes")
            for tail in rest:
                yield parts[0] if len(parts) == 1 else b"".join(parts)
                parts, length = [tail], len(tail)
        if length:
            self.cut = True
            yield b"".join(parts)

    def finish(self) -> None:
        """Wait for its end, which is a good one, or raise what it said last."""
        try:
            code = self._process.wait(min(self._tap.timeout, _END))
        except subprocess.TimeoutExpired:
            raise self.broken("closed its output and did not end") from None
        if code:
            ended = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
            raise self.broken(ended)

    def broken(self, what: str) -> tailrace.SourceError:
        """Make the error that tells what became of it, and what it said last."""
        self.close()
        said = " | ".join(each for each in self._said if each)
        told = f"; it said: {said}" if said else "; it said nothing"
        return tailrace.SourceError(f"{self._tap.name} {what}{told}")

    def close(self) -> None:
        """End it, and whatever it has started."""
        process = self._process
        if self._closed:
            return
        self._closed = True
        if process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
        self._signal(signal.SIGKILL)
        process.wait()
        self._listener.join(_GRACE)
        for stream in (process.stdout, process.stderr):
            if stream is not None and not self._listener.is_alive():
                stream.close()

    def _signal(self, number: int) -> None:
        # Its group has its own number, for as long as anything of it lives.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _listen(self, stream: IO[bytes]) -> None:
        while line := stream.readline(1 << 16):
            self._silent = 0.0
            shown = self._tap.hide(line.decode(errors="replace"))
            self._said.append(shown)
            # It may hold values of records, which belong to no log above this level.
            self._tap.log.debug("%s: %s", self._tap.name, shown)
