"""Values that cannot be written, and how they are shown to those who have to mend them."""

from typing import Any


class UnfitError(Exception):
    """Say why a property cannot hold a value; `reason` is the kind of refusal."""

    def __init__(self, message: str, reason: str = "value") -> None:
        super().__init__(message)
        self.reason = reason


def shown(value: Any) -> str:
    """Give a value as a message may show it."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # digits without end, or code of others
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"
