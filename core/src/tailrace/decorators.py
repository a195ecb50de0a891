"""The function form of a plugin: a plain function, declared in one line."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints, overload

import attrs

from tailrace.components import DestinationSpec, Rate, SourceSpec
from tailrace.errors import ConfigError
from tailrace.hookspecs import hookimpl
from tailrace.records import Batch

P = ParamSpec("P")
R = TypeVar("R")

_WRITER_TAKES = ("rows", "batch", "schema", "http", "log")
_READER_TAKES = ("http", "log", "cursor")


class Destination(Generic[P, R]):
    """A decorated function: still callable as it was, and a plugin as it stands."""

    def __init__(self, function: Callable[P, R], declared: Mapping[str, Any]) -> None:
        update_wrapper(self, function)
        self._function = function
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(f"{function.__qualname__}: an async function; use a plain one")
        takes, options = _parameters(function, _WRITER_TAKES)
        if inspect.isgeneratorfunction(function):
            raise ConfigError(f"{function.__qualname__}: a destination returns and does not yield")
        self.spec = DestinationSpec(options=options, open=_open_writer(function, takes), **declared)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @hookimpl
    def tailrace_destination(self) -> DestinationSpec:
        """Give the spec made from the function."""
        return self.spec


class Source(Generic[P, R]):
    """A decorated function: still callable as it was, and a plugin as it stands."""

    def __init__(self, function: Callable[P, R], declared: Mapping[str, Any]) -> None:
        update_wrapper(self, function)
        self._function = function
        takes, options = _parameters(function, _READER_TAKES)
        self.spec = SourceSpec(options=options, open=_open_reader(function, takes), **declared)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @hookimpl
    def tailrace_source(self) -> SourceSpec:
        """Give the spec made from the function."""
        return self.spec


def destination(
    *,
    batch_size: int = 1000,
    max_bytes: int | None = None,
    max_in_flight: int | None = None,
    rate: Rate | Iterable[Rate] | None = None,
    modes: Iterable[str] = ("append",),
    delivery: str | Mapping[str, str] = "at_most_once",
) -> Callable[[Callable[P, R]], Destination[P, R]]:
    """Make a function a destination that is called with each batch.

    It takes by name what it wants of `rows`, `batch`, `schema`, `http` and `log`; its keyword-only
    parameters are its options. It may be called from several threads at once: `max_in_flight=1`
    keeps it to one. Returning None means that all of the batch is delivered.
    """
    declared = {
        "batch_size": batch_size,
        "max_bytes": max_bytes,
        "max_in_flight": max_in_flight,
        "rate": rate,
        "modes": modes,
        "delivery": delivery,
    }
    return lambda function: Destination(function, declared)


@overload
def source(function: Callable[P, R], /) -> Source[P, R]: ...


@overload
def source(
    *, rate: Rate | Iterable[Rate] | None = None
) -> Callable[[Callable[P, R]], Source[P, R]]: ...


def source(function: Any = None, *, rate: Rate | Iterable[Rate] | None = None) -> Any:
    """Make a function a source: it yields rows, or returns anything that `run` takes for one.

    It takes by name what it wants of `http`, `log` and `cursor` (where the sync has one: the value
    to read on from, that one included, or None); its keyword-only parameters are its options.
    """
    declared = {"rate": rate}
    if function is not None:
        return Source(function, declared)
    return lambda inner: Source(inner, declared)


def _parameters(function: Callable[..., Any], takes: tuple[str, ...]) -> tuple[set[str], type]:
    """Tell what of the offered arguments a function takes, and make a class of its options."""
    if not inspect.isfunction(function):
        raise ConfigError(f"{function!r} is no function; decorate a function made with def")
    wanted, options = set(), {}
    hints = get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ConfigError(
                f"{function.__qualname__}: {name!r} is given by name; leave out the /"
            )
        if parameter.kind is parameter.KEYWORD_ONLY and name in takes:
            raise ConfigError(
                f"{function.__qualname__}: {name!r} stands among the options; put it before the *"
            )
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
            options[name] = attrs.field(
                default=default, type=hints.get(name, Any), alias=name, kw_only=True
            )
        elif parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise ConfigError(f"{function.__qualname__}: *{name} says nothing about its options")
        elif name in takes:
            wanted.add(name)
        else:
            raise ConfigError(
                f"{function.__qualname__}: {name!r} is none of {', '.join(takes)};"
                " an option is a keyword-only parameter, after a *"
            )
    made = attrs.make_class(f"{function.__name__}_options", options, frozen=True)
    made.__module__ = function.__module__
    return wanted, made


@attrs.frozen
class _FunctionWriter:
    function: Callable[..., Any]
    takes: set[str]
    given: Mapping[str, Any]

    def write(self, batch: Batch) -> Any:
        offered = {**self.given}
        if "rows" in self.takes:
            offered["rows"] = batch.rows()
        if "batch" in self.takes:
            offered["batch"] = batch
        if "schema" in self.takes:
            offered["schema"] = batch.schema
        return self.function(**offered)


def _open_writer(function: Callable[..., Any], takes: set[str]) -> Callable[..., Any]:
    @contextmanager
    def open_writer(options: Any, *, http: Any, log: Any) -> Iterator[_FunctionWriter]:
        given = _given(options, {"http": http, "log": log}, takes)
        yield _FunctionWriter(function, takes, given)

    open_writer.takes_http = "http" in takes  # type: ignore[attr-defined]  # read by delivery
    return open_writer


def _open_reader(function: Callable[..., Any], takes: set[str]) -> Callable[..., Any]:
    @contextmanager
    def open_reader(options: Any, *, http: Any, log: Any, cursor: Any = None) -> Iterator[Any]:
        offered = {"http": http, "log": log, "cursor": cursor}
        yield function(**_given(options, offered, takes))

    return open_reader


def _given(options: Any, offered: Mapping[str, Any], takes: set[str]) -> dict[str, Any]:
    fields = [each.name for each in attrs.fields(type(options))]
    chosen = {name: getattr(options, name) for name in fields}
    return chosen | {name: value for name, value in offered.items() if name in takes}
