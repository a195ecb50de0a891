"""The bench shows what its results say, and its service counts right; nothing here is timed."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def call():
    command = [sys.executable, str(BENCH / "server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        url = server.stdout.readline().strip()

        def call(method, path, body=None, **headers):
            data = None if body is None else json.dumps(body).encode()
            asked = urllib.request.Request(url + path, data, headers, method=method)
            try:
                with urllib.request.urlopen(asked) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)
            except OSError:
                return None, None

        yield call
        server.stdin.close()
        server.terminate()


def rows(*ids):
    return [{"id": each} for each in ids]


def test_tables_and_charts_are_as_the_results_say():
    done = subprocess.run(
        [sys.executable, str(BENCH), "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_counts_what_is_lost_and_doubled(call):
    call("PUT", "/behaviour", {"rows": 5})
    call("POST", "/rows", rows(0, 1, 2))
    call("POST", "/rows", rows(2, 2, 3))
    _, counts = call("GET", "/counts")

    assert (counts["requests"], counts["stored"]) == (2, 6)
    assert (counts["lost"], counts["doubled"], counts["uncalled"]) == (1, 2, 0)
    assert call("POST", "/held", [1, 4]) == (200, [1])


def test_the_service_tells_what_nobody_called_for(call):
    call("PUT", "/behaviour", {"rows": 10, "every": 5})
    call("POST", "/rows", rows(0, 1, 5))
    _, counts = call("GET", "/counts")

    assert (counts["lost"], counts["doubled"], counts["uncalled"]) == (0, 0, 1)


def test_a_poisoned_row_gets_its_whole_batch_refused_and_is_not_missed(call):
    call("PUT", "/behaviour", {"rows": 10, "poison": 10})

    assert call("POST", "/rows", rows(4, 5))[0] == 400
    assert call("POST", "/rows", rows(0, 1, 2, 3, 4, 6, 7, 8, 9))[0] == 200
    assert call("GET", "/counts")[1]["lost"] == 0


def test_a_key_is_stored_once(call):
    call("PUT", "/behaviour", {"rows": 1, "keys": True})
    for key in ("a", "a", "b"):
        call("POST", "/rows", rows(0), **{"Idempotency-Key": key})
    _, counts = call("GET", "/counts")

    assert (counts["requests"], counts["stored"], counts["doubled"]) == (3, 2, 1)


def test_beyond_its_limit_the_service_turns_away(call):
    call("PUT", "/behaviour", {"rows": 3, "rate": 0.001, "burst": 2, "retry_after": 9})
    statuses = [call("POST", "/rows", rows(each))[0] for each in range(3)]
    _, counts = call("GET", "/counts")

    assert statuses == [200, 200, 429]
    assert (counts["throttled"], counts["lost"]) == (1, 1)


def test_faults_follow_from_the_seed_and_the_batch(call):
    found = []
    for _ in range(2):
        call("PUT", "/behaviour", {"rows": 40, "faults": 0.5, "seed": 3})
        found.append([call("POST", "/rows", rows(each))[0] for each in range(40)])
        _, counts = call("GET", "/counts")
        found.append((counts["faults"], counts["lost"]))

    assert found[:2] == found[2:]
    assert set(found[0]) == {200, 500, 503, None}
