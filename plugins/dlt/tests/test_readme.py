"""The README says what the code does, and its examples run."""

import inspect
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import tailrace_dlt
from tailrace.options import definitions

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))


def test_the_arguments_are_the_functions():
    shown = re.findall(
        r"^\| `(\w+)` \| (?:`?)(.*?)(?:`?) \|", TEXT.partition("| argument |")[2], re.MULTILINE
    )
    parameters = inspect.signature(tailrace_dlt.destination).parameters
    wanted = {
        name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY
    }

    told = dict(shown[: len(wanted)])
    assert list(told) == list(wanted)
    assert told["modes"] in wanted["modes"]
    assert (told["delivery"], told["max_in_flight"]) == (
        wanted["delivery"],
        str(wanted["max_in_flight"]),
    )


def described(options):
    return [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(options)
    ]


@pytest.mark.parametrize(
    ("title", "options"),
    [
        ("The options of the source:", tailrace_dlt.ResourceOptions),
        ("The options of the destination:", tailrace_dlt.FunctionOptions),
    ],
)
def test_the_tables_of_options_are_the_options(title, options):
    table = TEXT.partition(title)[2].lstrip().partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", table, re.MULTILINE)

    assert described(options) == [(a, b, c.strip(), d) for a, b, c, d in shown]


class Crm(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def crm():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Crm)
    server.seen = []
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_way_from_a_pipeline_takes_two_lines(crm, tmp_path, monkeypatch, capsys):
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DESTINATION__CRM__URL", f"http://127.0.0.1:{crm.server_port}")
    monkeypatch.setenv("DESTINATION__CRM__TOKEN", "hunter22")
    for _ in range(2):
        exec(compile(EXAMPLES["after.py"], "after.py", "exec"), {})
    sys.modules.pop("before")

    assert crm.seen == [
        ("Bearer hunter22", b'[{"id": 1, "name": "Ada", "updated_at": "2026-02-03"}]')
    ]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("people-to-crm: ok: 1 read, 1 delivered")
    assert second.startswith("people-to-crm: ok: 0 read")
