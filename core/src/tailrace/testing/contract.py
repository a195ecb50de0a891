"""What an author fills in for the kit, and what its checks are made of."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from tailrace._engine.report import Report
from tailrace.outcomes import Status
from tailrace.records import Action, Row
from tailrace.testing.world import World, same, told

ACTIONS = {
    "append": Action.APPEND,
    "replace": Action.APPEND,
    "insert": Action.INSERT,
    "update": Action.UPDATE,
    "upsert": Action.UPSERT,
    "mirror": Action.UPSERT,
}


class Contract:
    """Be what an author fills in, and what its checks are made of."""

    __tailrace_kit__ = "destination"

    destination: Any = None
    """A plugin's name, a decorated function or a DestinationSpec."""
    key: str = "id"
    text: str = "name"
    """A field that takes any text."""
    exempt: ClassVar[Mapping[str, str]] = {}

    # To be filled in

    def open(self, through: Callable[[str], str]) -> Mapping[str, Any]:
        """Give the options to open the plugin with; `through` puts a gate before an address."""
        raise NotImplementedError("fill in open(): the options, each address put through()")

    def received(self) -> Iterable[Mapping[str, Any]]:
        """Give what the service holds, by the fields' own names."""
        raise NotImplementedError("fill in received(): what the service holds")

    def reset(self) -> None:
        """Empty the service."""
        raise NotImplementedError("fill in reset(): empty the service")

    # To be changed where the defaults do not fit

    def row(self, number: int, version: int = 0) -> Row:
        """Give a good row; those of one number have one key."""
        return {self.key: number, self.text: f"name {number}, version {version}"}

    def bad(self, number: int) -> Row | None:
        """Give a row that the service refuses, or None where it refuses none."""
        return None

    def same(self, row: Row, held: Mapping[str, Any]) -> bool:
        """Tell whether what the service holds is a row, whatever types it has there."""
        return same(row, held)

    # The machinery

    @contextmanager
    def world(self, check: str) -> Iterator[World]:
        """Begin anew, unless the check is exempt."""
        if check in self.exempt:
            pytest.skip(f"exempt: {self.exempt[check]}")
        self.reset()
        with World.begun(self.destination, self.key, self.open) as world:
            yield world

    def rows(self, count: int, first: int = 0, version: int = 0) -> list[Row]:
        """Give good rows."""
        return [self.row(number, version) for number in range(first, first + count)]

    def assert_holds(self, rows: Sequence[Row], when: str = "") -> None:
        """Assert that the service holds these rows, each once, and no others."""
        held = list(self.received())
        counts = Counter(str(each.get(self.key)) for each in held)
        doubled = [key for key, count in counts.items() if count > 1]
        assert not doubled, f"{when}the service holds records twice: {doubled[:3]}"
        wanted = {str(row[self.key]): row for row in rows}
        missing = [key for key in wanted if key not in counts]
        assert not missing, (
            f"{when}the service lacks {len(missing)} of {len(wanted)} records: {missing[:3]}"
        )
        strange = [key for key in counts if key not in wanted]
        assert not strange, f"{when}the service holds records that it should not: {strange[:3]}"
        for each in held:
            row = wanted[str(each.get(self.key))]
            assert self.same(row, each), (
                f"{when}the service holds {dict(each)!r}, and it should: {row!r}"
            )

    def assert_honest(self, report: Report) -> None:
        """Assert that what a report says was delivered is there, and what failed is not doubled."""
        outcomes = told(report)
        counts = Counter(str(each.get(self.key)) for each in self.received())
        doubled = [key for key, count in counts.items() if count > 1]
        assert not doubled, (
            f"the service holds records twice: {doubled[:3]}; something sent them again although"
            " nobody knows whether they had arrived"
        )
        lost = [key for key in outcomes[Status.DELIVERED] if not counts[key]]
        assert not lost, f"records are reported as delivered, and did not arrive: {lost[:3]}"
        there = [key for key in outcomes[Status.REJECTED] if counts[key]]
        assert not there, f"records are reported as rejected, and did arrive: {there[:3]}"

    def first_mode(self, world: World) -> str:
        """Give the mode in which plain rows arrive."""
        modes = world.spec.modes
        return next(
            mode
            for mode in ("upsert", "append", "insert", "mirror", "replace", "update")
            if mode in modes
        )

    def delivery(self, world: World, mode: str) -> str:
        """Give what the plugin declares of a repeat."""
        return world.spec.delivery[ACTIONS[mode]]

    def need(self, having: object, why: str) -> None:
        """Leave a check out that the plugin's own declaration makes void, and say so."""
        if not having:
            pytest.skip(f"does not apply: {why}")
