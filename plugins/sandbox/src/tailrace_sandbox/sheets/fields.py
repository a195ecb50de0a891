"""Field masks: `a,b/c,d(e,f)`, with dots as well as slashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"\s*([A-Za-z_$@][\w$@-]*|\*|[,/.()])")


class Mask:
    """Hold a parsed mask: names with the masks below them; one without names takes everything."""

    __slots__ = ("names",)

    def __init__(self, names: Mapping[str, Mask] | None = None) -> None:
        self.names: dict[str, Mask] = dict(names or {})

    def __repr__(self) -> str:
        return f"Mask({self})"

    def __str__(self) -> str:
        return ",".join(
            f"{name}({mask})" if mask.names else name for name, mask in sorted(self.names.items())
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self.names == other.names

    __hash__ = None  # type: ignore[assignment] # it is mutable while it is parsed

    @property
    def everything(self) -> bool:
        return not self.names

    def below(self, name: str) -> Mask | None:
        """Return the mask of a field; None when the field is not wanted."""
        if self.everything:
            return self
        return self.names.get(name) or self.names.get("*")

    def wants(self, *path: str) -> bool:
        """Tell whether anything at or below a path is wanted."""
        mask: Mask | None = self
        for name in path:
            if mask is None:
                return False
            mask = mask.below(name)
        return mask is not None

    def apply(self, value: Any) -> Any:
        """Return what the mask leaves of a JSON value; lists are looked through."""
        if self.everything:
            return value
        if isinstance(value, list):
            return [self.apply(part) for part in value]
        if not isinstance(value, dict):
            return value
        kept: dict[str, Any] = {}
        for name, part in value.items():
            mask = self.below(name)
            if mask is None:
                continue
            left = mask.apply(part)
            if left not in ({}, []) or part in ({}, []):
                kept[name] = left
        return kept

    def paths(self) -> list[tuple[str, ...]]:
        """Return the leaves, each as its path."""
        found: list[tuple[str, ...]] = []
        for name, mask in self.names.items():
            deeper = mask.paths()
            found.extend((name, *path) for path in deeper)
            if not deeper:
                found.append((name,))
        return found


ALL = Mask()


@lru_cache(maxsize=1024)
def parse(text: str) -> Mask:
    """Read a mask; raises ValueError where it is none."""
    tokens: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(text)
        tokens.append(match[1])
        at = match.end()
    if not tokens:
        return ALL
    mask, end = _list(tokens, 0)
    if end != len(tokens):
        raise ValueError(text)
    return ALL if mask.names.keys() == {"*"} and mask.names["*"].everything else mask


def _list(tokens: list[str], at: int) -> tuple[Mask, int]:
    mask = Mask()
    while True:
        at = _item(tokens, at, mask)
        if at >= len(tokens) or tokens[at] != ",":
            return mask, at
        at += 1


def _item(tokens: list[str], at: int, mask: Mask) -> int:
    if at >= len(tokens) or tokens[at] in ",/.()":
        raise ValueError("a name is missing")
    name = tokens[at]
    at += 1
    step = tokens[at] if at < len(tokens) else ""
    deeper = Mask()
    if step in ("/", "."):
        at = _item(tokens, at + 1, deeper)
    elif step == "(":
        deeper, at = _list(tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise ValueError("a parenthesis is not closed")
        at += 1
    _merge(mask, name, deeper)
    return at


def _merge(mask: Mask, name: str, deeper: Mask) -> None:
    known = mask.names.get(name)
    if known is None:
        mask.names[name] = deeper
    elif known.everything or deeper.everything:
        mask.names[name] = Mask()
    else:
        for inner, below in deeper.names.items():
            _merge(known, inner, below)
