"""A sandbox with a workspace in it, whole runs, and the vendor's word on all that was said."""

import json
import os
from pathlib import Path
from urllib.parse import parse_qsl

import jsonschema
import pytest
from hypothesis import settings

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")

SPECS = os.environ.get("VENDOR_SPECS")
NEWER = {"include_all_metadata"}
"""Arguments that came after the older of the two descriptions."""


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running
        if SPECS is not None:
            vendor = Vendor(Path(SPECS) / "slack")
            fair = [each for each in running.requests("slack") if each.path.startswith("/api/")]
            assert [] == [problem for each in fair for problem in vendor.check(each)]


@pytest.fixture
def deliver(sandbox, tmp_path):
    """Run a sync into the sandbox, with no real waits."""

    def run(source, *, mode="append", key=None, limits=None, mapping=None, clock=None, **options):
        options = {"base_url": sandbox.url("slack"), **options}
        if not options.keys() & {"channel", "email", "webhook_url"}:
            options["channel"] = "general"
        sync = tailrace.Sync(
            source=source,
            destination="slack",
            name="it",
            mode=mode,
            key=key,
            mapping=mapping,
            limits=limits,
            options=options,
            state=str(tmp_path / "state"),
        )
        return execute(prepare(sync), clock or FakeClock())

    return run


def statuses(report):
    names = ("delivered", "skipped", "rejected", "failed", "in_doubt")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def texts(sandbox, channel="general"):
    return [each["text"] for each in sandbox.slack.messages(channel)]


def calls(sandbox, method):
    return [each for each in sandbox.requests("slack") if each.path == f"/api/{method}"]


def given(exchange):
    """Give the arguments of a call, and whether they came as JSON."""
    if "json" in exchange.headers.get("content-type", ""):
        return json.loads(exchange.body), True
    return dict(parse_qsl(exchange.body.decode(), keep_blank_values=True)), False


class Vendor:
    """Check calls and answers against what the vendor says of its methods."""

    def __init__(self, folder):
        self.folder = folder
        self.older = json.loads((folder / "slack_web_openapi_v2.json").read_text())["paths"]

    def check(self, exchange):
        method = exchange.path.removeprefix("/api/")
        arguments, as_json = given(exchange)
        path = self.folder / "methods" / f"{method}.json"
        if not path.exists():
            [described] = self.older[f"/{method}"].values()
            known = {each["name"] for each in described["parameters"]} | NEWER
            return [f"{method}: {name}?" for name in arguments if name not in known]
        described = json.loads(path.read_text())
        properties = described["args"]["properties"]
        problems = [f"{method}: {name}?" for name in arguments if name not in properties]
        needed = set(described["args"].get("required", ())) - {"token"} - set(arguments)
        problems += [f"{method} lacks {name}" for name in needed]
        if as_json and not described.get("json_input_supported"):
            problems.append(f"{method} takes no JSON")
        for name, value in arguments.items():
            kind = properties.get(name, {})
            if isinstance(value, bool) and "boolean" not in json.dumps(kind):
                problems.append(f"{method}: {name} is no boolean")
        if (
            exchange.status == 200
            and exchange.fault is None
            and '"ok":true' in exchange.answer.decode()
        ):
            shape = _plain({**described["output"], "additionalProperties": True})
            errors = jsonschema.Draft202012Validator(shape).iter_errors(json.loads(exchange.answer))
            problems += [f"{method} answers: {error.message}" for error in errors]
        return problems


def _plain(shape):
    """Leave out what is no JSON Schema, and what asks for more of objects than their keys."""
    required = [each for each in shape.get("required", ()) if each in shape.get("properties", {})]
    kinds = {
        name: {"type": kind["type"]}
        for name, kind in shape.get("properties", {}).items()
        if isinstance(kind, dict) and "type" in kind
    }
    return {"type": "object", "required": required, "properties": kinds}
