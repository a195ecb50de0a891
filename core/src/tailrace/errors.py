"""Exceptions, named for what the reader does next.

TailraceError                 anything tailrace raises on purpose; has `exit_code`
├── ConfigError          (2)  mend the call, the project file or the environment
│   ├── MissingOption         give the option; raised by a plugin that finds out late
│   └── PluginError           mend what is installed, or the name
│       ├── UnknownPlugin
│       ├── AmbiguousPlugin
│       ├── BrokenPlugin
│       └── WrongKind
├── PreflightError       (3)  source and destination do not fit; nothing was sent
├── SourceError               the source broke off
├── LockedError          (6)  another run has this sync's state: wait for it
├── StateError           (7)  the state cannot be read or written: nothing of it was changed
├── InternalError        (1)  a bug in tailrace: report it
└── WriteError                what a writer, or the engine's HTTP client, tells the engine
    ├── RetryableError        not executed: send it again
    ├── PendingError          taken, and not done yet: ask again
    ├── RejectedError         refused: sending it again would not help
    ├── FatalError            stop the run: every further batch would meet the same
    ├── UnsentError           gave up before the service saw the request
    └── UnansweredError       the request left and nothing tells what became of it
"""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Problem:
    """Say what is wrong at one place of a configuration."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class TailraceError(Exception):
    """Stop with a message for a person and an exit code for a scheduler."""

    exit_code = 1


class ConfigError(TailraceError):
    """Refuse a configuration; `problems` holds every one found, each with its path."""

    exit_code = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(
            Problem("", each) if isinstance(each, str) else each for each in problems
        )
        super().__init__("\n".join(str(each) for each in self.problems))


class MissingOption(ConfigError):
    """Tell that an option is needed after all; the engine adds where it was looked for."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        self.message = message
        super().__init__(Problem(option, message))


class PluginError(ConfigError):
    """Refuse a plugin's name or package."""


class UnknownPlugin(PluginError):
    """Name the entry point that is missing."""


class AmbiguousPlugin(PluginError):
    """Name the distributions that claim one entry point."""


class BrokenPlugin(PluginError):
    """Name the entry point that could not be imported or read."""


class WrongKind(PluginError):
    """Name the plugin that is a source where a destination is needed, or the reverse."""


class PreflightError(TailraceError):
    """Refuse to start because source and destination do not fit; nothing was sent."""

    exit_code = 3


class SourceError(TailraceError):
    """Tell that the source broke off, and where."""

    exit_code = 3


class LockedError(TailraceError):
    """Tell that another run holds this sync's state; nothing was read or sent."""

    exit_code = 6


class StateError(TailraceError):
    """Tell that a sync's state cannot be read or written, and what to do; none of it was reset."""

    exit_code = 7


class InternalError(TailraceError):
    """Tell of a bug in tailrace itself."""


class WriteError(TailraceError):
    """Carry a writer's verdict on a whole batch; `status` is the HTTP status, if there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RetryableError(WriteError):
    """Tell that the batch was not executed and may be sent again after `retry_after` seconds."""

    def __init__(
        self, message: str, retry_after: float | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class PendingError(WriteError):
    """Tell that the service is still at work on the batch: ask again after `retry_after` seconds.

    `write` is then called with the same batch as often as it says so; a run that ends before
    leaves the batch for the next one, which calls it again.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class RejectedError(WriteError):
    """Tell that the service refused the batch; one of several records is split until found."""

    def __init__(
        self, message: str, *, reason: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.reason = reason


class FatalError(WriteError):
    """Tell that every further batch would meet the same: a bad login, a missing tab."""

    exit_code = 9


class UnsentError(WriteError):
    """Tell that the service saw nothing of a request, after all attempts."""


class UnansweredError(WriteError):
    """Tell that a request left and nothing says what became of it.

    `spent` tells that it was sent again already, as often as that makes sense.
    """

    def __init__(self, message: str, *, status: int | None = None, spent: bool = False) -> None:
        super().__init__(message, status=status)
        self.spent = spent


def several(problems: Sequence[Problem | str]) -> None:
    """Raise a ConfigError of all problems, if there are any."""
    if problems:
        raise ConfigError(*problems)
