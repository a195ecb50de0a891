"""`tailrace serve`."""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailrace.cli.project import chosen, config_option, json_option, names_argument
from tailrace.cli.run import tell_of
from tailrace.cli.signals import stopping

if TYPE_CHECKING:
    from tailrace._engine.report import Report


@click.command()
@names_argument
@config_option
@click.option("--every", type=float, help="Read sources that do not receive every SECONDS.")
@json_option
def serve(names: Sequence[str], config: Path, every: float | None, as_json: bool) -> int:
    """Receive for the syncs of the project file, or those that are NAMEd, and deliver what comes.

    The first Ctrl-C (or SIGTERM) ends receiving and delivers what was received; the second finishes
    what is in flight; the third stops at once. What is left is delivered with the next start.
    """
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.preparing import prepare_all
    from tailrace._engine.report import worst
    from tailrace._engine.serving import serve as serve_all

    last: dict[int, int] = {}

    def told(place: int, report: "Report") -> None:
        last[place] = tell_of(report, as_json)

    def begun(address: str) -> None:
        print(f"listening on {address}", file=sys.stderr, flush=True)

    prepared = prepare_all(chosen(config, names))
    ending, stop = threading.Event(), threading.Event()
    words = ("delivering what was received", "finishing what is in flight")
    with stopping(dict(zip(words, (ending, stop), strict=True))):
        serve_all(prepared, SystemClock(stop), ending, told=told, begun=begun, every=every)
    return worst(list(last.values()) or [0])
