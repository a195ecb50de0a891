"""Turns: one request a record, and what becomes of the others when one of them goes wrong."""

from collections.abc import Callable, Sequence

import tailrace
from tailrace_notion._api import MissingPageError
from tailrace_notion._drafts import Draft

_IN_A_ROW = 3
"""Lost answers, one after the other, after which the rest of a batch waits."""


def in_turn(
    batch: tailrace.Batch,
    drafts: Sequence[Draft],
    write: Callable[[Draft], tailrace.Outcome],
) -> list[tailrace.Outcome]:
    """Write each draft once; those that were not sent are failed, and the engine sends them again.

    What was done is told in any case: an error is raised only before anything was sent, and comes
    again, if it lasts, when the engine comes back with what is left.
    """
    fate: list[tailrace.Outcome] = []
    lost = 0
    for at, draft in enumerate(drafts):
        record = draft.record
        try:
            fate.append(write(draft))
            lost = 0
        except (tailrace.RejectedError, MissingPageError) as error:
            why = error.reason or "rejected"
            fate.append(batch.outcome(record, rejected=str(error), reason=why))
            lost = 0
        except tailrace.UnansweredError as error:
            fate.append(_in_doubt(record, str(error)))
            lost += 1
            if lost == _IN_A_ROW:
                return [*fate, *_left(batch, drafts[at + 1 :], str(error))]
        except (tailrace.UnsentError, tailrace.FatalError) as error:
            if not fate:
                raise
            return [*fate, *_left(batch, drafts[at:], str(error))]
    return fate


def _in_doubt(record: tailrace.Record, why: str) -> tailrace.Outcome:
    return tailrace.Outcome(
        record.key,
        tailrace.Status.IN_DOUBT,
        reason="unanswered",
        message=why,
        remote_id=record.remote_id,
    )


def _left(batch: tailrace.Batch, drafts: Sequence[Draft], why: str) -> list[tailrace.Outcome]:
    told = f"not sent: {why}"
    return [
        batch.outcome(each.record, failed=told, remote_id=each.record.remote_id) for each in drafts
    ]
