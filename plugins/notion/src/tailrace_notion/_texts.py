"""Texts: how long they are to Notion, and where they may be cut."""

import unicodedata
from collections.abc import Iterator

LONGEST = 2_000
"""UTF-16 units of one element of rich text."""
_FARTHEST = 64
"""Characters that one sign may be made of; one of more is cut."""
_JOINER = "\u200d"


def units(text: str) -> int:
    """Give a text's length as Notion counts it: in UTF-16 units, of which an emoji has two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, most: int = LONGEST) -> Iterator[str]:
    """Give a text in parts of so many units, cut only between what a reader sees as signs."""
    while text:
        part = text[:most]
        while (over := units(part) - most) > 0:
            part = part[: len(part) - (over + 1) // 2]
        at = _cut(text, len(part))
        yield text[:at]
        text = text[at:]


def _cut(text: str, at: int) -> int:
    for back in range(at, max(at - _FARTHEST, 0), -1):
        if back == len(text) or not _belong(text, back):
            return back
    return at


def _belong(text: str, at: int) -> bool:
    """Tell whether the characters on both sides of a place are parts of one sign."""
    before, after = text[at - 1], text[at]
    if before == "\r":
        return after == "\n"
    if before == _JOINER or unicodedata.combining(before) == 9:  # a virama joins what follows
        return True
    if _is_flag(before) and _is_flag(after):
        run = at
        while run > 0 and _is_flag(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return (
        after == _JOINER
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u1160" <= after <= "\u11ff"  # vowels and finals of Hangul
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # tones of skin
        or "\U000e0020" <= after <= "\U000e007f"  # tags, in flags of regions
    )


def _is_flag(character: str) -> bool:
    """Tell whether two of its kind make a country's flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"
