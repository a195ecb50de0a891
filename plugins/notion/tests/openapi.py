"""Check exchanges against Notion's own description, where VENDOR_SPECS names its folder."""

import json
import os
import re
from functools import cache
from pathlib import Path

FOLDER = os.environ.get("VENDOR_SPECS")
LARGEST = 1 << 18
PARENT = {
    "type": "object",
    "properties": {
        "type": {"const": "data_source_id"},
        "data_source_id": {"type": "string", "format": "uuid"},
    },
    "required": ["data_source_id"],
    "additionalProperties": False,
}
"""What the description lacks among parents, though pages of data sources are its subject."""


@cache
def document():
    told = json.loads(Path(FOLDER, "notion", "notion-openapi.json").read_text(encoding="utf-8"))
    told["components"]["schemas"]["parentRequest"]["oneOf"].append(PARENT)
    return told


@cache
def endpoints():
    """Give method, path and operation of each endpoint, those without ids in their path first."""
    found = [
        (method.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "patch", "delete")
    ]
    return sorted(found, key=lambda each: each[1].pattern.count("[^/]+"))


@cache
def validator(text):
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**json.loads(text), "components": document()["components"]})


def problems(exchange):
    """Give what is wrong with an exchange; nothing where there is no description.

    Of what the tests themselves ask, only the answers are looked at.
    """
    if FOLDER is None:
        return []
    found = [
        each
        for method, pattern, each in endpoints()
        if method == exchange.method and pattern.fullmatch(exchange.path)
    ]
    if not found:
        return [f"{exchange.method} {exchange.path} is not described"]
    told = []
    what = f"{exchange.method} {exchange.path}"
    if exchange.headers.get("notion-version") != "2025-09-03":
        told.append(f"{what}: another version")
    if exchange.status == 200:
        told += unknown(found[0], exchange, what)
        ours = not exchange.headers.get("user-agent", "").startswith("python-requests")
        if ours and exchange.method in ("POST", "PATCH"):
            schema = found[0]["requestBody"]["content"]["application/json"]["schema"]
            told += errors(closed(schema), exchange.body, f"{what} request")
    status = "200" if exchange.status == 200 else "400"  # all errors have one shape
    if exchange.answer.startswith(b"{"):
        content = found[0]["responses"][status]["content"]["application/json"]
        told += errors(content["schema"], exchange.answer, f"{what} {exchange.status}")
    return told


def unknown(operation, exchange, what):
    """Give the parameters that are not described."""
    known = {each.get("name") for each in operation.get("parameters", [])}
    return [f"{what}: parameter {name}" for name in exchange.query if name not in known]


def closed(schema):
    """Let an object have no other properties than those that are described."""
    return {"additionalProperties": False, **schema} if schema.get("properties") else schema


def errors(schema, text, what):
    if len(text) > LARGEST:
        return []
    found = validator(json.dumps(schema)).iter_errors(json.loads(text))
    return [f"{what}: {each.json_path}: {each.message[:200]}" for each in found]
