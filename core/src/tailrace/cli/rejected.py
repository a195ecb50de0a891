"""`tailrace rejected`."""

from pathlib import Path
from typing import Any

import click

from tailrace.cli.looking import form, moment, said, states
from tailrace.cli.project import config_option, json_option

_SHOWN = 10


@click.command()
@click.argument("name")
@click.option("--fingerprint", help="Those of one kind only.")
@click.option("--values", is_flag=True, help="Show the refused values too.")
@config_option
@json_option
def rejected(name: str, fingerprint: str | None, values: bool, config: Path, as_json: bool) -> None:
    """Show the refused records of the sync NAME, those of one kind together.

    They are not offered again until they, the mapping, the options or the destination's fields
    change; `tailrace retry` offers them all the same.
    """
    from tailrace._engine.history import groups

    for sync, state in states(config, [name]):
        found = [] if state is None else groups(state)
        found = [each for each in found if fingerprint in (None, each["fingerprint"])]
        if as_json:
            rows = _rows(state, fingerprint, values) if values and state is not None else None
            told = {"sync": sync, "groups": found}
            print(form(told if rows is None else {**told, "records": rows}), flush=True)
            continue
        if not found:
            print(f"{sync}: nothing is refused")
        for group in found:
            print("\n".join(_lines(group)), flush=True)
        if values and state is not None:
            for row in _rows(state, fingerprint, True):
                print(f"  {said(row['key'], 60)}: {said(row['values'], 1000)}", flush=True)


def _lines(group: dict[str, Any]) -> list[str]:
    records = "1 record" if group["count"] == 1 else f"{group['count']:,} records"
    keys = ", ".join(said(key, 60) for key in group["keys"][:_SHOWN])
    more = f", and {group['count'] - _SHOWN:,} more" if group["count"] > _SHOWN else ""
    seen = f"first {moment(group['first_seen'])}, last {moment(group['last_seen'])}"
    return [
        f"[{group['fingerprint']}] {records}, {group['reason']}: {said(group['message'])}",
        f"  {seen}",
        f"  {keys}{more}",
    ]


def _rows(state: Any, fingerprint: str | None, values: bool) -> list[dict[str, Any]]:
    from tailrace._engine.codec import decode, decode_value
    from tailrace._engine.history import refusals

    return [
        {
            "key": decode_value(row["key"]),
            "reason": row["reason"],
            "message": row["message"],
            "values": decode(row["line"].encode()) if values and row["line"] else None,
        }
        for row in refusals(state, fingerprint)
    ]
