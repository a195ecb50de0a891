"""Options: attrs classes that document themselves, read strictly by the one converter."""

import difflib
import os
import re
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from functools import lru_cache, partial
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from tailrace.errors import ConfigError, Problem, several

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_HOLDERS: Mapping[Any, Any] = {
    **dict.fromkeys((list, tuple, set, frozenset, Sequence), (list, tuple)),
    **dict.fromkeys((dict, Mapping), Mapping),
}
"""What is taken for options that hold several values."""

_NUMBERS = {
    int: re.compile(r"[+-]?\d+", re.ASCII),
    float: re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII),
}


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


def option(
    default: Any = attrs.NOTHING, *, help: str = "", factory: Callable[[], Any] | None = None
) -> Any:
    """Declare one option of an attrs class, with the help that documentation shows."""
    return attrs.field(default=default, factory=factory, metadata={"help": help}, kw_only=True)


@attrs.frozen
class Definition:
    """Describe one option as documentation and editors need it."""

    name: str
    type: Any
    required: bool
    default: Any
    help: str

    @property
    def secret(self) -> bool:
        """Tell whether the option holds a secret."""
        return _holds_secret(self.type)

    @property
    def type_name(self) -> str:
        """Spell the type as people write it: `text`, `whole number`, `text or nothing`."""
        return _spell(self.type)


def definitions(options: type) -> tuple[Definition, ...]:
    """List the options of a class in their order."""
    hints = get_type_hints(options)
    return tuple(
        Definition(
            each.alias,
            hints.get(each.name, Any),
            each.default is attrs.NOTHING,
            None if isinstance(each.default, attrs.Factory) else each.default,  # type: ignore[arg-type]  # attrs types Factory as a function
            each.metadata.get("help", ""),
        )
        for each in attrs.fields(options)
        if each.init
    )


@attrs.frozen
class Places:
    """Tell where options come from, first to last, and how those places are called in a message.

    path: the place in the configuration. folder: what a relative `{ file = ... }` starts from.
    """

    path: str = "options"
    plugin: str = ""
    files: tuple[str, ...] = ()
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    folder: Path = Path()

    def variable(self, option: str) -> str:
        """Name the environment variable that gives an option."""
        text = f"tailrace_{self.plugin}_{option}" if self.plugin else f"tailrace_{option}"
        return "".join(c if c.isalnum() else "_" for c in text).upper()

    def looked(self, option: str) -> str:
        """Name every place where an option was looked for."""
        files = [f"{self.path}.{option} in {file}" for file in self.files]
        given = files or [f"{self.path}[{option!r}]"]
        return ", ".join([*given, f"the environment variable {self.variable(option)}"])


def read_options(
    options: type[T], given: Mapping[str, Any] | T | None, places: Places = Places()
) -> T:
    """Make an options object, or raise a ConfigError of every problem at once.

    An object of the class itself is taken as it is.
    """
    if isinstance(given, options):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(
            Problem(places.path, f"{_name(given)} is neither a mapping nor {options.__name__}")
        )
    known = definitions(options)
    values, problems = _collect(known, dict(given or {}), places)
    names = [each.name for each in known]
    for extra in values:
        if extra not in names:
            near = difflib.get_close_matches(str(extra), names, 1)
            there = f" (there are: {', '.join(names) or 'none'})"
            hint = f"; did you mean {near[0]!r}?" if near else there
            problems.append(Problem(f"{places.path}.{extra}", f"no such option{hint}"))
    several(problems)
    try:
        return options(**values)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:  # a validator of the class itself
        raise ConfigError(
            Problem(places.path, str(error.args[0] if error.args else error))
        ) from None


def _collect(
    known: Sequence[Definition], given: dict[str, Any], places: Places
) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    for each in known:
        path = f"{places.path}.{each.name}"
        try:
            if each.name in given:
                value = _looked_through(given[each.name], each.type, path, places)
                given[each.name] = _rooted(structure(value, each.type), places.folder)
            elif (text := places.environ.get(places.variable(each.name))) is not None:
                given[each.name] = parse(text, each.type)
            elif each.required:
                problems.append(Problem(path, f"missing; looked in {places.looked(each.name)}"))
        except Unfit as unfit:
            problems.append(Problem(path, str(unfit)))
        except _Misfits as misfits:
            problems += misfits.problems
        except Exception as error:  # noqa: BLE001  # cattrs raises groups of whatever hooks raise
            problems.extend(_explain(error, path))
    return given, problems


class _Misfits(Exception):  # noqa: N818  # no error of its own: it carries Problems
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _looked_through(value: Any, kind: Any, path: str, places: Places) -> Any:
    """Put texts for the references to secrets, and refuse what could only be taken for a list."""
    members = [each for each in _members(kind) if each is not type(None)]
    if isinstance(value, Mapping) and Secret in members:
        return _refer(value, places)
    if len(members) != 1 or (value is None and kind != members[0]):
        return value
    holder, inner = get_origin(members[0]) or members[0], get_args(members[0]) or (Any,)
    if attrs.has(holder) and not isinstance(value, holder):
        if not isinstance(value, Mapping):
            raise _unfit(value, holder)
        kinds = {each.name: each.type for each in definitions(holder)}
        return _parts(value, lambda name: kinds.get(name, Any), path, places)
    takes = _HOLDERS.get(holder)
    if takes is None:
        return value
    if not isinstance(value, takes):
        raise _unfit(value, members[0])
    if isinstance(value, Mapping):
        return _parts(value, lambda _: inner[-1], path, places)
    uneven = holder is tuple and inner[-1] is not Ellipsis
    numbered = dict(enumerate(value))
    kind_at = inner.__getitem__ if uneven and len(inner) == len(value) else lambda _: inner[0]
    return list(_parts(numbered, kind_at, path, places).values())


def _parts(
    value: Mapping[Any, Any], kind_at: Callable[[Any], Any], path: str, places: Places
) -> dict[Any, Any]:
    parts, problems = {}, []
    for name, each in value.items():
        place = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}"
        try:
            parts[name] = _looked_through(each, kind_at(name), place, places)
        except Unfit as unfit:
            problems.append(Problem(place, str(unfit)))
        except _Misfits as misfits:
            problems += misfits.problems
    if problems:
        raise _Misfits(problems)
    return parts


def _refer(reference: Mapping[str, Any], places: Places) -> str:
    match dict(reference):
        case {"env": str(name), **rest} if not rest:
            if name not in places.environ:
                raise Unfit(f"the environment variable {name} is not set")
            return _filled(places.environ[name], f"the environment variable {name}")
        case {"file": str(name), **rest} if not rest:
            path = places.folder / name
            try:
                return _filled(path.read_text(encoding="utf-8").strip(), f"the file {path}")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise Unfit(f"the file {path} cannot be read: {reason}") from None
    raise Unfit('a secret is text, { env = "NAME" } or { file = "path" }')


def _filled(text: str, place: str) -> str:
    if not text:
        raise Unfit(f"{place} is empty")
    return text


def _rooted(value: Any, folder: Path) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_rooted(each, folder) for each in value)
    return folder / value if isinstance(value, Path) else value


class Unfit(ValueError):  # noqa: N818  # no error of its own: it becomes a Problem
    """Say why a value is no value of its option's type."""


def structure(value: Any, kind: Any) -> Any:
    """Take a value for a type strictly: no text for a number, no None for text."""
    return _converter().structure(value, kind)


def parse(text: str, kind: Any) -> Any:
    """Take text from the environment for a type: the only place where text is parsed."""
    members = _members(kind)
    if bool in members and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        if number in members and _NUMBERS[number].fullmatch(text):
            return number(text)
    if not {str, Secret, Path, Any}.intersection(each for each in members if _hashable(each)):
        for moment in (date, datetime, time):
            if moment in members:
                with suppress(ValueError):
                    return moment.fromisoformat(text)
        with suppress(Exception):
            return structure(_looked_through(text, kind, "", Places()), kind)
        raise Unfit(f"the text in the environment is not {_spell(kind)}")
    return structure(text, kind)


def _hashable(kind: Any) -> bool:
    return getattr(kind, "__hash__", None) is not None


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
        raise Unfit(f"{_show(value)} is not {_spell(kind)}")
    return value


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _literal(value: Any, kind: Any) -> Any:
    if not any(type(value) is type(each) and value == each for each in get_args(kind)):
        raise Unfit(f"{_show(value)} is not {_spell(kind)}")
    return value


def _or_itself(converter: "Converter", kind: Any) -> Callable[..., Any]:
    read = converter.gen_structure_attrs_fromdict(kind)
    return lambda value, _: value if isinstance(value, kind) else read(value, kind)


def _secret(value: Any, _: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise Unfit(f"a secret is text, not {_name(value)}")
    return Secret(value)


def _path(value: Any, _: Any) -> Path:
    if not isinstance(value, (str, Path)):
        raise Unfit(f"{_show(value)} is no path")
    return Path(value)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _union(value: Any, kind: Any) -> Any:
    members = _members(kind)
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
    raise _unfit(value, kind)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if _is_union(kind) else (kind,)


def _holds_secret(kind: Any) -> bool:
    """Tell whether a secret may be anywhere in values of this type."""
    if attrs.has(kind):
        return any(each.secret for each in definitions(kind))
    return kind is Secret or any(map(_holds_secret, get_args(kind)))


def _unfit(value: Any, kind: Any) -> Unfit:
    shown = _name(value) if _holds_secret(kind) else _show(value)
    return Unfit(f"{shown} is not {_spell(kind)}")


def _explain(error: Exception, path: str) -> list[Problem]:
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


def _name(value: Any) -> str:
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


def _spell(kind: Any) -> str:
    if kind in _SPELLINGS:
        return _SPELLINGS[kind]
    if _is_union(kind):
        return " or ".join(_spell(each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (tuple, list, Sequence):
        return f"a list of {_spell(get_args(kind)[0]).removeprefix('a ')}"
    if kind in (list, tuple):
        return "a list"
    if get_origin(kind) in (dict, Mapping) or kind is dict or attrs.has(kind):
        return "a table"
    return getattr(kind, "__name__", str(kind))
