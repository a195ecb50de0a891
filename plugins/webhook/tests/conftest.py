"""Receivers that listen in a thread, and clients of them."""

import http.client
import json
import logging
import os
from contextlib import contextmanager
from urllib.parse import urlsplit

import attrs
import pytest
from hypothesis import settings

import tailrace
from tailrace_webhook import Options, open_inbox, receive

from .senders import SECRET, URL, sign

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")


def options(tmp_path, **given):
    if given.get("scheme") != "none" and "secret" not in given:
        given["secret"] = tailrace.Secret(SECRET)
    if given.get("scheme") == "hubspot":
        given.setdefault("public_url", URL)
    return Options(**{"path": "/in", "port": 0, "inbox": tmp_path / "inbox.sqlite", **given})


@attrs.define
class Listening:
    """An endpoint that listens, and a client of it."""

    options: Options
    receiver: object
    log: list

    @property
    def place(self):
        found = urlsplit(self.receiver.address)
        return found.hostname, found.port

    def post(self, body, headers=None, *, path=None, method="POST"):
        """Send a request on a connection of its own; give its status, headers and text."""
        connection = http.client.HTTPConnection(*self.place, timeout=30)
        try:
            given = {"content-type": "application/json", **(headers or {})}
            connection.request(method, path or self.options.path, body, given)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def send(self, value, *, id="evt_1", **how):
        """Sign and send a value as JSON; give the status."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.post(body, sign(self.options.scheme, body, id=id, **how))[0]

    def read(self, position=None, syncs=("it",)):
        """Give the rows that lie ready, as a run would read them, and the position after them."""
        rows = []
        with open_inbox(self.options, log=logging.getLogger("test"), syncs=syncs) as reader:
            for page in reader.read(position):
                rows += page.rows
                position = page.position
        return rows, position

    @property
    def rows(self):
        return self.read()[0]


class _Lines(logging.Handler):
    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def emit(self, record):
        self.lines.append(record.getMessage())


@contextmanager
def listening_to(*all_options):
    log, lines = logging.getLogger("tailrace.webhook"), []
    shown = _Lines(lines)
    log.addHandler(shown)
    with receive(all_options) as receivers:
        yield [
            Listening(each, one, lines) for each, one in zip(all_options, receivers, strict=True)
        ]
    log.removeHandler(shown)


@pytest.fixture
def listen(tmp_path):
    """Listen on an endpoint for the time of a `with` block."""

    @contextmanager
    def begin(**given):
        with listening_to(options(tmp_path, **given)) as (one,):
            yield one

    return begin
