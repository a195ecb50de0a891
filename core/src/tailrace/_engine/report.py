"""Report: what a run did, in counts that add up."""

from collections.abc import Mapping
from typing import Any

import attrs

from tailrace.outcomes import Rejection
from tailrace.records import Mode

EXIT_CODES: Mapping[int, str] = {
    0: "all delivered, or nothing to do",
    1: "an internal error",
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

_WORST_FIRST = (7, 1, 3, 4, 5, 9, 10, 8, 6, 2, 0)


def worst(codes: Mapping[Any, int] | list[int]) -> int:
    """Give the exit code that stands first when several apply."""
    return min(codes, key=_WORST_FIRST.index, default=0)


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

    @property
    def ok(self) -> bool:
        """Tell whether the exit code is 0."""
        return self.exit_code == 0

    def as_json(self) -> dict[str, Any]:
        """Give the machine's form, with the first 20 rejections."""
        form = attrs.asdict(self, recurse=False, filter=lambda each, _: each.name != "rejections")
        form["mode"] = str(self.mode)
        form["seconds"] = round(self.seconds, 3)
        form["warnings"] = list(self.warnings)
        form["rejections"] = [each._asdict() for each in self.rejections[:20]]
        return form
