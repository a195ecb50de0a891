"""The plugin contract: five hooks, found through the entry-point group `tailrace`."""

from typing import TYPE_CHECKING, Any

import pluggy

from tailrace.components import DestinationSpec, SourceSpec
from tailrace.outcomes import Outcome
from tailrace.records import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "tailrace"
"""The entry-point group of plugins, and pluggy's project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec(firstresult=True)
def tailrace_source() -> SourceSpec | None:
    """Give the plugin's source; asked of the one plugin that was named."""


@hookspec(firstresult=True)
def tailrace_destination(options: Any) -> DestinationSpec | None:
    """Give the named plugin's destination, as it is with its options; asked with None first."""


@hookspec
def tailrace_run_started(run: Any) -> None:
    """Tell observers that a run begins; `run` has `sync`, `run_id` and `mode`."""


@hookspec
def tailrace_batch_delivered(run: Any, batch: Batch, outcomes: "Sequence[Outcome]") -> None:
    """Tell observers what became of a batch, one outcome a record."""


@hookspec
def tailrace_run_finished(run: Any, report: Any) -> None:
    """Tell observers how the run ended; `report` is a `tailrace.Report`."""
