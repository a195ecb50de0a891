"""The command line: parse, call, print."""

import difflib
import logging
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

from tailrace.errors import ConfigError, TailraceError

_COMMANDS = {
    "apply": "Delete what the delete breaker stopped.",
    "check": "Check the project file, and that sources and destinations can be opened.",
    "completion": "Print the line that switches tab completion on.",
    "explain": "Tell all that is known of one record.",
    "history": "List the runs of each sync.",
    "init": "Write a project file to start from.",
    "new": "Write a plugin package, with its tests.",
    "plan": "Tell what a run would do; nothing is sent.",
    "plugins": "List the installed plugins, or show one and its options.",
    "purge": "Forget what is kept: a record, old runs, values.",
    "recover": "Begin a damaged state anew.",
    "rejected": "Show refused records, those of one kind together.",
    "resolve": "End doubts by your word.",
    "retry": "Offer refused records again.",
    "run": "Run the syncs of the project file, or those that are named.",
    "schema": "Print the JSON Schema of the project file, for editors.",
    "serve": "Receive and deliver, until it is stopped.",
    "status": "Tell where each sync stands, and what waits for you.",
}


class _Commands(click.Group):
    """Know commands by name, and import one only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from tailrace._engine.plugins import COMMANDS, installed

        return sorted({*_COMMANDS, *(each.name for each in installed(COMMANDS))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            command = getattr(import_module(f"tailrace.cli.{cmd_name}"), cmd_name)
            return command if isinstance(command, click.Command) else None
        from tailrace._engine.plugins import COMMANDS, installed, load

        if cmd_name not in {each.name for each in installed(COMMANDS)}:
            return None
        command = load(cmd_name, COMMANDS)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; an unknown one is answered with the nearest."""
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            near = difflib.get_close_matches(args[0], known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line a command without importing any."""
        from tailrace._engine.plugins import COMMANDS, installed

        lines = dict(_COMMANDS)
        lines |= {each.name: f"Brought by {each.package}." for each in installed(COMMANDS)}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailrace")
@click.option("-v", "--verbose", count=True, help="Tell more: -v waits and retries, -vv requests.")
def tailrace(verbose: int) -> None:
    """Bring the data you have into the tools where people work."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    # Other packages' loggers stay quiet: they write out addresses whole, with what is in the query.
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
    logging.getLogger("tailrace").setLevel(level)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that reliability needs: see `EXIT_CODES`."""
    try:
        code = tailrace.main(arguments, standalone_mode=False, prog_name="tailrace")
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(9)
    except TailraceError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception:  # noqa: BLE001  # the last place where one can be told
        traceback.print_exc()
        print("tailrace: this is a bug in tailrace or a plugin; please report it", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: TailraceError) -> None:
    problems: tuple[Any, ...] = error.problems if isinstance(error, ConfigError) else (error,)
    for problem in problems:
        print(f"tailrace: {problem}", file=sys.stderr)
