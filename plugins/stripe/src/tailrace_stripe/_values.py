"""Values: Unix seconds and moments, by the names that Stripe gives to fields of that kind."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import attrs

_MOMENT = re.compile(
    r"(created|updated|date|start|end|expires|due_by|redeem_by|deadline|timestamp|active_from"
    r"|billing_cycle_anchor|next_payment_attempt|next_pending_invoice_item_invoice"
    r"|end_time|start_time|frozen_time|data_load_time|result_available_until|deletes_after"
    r"|computed_timestamp|available_on|.+_at|.+_date|.+_start|.+_end)"
)
_LAST = 253_402_300_799
"""The last second of the year 9999, where datetimes end."""


@attrs.frozen
class Rows:
    """Make rows of objects.

    moments: whether Unix seconds become datetimes.
    """

    moments: bool

    def row(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        """Give an object as a row; amounts stay in the minor unit, objects and lists nested."""
        return {name: self._value(name, each) for name, each in subject.items()}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return self.row(value)
        if isinstance(value, list):
            return [self._value(name, each) for each in value]
        if self.moments and type(value) is int and 0 <= value <= _LAST and _MOMENT.fullmatch(name):
            return datetime.fromtimestamp(value, UTC)
        return value


def seconds(value: Any) -> Any:
    """Give Unix seconds for moments and days, and all else as it is."""
    if isinstance(value, Mapping):
        return {name: seconds(each) for name, each in value.items()}
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return int(moment.timestamp() // 1)
    if isinstance(value, date):
        return int(datetime.combine(value, time(), UTC).timestamp())
    return value
