"""What commands that read the project file have in common."""

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tailrace._engine.report import Report
    from tailrace.sync import Sync

F = TypeVar("F", bound=Callable[..., Any])


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from tailrace.errors import ConfigError
    from tailrace.sync import load

    try:
        syncs = load(ctx.params.get("config") or "tailrace.toml")
    except ConfigError:
        return []
    names = [sync.name or "" for sync in syncs]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def config_option(command: F) -> F:
    """Take --config."""
    option = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("tailrace.toml"),
        show_default=True,
        is_eager=True,
        help="The project file.",
    )
    return option(command)


def names_argument(command: F) -> F:
    """Take the names of syncs."""
    return click.argument("names", nargs=-1, shell_complete=_complete)(command)


def json_option(command: F) -> F:
    """Take --json."""
    told = "Print one JSON object a line on standard output."
    return click.option("--json", "as_json", is_flag=True, help=told)(command)


def tell(report: "Report", as_json: bool) -> int:
    """Print how a run ended, for a machine or for a person; give the exit code.

    Runs that were finished first have their say in it.
    """
    from tailrace._engine.report import worst

    if as_json:
        print(json.dumps(report.as_json(), default=str), flush=True)
    for each in (*report.earlier, report):
        print(each.summary(), file=sys.stderr if as_json else sys.stdout, flush=True)
    return worst([each.exit_code for each in (*report.earlier, report)])


def chosen(config: Path, names: Sequence[str]) -> "list[Sync]":
    """Load the named syncs, or all; raises a ConfigError that suggests a near name."""
    from tailrace.errors import ConfigError
    from tailrace.sync import load

    syncs = load(config)
    known = {sync.name or "": sync for sync in syncs}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f" (there are: {', '.join(known)})"
            raise ConfigError(f"there is no sync {name!r} in {config}{hint}")
    return [known[name] for name in names] if names else syncs
