"""Serving: what comes is delivered in small runs, until it is to end; then what is left."""

import signal
import threading
from contextlib import contextmanager

import attrs
import pytest

import tailrace
from tailrace._engine import serving
from tailrace._engine.clock import SystemClock
from tailrace._engine.preparing import prepare_all
from tailrace.components import Page
from tailrace.testing import MemoryDestination


@attrs.frozen(kw_only=True)
class Options:
    """Name the inbox."""

    name: str = tailrace.option("one", help="Its name.")


class Inboxes:
    """Inboxes that a test puts events into; the spec of a source that receives and reads them."""

    def __init__(self):
        self.events = {}
        self.opened = []
        self.put = threading.Condition()
        self.read_up_to = {}
        self.last_words = []
        self.spec = tailrace.SourceSpec(options=Options, open=self._open, serve=self._serve)

    def add(self, *numbers, name="one"):
        with self.put:
            self.events.setdefault(name, []).extend({"id": n} for n in numbers)
            self.put.notify_all()

    @contextmanager
    def _open(self, options, *, syncs):
        inboxes, name = self, options.name

        class Reader:
            def read(self, position):
                events = inboxes.events.get(name, [])[position or 0 :]
                inboxes.read_up_to[name] = (position or 0) + len(events)
                yield Page(events, inboxes.read_up_to[name])

        assert syncs
        yield Reader()

    @contextmanager
    def _serve(self, options, log):
        self.opened.append([each.name for each in options])
        yield [self._receiver(each.name) for each in options]
        for numbers in self.last_words:
            self.add(*numbers)

    def _receiver(self, name):
        inboxes = self

        class Receiver:
            address = f"memory:{name}"

            def wait(self, seconds):
                def some():
                    return len(inboxes.events.get(name, [])) > inboxes.read_up_to.get(name, 0)

                with inboxes.put:
                    return inboxes.put.wait_for(some, seconds)

        return Receiver()


class Served:
    """Serve in a thread of its own; end it from the test."""

    def __init__(self, syncs, **how):
        self.ending, self.stop = threading.Event(), threading.Event()
        self.reports, self.addresses, self.errors = [], [], []
        self.changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(syncs, how))
        self._thread.start()

    def _run(self, syncs, how):
        def told(place, report):
            with self.changed:
                self.reports.append((place, report))
                self.changed.notify_all()

        try:
            clock = SystemClock(self.stop)
            begun = self.addresses.append
            serving.serve(prepare_all(syncs), clock, self.ending, told=told, begun=begun, **how)
        except Exception as error:
            self.errors.append(error)

    def until(self, true):
        with self.changed:
            assert self.changed.wait_for(lambda: true(self.reports), 30), self.reports

    def end(self):
        self.ending.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.errors:
            raise self.errors[0]


def sync(inboxes, destination, tmp_path, name="it", options=None, **how):
    return tailrace.Sync(
        source=inboxes.spec,
        source_options=options,
        destination=destination.spec,
        name=name,
        state=tmp_path / "state",
        **how,
    )


def delivered(count):
    return lambda reports: sum(report.delivered for _, report in reports) >= count


def test_what_comes_is_delivered_as_it_comes_and_runs_that_find_nothing_are_not_told(tmp_path):
    inboxes, destination = Inboxes(), MemoryDestination()
    inboxes.add(0)
    served = Served([sync(inboxes, destination, tmp_path)])
    served.until(delivered(1))
    inboxes.add(1, 2)
    served.until(delivered(3))
    served.end()

    assert [row["id"] for row in destination.rows] == [0, 1, 2]
    assert served.addresses == ["memory:one"]
    assert all(report.read for _, report in served.reports)


def test_what_is_received_until_the_very_end_goes_out_before_it_returns(tmp_path):
    inboxes, destination = Inboxes(), MemoryDestination()
    inboxes.last_words = [(1, 2, 3)]
    served = Served([sync(inboxes, destination, tmp_path)])
    inboxes.add(0)
    served.until(delivered(1))
    served.end()

    assert [row["id"] for row in destination.rows] == [0, 1, 2, 3]


def test_what_could_not_be_delivered_is_tried_again_though_nothing_new_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "_FIRST", 0.01)
    inboxes = Inboxes()
    troubles = [tailrace.FatalError("shut")] * 3
    destination = MemoryDestination(troubles, modes=["upsert"], delivery="idempotent")
    inboxes.add(1)
    served = Served([sync(inboxes, destination, tmp_path, mode="upsert", key="id")])
    served.until(delivered(1))
    served.end()

    assert [report.exit_code for _, report in served.reports][-1] == 0
    assert destination.rows == [{"id": 1}]


def test_a_source_fans_out_and_one_that_fails_holds_back_none(tmp_path):
    inboxes, sound = Inboxes(), MemoryDestination()
    failing = MemoryDestination(
        [tailrace.FatalError("shut")] * 100, modes=["upsert"], delivery="idempotent"
    )
    served = Served(
        [
            sync(inboxes, failing, tmp_path, "failing", mode="upsert", key="id"),
            sync(inboxes, sound, tmp_path, "sound"),
        ]
    )
    inboxes.add(1, 2)
    served.until(delivered(2))
    served.end()

    assert sound.rows == [{"id": 1}, {"id": 2}]
    assert {place for place, report in served.reports if report.exit_code == 9} == {0}


def test_sources_of_one_plugin_receive_together_and_each_delivers_its_own(tmp_path):
    inboxes = Inboxes()
    destinations = {name: MemoryDestination() for name in ("one", "two")}
    syncs = [
        sync(inboxes, each, tmp_path, name, {"name": name}) for name, each in destinations.items()
    ]
    served = Served(syncs)
    inboxes.add(1, name="one")
    inboxes.add(2, name="two")
    served.until(delivered(2))
    served.end()

    assert inboxes.opened == [["one", "two"]]
    assert {name: each.rows for name, each in destinations.items()} == {
        "one": [{"id": 1}],
        "two": [{"id": 2}],
    }


def test_a_source_that_does_not_receive_is_refused_unless_it_is_read_every_so_often(tmp_path):
    reads = []
    enough = threading.Event()

    def source():
        reads.append(1)
        if len(reads) == 3:
            enough.set()
        yield {"id": len(reads)}

    destination = MemoryDestination()
    plain = tailrace.Sync(
        source=source, destination=destination.spec, name="it", state=tmp_path / "state"
    )
    with pytest.raises(tailrace.ConfigError, match="does not receive; read it on a schedule"):
        Served([plain]).end()

    served = Served([plain], every=0.01)
    assert enough.wait(30)
    served.end()

    assert len(destination.rows) == len(reads) >= 3


def test_a_bug_in_a_receiver_ends_it_and_is_raised(tmp_path):
    class Broken:
        address = "nowhere"

        def wait(self, seconds):
            raise ZeroDivisionError("a bug")

    @contextmanager
    def receiving(options, log):
        yield [Broken()]

    inboxes = Inboxes()
    inboxes.spec = attrs.evolve(inboxes.spec, serve=receiving)
    served = Served([sync(inboxes, MemoryDestination(), tmp_path)])
    served.ending.wait(30)

    with pytest.raises(ZeroDivisionError):
        served.end()


STRANGER = """
import threading
from contextlib import contextmanager
import tailrace
from tailrace.components import Page

class Reader:
    def read(self, position):
        rows = [{"id": n} for n in range(position or 0, 3)]
        yield Page(rows, 3)

class Receiver:
    address = "http://127.0.0.1:9/here"
    def wait(self, seconds):
        return threading.Event().wait(seconds)

@contextmanager
def opened(options):
    yield Reader()

@contextmanager
def serving(options, log):
    yield [Receiver() for _ in options]

@tailrace.hookimpl
def tailrace_source():
    return tailrace.SourceSpec(open=opened, serve=serving)
"""

PROJECT = """
[sync.it]
source = { plugin = "inbox" }
destination = { plugin = "sheets", spreadsheet = "%s", base_url = "%s" }
"""


def test_the_command_serves_until_it_is_told_to_end(command, sheet, pip_install):
    command.paths.append(
        pip_install("tailrace-inbox", ["inbox = inbox_plugin"], {"inbox_plugin.py": STRANGER})
    )
    command.write("tailrace.toml", PROJECT % (sheet.id, sheet.options["base_url"]))

    with command.start("serve") as running:
        said = [running.stderr.readline()]
        told = running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        _, rest = running.communicate(timeout=30)

    assert said == ["listening on http://127.0.0.1:9/here\n"]
    assert "it: ok: 3 read, 3 delivered" in told
    assert "stopping: delivering what was received" in rest
    assert running.returncode == 0
    assert sheet.values() == [["id"], [0], [1], [2]]
