"""What is checked of a destination while nothing goes wrong."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.outcomes import Status
from tailrace.records import Action, Batch, Record, Row
from tailrace.schema import Field, FieldType, Schema
from tailrace.testing.contract import ACTIONS, Contract
from tailrace.testing.world import World, told

_HOSTILE = (
    "",
    " leading and trailing ",
    "None",
    "null",
    "'; DROP TABLE x; --",
    '"},{"id": 0}',
    "<script>alert(1)</script> & <b>",
    "=1+1",
    "@everyone <!channel>",
    "line\nbreak\ttab",
    "Ünïcödé 中文 العربية 👩\u200d👩\u200d👧",
    "0123",
    "1e5",
    "x" * 1_500,
)


class Sound(Contract):
    """Check what a destination does when all is well, and when a record is bad."""

    @pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 25])
    def test_every_record_arrives_once(self, count: int) -> None:
        """Deliver as many; all are there, once."""
        with self.world("every_record_arrives_once") as world:
            report = world.run(self.rows(count), self.first_mode(world), batch_size=10)
            assert (report.exit_code, report.delivered) == (0, count), report
            self.assert_honest(report)
            self.assert_holds(self.rows(count))

    def test_an_empty_read_writes_nothing(self) -> None:
        """Deliver nothing; nothing is there, and nothing was written."""
        with self.world("an_empty_read_writes_nothing") as world:
            report = world.run([], self.first_mode(world))
            assert report.exit_code == 0, report
            self.assert_holds([])

    def test_each_mode_does_what_it_promises(self) -> None:
        """Deliver twice in each mode that is declared."""
        with self.world("each_mode_does_what_it_promises") as world:
            modes = sorted(world.spec.modes)
        for mode in modes:
            if f"mode_{mode}" in self.exempt:
                continue
            with self.world("each_mode_does_what_it_promises") as world:
                self._mode(world, str(mode))

    def _mode(self, world: World, mode: str) -> None:
        old, new = self.rows(6), [*self.rows(3, version=1), *self.rows(3, first=6)]
        if mode == "update":
            report = world.run(old, mode)
            assert report.delivered == 0, "update wrote records that the service does not have"
            self.assert_holds([], "after an update of what is not there, ")
            return
        world.run(old, mode)
        self.assert_holds(old, f"after a first {mode}, ")
        if mode in ("append", "insert"):
            new = self.rows(3, first=6)
        world.run(new if mode != "insert" else [*self.rows(3, version=1), *new], mode)
        kept = {row[self.key]: row for row in ([] if mode in ("mirror", "replace") else old)}
        self.assert_holds(
            [*{**kept, **{row[self.key]: row for row in new}}.values()], f"after {mode}, "
        )

    def test_values_arrive_as_they_are_or_are_refused(self) -> None:
        """Deliver hostile, empty and long texts, and nothing at all."""
        with self.world("values_arrive_as_they_are_or_are_refused") as world:
            rows = self.rows(len(_HOSTILE) + 2)
            for row, value in zip(rows, _HOSTILE, strict=False):
                row[self.text] = value
            rows[-2][self.text] = None
            del rows[-1][self.text]
            report = world.run(rows, self.first_mode(world))
            self.assert_honest(report)
            refused = {*told(report)[Status.REJECTED]}
            assert report.delivered + report.rejected == len(rows), report
            held = {str(each.get(self.key)): each for each in self.received()}
            for row in rows:
                key = str(row[self.key])
                if key in refused:
                    continue
                assert self.same(row, held[key]), f"{row!r} arrived as {dict(held[key])!r}"

    def test_a_bad_record_is_refused_by_name(self) -> None:
        """Deliver some that the service refuses among others; each is told apart."""
        with self.world("a_bad_record_is_refused_by_name") as world:
            places = (0, 4, 9, 13)
            rows = self.rows(14)
            for place in places:
                bad = self.bad(place)
                assert bad is not None, (
                    "fill in bad(): a row that the service refuses; where it refuses none, exempt"
                    " this check with that reason"
                )
                rows[place] = bad
            good = [row for place, row in enumerate(rows) if place not in places]
            report = world.run(rows, self.first_mode(world), batch_size=10)
            outcomes = told(report)
            wrong = {str(rows[place][self.key]) for place in places}
            unsaid = wrong & {*outcomes[Status.DELIVERED]}
            assert not unsaid, (
                f"the service refused {sorted(unsaid)}, and they are reported as delivered: look into"
                " its answer, whatever the status, and match results by key, not by place"
            )
            assert {*outcomes[Status.REJECTED]} == wrong, (
                f"refused were {sorted(wrong)}, and told are {outcomes[Status.REJECTED]}"
            )
            self.assert_holds(good, "with bad records among them, ")

    def test_a_repeat_does_what_is_declared(self) -> None:
        """Write one batch twice, as after an answer that was lost."""
        with self.world("a_repeat_does_what_is_declared") as world:
            mode = self.first_mode(world)
            delivery = self.delivery(world, mode)
            self.need(
                delivery in ("idempotent", "keyed"), f"a repeat is not harmless, it is {delivery}"
            )
            rows = self.rows(min(3, world.spec.batch_size))
            batch = self._batch(rows, ACTIONS[mode])
            with world.writer(mode) as writer:
                world.written(writer, batch)
                world.written(writer, batch)
            self.assert_holds(
                rows, f"it declares {delivery}, and after the same batch a second time, "
            )

    def test_lookup_tells_the_truth(self) -> None:
        """Ask what arrived, before and after."""
        with self.world("lookup_tells_the_truth") as world:
            mode = self.first_mode(world)
            with world.writer(mode) as writer:
                self.need(hasattr(writer, "lookup"), "the writer has no lookup")
                count = min(4, world.spec.batch_size)
                batch = self._batch(self.rows(count), ACTIONS[mode], writer)
                before = [each.status for each in writer.lookup(batch)]
                assert Status.DELIVERED not in before, "lookup finds records that were never sent"
                world.written(writer, batch)
                after = writer.lookup(batch)
                lost = [each.key for each in after if each.status is Status.FAILED]
                assert not lost, f"lookup does not find records that arrived: {lost[:3]}"

    def _batch(self, rows: Sequence[Row], action: Action, writer: Any = None) -> Batch:
        names = list(dict.fromkeys(name for row in rows for name in row))
        schema = Schema([Field(name, FieldType.ANY) for name in names], (self.key,))
        records = [Record(row[self.key], row) for row in rows]
        batch = Batch("kit-000001", action, schema, records=records)
        reserve = getattr(writer, "reserve", None)
        reserved = None if reserve is None else reserve(batch)
        return Batch(batch.id, action, schema, records=records, reservation=reserved)

    def test_batches_in_flight_do_not_mix(self) -> None:
        """Deliver many small batches, as many at once as it takes."""
        with self.world("batches_in_flight_do_not_mix") as world:
            mode = self.first_mode(world)
            self.need(world.spec.max_in_flight != 1, "it takes one batch at a time")
            for each in world.gates:
                each.together(4)
            report = world.run(self.rows(60), mode, batch_size=3)
            assert report.delivered == 60, report
            self.assert_holds(self.rows(60), "with several batches in flight, ")

    def test_importing_it_does_nothing(self) -> None:
        """Import its module; no connection is made, and no process is started."""
        if "importing_it_does_nothing" in self.exempt:
            pytest.skip(f"exempt: {self.exempt['importing_it_does_nothing']}")
        self.need(isinstance(self.destination, str), "it is not found by name")
        done = subprocess.run(  # noqa: S603  # this Python, and a name
            [sys.executable, "-c", _IMPORTING, str(self.destination)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.strip().splitlines()[-1]


_IMPORTING = """
import sys
from importlib.metadata import entry_points

def refuse(event, _):
    if event in ("socket.connect", "subprocess.Popen", "os.system", "socket.getaddrinfo"):
        raise SystemExit(f"importing it does {event}")

found = [each for each in entry_points(group="tailrace") if each.name == sys.argv[1]]
assert found, f"no plugin {sys.argv[1]!r} is installed"
sys.addaudithook(refuse)
found[0].load()
"""
