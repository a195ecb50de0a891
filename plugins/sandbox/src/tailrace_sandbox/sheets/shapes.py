"""What Google's discovery documents say of requests: names, types and enums, checked on arrival."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from tailrace_sandbox.sheets.discovery import shapes
from tailrace_sandbox.sheets.errors import ApiError
from tailrace_sandbox.sheets.fields import ALL, Mask, parse

PREFIX = "type.googleapis.com/google.apps.sheets.v4"
INT32 = 2**31
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


_LISTS = frozenset({"ranges"})
"""Parameters that may repeat, for where Google's description is not at hand."""


def _known(api: str) -> Mapping[str, Any]:
    return shapes(api) or {}


@cache
def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


@cache
def _names(schema: str, api: str) -> dict[str, tuple[str, Any]]:
    fields = _known(api)["schemas"][schema]
    found = {_snake(name): (name, shape) for name, shape in fields.items()}
    return found | {name: (name, shape) for name, shape in fields.items()}


class _Check:
    """Go through one body, and collect what is wrong with it."""

    def __init__(self, api: str) -> None:
        self._api = api
        self.violations: list[dict[str, str]] = []

    def message(self, schema: str, value: Any, path: str) -> Any:
        """Return a message with its names in camelCase and without nulls."""
        if type(value) is not dict:
            self._invalid(path, f"{PREFIX}.{schema}", value)
            return {}
        if not value:
            return value
        names = _names(schema, self._api)
        found: dict[str, Any] = {}
        for key, part in value.items():
            known = names.get(key)
            if known is None:
                if self._api != "drive":  # Drive takes no offence at what it does not know
                    self._unknown(path, key)
            elif part is not None:
                name, shape = known
                found[name] = self.value(shape, part, path, key)
        if schema in ("Request", "ExtendedValue") and len(found) > 1:
            first, second, *_ = found
            field = "kind" if schema == "Request" else "value"
            text = (
                f"Invalid value at '{path}' (oneof), oneof field '{field}' is already set. "
                f"Cannot set '{second}' beside '{first}'"
            )
            self._add(path, text)
        return found

    def value(self, shape: Any, value: Any, path: str, key: str) -> Any:
        """Return a value with the messages in it gone through."""
        kind = type(shape)
        if kind is str:
            if shape[0] == "@":
                return self.message(shape[1:], value, self._below(path, key))
            return self._scalar(shape, value, path, key)
        where = self._below(path, key)
        if kind is list:
            if shape == [["any"]]:
                return value
            if type(value) is not list:
                self._invalid(where, "list", value)
                return []
            inner = shape[0]
            if type(inner) is str and inner[0] == "@":
                schema = inner[1:]
                return [self.message(schema, part, f"{where}[{i}]") for i, part in enumerate(value)]
            return [self.value(inner, part, path, f"{key}[{i}]") for i, part in enumerate(value)]
        return value

    def _scalar(self, shape: str, value: Any, path: str, key: str) -> Any:
        kind = type(value)
        if shape in _KINDS:
            name, accepted = _KINDS[shape]
            if kind in accepted and (shape != "int32" or -INT32 <= value < INT32):
                return value
            if shape in ("int32", "double", "float") and kind is str and _NUMBER.fullmatch(value):
                return (
                    int(value) if shape == "int32" and value.lstrip("-").isdigit() else float(value)
                )
            if shape == "int32" and kind is float and value.is_integer():
                return int(value)
            self._invalid(self._below(path, key), name, value)
        elif "|" in shape and value not in shape.split("|"):
            self._invalid(self._below(path, key), f"{PREFIX}.{key[0].upper()}{key[1:]}", value)
        return value

    @staticmethod
    def _below(path: str, key: str) -> str:
        return f"{path}.{_snake(key)}" if path else _snake(key)

    def _unknown(self, path: str, key: str) -> None:
        at = f" at '{path}'" if path else ""
        text = f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.'
        self._add(path, text)

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        shown = orjson.dumps(value, default=str).decode()
        self._add(path, f"Invalid value at '{path}' ({kind}), {shown}")

    def _add(self, path: str, text: str) -> None:
        violation = {"field": path, "description": text}
        self.violations.append(violation if path else {"description": text})


_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int32": ("TYPE_INT32", (int,)),
    "double": ("TYPE_DOUBLE", (int, float)),
    "float": ("TYPE_FLOAT", (int, float)),
    "boolean": ("TYPE_BOOL", (bool,)),
    "string": ("TYPE_STRING", (str,)),
    "int64": ("TYPE_INT64", (str, int)),
}


def body(method: str, data: bytes, *, root: str = "") -> dict[str, Any]:
    """Read and check a request's body; `root` is the field that Google binds it to."""
    api = method.partition(".")[0]
    try:
        value = orjson.loads(data) if data.strip() else {}
    except orjson.JSONDecodeError as error:
        text = f"Invalid JSON payload received. {_sentence(error)}"
        raise ApiError(400, text) from None
    known = shapes(api)
    if known is None:
        return value if isinstance(value, dict) else {}
    schema = known["methods"][method].get("request")
    if schema is None:
        return {}
    check = _Check(api)
    found = check.message(schema, value, root)
    _raise(check.violations)
    return dict(found)


def _sentence(error: orjson.JSONDecodeError) -> str:
    kind = "Unexpected end of string." if "end of" in error.msg else "Unexpected token."
    return f"{kind}\n{error.msg}"


def _raise(violations: list[dict[str, str]]) -> None:
    if violations:
        text = "\n".join(violation["description"] for violation in violations)
        raise ApiError(400, text, violations=violations)


def options(method: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Read and check the query parameters of a method; the ones that all methods take are left out."""
    api = method.partition(".")[0]
    described = shapes(api)
    if described is None:
        return {name: _guess(name, values) for name, values in query.items()}
    known = described["methods"][method]["parameters"]
    found: dict[str, Any] = {}
    violations: list[dict[str, str]] = []
    for name, values in query.items():
        if name in known:
            found[name] = _option(name, known[name], values, violations)
        elif name not in described["common"]:
            text = (
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )
            violations.append({"description": text})
    _raise(violations)
    return found


def _guess(name: str, values: list[str]) -> Any:
    if name in _LISTS:
        return values
    return {"true": True, "false": False}.get(values[-1].lower(), values[-1])


def _option(name: str, shape: Any, values: list[str], violations: list[dict[str, str]]) -> Any:
    if isinstance(shape, list):
        return values
    value = values[-1]
    if shape == "boolean":
        if value.lower() in ("true", "false", "1", "0", ""):
            return value.lower() in ("true", "1")
        kind = "TYPE_BOOL"
    elif shape in ("integer", "int32"):
        if value.lstrip("-").isdigit():
            return int(value)
        kind = "TYPE_INT32"
    elif "|" in shape and value and value not in shape.split("|"):
        kind = f"{PREFIX}.{name[0].upper()}{name[1:]}"
    else:
        return value
    where = _snake(name)
    text = f"Invalid value at '{where}' ({kind}), \"{value}\""
    violations.append({"field": where, "description": text})
    return value


def mask(method: str, text: str) -> Mask:
    """Read the `fields` of a request; they must exist in the method's response."""
    if not text:
        return ALL
    api = method.partition(".")[0]
    schema = _known(api)["methods"][method].get("response") if shapes(api) else None
    return checked_mask(text, schema, api=api)


def checked_mask(text: str, schema: str | None, *, api: str = "sheets") -> Mask:
    """Read a field mask; raise Google's error where it names what a schema does not have."""
    try:
        found = parse(text)
    except ValueError:
        raise _bad_mask(text) from None
    if schema is not None and shapes(api) is not None:
        for path in found.paths():
            if not _exists(api, f"@{schema}", path):
                raise _bad_mask(".".join(path))
    return found


def _bad_mask(path: str) -> ApiError:
    text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    violations = [{"field": "fields", "description": text}]
    return ApiError(400, "Request contains an invalid argument.", violations=violations)


def _exists(api: str, shape: Any, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    while isinstance(shape, list):
        shape = shape[0]
    if isinstance(shape, str):
        if shape[0] != "@":
            return shape == "any"
        shape = _known(api)["schemas"][shape[1:]]
    if path[0] == "*" or "*" in shape:
        return True
    return path[0] in shape and _exists(api, shape[path[0]], path[1:])
