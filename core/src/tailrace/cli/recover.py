"""`tailrace recover`."""

import json
from pathlib import Path

import click

from tailrace.cli.project import chosen, config_option, json_option


@click.command()
@click.argument("name")
@click.option("--from", "way", help="One of the ways that are told without this option.")
@config_option
@json_option
def recover(name: str, way: str | None, config: Path, as_json: bool) -> int:
    """Tell what is wrong with the state of the sync NAME and what can be done, or do it.

    What there was is kept aside; nothing is deleted.
    """
    from tailrace._engine.clock import SystemClock
    from tailrace._engine.preparing import prepare
    from tailrace._engine.recovering import examine, offers
    from tailrace._engine.runner import recover as begin_anew

    (sync,) = chosen(config, [name])
    prepared = prepare(sync)
    ways = offers(prepared)
    if way is None:
        wrong = examine(prepared, SystemClock())
        if as_json:
            print(json.dumps({"sync": name, "problem": wrong, "ways": ways}))
        else:
            print(f"{name}: {wrong or 'its state is whole'}")
            for each, told in ways.items():
                print(f"  tailrace recover {name} --from {each}")
                print(f"      {told}")
        return 7 if wrong else 0
    aside, report = begin_anew(prepared, way)
    code = report.exit_code if report is not None else 0
    # What the destination lacks is not a failure here: the next run sends it.
    done = report is None or code in (0, 10)
    known = report.delivered if report is not None else None
    if as_json:
        told_all = {"sync": name, "aside": str(aside), "delivered": known, "exit_code": code}
        print(json.dumps(told_all))
    else:
        print(f"{name}: what there was is kept in {aside}")
        if known is not None:
            print(f"{name}: {known:,} records count as delivered")
        if report is not None and not done:
            print(report.summary())
    return 0 if done else code
