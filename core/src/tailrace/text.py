"""Foreign text, made fit to be shown."""

import unicodedata


def plain(text: str, length: int = 200) -> str:
    """Give text without control, format and bidirectional characters, cut to a length."""
    shown = "".join(
        " " if character in "\r\n\t" else character
        for character in text[: length * 2]
        if character in "\r\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= length else shown[: length - 1] + "…"
