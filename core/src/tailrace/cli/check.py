"""`tailrace check`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option, names_argument


@click.command()
@names_argument
@config_option
@json_option
def check(names: Sequence[str], config: Path, as_json: bool) -> int:
    """Check the project file, and that sources and destinations can be opened; nothing is sent."""
    from tailrace._engine.opening import code_of
    from tailrace._engine.preparing import prepare_all
    from tailrace._engine.report import worst
    from tailrace._engine.runner import check as check_one
    from tailrace.errors import TailraceError

    codes = [0]
    for prepared in prepare_all(chosen(config, names)):
        problem = None
        code = 0
        try:
            check_one(prepared)
        except TailraceError as error:
            problem = str(error)
            code = code_of(error)
        codes.append(code)
        if as_json:
            told = {"sync": prepared.name, "exit_code": code, "problem": problem}
            print(json.dumps(told), flush=True)
        else:
            print(f"{prepared.name}: {problem or 'ok'}", flush=True)
    return worst(codes)
