"""`tailrace status`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tailrace.cli.looking import form, moment, said, states
from tailrace.cli.project import config_option, json_option, names_argument

_SHOWN = 10


@click.command()
@names_argument
@config_option
@json_option
def status(names: Sequence[str], config: Path, as_json: bool) -> None:
    """Tell where each sync stands: its last run, and what waits for a person."""
    from tailrace._engine import history

    for name, state in states(config, names):
        if state is None:
            print(form({"sync": name, "last": None}) if as_json else f"{name}: it never ran")
            continue
        told = history.status(state)
        if as_json:
            print(form({"sync": name, **told}), flush=True)
        else:
            print("\n".join(_lines(name, told)), flush=True)


def _lines(name: str, told: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {_last(told['last'])}"]
    if told["running"]:
        lines.append("  a run has it right now")
    if told["unfinished"] and not told["running"]:
        runs = ", ".join(told["unfinished"])
        lines.append(f"  run {runs} did not come to its end; the next run finishes it first")
    lines.append(f"  {told['records']:,} records are remembered, {told['bytes']:,} bytes")
    places = (told[each] for each in ("cursor", "position"))
    lines += [f"  the next read begins at {said(each)}" for each in places if each is not None]
    for group in told["refused"]:
        records = "1 record" if group["count"] == 1 else f"{group['count']:,} records"
        what = said(group["message"])
        lines.append(f"  refused [{group['fingerprint']}]: {records}: {what}")
    if told["refused"]:
        lines.append(f"    tailrace rejected {name}; tailrace retry {name}")
    for each in told["in_doubt"][:_SHOWN]:
        since = moment(each["since"])
        lines.append(f"  in doubt {said(each['key'], 60)} since {since}: {said(each['message'])}")
    more = len(told["in_doubt"]) - _SHOWN
    if more > 0:
        lines.append(f"  ... and {more:,} more in doubt")
    if told["in_doubt"]:
        lines.append(f"    tailrace resolve {name} --assume delivered|lost [KEY...]")
    for each in told["stopped"]:
        way = f"tailrace apply {each['plan']}" if each["holds"] else "it no longer holds"
        lines.append(f"  {each['deletes']:,} deletions were stopped: {way}")
    return lines


def _last(run: dict[str, Any] | None) -> str:
    if run is None:
        return "it never ran"
    code = run["exit_code"]
    ended = "did not come to its end" if code is None else f"exit {code}: {run['meaning']}"
    return f"run {run['run_id']} of {moment(run['started'])}, {ended}"
