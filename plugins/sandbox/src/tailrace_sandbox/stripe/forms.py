"""Forms: `metadata[team]=a&items[0][price]=p` as the fields of an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tailrace_sandbox.stripe.errors import ApiError
from tailrace_sandbox.stripe.kinds import Kind

_PART = re.compile(r"\[(\w*)\]")
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER_NAME = re.compile(
    r"(unit_)?amount\w*|quantity|trial_end|billing_cycle_anchor|\w+_(at|date)"
)


def fields_of(kind: Kind, body: bytes) -> dict[str, Any]:
    """Return what a form says of an object; raises the error of a field that it cannot have."""
    given: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        first, _, rest = name.partition("[")
        path = [first, *_PART.findall(f"[{rest}" if rest else "")]
        _put(given, path, text)
    known = {*kind.null, *kind.set, "metadata"}
    for name in given:
        if kind.filters is not None and name not in known:
            told = f"Received unknown parameter: {name}"
            raise ApiError(told, code="parameter_unknown", param=name)
    return {name: _typed(name, value, kind.set.get(name)) for name, value in given.items()}


def _put(holder: dict[str, Any], path: list[str], text: str) -> None:
    for name in path[:-1]:
        inner = holder.setdefault(name, {})
        holder = inner if isinstance(inner, dict) else {}
    holder[path[-1] or str(len(holder))] = text


def _typed(name: str, value: Any, usual: Any) -> Any:
    """Return a value as the API holds it: lists by their numbers, and what is empty as nothing."""
    if isinstance(value, Mapping):
        if all(key.isdigit() for key in value):
            return [_typed(name, each, None) for each in value.values()]
        if name == "metadata":
            return {key: each for key, each in value.items() if each}
        return {key: _typed(key, each, None) for key, each in value.items()}
    if value == "":
        return None
    if isinstance(usual, bool) and value in ("true", "false"):
        return bool(value == "true")
    if (type(usual) is int or _NUMBER_NAME.fullmatch(name)) and not name.endswith("_decimal"):
        if not _WHOLE.fullmatch(value):
            told = f"Invalid integer: {value}"
            raise ApiError(told, code="parameter_invalid_integer", param=name)
        return int(value)
    return value
