"""The kit, against the sandbox's endpoint."""

import pytest

from tailrace.testing import DestinationKit
from tailrace_sandbox import Sandbox

SANDBOX = Sandbox()


@pytest.fixture(scope="module", autouse=True)
def running():
    with SANDBOX:
        yield


class Kit(DestinationKit):
    destination = "http"
    exempt = {"mode_update": "the twin takes what it does not have, too"}

    def open(self, through):
        return {
            "url": f"{through(SANDBOX.url('http'))}/people",
            "allow_private": ["127.0.0.1"],
            "token": "s3cret-token",
            "rows": 10,
            "results": {"items": "results", "key": "id", "ok": "ok", "message": "message"},
            **self.declared,
        }

    def received(self):
        return SANDBOX.http.records("people")

    def reset(self):
        SANDBOX.reset()

    def bad(self, number):
        return {**self.row(number), "refuse": "no such person"}


class TestIdempotent(Kit):
    declared = {"idempotent": True}


class TestKeyed(Kit):
    declared = {"idempotency_header": "Idempotency-Key"}


class TestAtMostOnce(Kit):
    declared = {}


class TestProbe(Kit):
    declared = {}

    def open(self, through):
        url = through(SANDBOX.url("http"))
        given = {"url": f"{url}/people/{{id}}", "lookup_url": f"{url}/people/{{id}}"}
        return {**super().open(lambda _: url), **given, "rows": 1, "results": None}

    def bad(self, number):
        return None

    exempt = {
        **Kit.exempt,
        "a_bad_record_is_refused_by_name": "with one row a request, its status is the answer",
    }
