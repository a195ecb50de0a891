"""A tap is a process: its output never stands still, and nothing of it outlives the read."""

import logging
import signal
import threading
import tracemalloc

import psutil
import pytest

from tailrace_singer import Options, open_tap

from .conftest import record, schema, stream

HANGS = "import time; time.sleep(600)"


def alive(number):
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def read(tap):
    """Read a tap without a run."""

    def read(**options):
        given = Options(tap=tap.command, **{"timeout": 60.0, **options})
        return open_tap(given, log=logging.getLogger("tailrace.singer"))

    return read


def test_a_tap_that_is_silent_is_ended_and_what_it_gave_counts(tap, run):
    code = "print('waiting', file=sys.stderr, flush=True)"
    tap.writes(schema(), record(id=1), code=code, after=HANGS)
    report, destination = run(tap, timeout=0.5)

    assert destination.rows == [{"id": 1}]
    assert report.problem == "tap-made was silent for 0.5 seconds; it said: waiting"


def test_a_tap_that_talks_on_its_other_output_is_not_silent(tap, run):
    talking = (
        "import time\nfor _ in range(12): print('.', file=sys.stderr, flush=True); time.sleep(.1)"
    )
    tap.writes(schema(), code=talking)
    report, _ = run(tap, timeout=0.8)

    assert report.exit_code == 0


def test_a_tap_that_is_slow_is_not_silent(tap, run):
    slow = "import time\nfor n in range(6): print(flush=True); time.sleep(.2)"
    tap.writes(schema(), record(id=1), after=slow)
    report, _ = run(tap, timeout=0.7)

    assert (report.exit_code, report.delivered) == (0, 1)


def test_a_tap_that_closes_its_output_and_stays_is_ended(tap, run):
    tap.writes(schema(), record(id=1), after=f"os.close(1); {HANGS}")
    report, _ = run(tap, timeout=0.5)

    assert report.delivered == 1
    assert "closed its output and did not end" in report.problem


def test_all_that_a_tap_has_started_is_ended_with_it(tap, read):
    started = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, file=sys.stderr, flush=True)"
    tap.writes(schema(), record(id=1), code=started, after=HANGS)
    with read() as reader:
        pages = reader.read(None)
        while not next(pages).rows:
            pass
        process = pages.gi_yieldfrom.gi_frame.f_locals["process"]
        numbers = [process._process.pid, int(process._said[-1])]
        assert all(map(alive, numbers))
        pages.close()

    assert not any(map(alive, numbers))


def test_a_tap_whose_child_keeps_the_output_open_has_ended(tap, run):
    tap.writes(
        schema(), record(id=1), after="import subprocess; subprocess.Popen(['sleep', '600'])"
    )
    report, destination = run(tap)

    assert (report.exit_code, destination.rows) == (0, [{"id": 1}])


def test_a_tap_that_does_not_heed_its_end_is_killed(tap, read, monkeypatch):
    monkeypatch.setattr("tailrace_singer._process._GRACE", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    tap.writes(schema(), record(id=1), code=deaf, after=HANGS)
    with read() as reader:
        pages = reader.read(None)
        while not next(pages).rows:
            pass
        process = pages.gi_yieldfrom.gi_frame.f_locals["process"]._process
        pages.close()

    assert process.returncode == -signal.SIGKILL


def test_a_tap_that_is_silent_lets_a_stop_be_seen(tap, read):
    tap.writes(schema(), record(id=1), after=HANGS)
    with read() as reader:
        pages = reader.read(None)
        given = next(filter(None, (page.rows for page in pages)))
        waiting = next(pages).rows
        pages.close()

    assert ([{"id": 1}], []) == (given, waiting)


def test_a_line_of_fifty_megabytes_is_a_record(tap, run):
    big = 50_000_000
    code = (
        'sys.stdout.write(\'{"type":"RECORD","stream":"people","record":{"name":"\');'
        f'sys.stdout.write("x" * {big}); print(\'"}}}}\', flush=True)'
    )
    tap.writes(record(id=1), code=code)
    report, destination = run(tap)

    assert report.read == 2
    assert len(destination.rows[0]["name"]) == big


def test_memory_is_that_of_a_page(tap, read):
    code = (
        "line = json.dumps({'type': 'RECORD', 'stream': 'people', 'record': {'name': 'x' * 1000}})\n"
        "for _ in range(60_000): sys.stdout.write(line + '\\n')"
    )
    tap.writes(code=code)
    rows = 0
    with read() as reader:
        tracemalloc.start()
        try:
            for page in reader.read(None):
                rows += len(page.rows)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert rows == 60_000
    assert most < 12_000_000


def test_what_a_tap_says_never_blocks_it(tap, run):
    tap.writes(schema(), record(id=1), code="sys.stderr.write('noise ' * 500_000)")
    report, _ = run(tap)

    assert report.exit_code == 0


def test_only_the_last_words_are_shown_and_no_terminal_obeys_them(tap, run):
    code = "print(*range(100), sep='\\n', file=sys.stderr); sys.exit('\\x1b[31mred\\x1b[0m\\x07')"
    tap.writes(schema(), code=code)
    report, _ = run(tap)

    assert report.problem.endswith("; it said: 93 | 94 | 95 | 96 | 97 | 98 | 99 | red")


def test_threads_and_files_end_with_the_read(tap, read):
    tap.writes(schema(), record(id=1))
    before = threading.active_count(), psutil.Process().num_fds()
    with read() as reader:
        list(reader.read(None))
        folder = reader.tap.folder
        assert folder.is_dir()

    assert not folder.exists()
    assert (threading.active_count(), psutil.Process().num_fds()) == before


def test_a_program_that_is_not_there_is_told(refused):
    told = refused(None, tap="tap-nowhere --fast")

    assert told.startswith("source_options.tap: there is no program 'tap-nowhere'")


def test_a_tap_has_to_be_named(refused):
    assert refused(None).startswith("source_options.tap: missing; give the tap's command")


def test_the_tap_inherits_the_environment_but_not_what_is_tailraces(tap, run, monkeypatch):
    monkeypatch.setenv("TAILRACE_SHEETS_CREDENTIALS", "of another plugin")
    monkeypatch.setenv("TAP_PROXY", "kept")
    tap.writes(schema(), catalog=[stream()])
    run(tap)

    assert tap.seen[-1]["environment"]["TAP_PROXY"] == "kept"
    assert not any(name.startswith("TAILRACE") for name in tap.seen[-1]["environment"])
