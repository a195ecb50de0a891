"""What became of a record: one of five answers."""

from enum import StrEnum
from typing import Any, NamedTuple

import attrs


class Status(StrEnum):
    """Name the only five outcomes."""

    DELIVERED = "delivered"
    SKIPPED = "skipped"
    """There was nothing to send."""
    REJECTED = "rejected"
    """The service, or a check before sending, refused it."""
    FAILED = "failed"
    """It did not arrive and comes back with the next run."""
    IN_DOUBT = "in_doubt"
    """It was sent, and nothing tells whether it arrived."""


@attrs.frozen
class Outcome:
    """Answer for one record of a batch; `remote_id` is the service's own name for it."""

    key: Any
    status: Status = attrs.field(converter=Status)
    reason: str | None = attrs.field(default=None, kw_only=True)
    message: str | None = attrs.field(default=None, kw_only=True)
    remote_id: str | None = attrs.field(default=None, kw_only=True)


class Rejection(NamedTuple):
    """Name a refused record, the kind of refusal and what the service said.

    A key of one field is the bare value; without a key it is the record's place in the read,
    counted from 1.
    """

    key: Any
    reason: str
    message: str
