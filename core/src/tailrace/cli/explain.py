"""`tailrace explain`."""

import time
from pathlib import Path
from typing import Any

import click

from tailrace.cli.looking import form, moment, said, states
from tailrace.cli.project import config_option, json_option


@click.command()
@click.argument("name")
@click.argument("key")
@config_option
@json_option
def explain(name: str, key: str, config: Path, as_json: bool) -> None:
    """Tell all that is known of one record of the sync NAME: when it was sent, what changed, why not.

    KEY is typed as it is; the parts of a key of several fields go with commas between them.
    """
    from tailrace._engine import explaining
    from tailrace.errors import ConfigError

    for sync, state in states(config, [name]):
        if state is None:
            raise ConfigError(f"{sync} never ran; nothing is known of its records")
        told = explaining.explain(state, key, time.time())
        print(form({"sync": sync, **told}) if as_json else "\n".join(_lines(told)), flush=True)


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"record {said(told['key'], 60)}"]
    held = told["held"]
    if held is None:
        lines.append("  it was never delivered, as far as is known")
    else:
        remote = f", there called {said(held['remote_id'])}" if held["remote_id"] else ""
        fields = ", ".join(said(each, 60) for each in held["fields"])
        lines.append(f"  {held['state']}: by run {held['run_id']}, {moment(held['when'])}{remote}")
        lines += [f"  fields: {fields}"] if fields else []
    for each in told["sent"]:
        lines.append(f"  {_attempt(each)}")
    if told["refused"] is not None:
        refused = told["refused"]
        lines.append(f"  refused since {moment(refused['first_seen'])}: {said(refused['message'])}")
    lines += [
        f"  in doubt since {moment(each['since'])}: {said(each['message'])}"
        for each in told["in_doubt"]
    ]
    if told["waits_until"] is not None:
        until = moment(told["waits_until"])
        lines.append(
            f"  a request without an answer may still arrive; newer versions wait: {until}"
        )
    lines.append(f"  next run: {told['next']}")
    return lines


def _attempt(each: dict[str, Any]) -> str:
    what = each["action"] or "not sent"
    when = f" {moment(each['intended'])}" if each.get("intended") else ""
    changed = ""
    if each.get("changed") is not None:
        changed = f" ({', '.join(said(name, 60) for name in each['changed'])} changed)"
    why = f": {said(each['message'])}" if each["message"] else ""
    return f"run {each['run_id']}{when}: {what}{changed}: {each['status']}{why}"
