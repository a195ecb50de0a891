"""`tailrace resolve`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option


@click.command()
@click.argument("name")
@click.argument("keys", nargs=-1)
@click.option(
    "--assume",
    type=click.Choice(["delivered", "lost"]),
    required=True,
    help="What became of them, as you found out; what is lost is sent with the next run.",
)
@config_option
@json_option
def resolve(name: str, keys: Sequence[str], assume: str, config: Path, as_json: bool) -> None:
    """End the doubts of the sync NAME: all of them, or those of the records with KEYS."""
    (sync,) = chosen(config, [name])
    count = sync.resolve(*keys, assume=assume)
    if as_json:
        print(json.dumps({"sync": name, "resolved": count, "assume": assume}))
        return
    records = "1 record is" if count == 1 else f"{count:,} records are"
    then = "; sent with the next run" if assume == "lost" and count else ""
    print(f"{name}: {records} taken as {assume}{then}")
