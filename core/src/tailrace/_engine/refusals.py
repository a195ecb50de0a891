"""Refusals: which of them are one problem, however many records met it."""

import re
from hashlib import blake2b

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_VALUE = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\S+@\S+|\b[0-9a-fA-F]{16,}\b|\b\d[\d.,:T+Z-]*\b"
)


def fingerprint(reason: str, message: str) -> str:
    """Give a short text that is the same for refusals of one kind: values in them do not count."""
    plain = _VALUE.sub("0", _QUOTED.sub("''", message)).casefold()
    return blake2b(f"{reason}\n{plain}".encode(), digest_size=4).hexdigest()
