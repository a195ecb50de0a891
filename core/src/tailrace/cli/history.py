"""`tailrace history`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tailrace.cli.looking import form, moment, said, states
from tailrace.cli.project import config_option, json_option, names_argument

_COUNTS = ("read", "removed", "delivered", "skipped", "rejected", "failed", "in_doubt")


@click.command()
@names_argument
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Runs a sync.")
@config_option
@json_option
def history(names: Sequence[str], limit: int, config: Path, as_json: bool) -> None:
    """List the runs of each sync, the newest first."""
    from tailrace._engine.history import runs

    for name, state in states(config, names):
        for run in [] if state is None else runs(state, limit):
            if as_json:
                print(form({"sync": name, **run}), flush=True)
            else:
                print(_line(name, run), flush=True)


def _line(name: str, run: dict[str, Any]) -> str:
    counts = ", ".join(
        f"{run[each]:,} {each.replace('_', ' ')}" for each in _COUNTS if run.get(each)
    )
    code = run["exit_code"]
    ended = "did not end" if code is None else f"exit {code}"
    told = f"{name}  {run['run_id']}  {moment(run['started'])}  {run['mode']}  {ended}"
    why = f"  ({said(run['problem'], 120)})" if run["problem"] else ""
    return f"{told}  {counts or 'nothing read'}{why}"
