"""`tailrace plugins`."""

import json
from typing import Any

import attrs
import click

from tailrace.cli.project import json_option


@click.command()
@click.argument("name", required=False)
@json_option
def plugins(name: str | None, as_json: bool) -> None:
    """List the installed plugins without importing any, or show the one that is NAMEd."""
    if name is not None:
        _show(name, as_json)
        return
    from tailrace._engine.plugins import installed

    found = installed()
    if as_json:
        for each in found:
            print(json.dumps(attrs.asdict(each)))
        return
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        print(f"{each.name:{width}}  {each.package} {each.version}")


def _show(name: str, as_json: bool) -> None:
    from tailrace._engine.plugins import kinds, load
    from tailrace.options import definitions

    specs = kinds(load(name), name)
    if as_json:
        print(json.dumps({"name": name} | {kind: _facts(spec) for kind, spec in specs.items()}))
        return
    for kind, spec in specs.items():
        print(f"{name}, a {kind}")
        for label, value in _facts(spec).items():
            if label != "options" and value:
                print(f"  {label}: {', '.join(value) if isinstance(value, list) else value}")
        for each in definitions(spec.options):
            default = "optional" if each.default in (None, ()) else f"default {each.default!r}"
            need = "needed" if each.required else default
            print(f"  {each.name}  ({each.type_name}; {need})")
            if each.help:
                print(f"      {each.help}")


def _facts(spec: Any) -> dict[str, Any]:
    from tailrace.options import definitions

    facts: dict[str, Any] = {}
    if hasattr(spec, "modes"):
        facts["modes"] = sorted(spec.modes)
        for limit in ("batch_size", "max_bytes", "max_in_flight"):
            facts[limit] = getattr(spec, limit)
    facts["rate"] = [f"{each.count:g} in {each.per:g} s ({each.scope})" for each in spec.rate]
    facts["options"] = [
        {
            "name": each.name,
            "type": each.type_name,
            "required": each.required,
            "secret": each.secret,
            "help": each.help,
        }
        for each in definitions(spec.options)
    ]
    return facts
