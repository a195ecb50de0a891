"""What a cell holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from tailrace_sandbox.sheets.errors import ApiError, bad

Plain = str | int | float | bool | None
"""A cell without format or formula is nothing but its value; an empty one is None."""

MAX_TEXT = 50_000
EXACT = 2**53
PRINTED_IN_FULL = 1e17


@attrs.frozen(kw_only=True)
class Cell:
    """Hold a cell that is more than its value."""

    value: Plain = None
    formula: str | None = None
    format: Mapping[str, Any] | None = None
    note: str | None = None
    validation: Mapping[str, Any] | None = None

    def slim(self) -> Cell | Plain:
        """Return the bare value if there is nothing else."""
        bare = self.formula is None and self.format is None
        return self.value if bare and self.note is None and self.validation is None else self

    def number_format(self) -> Mapping[str, Any] | None:
        """Return the number format that a user has set."""
        found = (self.format or {}).get("numberFormat")
        return found if isinstance(found, Mapping) else None


Content = Cell | Plain
Row = tuple[Content, ...]


def number(value: float) -> int | float:
    """Return a number as a double holds it: whole ones as int, so that JSON shows `53`."""
    if type(value) is int and -EXACT <= value <= EXACT:
        return value
    try:
        double = float(value)
    except OverflowError:
        raise bad("Invalid value: a number is beyond the range of a double") from None
    if math.isfinite(double) and double.is_integer() and abs(double) < PRINTED_IN_FULL:
        return int(double)
    return double


def raw(value: Any) -> Plain:
    """Take a value as it is; raises TypeError for what no cell can hold."""
    kind = type(value)
    if kind is str:
        if len(value) > MAX_TEXT:
            raise too_long()
        return value or None
    if kind is bool:
        return bool(value)
    if kind is int or kind is float:
        return number(value)
    raise TypeError(value)


def too_long() -> ApiError:
    """Return the error for text that is too long for a cell."""
    return bad(
        f"Your input contains more than the maximum of {MAX_TEXT} characters in a single cell."
    )


def holds(content: Content) -> bool:
    """Tell whether a cell has a value or a formula."""
    if type(content) is Cell:
        return content.value is not None or content.formula is not None
    return content is not None


def refilled(old: Content, new: Plain) -> Content:
    """Put a value into a cell and keep the rest of it, but for a formula."""
    if type(old) is Cell:
        return attrs.evolve(old, value=new, formula=None).slim()
    return new
