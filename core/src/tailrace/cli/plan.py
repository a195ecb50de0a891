"""`tailrace plan`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option, names_argument


@click.command()
@names_argument
@config_option
@json_option
def plan(names: Sequence[str], config: Path, as_json: bool) -> int:
    """Tell what a run would create, update, delete and skip; nothing is sent, nothing is kept."""
    from tailrace._engine.opening import code_of
    from tailrace._engine.preparing import prepare_all
    from tailrace._engine.preview import preview
    from tailrace._engine.report import worst
    from tailrace.errors import TailraceError

    codes = [0]
    for prepared in prepare_all(chosen(config, names)):
        try:
            made = preview(prepared)
        except TailraceError as error:
            codes.append(code_of(error))
            told = {"sync": prepared.name, "exit_code": codes[-1], "problem": str(error)}
            print(json.dumps(told) if as_json else f"{prepared.name}: {error}", flush=True)
            continue
        codes.append(made.exit_code)
        form = json.dumps(made.as_json(), default=str) if as_json else made.summary()
        print(form, flush=True)
    return worst(codes)
