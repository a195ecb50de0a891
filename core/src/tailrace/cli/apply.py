"""`tailrace apply`."""

from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option, tell


@click.command()
@click.argument("plan_hash")
@config_option
@json_option
def apply(plan_hash: str, config: Path, as_json: bool) -> int:
    """Delete what the delete breaker stopped, by the PLAN_HASH that the stopped run told."""
    from tailrace._engine.preparing import prepare
    from tailrace._engine.runner import Wishes, execute, has_stopped
    from tailrace.errors import ConfigError

    for sync in chosen(config, ()):
        prepared = prepare(sync)
        if has_stopped(prepared, plan_hash):
            return tell(execute(prepared, wishes=Wishes(release=plan_hash)), as_json)
    raise ConfigError(
        f"no sync of {config} has a stopped plan {plan_hash!r}; `tailrace status` lists them"
    )
