"""Preparing: a sync's words become the things that run, or all of their problems at once."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from tailrace._engine import plugins
from tailrace._engine.mapping import problems_of
from tailrace._engine.ratelimit import EVERY, SOURCE
from tailrace.components import DestinationSpec, Rate, SourceSpec
from tailrace.errors import ConfigError, PluginError, Problem, several
from tailrace.options import Places, read_options
from tailrace.records import Mode

if TYPE_CHECKING:
    from tailrace.sync import Sync

KEYED = frozenset({Mode.INSERT, Mode.UPDATE, Mode.UPSERT, Mode.MIRROR})


@attrs.frozen(kw_only=True)
class Prepared:
    """Hold a sync whose every word was understood; nothing was opened."""

    name: str
    mode: Mode
    key: tuple[str, ...]
    source: Any
    source_options: Any
    source_places: Places
    destination: DestinationSpec
    options: Any
    places: Places
    rates: tuple[Rate, ...]
    mapping: Mapping[str, Any] | None
    observers: Mapping[str, Any]


@attrs.frozen
class _Problems:
    found: list[Problem] = attrs.field(factory=list)
    errors: list[ConfigError] = attrs.field(factory=list)

    def collect(self, step: Callable[[], Any], at: str = "") -> Any:
        """Do one step; keep what is wrong with it, at its place, and go on."""
        try:
            return step()
        except ConfigError as error:
            self.errors.append(error)
            self.found.extend(
                each if each.path else Problem(at, each.message) for each in error.problems
            )
            return None

    def note(self, path: str, message: str) -> None:
        self.collect(partial(several, [Problem(path, message)]))

    def tell(self) -> None:
        """Raise what was found; a single error keeps its own class."""
        if len(self.errors) == 1:
            kind = type(self.errors[0])
            raise (kind if issubclass(kind, PluginError) else ConfigError)(*self.found)
        several(self.found)


def prepare(sync: "Sync") -> Prepared:
    """Resolve plugins, read options and check modes, key, mapping and limits."""
    problems = _Problems()
    at = f"{sync.path}." if sync.path else ""
    source, source_name = problems.collect(lambda: _source(sync.source), f"{at}source") or (
        None,
        "",
    )
    spec, name = problems.collect(lambda: _destination(sync.destination), f"{at}destination") or (
        None,
        "",
    )
    source_places = _places(sync, "source" if sync.path else "source_options", source_name)
    places = _places(sync, "destination" if sync.path else "options", name)
    source_options = options = None
    if isinstance(source, SourceSpec):
        given = sync.source_options
        source_options = problems.collect(
            lambda: read_options(source.options, given, source_places)
        )
    elif sync.source_options is not None and source is not None:
        problems.note(f"{at}source_options", "the source is no plugin and takes no options")
    if spec is not None:
        options = problems.collect(lambda: read_options(spec.options, sync.options, places))
    mode = problems.collect(lambda: _mode(sync.mode, spec, name, at))
    key = problems.collect(lambda: _key(sync.key, mode, at)) or ()
    problems.collect(lambda: several(problems_of(sync.mapping, f"{at}mapping")))
    if sync.cursor is not None:
        problems.note(f"{at}cursor", "this version reads a source whole; leave it out")
    if sync.max_delete is not None:
        problems.note(f"{at}max_delete", "goes with the mode mirror only")
    limits = problems.collect(lambda: _limits(sync.limits, spec, f"{at}limits"))
    observers = problems.collect(lambda: _observers(sync.observers), f"{at}observers") or {}
    problems.tell()
    limited, rates = limits
    return Prepared(
        name=sync.name or f"{source_name or 'rows'}-to-{name}",
        mode=mode,
        key=key,
        source=source,
        source_options=source_options,
        source_places=source_places,
        destination=limited,
        options=options,
        places=places,
        rates=(*limited.rate, *rates, *_source_rates(source)),
        mapping=sync.mapping,
        observers=observers,
    )


def prepare_all(syncs: Iterable["Sync"]) -> list[Prepared]:
    """Prepare several, or raise a ConfigError of the problems of all."""
    problems = _Problems()
    prepared = [problems.collect(partial(prepare, sync)) for sync in syncs]
    problems.tell()
    return prepared


def _places(sync: "Sync", part: str, plugin: str) -> Places:
    path = f"{sync.path}.{part}" if sync.path else part
    return Places(path, plugin, tuple(sync.files), folder=sync.folder)


def _source(given: Any) -> tuple[Any, str]:
    if isinstance(given, str):
        return plugins.source_spec(plugins.load(given), given), given
    if isinstance(given, SourceSpec):
        return given, "source"
    if hasattr(given, "tailrace_source") or hasattr(given, "tailrace_destination"):
        name = getattr(given, "__name__", "source")
        return plugins.source_spec(given, name), name
    if given is None:
        raise ConfigError(Problem("source", "missing"))
    return given, str(getattr(given, "__name__", ""))


def _destination(given: Any) -> tuple[DestinationSpec, str]:
    if isinstance(given, str):
        return plugins.destination_spec(plugins.load(given), given), given
    if isinstance(given, DestinationSpec):
        return given, "destination"
    name = str(getattr(given, "__name__", type(given).__name__))
    if hasattr(given, "tailrace_destination") or hasattr(given, "tailrace_source"):
        return plugins.destination_spec(given, name), name
    hint = "; decorate it with @tailrace.destination(...)" if callable(given) else ""
    raise ConfigError(
        Problem("destination", f"{name} is no plugin's name, destination or DestinationSpec{hint}")
    )


def _mode(given: str, spec: DestinationSpec | None, name: str, at: str) -> Mode:
    try:
        mode = Mode(given)
    except ValueError:
        known = ", ".join(Mode)
        raise ConfigError(Problem(f"{at}mode", f"{given!r} is none of {known}")) from None
    if spec is not None and mode not in spec.modes:
        serves = ", ".join(each for each in Mode if each in spec.modes)
        raise ConfigError(
            Problem(f"{at}mode", f"{name} does not serve {mode}; it serves: {serves}")
        )
    if mode is Mode.MIRROR:
        raise ConfigError(
            Problem(
                f"{at}mode",
                "mirror needs to know what was delivered before, which this version"
                " does not keep; use upsert or replace",
            )
        )
    return mode


def _key(given: Any, mode: Mode | None, at: str) -> tuple[str, ...]:
    several_given = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
    key = tuple(given) if several_given else () if given is None else (given,)
    if not all(isinstance(name, str) and name for name in key):
        raise ConfigError(Problem(f"{at}key", "is a field name, or several of them"))
    if len(set(key)) < len(key):
        raise ConfigError(Problem(f"{at}key", "names a field twice"))
    if not key and mode in KEYED:
        raise ConfigError(
            Problem(f"{at}key", f"missing: the mode {mode} needs the field that names a record")
        )
    return key


def _observers(given: Any) -> dict[str, Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(Problem("observers", "is a list of plugin names or objects"))
    named = {}
    for place, each in enumerate(given):
        if isinstance(each, str):
            named[each] = plugins.load(each)
        else:
            named[f"{type(each).__name__}-{place}"] = each
    return named


def _limits(
    given: Mapping[str, Any] | None, spec: DestinationSpec | None, path: str
) -> tuple[DestinationSpec | None, tuple[Rate, ...]]:
    """Lower the plugin's ceilings to the user's; never raise one."""
    if spec is None or given is None:
        return spec, ()
    if not isinstance(given, Mapping):
        raise ConfigError(Problem(path, "is a table, such as { batch_size = 50 }"))
    problems = []
    lowered: dict[str, Any] = {}
    rates: tuple[Rate, ...] = ()
    for name, value in given.items():
        if name == "rate":
            try:
                rates = _rates(value)
            except (ConfigError, TypeError) as error:
                problems.append(Problem(f"{path}.rate", str(error)))
        elif name not in ("batch_size", "max_bytes", "max_in_flight"):
            known = "batch_size, max_bytes, max_in_flight, rate"
            problems.append(Problem(f"{path}.{name}", f"no such limit (there are: {known})"))
        elif type(value) is not int or value < 1:
            problems.append(Problem(f"{path}.{name}", f"{value!r} is no whole number above 0"))
        else:
            ceiling = getattr(spec, name)
            if ceiling is not None and value > ceiling:
                problems.append(
                    Problem(f"{path}.{name}", f"{value} is above the plugin's own {ceiling}")
                )
            lowered[name] = value
    several(problems)
    return attrs.evolve(spec, **lowered), rates


def _source_rates(source: Any) -> tuple[Rate, ...]:
    """Give the rates of a source plugin, under scopes of its own."""
    declared = source.rate if isinstance(source, SourceSpec) else ()
    return tuple(attrs.evolve(rate, scope=SOURCE + rate.scope) for rate in declared)


def _rates(value: Any) -> tuple[Rate, ...]:
    """Take a number a second, a table or Rate objects; without a scope it counts every request."""
    if isinstance(value, Rate):
        return (value,)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (Rate(value, 1.0, EVERY),)
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in ("count", "per", "scope")]
        if unknown or "count" not in value:
            raise ConfigError("a rate is { count = 10, per = 1.0, scope = '...' }")
        return (Rate(**{"scope": EVERY, **value}),)
    if isinstance(value, (list, tuple)):
        return tuple(rate for each in value for rate in _rates(each))
    raise ConfigError(f"{value!r} is no rate; give requests a second, or a table")
