"""`tailrace schema`."""

import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click

from tailrace.options import Definition, definitions
from tailrace.secret import Secret


@click.command()
def schema() -> None:
    """Print the JSON Schema of the project file, with the options of all installed plugins."""
    print(json.dumps(project_schema(), indent=2))


def project_schema() -> dict[str, Any]:
    """Give the schema; a plugin that cannot be imported takes any options."""
    from tailrace.records import Mode

    sources, destinations = _by_kind()
    sync = _closed(
        {
            "mode": {"enum": [str(mode) for mode in Mode], "default": "append"},
            "key": {"anyOf": [{"type": "string"}, _list({"type": "string"})]},
            "source": {"anyOf": [{"type": "string"}, *sources]},
            "destination": {"anyOf": destinations or [{"type": "object"}]},
            "mapping": {"type": "object", "additionalProperties": {"type": ["string", "object"]}},
            "cursor": {"type": "string"},
            "limits": _closed(
                {
                    "batch_size": {"type": "integer", "minimum": 1},
                    "max_bytes": {"type": "integer", "minimum": 1},
                    "max_in_flight": {"type": "integer", "minimum": 1},
                    "rate": {"anyOf": [{"type": "number"}, {"type": "object"}]},
                }
            ),
            "max_delete": {},
            "observers": _list({"type": "string"}),
        },
        ["source", "destination"],
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tailrace.toml",
        **_closed(
            {
                "state": {"type": "string", "default": ".tailrace"},
                "sync": {"type": "object", "additionalProperties": sync},
                "source": {"type": "object", "additionalProperties": {"anyOf": sources}},
            }
        ),
    }


def _by_kind() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from tailrace._engine.plugins import installed, kinds, load
    from tailrace.errors import PluginError

    found: dict[str, list[dict[str, Any]]] = {"source": [], "destination": []}
    for name in dict.fromkeys(each.name for each in installed()):
        try:
            specs = kinds(load(name), name)
        except PluginError:
            for options in found.values():
                options.append(_plugin(name, None))
            continue
        for kind, spec in specs.items():
            found[kind].append(_plugin(name, spec.options))
    return found["source"], found["destination"]


def _plugin(name: str, options: type | None) -> dict[str, Any]:
    plugin = {"plugin": {"const": name}}
    if options is None:
        return {"type": "object", "properties": plugin, "required": ["plugin"]}
    known = definitions(options)
    return _closed(plugin | {each.name: _option(each) for each in known}, ["plugin"])


def _option(each: Definition) -> dict[str, Any]:
    described = {"description": each.help} if each.help else {}
    if isinstance(each.default, (str, int, float, bool)):
        described["default"] = each.default  # type: ignore[assignment]  # a JSON value
    return {**_type(each.type), **described}


def _type(kind: Any) -> dict[str, Any]:
    simple = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}
    if kind in simple:
        return {"type": simple[kind]}
    if kind is Secret:
        references = [_closed({name: {"type": "string"}}, [name]) for name in ("env", "file")]
        return {"anyOf": [{"type": "string"}, *references]}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        members = [_type(each) for each in arguments if each is not type(None)]
        return members[0] if len(members) == 1 else {"anyOf": members}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list, Sequence):
        return _list(_type(arguments[0]))
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    return {}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _closed(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
