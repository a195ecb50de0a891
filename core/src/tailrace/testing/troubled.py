"""What is checked of a destination when something goes wrong on the way."""

from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise

import pytest

from tailrace._engine.report import Report
from tailrace.outcomes import Status
from tailrace.secret import hide
from tailrace.testing.contract import Contract
from tailrace.testing.world import World, told


class Troubled(Contract):
    """Check what a destination does between its service's refusals, silences and nonsense."""

    @pytest.mark.parametrize("wait", ["seconds", "date", "nothing", "nonsense"])
    def test_a_429_is_waited_for(self, wait: str) -> None:
        """Have the service ask to slow down."""
        with self.world("a_429_is_waited_for") as world:
            self.need(world.speaks_http, "no address was put through()")
            moment = datetime.fromtimestamp(world.clock.wall() + 30, UTC)
            headers = {
                "seconds": {"Retry-After": "30"},
                "date": {"Retry-After": format_datetime(moment, usegmt=True)},
                "nothing": {},
                "nonsense": {"Retry-After": "soon"},
            }[wait]
            if wait == "date":
                headers["Date"] = format_datetime(
                    datetime.fromtimestamp(world.clock.wall(), UTC), usegmt=True
                )
            world.fault("answer", status=429, headers=headers)
            report = world.run(
                self.rows(25), self.first_mode(world), batch_size=10, max_in_flight=1
            )
            assert report.delivered == 25, report
            self.assert_holds(self.rows(25), "after a 429, ")
            if wait in ("seconds", "date"):
                self._waited(world, 29.0)

    def _waited(self, world: World, seconds: float) -> None:
        requests = world.gates[0].requests
        moments = [each.at for each in requests if each.method not in ("GET", "HEAD")]
        longest = max((after - before for before, after in pairwise(moments)), default=0)
        assert longest >= seconds, (
            f"the service asked to wait for 30 s, and the next request came after {longest:.1f} s:"
            " leave sending to the engine's http, which keeps to Retry-After"
        )

    def test_a_wait_of_days_ends_the_run(self) -> None:
        """Have the service ask to come back in a year."""
        with self.world("a_wait_of_days_ends_the_run") as world:
            self.need(world.speaks_http, "no address was put through()")
            headers = {"Retry-After": "31536000"}
            world.fault("answer", status=429, headers=headers, times=None)
            report = world.run(self.rows(25), self.first_mode(world), batch_size=10)
            assert report.exit_code in (9, 10), report
            assert world.clock.monotonic() < 100_000, "it waits for days"
            self.assert_honest(report)

    def test_a_401_in_mid_run_loses_nothing(self) -> None:
        """Have the login run out; the next run, with a good one, brings the rest."""
        with self.world("a_401_in_mid_run_loses_nothing") as world:
            self.need(world.speaks_http, "no address was put through()")
            mode = self.first_mode(world)
            world.fault("answer", status=401, skip=1, times=None)
            report = world.run(self.rows(25), mode, batch_size=10, max_in_flight=1)
            self.assert_honest(report)
            assert report.delivered < 25 and report.exit_code in (9, 10), report
            for each in world.gates:
                each.clear()
            self._again_until_all_is_there(world, mode, report)

    @pytest.mark.parametrize("skip", [0, 1, 2])
    @pytest.mark.parametrize(
        "kind",
        ["reset_before", "reset_after", "error_after", "truncate", "garbage", "endless", "bomb", "late"],
    )  # fmt: skip
    def test_trouble_loses_and_doubles_nothing(self, kind: str, skip: int) -> None:
        """Have an answer lost or broken, before or after the service has done its work."""
        with self.world("trouble_loses_and_doubles_nothing") as world:
            self.need(world.speaks_http, "no address was put through()")
            mode = self.first_mode(world)
            told_no = "what is done after lookup has said that it was not doubles, whoever looks"
            self.need(kind != "late" or self.delivery(world, mode) != "probe", told_no)
            world.fault(kind, skip=skip)
            report = world.run(self.rows(25), mode, batch_size=10, max_in_flight=1)
            self.assert_honest(report)
            for each in world.gates:
                each.release()
            self.assert_honest(report)
            self._again_until_all_is_there(world, mode, report)

    def _again_until_all_is_there(self, world: World, mode: str, report: Report) -> None:
        """Run again as often as it helps; what is in doubt then may be there or not."""
        for _ in range(3):
            if report.exit_code in (0, 4):
                # Another append would mean other records.
                break
            report = world.run(self.rows(25), mode, batch_size=10, max_in_flight=1)
            self.assert_honest(report)
        held = {str(each.get(self.key)) for each in self.received()}
        doubts = {*told(report)[Status.IN_DOUBT]}
        delivery = self.delivery(world, mode)
        assert not doubts or delivery in ("at_most_once", "probe"), (
            f"it declares {delivery}, and records stay in doubt: {sorted(doubts)[:3]}"
        )
        lost = {str(row[self.key]) for row in self.rows(25)} - held - doubts
        assert not lost, f"records are lost for good: {sorted(lost)[:3]}"

    def test_secrets_stay_secret(self) -> None:
        """Have the service refuse, and then say them back in its refusal."""
        with self.world("secrets_stay_secret") as world:
            mode = self.first_mode(world)
            secrets = hide(world.prepared([], mode).options).secrets
            self.need(secrets, "its options hold no Secret, or none was given by open()")
            bodies = ({"message": "no"}, {"message": f"bad login {secrets[0]}"})
            for time, body in enumerate(bodies):
                world.echoes = secrets[0] in str(body)
                if world.speaks_http:
                    world.fault("answer", status=400, body=body)
                self.assert_honest(world.run(self.rows(5, first=5 * time), mode))
