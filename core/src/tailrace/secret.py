"""Secret: a text that nothing shows, and what hides it where a plugin shows it all the same."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

_SHORTEST = 4
"""Characters of a secret that is looked for; a shorter one would be found in every other word."""


_LONG = 12
"""Characters of a part of an address that is no plain word."""


class Secret:
    """Hold a text that no repr, log, error or report shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, ("***",)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: Any) -> "Secret":
        return self


@attrs.frozen
class Hide:
    """Put stars for the secrets of a run's options."""

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)

    def __call__(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide in a log record, and in the traceback that goes with it."""
        record.msg, record.args = self(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self(logging.Formatter().formatException(record.exc_info))
        return True


def hide(*options: Any) -> Hide:
    """Make what hides every secret of some options."""
    found = {text for each in options for text in _secrets(each)}
    return Hide(tuple(sorted(found, key=len, reverse=True)))


@contextmanager
def hidden_in(log: logging.Logger, hiding: Hide) -> Iterator[None]:
    """Hide in what a logger is told in the meantime."""
    if not hiding.secrets:
        yield
        return
    log.addFilter(hiding.filter)
    try:
        yield
    finally:
        log.removeFilter(hiding.filter)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        text = value.reveal()
        yield from (part for part in (text, *_within(text)) if len(part) >= _SHORTEST)
        return
    parts: Iterable[Any] = ()
    if attrs.has(type(value)):
        parts = (getattr(value, field.name) for field in attrs.fields(type(value)))
    elif isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    for part in parts:
        yield from _secrets(part)


def _within(text: str) -> Iterator[str]:
    """Give the parts of an address that are secret where it is: others tell of them alone."""
    try:
        parts = urlsplit(text)
        password = parts.password or ""
    except ValueError:
        return
    if not parts.netloc:
        return
    found = [password]
    if parts.scheme in ("http", "https"):
        found += [part for part in (parts.path, *parts.path.split("/")) if len(part) >= _LONG]
        found += [value for _, value in parse_qsl(parts.query) if len(value) >= _LONG]
    for part in found:
        yield from {part, unquote(part)}
