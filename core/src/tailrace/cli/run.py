"""`tailrace run`."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from tailrace.cli.project import chosen, config_option, json_option, names_argument, tell
from tailrace.cli.signals import stopping

if TYPE_CHECKING:
    from tailrace._engine.report import Report


@click.command()
@names_argument
@config_option
@click.option("--wait", type=float, default=0.0, help="Seconds to wait for another run to end.")
@click.option("--restart", is_flag=True, help="Forget what was delivered before; send all.")
@click.option("--accept", is_flag=True, help="Take the source's fields as they are now.")
@json_option
def run(  # noqa: PLR0917  # one an option
    names: Sequence[str], config: Path, wait: float, restart: bool, accept: bool, as_json: bool
) -> int:
    """Run the syncs of the project file, or those that are NAMEd, one after the other.

    Those that share a [source.NAME] run at the same time, and it is read once. The first Ctrl-C
    (or SIGTERM) finishes what is in flight and stops; the second stops at once.
    """
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.fanout import execute_all
    from tailrace._engine.preparing import prepare_all
    from tailrace._engine.report import worst
    from tailrace._engine.runner import Wishes

    wishes = Wishes(wait=wait, restart=restart, accept=accept)
    syncs = chosen(config, names)
    codes: list[int] = []

    def told(_: int, report: "Report") -> None:
        codes.append(tell_of(report, as_json))

    stop = threading.Event()
    with stopping({"finishing what is in flight": stop}), _live() as observers:
        watched = [attrs.evolve(sync, observers=(*sync.observers, *observers)) for sync in syncs]
        execute_all(prepare_all(watched), SystemClock(stop), wishes, told=told)
    # What was not even begun waits for the next run.
    return worst(codes if len(codes) == len(syncs) else [*codes, 9])


def tell_of(report: "Report", as_json: bool) -> int:
    """Tell of a run; of one that could not begin, its problem is all there is."""
    if report.exit_code not in (2, 6):
        return tell(report, as_json)
    if as_json:
        print(json.dumps(report.as_json(), default=str), flush=True)
    for line in (report.problem or "").splitlines():
        print(f"tailrace: {line}", file=sys.stderr, flush=True)
    return report.exit_code


@contextmanager
def _live() -> Iterator[list[object]]:
    if not sys.stderr.isatty():
        yield []
        return
    from tailrace.cli.live import Live

    with Live() as live:
        yield [live]
