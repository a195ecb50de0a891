"""Run: one execution, as observers see it while it goes on, and why it ends."""

import logging
from typing import Any

import attrs

from tailrace._engine.http import Client
from tailrace._engine.ledger import Ledger
from tailrace._engine.reading import Reading
from tailrace.records import Mode
from tailrace.secret import Hide
from tailrace.text import shown

_log = logging.getLogger("tailrace")

_TOLD = 20
"""Failures of observers that are told of; one may fail on every batch."""


@attrs.define(eq=False)
class Run:
    """Be one execution, as observers see it while it goes on."""

    sync: str
    run_id: str
    mode: Mode
    ledger: Ledger = attrs.field(repr=False)
    client: Client = attrs.field(repr=False)
    hiding: Hide = attrs.field(default=Hide(), repr=False)
    reading: Reading | None = attrs.field(default=None, repr=False)
    began: bool = attrs.field(default=False, repr=False)
    restored: int = attrs.field(default=0, repr=False)
    removed: int = attrs.field(default=0, repr=False)

    @property
    def read(self) -> int:
        """Give the records read so far, those of a run that died with them."""
        return self.restored + (self.reading.read if self.reading is not None else 0)

    @property
    def expected(self) -> int | None:
        """Give the records that there are to read, where the source knows."""
        return self.reading.expected if self.reading is not None else None

    @property
    def answered(self) -> int:
        """Give the records that have their outcome."""
        return self.ledger.account.answered

    @property
    def waits(self) -> float:
        """Give the seconds that a service asked to wait from now on."""
        return self.client.pace.waits()


@attrs.define
class Ending:
    """Collect why a run ends, if it is not for having done all."""

    codes: list[int] = attrs.field(factory=list)
    problem: str | None = None
    warnings: list[str] = attrs.field(factory=list)
    unsent: bool = False
    """Some records were read that came into no batch."""

    def stop(self, code: int, problem: str) -> None:
        """Add a reason; the first one is told."""
        self.codes.append(code)
        self.problem = self.problem or problem

    def cut_off(self, code: int, problem: str) -> None:
        """Add a reason for which what was read is not sent."""
        self.unsent = True
        self.stop(code, problem)


@attrs.frozen
class Teller:
    """Tell observers; one that raises is reported and stops nothing."""

    hooks: Any
    failures: list[str]

    @property
    def anybody(self) -> bool:
        """Tell whether there are observers."""
        return bool(self.hooks.get_plugins())

    def __call__(self, hook: str, **facts: Any) -> None:
        for name, observer in self.hooks.list_name_plugin():
            others = [each for each in self.hooks.get_plugins() if each is not observer]
            try:
                self.hooks.subset_hook_caller(hook, others)(**facts)
            except Exception as error:  # noqa: BLE001  # an observer stops nothing
                told = f"the observer {name} failed: {type(error).__name__}: {shown(error)}"
                if told not in self.failures and len(self.failures) < _TOLD:
                    _log.exception("the observer %s failed", name)
                    self.failures.append(told)
