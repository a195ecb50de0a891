"""Report: what a run did, in counts that add up."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from tailrace._engine.arrow import as_table
from tailrace.errors import ConfigError
from tailrace.outcomes import Outcome, Rejection
from tailrace.records import Mode
from tailrace.text import plain, shown

EXIT_CODES: Mapping[int, str] = {
    0: "all delivered, or nothing to do",
    1: "a bug in tailrace or in a plugin; please report it",
    2: "wrong usage or configuration",
    3: "source and destination do not fit; nothing was sent",
    4: "some records are in doubt",
    5: "the delete breaker stopped the run",
    6: "the state is locked by another run",
    7: "the state cannot be read",
    8: "some records were rejected",
    9: "stopped early; safe to run again",
    10: "some records failed and come back with the next run",
}

_SHOWN = 20
"""Rejections that a summary and the JSON form list."""

_WIDE = 1000
"""Characters of one line of a problem or warning."""

_MOST_BITS = 10_000
"""Of a whole number in JSON; Python writes some 14,000."""

_COLUMNS = ("sync", "run_id", "key", "status", "reason", "message", "remote_id")

_APART = ("rejections", "earlier", "_each")
"""Fields that the JSON form has otherwise, or not at all."""

_WORST_FIRST = (7, 1, 3, 4, 5, 9, 10, 8, 6, 2, 0)


def worst(codes: Mapping[Any, int] | list[int]) -> int:
    """Give the exit code that stands first when several apply."""
    return min(codes, key=_WORST_FIRST.index, default=0)


@attrs.define(eq=False)
class Outcomes:
    """All outcomes of one run: iterate over them, or hand them to what reads Arrow.

    As Arrow they are text: sync, run_id, key, status, reason, message, remote_id. A key of several
    fields is a JSON array there. Whoever reads them may find a StateError where the next run of the
    sync has begun.
    """

    sync: str
    run_id: str
    _count: int
    _each: Callable[[], Iterator[Outcome]] = attrs.field(repr=False)
    _connection: Any = attrs.field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Outcome]:
        return self._each()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        rows = (
            (
                self.sync,
                self.run_id,
                _as_text(each.key),
                each.status,
                each.reason,
                each.message,
                each.remote_id,
            )
            for each in self
        )
        self._connection, table = as_table(_COLUMNS, rows)
        return table.__arrow_c_stream__(requested_schema)


@attrs.frozen(kw_only=True)
class Report:
    """Tell what became of every record of one run.

    Always: read + removed = delivered + skipped + rejected + failed + in_doubt. `problem` says why
    a run ended early, `warnings` what a person should look at.
    """

    sync: str
    run_id: str
    mode: Mode
    read: int = 0
    removed: int = 0
    delivered: int = 0
    skipped: int = 0
    rejected: int = 0
    failed: int = 0
    in_doubt: int = 0
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    seconds: float = 0.0
    exit_code: int = 0
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    rejections: tuple[Rejection, ...] = attrs.field(default=(), repr=False)
    earlier: tuple["Report", ...] = attrs.field(default=(), repr=False)
    """Runs that had died, or were left with failures, and were finished first."""
    _each: Callable[[], Iterator[Outcome]] | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def ok(self) -> bool:
        """Tell whether the exit code is 0."""
        return self.exit_code == 0

    def outcomes(self) -> "Outcomes":
        """Give every outcome of the run by itself.

        They are kept with the state until the next run begins. Raises a ConfigError for a sync
        that keeps no state.
        """
        if self._each is None:
            raise ConfigError(
                "the outcomes of a run are kept with the state of its sync; give it one: state=PATH"
            )
        return Outcomes(self.sync, self.run_id, self.read + self.removed, self._each)

    def summary(self) -> str:
        """Give a line of counts, and below it what a person should look at."""
        counts = [
            f"{getattr(self, name):,} {name.replace('_', ' ')}"
            for name in ("delivered", "skipped", "rejected", "failed", "in_doubt")
            if getattr(self, name) or name == "delivered"
        ]
        mark = "ok" if self.ok else f"exit {self.exit_code}"
        requests = "1 request" if self.requests == 1 else f"{self.requests:,} requests"
        cost = [f"{self.seconds:.1f} s", requests]
        cost += [f"{self.throttled:,} times slowed down"] if self.throttled else []
        cost += [f"{self.retries:,} sent again"] if self.retries else []
        lines = [
            f"{self.sync}: {mark}: {self.read:,} read, {', '.join(counts)} ({', '.join(cost)})"
        ]
        if not self.ok:
            lines.append(f"  {EXIT_CODES[self.exit_code]}")
        if self.problem:
            lines += [f"  {plain(line, _WIDE)}" for line in self.problem.splitlines()]
        lines += [f"  warning: {plain(warning, _WIDE)}" for warning in self.warnings]
        for key, reason, message in self.rejections[:_SHOWN]:
            name = "" if key is None else f" {plain(shown(key), 60)}"
            lines.append(f"  rejected{name}: {plain(message, 300)} [{reason}]")
        if len(self.rejections) > _SHOWN:
            lines.append(f"  ... and {len(self.rejections) - _SHOWN:,} more")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Give the machine's form, with the first 20 rejections."""
        form = attrs.asdict(self, recurse=False, filter=lambda each, _: each.name not in _APART)
        form["mode"] = str(self.mode)
        form["seconds"] = round(self.seconds, 3)
        form["warnings"] = list(self.warnings)
        form["rejections"] = [
            each._asdict() | {"key": _for_json(each.key)} for each in self.rejections[:_SHOWN]
        ]
        if self.earlier:
            form["earlier"] = [each.as_json() for each in self.earlier]
        return form


def _as_text(key: Any) -> str | None:
    """Give a key as people type it, and several fields' as a JSON array of such."""
    if isinstance(key, tuple):
        return json.dumps([_as_text(each) for each in key])
    return None if key is None else shown(key)


def _for_json(key: Any) -> Any:
    """Give a key with nothing in it that Python refuses to write, such as 5,000 digits."""
    if isinstance(key, tuple):
        return [_for_json(each) for each in key]
    return shown(key) if isinstance(key, int) and key.bit_length() > _MOST_BITS else key
