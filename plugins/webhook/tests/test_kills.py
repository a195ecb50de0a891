"""Kills: what got a 2xx is there, once, whenever the receiver dies; what did not can be sent again."""

import http.client
import sqlite3
import subprocess
import sys
from contextlib import closing
from socket import create_server

import pytest

from .senders import SECRET, sign


@pytest.fixture
def port():
    with create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


CHILD = """
import logging, os, sys
from pathlib import Path
import tailrace
from tailrace_webhook import Options, receive
from tailrace_webhook._inbox import Inbox

where, port = sys.argv[1], int(sys.argv[2])
execute = Inbox.store

def dying(self, *given):
    if where == "before":
        os._exit(9)
    told = execute(self, *given)
    if where == "after":
        os._exit(9)
    return told

class Connection:
    def __init__(self, inner): self.inner = inner
    def __getattr__(self, name): return getattr(self.inner, name)
    def execute(self, statement, *given):
        if statement == "COMMIT":
            os._exit(9)
        return self.inner.execute(statement, *given)

def torn(self, *given):
    import attrs
    return execute(attrs.evolve(self, connection=Connection(self._connection)), *given)

Inbox.store = {"within": torn}.get(where, dying)
options = Options(path="/form", port=port, secret=tailrace.Secret(sys.argv[3]))
with receive([options], log=logging.getLogger("it")) as (receiver,):
    print(receiver.address, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(("where", "kept"), [("before", 0), ("within", 0), ("after", 1)])
def test_a_death_at_the_commit_leaves_no_2xx_without_a_row_and_no_row_twice(
    tmp_path, port, where, kept
):
    body = b'{"n": 1}'

    def rows():
        with closing(sqlite3.connect(tmp_path / ".tailrace" / "inbox.sqlite")) as database:
            return database.execute("SELECT count(*) FROM request").fetchone()[0]

    def sent_to(dies):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, dies, str(port), SECRET],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdout.readline().startswith("http://")
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            with closing(line):
                try:
                    line.request("POST", "/form", body, sign("standard", body))
                    return line.getresponse().status
                except (OSError, http.client.HTTPException):
                    return None

    assert sent_to(where) is None
    assert rows() == kept
    assert sent_to("nowhere") == 200
    assert rows() == 1


def test_a_commit_outlasts_a_power_cut(tmp_path):
    from tailrace_webhook._file import open_file

    with open_file(tmp_path / "inbox.sqlite") as inbox:
        ask = inbox._connection.execute
        assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ask("PRAGMA synchronous").fetchone() == (2,)
