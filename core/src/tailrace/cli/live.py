"""Live progress on a terminal, a line for each run: rows, rate, time left, and what it waits for."""

import sys
import time
from types import TracebackType
from typing import Any, Self

import rich.live
from rich.console import Console
from rich.text import Text

from tailrace.hookspecs import hookimpl


class Live:
    """Watch a run as an observer, and draw it on standard error while it goes on."""

    def __init__(self) -> None:
        self._runs: dict[Any, float] = {}
        self._live = rich.live.Live(
            console=Console(stderr=True),
            get_renderable=self._draw,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # or a piped summary would go where this draws
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._live.stop()

    @hookimpl
    def tailrace_run_started(self, run: Any) -> None:
        """Begin to watch a run."""
        self._runs[run] = time.monotonic()

    @hookimpl
    def tailrace_run_finished(self, run: Any, report: Any) -> None:
        """Leave the line to the summary."""
        self._runs.pop(run, None)

    def _draw(self) -> Text:
        return Text("\n").join(_line(run, began) for run, began in list(self._runs.items()))


def _line(run: Any, began: float) -> Text:
    seconds = max(time.monotonic() - began, 0.001)
    done, expected = run.answered, run.expected
    rate = done / seconds
    parts = [f"{done:,}{f' of {expected:,}' if expected else f' of {run.read:,} read'}"]
    parts.append(f"{rate:,.0f} rows/s")
    if expected and rate:
        parts.append(f"{_clock(max(expected - done, 0) / rate)} left")
    if (waits := run.waits) > 0:
        parts.append(f"waiting {waits:.0f} s: the service asked to slow down")
    text = Text.assemble((run.sync, "bold"), "  ")
    if expected:
        filled = min(24, 24 * done // expected)
        text.append("━" * filled, "green").append("━" * (24 - filled), "bright_black")
        text.append("  ")
    return text.append(" · ".join(parts))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
