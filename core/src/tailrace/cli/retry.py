"""`tailrace retry`."""

from collections.abc import Sequence
from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option, tell


@click.command()
@click.argument("name")
@click.argument("keys", nargs=-1)
@click.option("--fingerprint", help="Those of one kind, as `tailrace rejected` names it.")
@config_option
@json_option
def retry(
    name: str, keys: Sequence[str], fingerprint: str | None, config: Path, as_json: bool
) -> int:
    """Run the sync NAME with its refused records offered again: all, or those with KEYS.

    What goes out is the source's present version of them, or nothing where it has none.
    """
    from tailrace._engine.preparing import prepare
    from tailrace._engine.runner import Wishes, execute

    (sync,) = chosen(config, [name])
    wishes = Wishes(retry=tuple(keys), fingerprint=fingerprint)
    return tell(execute(prepare(sync), wishes=wishes), as_json)
