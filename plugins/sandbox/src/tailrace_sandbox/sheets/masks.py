"""The `fields` of an update inside a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailrace_sandbox.sheets import shapes
from tailrace_sandbox.sheets.errors import ApiError, bad


def field_paths(given: Mapping[str, Any], schema: str) -> set[tuple[str, ...]]:
    """Return the paths that an update names; `*` stands for what the update holds."""
    text = str(given.get("fields") or "")
    if not text:
        raise bad(
            "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"
        )
    try:
        mask = shapes.checked_mask(text, schema)
    except ApiError:
        raise bad(f"Invalid field: {text}") from None
    if not mask.everything:
        return set(mask.paths())
    values = next(
        (v for k, v in given.items() if isinstance(v, Mapping) and k not in ("range", "start")), {}
    )
    return {(name,) for name in values}
