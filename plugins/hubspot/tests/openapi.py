"""Check exchanges against HubSpot's own descriptions, where VENDOR_SPECS names their folder."""

import json
import os
import re
from functools import cache
from pathlib import Path

FOLDER = os.environ.get("VENDOR_SPECS")
FILES = ("objects.v3", "properties.v3", "schemas.v3", "associations.v4")
LARGEST = 1 << 18


@cache
def endpoints():
    """Give method, path, operation and all schemas of each endpoint that is described."""
    found = []
    for name in FILES:
        text = Path(FOLDER, "hubspot", f"{name}.json").read_text(encoding="utf-8")
        document = json.loads(text)
        schemas = {key: closed(each) for key, each in document["components"]["schemas"].items()}
        for path, methods in document["paths"].items():
            pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
            for method, operation in methods.items():
                found.append((method.upper(), pattern, operation, schemas))
    return sorted(found, key=lambda each: each[1].pattern.count("[^/]+"))


def closed(shape):
    """Let an object have no other properties than those that are described."""
    if isinstance(shape, list):
        return [closed(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    made = {key: closed(each) for key, each in shape.items() if key != "example"}
    if made.get("type") == "object" and made.get("properties"):
        made.setdefault("additionalProperties", False)
    return made


def problems(exchange):
    """Give what is wrong with an exchange; nothing where there are no descriptions.

    Of what the tests themselves ask, only the answers are looked at.
    """
    if FOLDER is None:
        return []
    operation = next(
        (
            (each, schemas)
            for method, pattern, each, schemas in endpoints()
            if method == exchange.method and pattern.fullmatch(exchange.path)
        ),
        None,
    )
    if operation is None:
        return [] if re.search(r"/account-info/|/labels$", exchange.path) else [exchange.path]
    described, schemas = operation
    told = []
    ours = not exchange.headers.get("user-agent", "").startswith("python-requests")
    if ours and exchange.status is not None and exchange.status < 400 and exchange.body:
        content = next(iter(described["requestBody"]["content"].values()))
        told += errors(content["schema"], schemas, exchange.body, f"{exchange.path} request")
    if exchange.status in (None, 204, 429) or not exchange.answer.startswith(b"{"):
        return told
    answer = described["responses"].get(str(exchange.status), {})
    shape = {"$ref": "#/components/schemas/Error"}  # which every default answer has
    schemas["Error"]["properties"].setdefault("status", {})  # and the service adds this
    if "content" in answer:
        shape = next(iter(answer["content"].values()))["schema"]
    what = f"{exchange.path} {exchange.status}"
    return told + errors(shape, schemas, exchange.answer, what)


def errors(schema, schemas, text, what):
    if len(text) > LARGEST:
        return []
    whole = {**closed(schema), "components": {"schemas": schemas}}
    from jsonschema import Draft202012Validator

    found = Draft202012Validator(whole).iter_errors(json.loads(text))
    return [f"{what}: {each.json_path}: {each.message[:200]}" for each in found]
