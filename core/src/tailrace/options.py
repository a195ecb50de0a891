"""Options: attrs classes that document themselves, read strictly by the one converter."""

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import attrs

from tailrace.errors import ConfigError, Problem, several
from tailrace.secret import Secret
from tailrace.structuring import (
    Unfit,
    explain,
    holds_secret,
    members_of,
    name_type,
    spell,
    structure,
    unfit,
)

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
        return holds_secret(self.type)

    @property
    def type_name(self) -> str:
        """Spell the type as people write it: `text`, `whole number`, `text or nothing`."""
        return spell(self.type)


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
            Problem(places.path, f"{name_type(given)} is neither a mapping nor {options.__name__}")
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
            elif isinstance(each.default, Path):
                given[each.name] = _rooted(each.default, places.folder)
        except Unfit as unfit:
            problems.append(Problem(path, str(unfit)))
        except _Misfits as misfits:
            problems += misfits.problems
        except Exception as error:  # noqa: BLE001  # cattrs raises groups of whatever hooks raise
            problems.extend(explain(error, path))
    return given, problems


class _Misfits(Exception):  # noqa: N818  # no error of its own: it carries Problems
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _looked_through(value: Any, kind: Any, path: str, places: Places) -> Any:
    """Put texts for the references to secrets, and refuse what could only be taken for a list."""
    members = [each for each in members_of(kind) if each is not type(None)]
    if isinstance(value, Mapping) and Secret in members:
        return _refer(value, places)
    if len(members) != 1 or (value is None and kind != members[0]):
        return value
    holder, inner = get_origin(members[0]) or members[0], get_args(members[0]) or (Any,)
    if attrs.has(holder) and not isinstance(value, holder):
        if not isinstance(value, Mapping):
            raise unfit(value, holder)
        kinds = {each.name: each.type for each in definitions(holder)}
        return _parts(value, lambda name: kinds.get(name, Any), path, places)
    takes = _HOLDERS.get(holder)
    if takes is None:
        return value
    if not isinstance(value, takes):
        raise unfit(value, members[0])
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


def parse(text: str, kind: Any) -> Any:
    """Take text from the environment for a type: the only place where text is parsed."""
    members = members_of(kind)
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
        raise Unfit(f"the text in the environment is not {spell(kind)}")
    return structure(text, kind)


def _hashable(kind: Any) -> bool:
    return getattr(kind, "__hash__", None) is not None
