"""Documents say what the code does: their examples run, their tables and links hold."""

import ast
import inspect
import json
import re
import runpy
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tailrace
from tailrace import hookspecs
from tailrace_sandbox import Sandbox

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("core/*.md"), *ROOT.glob("plugins/*/*.md")]
    + [*ROOT.glob("tests/**/*.md")]
)
_EXAMPLE = re.compile(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _examples(document):
    return dict(_EXAMPLE.findall((ROOT / document).read_text()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    links = [each.split("#")[0] for each in _LINK.findall(document.read_text())]
    local = [each for each in links if each and not each.startswith(("http://", "https://"))]

    assert [each for each in local if not (document.parent / each).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_documents_parses(document):
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)

    assert [block for block in blocks if not ast.parse(block)] == []


def test_cores_readme_lists_the_hooks_as_they_are():
    shown = re.findall(
        r"^\| `(tailrace_\w+\(.*?\))` \| (.*?) \|$",
        (ROOT / "core/README.md").read_text(),
        re.MULTILINE,
    )
    specs = [
        (name, function)
        for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("tailrace_")
    ]
    wanted = {
        f"{name}({', '.join(inspect.signature(function).parameters)})": function.__doc__
        for name, function in specs
    }

    assert dict(shown) == wanted


@pytest.fixture
def sheet():
    with Sandbox() as sandbox:
        import urllib.request

        url = f"{sandbox.url('sheets')}/v4/spreadsheets"
        request = urllib.request.Request(url, b'{"sheets":[{"properties":{"title":"Sheet1"}}]}')
        with urllib.request.urlopen(request) as answer:
            made = json.load(answer)["spreadsheetId"]

        def values():
            with urllib.request.urlopen(f"{url}/{made}/values/Sheet1") as answer:
                return json.load(answer).get("values", [])

        def placed(text):
            text = text.replace("http://127.0.0.1:8765", sandbox.url().rstrip("/"))
            return text.replace('"sandbox"', json.dumps(made))

        yield placed, values


def _tailrace(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tailrace", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sixty_seconds_of_the_readme(tmp_path, sheet):
    placed, values = sheet
    made = _tailrace(tmp_path, "init")
    project = tmp_path / "tailrace.toml"
    shown = _examples("README.md")["tailrace.toml"]
    for text in (shown, project.read_text()):
        project.write_text(placed(text))
        assert _tailrace(tmp_path, "check").stdout == "people: ok\n"
    first, second = _tailrace(tmp_path, "run", "--json"), _tailrace(tmp_path, "run", "--json")

    assert made.returncode == first.returncode == second.returncode == 0, first.stderr
    assert json.loads(first.stdout)["delivered"] == 3
    assert json.loads(second.stdout)["delivered"] == 0
    assert json.loads(second.stdout)["skipped"] == 3
    assert values() == [
        ["id", "Full name", "Email", "Score"],
        ["1", "Ada Lovelace", "ada@example.com", "0.98"],
        ["2", "Grace Hopper", "grace@example.com", "0.91"],
        ["3", "Edgar Codd", "edgar@example.com", "0.87"],
    ]


def test_cores_readme_puts_the_readmes_destination_to_the_test(tmp_path):
    for document in ("README.md", "core/README.md"):
        for name, text in _examples(document).items():
            if name.endswith("my_webhook.py"):
                (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "| trouble loses and doubles nothing | passed |" in done.stdout


def test_the_first_destination_of_ten_minutes_passes_the_kit_and_names_what_is_taken_out(tmp_path):
    for name, text in _examples("core/AUTHORS.md").items():
        (tmp_path / name).write_text(text)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", "."]
    sound = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    plugin = tmp_path / "tailrace_acme.py"
    plugin.write_text(plugin.read_text().replace("each, rejected=errors[each.key]", "each"))
    broken = subprocess.run(
        [*run, "-k", "bad_record"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert sound.returncode == 0, sound.stdout
    assert "| a bad record is refused by name | passed |" in sound.stdout
    assert broken.returncode == 1
    assert "the service refused ['p0', " in broken.stdout
    assert "reported as delivered: look into its answer, whatever the status" in broken.stdout


def test_the_source_of_the_authors_guide_reads_all_pages(tmp_path):
    from tailrace.testing import FakeService, MemoryDestination

    path = tmp_path / "acme_source.py"
    path.write_text(_examples("core/AUTHORS.md")["acme_source.py"])
    contacts = runpy.run_path(str(path))["contacts"]
    rows = [{"id": number} for number in range(1, 8)]

    def answer(request):
        after = int(request.query["after"][0])
        return rows[after : after + 3]

    destination = MemoryDestination()
    with FakeService(answer) as service:
        report = tailrace.run(
            contacts, destination.spec, source_options={"base_url": service.url}, state=None
        )

    assert report.ok
    assert destination.rows == rows


def test_the_readmes_form_reaches_crm_database_and_channel(tmp_path):
    with Sandbox() as sandbox:
        shown = _examples("README.md")["form.toml"]
        project = shown.replace("http://127.0.0.1:8765", sandbox.url().rstrip("/"))
        (tmp_path / "tailrace.toml").write_text(project)
        answers = "id,email,name,plan\n1,ada@example.com,Ada,team\n2,grace@example.com,Grace,solo\n"
        (tmp_path / "answers.csv").write_text(answers)
        ran = _tailrace(tmp_path, "run", "--json")

        assert ran.returncode == 0, ran.stderr
        told = map(json.loads, ran.stdout.splitlines())
        assert sorted((each["sync"], each["delivered"]) for each in told) == [
            ("form-to-channel", 2),
            ("form-to-crm", 2),
            ("form-to-database", 2),
        ]
        people = sandbox.hubspot.records("contacts")
        assert sorted(each["firstname"] for each in people) == ["Ada", "Grace"]
        said = [each["text"] for each in sandbox.slack.messages("general")]
        assert sorted(said) == ["Ada wants the plan team", "Grace wants the plan solo"]
    with closing(sqlite3.connect(tmp_path / "answers.db")) as database:
        assert database.execute("SELECT name FROM answers ORDER BY id").fetchall() == [
            ("Ada",),
            ("Grace",),
        ]


def test_the_readmes_sync_from_python(tmp_path, sheet, capsys):
    placed, values = sheet
    script = tmp_path / "people.py"
    script.write_text(placed(_examples("README.md")["people.py"]))
    runpy.run_path(str(script))

    assert values() == [
        ["id", "name", "score", "plan"],
        ["1", "Ada", "0.98"],
        ["2", "Grace", "", "team"],
    ]
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("people: ok: 2 read, 2 delivered")
    assert told[1:] == ["True", "1 delivered", "2 delivered"]


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer = b"{}"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.received, server.answer = [], b"{}"
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _load(tmp_path, document, name):
    path = tmp_path / name
    path.write_text(_examples(document)[name])
    return runpy.run_path(str(path))


def test_the_readmes_destination_in_ten_lines(tmp_path, service):
    text = _examples("README.md")["my_webhook.py"]
    webhook = _load(tmp_path, "README.md", "my_webhook.py")["webhook"]
    report = tailrace.run([{"a": 1}, {"b": 2}], webhook, options={"url": service.url}, state=None)

    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    assert report.ok
    path, headers, body = service.received[0]
    assert (path, body) == ("/", [{"a": 1}, {"b": 2}])
    assert headers["Idempotency-Key"] == f"{report.run_id}-000001"


def test_cores_readmes_destination_in_class_form(tmp_path, service):
    names = _load(tmp_path, "core/README.md", "crm.py")
    service.answer = b'{"errors": [{"id": 2, "message": "no such plan"}]}'
    report = tailrace.run(
        [{"id": 1}, {"id": 2}],
        names["tailrace_destination"](),
        mode="upsert",
        key="id",
        options={"base_url": service.url, "token": "s3cret"},
        state=None,
    )

    assert (report.delivered, report.rejected) == (1, 1)
    assert report.rejections == ((2, "rejected", "no such plan"),)
    assert service.received[0][0] == "/contacts/upsert"
    assert service.received[0][1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(report) + report.summary()
