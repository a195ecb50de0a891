"""`tailrace purge`."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from tailrace.cli.looking import form
from tailrace.cli.project import chosen, config_option, json_option, names_argument

_DAY = 24 * 3600.0


@click.command()
@names_argument
@click.option("--key", help="Forget all that is known of one record.")
@click.option("--older", type=click.FloatRange(0), help="Forget runs that ended so many days ago.")
@click.option("--all-values", is_flag=True, help="Forget the values of refused records.")
@config_option
@json_option
def purge(  # noqa: PLR0917  # one an option
    names: Sequence[str],
    key: str | None,
    older: float | None,
    all_values: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Forget what is kept of the syncs that are NAMEd, or of all.

    A record that is forgotten by its key is sent again as a new one if the source still has it, and
    a mirror no longer deletes it.
    """
    from tailrace._engine import erasing
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.state import folder_of, open_state
    from tailrace.errors import ConfigError

    if key is None and older is None and not all_values:
        raise ConfigError("say what to forget: --key KEY, --older DAYS or --all-values")
    for sync in chosen(config, names):
        name = sync.name or ""
        if sync.state is None or not folder_of(Path(sync.state), name).exists():
            continue
        done: dict[str, str | int] = {"sync": name}
        with open_state(Path(sync.state), name, SystemClock()) as state:
            if older is not None:
                done |= {"runs": erasing.erase_old(state, time.time() - older * _DAY)}
            if all_values:
                done |= {"values": erasing.erase_values(state)}
            if key is not None:
                done |= {"places": erasing.erase_key(state, key)}
            erasing.scrub(state)
        told = ", ".join(f"{count} {what}" for what, count in done.items() if what != "sync")
        print(form(done) if as_json else f"{name}: forgotten: {told}", flush=True)
