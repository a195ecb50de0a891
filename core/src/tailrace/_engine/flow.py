"""What flows from stage to stage."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from tailrace.records import Row
from tailrace.schema import Schema

Refuse = Callable[[Any, str, str], None]
"""Note a refused record: its key or number, the reason, the message."""


@attrs.frozen
class Rows:
    """Hold rows and their numbers in the read, counted from 1, with the schema known so far."""

    numbers: Sequence[int]
    rows: list[Row]
    schema: Schema


@attrs.frozen
class Records:
    """Hold rows as the destination sees them, with what names them and the schema so far."""

    keys: Sequence[Any]
    rows: list[Row]
    schema: Schema
