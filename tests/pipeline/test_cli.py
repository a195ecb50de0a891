"""The command line: what it prints, where, and the codes it ends with."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib

import jsonschema
import pytest

LINES = '''
import time
import tailrace

@tailrace.destination(batch_size=10, max_in_flight=1)
def lines(rows, *, path: str, wait_for: str = ""):
    """Write rows; then wait until a file is there, so that a test can act in between."""
    with open(path, "a") as file:
        file.writelines(f"{row['id']}\\n" for row in rows)
    if wait_for:
        import os, threading
        while not os.path.exists(wait_for):
            threading.Event().wait(0.01)
'''

PROJECT = """
[sync.one]
source = { plugin = "file", path = "people.csv" }
destination = { plugin = "lines", path = "one.txt" }

[sync.two]
source = "people"
destination = { plugin = "lines", path = "two.txt", wait_for = "" }

[source.people]
plugin = "file"
path = "people.csv"
"""


@pytest.fixture
def project(command, pip_install):
    command.paths.append(
        pip_install("tailrace-lines", ["lines = lines_plugin:lines"], {"lines_plugin.py": LINES})
    )
    command.write("people.csv", "id\n" + "".join(f"{n}\n" for n in range(25)))
    command.write("tailrace.toml", PROJECT)
    return command


def test_run_tells_people_on_standard_output(project):
    done = project("run")

    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [re.sub(r"\d\.\d s", "T", line) for line in lines] == [
        "one: ok: 25 read, 25 delivered (T, 0 requests)",
        "two: ok: 25 read, 25 delivered (T, 0 requests)",
    ]


def test_run_tells_machines_on_standard_output_and_people_on_standard_error(project):
    done = project("run", "two", "--json")
    report = json.loads(done.stdout)

    assert set(report) >= {
        *("sync", "run_id", "mode", "read", "removed", "delivered", "skipped", "rejected"),
        *("failed", "in_doubt", "requests", "retries", "throttled", "seconds", "exit_code"),
        "rejections",
    }
    assert (report["sync"], report["mode"], report["read"]) == ("two", "append", 25)
    assert done.stderr.startswith("two: ok: ")


def test_a_relative_path_starts_from_the_project_file(project):
    elsewhere = project.folder / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", "run", "one", "--config", "../tailrace.toml"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(project.paths[0])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "25 delivered" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_finishes_what_is_in_flight_and_exits_9(project, number):
    project.write("tailrace.toml", PROJECT.replace('wait_for = ""', 'wait_for = "go"'))
    with project.start("run", "two", "--json") as running:
        out = project.folder / "two.txt"
        while not (out.exists() and out.read_text().count("\n") >= 10):
            assert running.poll() is None
        running.send_signal(number)
        assert running.stderr.readline() == "stopping: finishing what is in flight\n"
        project.write("go", "")
        report = json.loads(running.stdout.read())
        code = running.wait()

    assert code == report["exit_code"] == 9
    assert report["delivered"] == 10
    assert report["read"] == report["delivered"] + report["failed"]
    assert out.read_text().splitlines() == [str(n) for n in range(10)]


def test_a_second_signal_stops_at_once(project):
    project.write("tailrace.toml", PROJECT.replace('wait_for = ""', 'wait_for = "never"'))
    with project.start("run", "two") as running:
        out = project.folder / "two.txt"
        while not (out.exists() and out.read_text().count("\n") >= 10):
            assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        running.stderr.readline()
        running.send_signal(signal.SIGTERM)

        assert running.wait(10) == 128 + signal.SIGTERM


def test_progress_is_drawn_on_a_terminal_only(project):
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", "run", "one"],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(project.paths[0]), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        check=False,
    )
    os.close(slave)
    drawn = os.read(master, 100_000).decode()
    os.close(master)

    assert done.returncode == 0
    assert "\x1b[" in drawn
    assert "25 delivered" in done.stdout
    assert "\x1b[" not in done.stdout


def test_init_writes_a_project_whose_schema_accepts_it(command):
    assert command("init").returncode == 0
    schema = json.loads((command.folder / "tailrace.schema.json").read_text())
    document = tomllib.loads((command.folder / "tailrace.toml").read_text())

    jsonschema.validate(document, schema)
    document["sync"]["people"]["destination"]["spreadsheat"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)
    again = command("init")
    assert again.returncode == 2
    assert "is there already; nothing was written" in again.stderr


def test_the_schema_knows_the_options_of_installed_plugins(project):
    text = project("schema").stdout
    schema = json.loads(text)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(PROJECT), schema)
    assert "wait_for" in text


def test_check_opens_everything_and_sends_nothing(project):
    done = project("check", "--json")

    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"sync": "one", "exit_code": 0, "problem": None},
        {"sync": "two", "exit_code": 0, "problem": None},
    ]
    assert not (project.folder / "one.txt").exists()
    project.write("people.csv", "id,id\n1,2\n")
    done = project("check")
    assert done.returncode == 3
    assert "line 1: the column 'id' stands there twice" in done.stdout


def test_plugins_shows_one_with_its_options(project):
    shown = project("plugins", "lines").stdout

    assert "lines, a destination" in shown
    assert "modes: append" in shown
    assert "path  (text; needed)" in shown
    assert "wait_for  (text; default '')" in shown


def test_completion_completes_commands_and_names_of_syncs(project):
    def complete(words, at):
        done = project(_TAILRACE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(at))
        return [line.split(",")[-1] for line in done.stdout.splitlines()]

    assert "run" in complete("tailrace r", 1)
    assert complete("tailrace run t", 2) == ["two"]
    assert project("completion", "bash").stdout.startswith("eval ")


def test_help_lists_commands_that_plugins_bring(command):
    shown = command("--help").stdout

    for name in ("run", "check", "plugins", "init", "demo", "sandbox", "schema", "completion"):
        assert re.search(rf"^  {name} ", shown, re.MULTILINE)


def test_a_bug_exits_1_with_its_traceback(command, pip_install):
    command.paths.append(
        pip_install(
            "tailrace-bug",
            ["bug = bug_plugin"],
            {
                "bug_plugin.py": (
                    "import tailrace\n"
                    "def opened(options):\n    raise ZeroDivisionError('oops')\n"
                    "@tailrace.hookimpl\n"
                    "def tailrace_destination():\n"
                    "    return tailrace.DestinationSpec(open=opened)\n"
                )
            },
        )
    )
    command.write("people.csv", "id\n1\n")
    command.write(
        "tailrace.toml",
        '[sync.x]\nsource = { plugin = "file", path = "people.csv" }\n'
        'destination = { plugin = "bug" }\n',
    )
    done = command("run")

    assert done.returncode == 1
    assert "ZeroDivisionError: oops" in done.stderr
    assert "please report it" in done.stdout
