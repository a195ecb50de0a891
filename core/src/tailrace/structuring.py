"""Structuring: values are taken for types strictly, by the one converter."""

import types
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from tailrace.errors import Problem
from tailrace.secret import Secret

if TYPE_CHECKING:
    from cattrs import Converter


class Unfit(ValueError):  # noqa: N818  # no error of its own: it becomes a Problem
    """Say why a value is no value of its option's type."""


def structure(value: Any, kind: Any) -> Any:
    """Take a value for a type strictly: no text for a number, no None for text."""
    return _converter().structure(value, kind)


@lru_cache(maxsize=1)
def _converter() -> "Converter":
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True, use_alias=True)
    for kind in (bool, int, float, str, date, datetime, time):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(Secret, _secret)
    converter.register_structure_hook(Path, _path)
    converter.register_structure_hook_func(_is_union, _union)
    converter.register_structure_hook_func(_is_literal, _literal)
    converter.register_structure_hook_factory(attrs.has, partial(_or_itself, converter))
    return converter


def _exactly(value: Any, kind: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise Unfit(f"{_show(value)} is not {spell(kind)}")
    return value


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _literal(value: Any, kind: Any) -> Any:
    if not any(type(value) is type(each) and value == each for each in get_args(kind)):
        raise Unfit(f"{_show(value)} is not {spell(kind)}")
    return value


def _or_itself(converter: "Converter", kind: Any) -> Callable[..., Any]:
    read = converter.gen_structure_attrs_fromdict(kind)
    return lambda value, _: value if isinstance(value, kind) else read(value, kind)


def _secret(value: Any, _: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise Unfit(f"a secret is text, not {name_type(value)}")
    return Secret(value)


def _path(value: Any, _: Any) -> Path:
    if not isinstance(value, (str, Path)):
        raise Unfit(f"{_show(value)} is no path")
    return Path(value)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _union(value: Any, kind: Any) -> Any:
    members = members_of(kind)
    if value is None and type(None) in members:
        return None
    errors = []
    for member in members:
        if member is type(None):
            continue
        try:
            return structure(value, member)
        except Exception as error:  # noqa: BLE001  # the next member may take it
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    raise unfit(value, kind)


def members_of(kind: Any) -> tuple[Any, ...]:
    """Give the types that a union allows; another type is its own only one."""
    return get_args(kind) if _is_union(kind) else (kind,)


def holds_secret(kind: Any) -> bool:
    """Tell whether a secret may be anywhere in values of this type."""
    if attrs.has(kind):
        return any(map(holds_secret, get_type_hints(kind).values()))
    return kind is Secret or any(map(holds_secret, get_args(kind)))


def unfit(value: Any, kind: Any) -> Unfit:
    """Say that a value is none of a type; what may be a secret is not shown."""
    shown = name_type(value) if holds_secret(kind) else _show(value)
    return Unfit(f"{shown} is not {spell(kind)}")


def explain(error: Exception, path: str) -> list[Problem]:
    """Turn what the converter raised into problems, each with its path."""
    from cattrs import transform_error

    if not isinstance(error, ExceptionGroup):
        return [Problem(path, _reason(error, None))]
    lines = transform_error(error, path=path, format_exception=_reason)
    return [Problem(*reversed(line.rsplit(" @ ", 1))) for line in lines]


def _reason(error: BaseException, _: type | None) -> str:
    from cattrs.errors import ForbiddenExtraKeysError

    if isinstance(error, Unfit):
        return str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        return f"no such option: {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, KeyError):
        return f"missing: {error.args[0]}"
    return str(error) or type(error).__name__


def _show(value: Any) -> str:
    if value is None:
        return "nothing (None)"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def name_type(value: Any) -> str:
    """Name a value by its type alone."""
    return f"a value of type {type(value).__name__}"


_SPELLINGS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Secret: "a secret",
    Path: "a path",
    date: "a date",
    datetime: "a date and time",
    time: "a time",
    type(None): "nothing",
    Any: "anything",
}


def spell(kind: Any) -> str:
    """Spell a type as people write it."""
    if kind in _SPELLINGS:
        return _SPELLINGS[kind]
    if _is_union(kind):
        return " or ".join(spell(each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (tuple, list, Sequence):
        return f"a list of {spell(get_args(kind)[0]).removeprefix('a ')}"
    if kind in (list, tuple):
        return "a list"
    if get_origin(kind) in (dict, Mapping) or kind is dict or attrs.has(kind):
        return "a table"
    return getattr(kind, "__name__", str(kind))
