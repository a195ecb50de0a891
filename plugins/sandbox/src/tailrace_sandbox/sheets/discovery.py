"""Google's own description of its API, where Google's Python client is installed.

The client ships the discovery documents; they are read from there, and nothing of them is kept
here. Without the client the twin takes requests as they come.
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

Shapes = Mapping[str, Any]

_VERSIONS = {"sheets": "v4", "drive": "v3"}


@cache
def shapes(api: str) -> Shapes | None:
    """Give an API's methods and schemas in short: `@Name` a message, `A|B` an enum, `[x]` a list."""
    path = _document(f"{api}.{_VERSIONS[api]}.json")
    if path is None:
        return None
    document = orjson.loads(path.read_bytes())
    return {
        "common": sorted(document["parameters"]),
        "methods": {each["id"]: _method(each) for each in _methods(document)},
        "schemas": {
            name: {key: _shape(part) for key, part in schema.get("properties", {}).items()}
            for name, schema in document["schemas"].items()
        },
    }


def _document(name: str) -> Path | None:
    client = find_spec("googleapiclient")
    for folder in (client.submodule_search_locations if client else None) or ():
        path = Path(folder) / "discovery_cache" / "documents" / name
        if path.is_file():
            return path
    return None


def _methods(level: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = list(level.get("methods", {}).values())
    return own + [each for below in level.get("resources", {}).values() for each in _methods(below)]


def _method(method: Mapping[str, Any]) -> dict[str, Any]:
    query = {
        name: [_shape(part)] if part.get("repeated") else _shape(part)
        for name, part in method.get("parameters", {}).items()
        if part["location"] == "query"
    }
    found: dict[str, Any] = {"parameters": query}
    for side in ("request", "response"):
        if "$ref" in method.get(side, {}):
            found[side] = method[side]["$ref"]
    return found


def _shape(part: Mapping[str, Any]) -> Any:
    if "$ref" in part:
        return f"@{part['$ref']}"
    kind = part.get("type", "any")
    if kind == "array":
        return [_shape(part["items"])]
    if kind == "object":
        inner = {key: _shape(each) for key, each in part.get("properties", {}).items()}
        return inner or {"*": _shape(part.get("additionalProperties", {}))}
    if "enum" in part:
        return "|".join(part["enum"])
    if kind in ("integer", "number", "string"):
        known = part.get("format") in ("int32", "int64", "double", "float")
        return part["format"] if known else kind
    return kind
