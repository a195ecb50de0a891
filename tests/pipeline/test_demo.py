"""`tailrace demo` and `tailrace sandbox`, as a newcomer runs them."""

import json
import re
import signal
import subprocess
import sys
import urllib.request


def test_the_demo_ends_by_itself_and_its_second_run_sends_only_what_changed(command):
    done = command("demo")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    runs = re.findall(r"customers: ok: (.*?) \(", done.stdout)
    assert runs == ["200 read, 200 delivered", "201 read, 4 delivered, 197 skipped"]
    assert "kim@newcomer.example" in done.stdout


def test_the_demo_without_its_destination_says_what_is_missing(command):
    code = (
        "import sys; sys.modules['tailrace_sheets'] = None\n"
        "from tailrace.cli import main; main(['demo'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "plugin 'sheets' (tailrace_sheets) cannot be imported" in done.stderr


def test_the_sandbox_serves_until_it_is_told_to_stop(command):
    with command.start("sandbox", "--port", "0", "--json", "--for", "60") as serving:
        urls = json.loads(serving.stdout.readline())
        with urllib.request.urlopen(urls["url"], timeout=30) as page:
            assert b"tailrace" in page.read()
        with urllib.request.urlopen(f"{urls['sheets']}/v4/spreadsheets/sandbox") as answer:
            assert json.load(answer)["properties"]["title"] == "Sandbox"
        serving.send_signal(signal.SIGTERM)

        assert serving.wait(10) == 0
