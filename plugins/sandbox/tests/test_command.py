"""`tailrace sandbox`, as a process and in it."""

import json
import re
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner

from tailrace_sandbox.command import sandbox as command

START = [sys.executable, "-c", "from tailrace_sandbox.command import sandbox; sandbox()"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(number):
    arguments = [*START, "--port", "0", "--json", "--for", "30"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        urls = json.loads(process.stdout.readline())
        answer = requests.post(urls["sheets"] + "/v4/spreadsheets", json={}, timeout=5)
        process.send_signal(number)

        assert process.wait(10) == 0
    assert answer.status_code == 200
    assert urls["sheets"] == urls["url"] + "sheets"


def test_it_stops_by_itself_and_says_where_it_is():
    result = CliRunner().invoke(command, ["--port", "0", "--for", "0"])

    assert result.exit_code == 0
    assert re.search(r"page +http://127\.0\.0\.1:", result.output)
    assert re.search(r"sheets +http://127\.0\.0\.1:", result.output)


def test_a_taken_port_is_explained(sandbox):
    port = urlsplit(sandbox.url()).port
    result = CliRunner().invoke(command, ["--port", str(port)])

    assert result.exit_code == 2
    assert result.output == (
        f"Error: port {port} is taken, perhaps by another sandbox. "
        "Choose another with --port, or --port 0 for any free one.\n"
    )
