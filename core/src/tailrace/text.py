"""Foreign text, made fit to be shown."""

import unicodedata
from collections.abc import Callable
from typing import Any


def plain(text: str, length: int = 200) -> str:
    """Give text without control, format and bidirectional characters, cut to a length."""
    shown = "".join(
        " " if character in "\r\n\t" else character
        for character in text[: length * 2]
        if character in "\r\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def cut(text: str, length: int = 5000) -> str:
    """Give text that is no longer than it can be read."""
    return text if len(text) <= length else text[: length - 1] + "…"


def shown(value: Any, form: Callable[[Any], str] = str) -> str:
    """Give a value as text; one that has none, such as a number of 5,000 digits, by its type."""
    try:
        return form(value)
    except Exception:  # noqa: BLE001  # code of others, and digits without end
        return f"a value of type {type(value).__name__}"
