"""Check logged requests and answers against the discovery documents of Google's client."""

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

APIS = {"/v4/": "sheets.v4.json", "/drive/v3/": "drive.v3.json"}
LARGEST = 1 << 20
_BOUNDS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}


@cache
def document(name: str) -> dict[str, Any]:
    """Return a discovery document as it ships in google-api-python-client."""
    folder = resources.files("googleapiclient.discovery_cache").joinpath("documents")
    return json.loads(folder.joinpath(name).read_text(encoding="utf-8"))


def json_schema(shape: dict[str, Any]) -> dict[str, Any]:
    """Turn one schema of a discovery document into JSON Schema."""
    if "$ref" in shape:
        return {"$ref": f"#/$defs/{shape['$ref']}"}
    kind = shape.get("type", "any")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": json_schema(shape["items"])}
    if kind == "object":
        named = {name: json_schema(part) for name, part in shape.get("properties", {}).items()}
        rest = (
            json_schema(shape["additionalProperties"]) if "additionalProperties" in shape else False
        )
        return {"type": "object", "properties": named, "additionalProperties": rest}
    found: dict[str, Any] = {"type": kind}
    if "enum" in shape:
        found["enum"] = shape["enum"]
    elif kind == "string" and shape.get("format") in ("int64", "uint64"):
        found["pattern"] = r"^-?[0-9]+$"
    elif kind == "string" and shape.get("format") == "date-time":
        found["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
    elif shape.get("format") in _BOUNDS:
        found["minimum"], found["maximum"] = _BOUNDS[shape["format"]]
    return found


@cache
def validator(name: str, schema: str) -> Draft202012Validator:
    """Return what checks a value against one schema of a document."""
    shapes = document(name)["schemas"]
    definitions = {key: json_schema(shape) for key, shape in shapes.items()}
    return Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": definitions})


@cache
def methods(name: str) -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Return verb, path and description of each method; the longest path first."""
    root = document(name)
    found: list[tuple[str, re.Pattern[str], dict[str, Any]]] = []

    def collect(resource: dict[str, Any]) -> None:
        for method in resource.get("methods", {}).values():
            path = "/" + root["servicePath"] + method.get("flatPath", method["path"])
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
            found.append((method["httpMethod"], re.compile(pattern), method))
        for inner in resource.get("resources", {}).values():
            collect(inner)

    collect(root)
    return sorted(found, key=lambda entry: -len(entry[1].pattern))


def check(exchange: Any) -> list[str]:
    """Return what is wrong with a logged exchange; a list without entries means nothing."""
    name = next((doc for prefix, doc in APIS.items() if exchange.target.startswith(prefix)), None)
    if name is None:
        return [] if exchange.target == "/token" else [f"no API has the path {exchange.target}"]
    method = _method(name, exchange)
    if method is None:
        return [f"no method is {exchange.method} {exchange.target}"]
    answer = _check_answer(name, method, exchange)
    if exchange.status is not None and exchange.status >= 400:
        return answer
    return [*_check_query(name, method, exchange), *_check_body(name, method, exchange), *answer]


def _method(name: str, exchange: Any) -> dict[str, Any] | None:
    for verb, pattern, method in methods(name):
        if verb == exchange.method and pattern.fullmatch(exchange.target):
            return method
    return None


def _check_query(name: str, method: dict[str, Any], exchange: Any) -> list[str]:
    known = document(name)["parameters"] | method.get("parameters", {})
    problems: list[str] = []
    for key, values in exchange.query.items():
        shape = known.get(key)
        if shape is None or shape.get("location", "query") != "query":
            problems.append(f"{method['id']} has no parameter {key}")
        elif "enum" in shape and not set(values) <= set(shape["enum"]):
            problems.append(f"{method['id']}: {key} is {values}, not one of {shape['enum']}")
        elif len(values) > 1 and not shape.get("repeated"):
            problems.append(f"{method['id']}: {key} comes {len(values)} times")
    return problems


def _check_body(name: str, method: dict[str, Any], exchange: Any) -> list[str]:
    if "request" not in method or not exchange.body or len(exchange.body) > LARGEST:
        return []
    what = f"{method['id']} request"
    if name.startswith("drive"):  # Drive ignores fields that it does not know; clients rely on it
        return []
    return _errors(name, method["request"]["$ref"], without_nulls(json.loads(exchange.body)), what)


def without_nulls(value: Any) -> Any:
    """Leave out the fields that are null, which Google takes for unset; cells may be null."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def _check_answer(name: str, method: dict[str, Any], exchange: Any) -> list[str]:
    if exchange.status is None or len(exchange.answer) > LARGEST:
        return []
    if exchange.status >= 400:
        return _check_error(method, exchange)
    if "response" not in method:
        return [f"{method['id']} has an answer"] if exchange.answer else []
    return _errors(
        name, method["response"]["$ref"], json.loads(exchange.answer), f"{method['id']} answer"
    )


def _check_error(method: dict[str, Any], exchange: Any) -> list[str]:
    body = json.loads(exchange.answer)
    error = body.get("error", {})
    whole = set(body) == {"error"} and error.get("code") == exchange.status and error.get("message")
    return [] if whole else [f"{method['id']} has an error of another shape: {body}"]


def _errors(name: str, schema: str, value: Any, what: str) -> list[str]:
    found = validator(name, schema).iter_errors(value)
    return [f"{what}: {error.json_path}: {error.message}" for error in found]
