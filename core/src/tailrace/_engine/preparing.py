"""Preparing: a sync's words become the things that run, or all of their problems at once."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from tailrace._engine import plugins
from tailrace._engine.mapping import problems_of
from tailrace._engine.ratelimit import EVERY, SOURCE
from tailrace._engine.removal import Breaker
from tailrace.components import DestinationSpec, Rate, SourceSpec
from tailrace.errors import ConfigError, PluginError, Problem, several
from tailrace.options import Places, read_options
from tailrace.records import Mode
from tailrace.secret import Secret

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
    cursor: str | None = None
    max_delete: Breaker = attrs.field(factory=Breaker)
    state: Path | None = None
    identity: str = ""
    config: str = ""
    source_print: str = ""
    given: tuple[Any, Any] = attrs.field(default=(None, None), repr=False)
    """The source and its options as they were given, by which it is known whether two are one."""

    @property
    def planned(self) -> bool:
        """Tell whether all is read and compared before anything is sent."""
        return self.mode in KEYED or self.cursor is not None


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
            told = [each if each.path else Problem(at, each.message) for each in error.problems]
            # Syncs of one source have its problems in common.
            self.found.extend(each for each in told if each not in self.found)
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
    at_source = sync.source_path or f"{at}source"
    source, source_name = problems.collect(lambda: _source(sync.source), at_source) or (None, "")
    spec, name = problems.collect(lambda: _destination(sync.destination), f"{at}destination") or (
        None,
        "",
    )
    source_places = _places(sync, at_source if sync.path else "source_options", source_name)
    places = _places(sync, f"{at}destination" if sync.path else "options", name)
    source_options = options = None
    if isinstance(source, SourceSpec):
        given = sync.source_options
        source_options = problems.collect(
            lambda: read_options(source.options, given, source_places)
        )
    elif sync.source_options is not None and source is not None:
        problems.note(f"{at}source_options", "the source is no plugin and takes no options")
    if spec is not None:
        kind = spec.options
        options = problems.collect(lambda: read_options(kind, sync.options, places))
    if spec is not None and options is not None:
        told = problems.collect(lambda: _given(sync.destination, options, places.path))
        spec = told or spec
    mode = problems.collect(lambda: _mode(sync.mode, spec, name, at))
    key = problems.collect(lambda: _key(sync.key, mode, at)) or ()
    problems.collect(lambda: _named(sync, mode, source_name, at))
    problems.collect(lambda: several(problems_of(sync.mapping, f"{at}mapping")))
    problems.collect(lambda: _cursor(sync, mode, at))
    breaker = problems.collect(lambda: _breaker(sync.max_delete, mode, at))
    limits = problems.collect(lambda: _limits(sync.limits, spec, f"{at}limits"))
    observers = problems.collect(lambda: _observers(sync.observers), f"{at}observers") or {}
    problems.tell()
    limited, rates = limits
    identity = orjson.dumps([name, _told(options)], option=orjson.OPT_SORT_KEYS).decode()
    named = sync.name or f"{source_name or 'rows'}-to-{name}"
    if not sync.name and not source_name:
        # What cannot be told apart by name must not share a state.
        named += f"-{_digest([identity, mode, key])}"
    return Prepared(
        cursor=sync.cursor,
        max_delete=breaker,
        state=None if sync.state is None else Path(sync.state),
        identity=identity,
        config=_digest([identity, sync.mapping, mode, key]),
        source_print=_source_print(source_name, source_options, sync),
        given=(sync.source, sync.source_options),
        name=named,
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


def _places(sync: "Sync", path: str, plugin: str) -> Places:
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


def _destination(given: Any, options: Any = None) -> tuple[DestinationSpec, str]:
    if isinstance(given, str):
        return plugins.destination_spec(plugins.load(given), given, options), given
    if isinstance(given, DestinationSpec):
        return given, "destination"
    name = str(getattr(given, "__name__", type(given).__name__))
    if hasattr(given, "tailrace_destination") or hasattr(given, "tailrace_source"):
        return plugins.destination_spec(given, name, options), name
    hint = "; decorate it with @tailrace.destination(...)" if callable(given) else ""
    raise ConfigError(
        Problem("destination", f"{name} is no plugin's name, destination or DestinationSpec{hint}")
    )


def _given(destination: Any, options: Any, path: str) -> DestinationSpec:
    """Give a destination's spec as it is with options; what is wrong with them is at their path."""
    try:
        return _destination(destination, options)[0]
    except PluginError:
        raise
    except ConfigError as error:
        told = (".".join(filter(None, (path, each.path))) for each in error.problems)
        at = zip(told, error.problems, strict=True)
        raise ConfigError(*(Problem(place, each.message) for place, each in at)) from None


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
    return mode


def _named(sync: "Sync", mode: Mode | None, source_name: str, at: str) -> None:
    """See that a mode that deletes knows for sure what it has written."""
    if mode is not Mode.MIRROR:
        return
    if sync.state is None:
        told = "mirror deletes what it wrote before, and has to remember it: give it a folder"
        raise ConfigError(Problem(f"{at}state", told))
    if not sync.name and not source_name:
        told = "missing: the mode mirror needs a name, under which it remembers what it wrote"
        raise ConfigError(Problem(f"{at}name", told))


def _cursor(sync: "Sync", mode: Mode | None, at: str) -> None:
    if sync.cursor is None:
        return
    if not isinstance(sync.cursor, str) or not sync.cursor:
        raise ConfigError(Problem(f"{at}cursor", "is the name of a field that only grows"))
    if mode in (Mode.MIRROR, Mode.REPLACE):
        told = f"the mode {mode} needs all of the source each time; leave it out"
        raise ConfigError(Problem(f"{at}cursor", told))
    if sync.state is None:
        raise ConfigError(Problem(f"{at}cursor", "needs a state folder to remember it in"))


def _breaker(given: Any, mode: Mode | None, at: str) -> Breaker:
    if given is None:
        return Breaker()
    if mode is not Mode.MIRROR:
        raise ConfigError(Problem(f"{at}max_delete", "goes with the mode mirror only"))
    place = f"{at}max_delete"
    forms = "a count of rows, or { percent = 10, rows = 500 }"
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return Breaker(rows=given, percent=None)
    if not isinstance(given, Mapping) or not given or given.keys() - {"percent", "rows"}:
        raise ConfigError(Problem(place, f"is {forms}"))
    percent, rows = given.get("percent"), given.get("rows")
    fits = isinstance(percent, (int, float, NoneType)) and not isinstance(percent, bool)
    if not fits or not 0 <= (percent or 0) <= 100:
        raise ConfigError(Problem(f"{place}.percent", "is a number from 0 to 100"))
    if type(rows) not in (int, NoneType) or (rows or 0) < 0:
        raise ConfigError(Problem(f"{place}.rows", "is a whole number, 0 or above"))
    return Breaker(rows=rows, percent=percent)


def _told(options: Any) -> dict[str, str]:
    """Give options as text without their secrets, to see whether they change."""
    return {
        field.name: str(getattr(options, field.name))
        for field in (attrs.fields(type(options)) if attrs.has(type(options)) else ())
        if not isinstance(getattr(options, field.name), Secret)
    }


def _source_print(name: str, options: Any, sync: "Sync") -> str:
    """Give what tells whether a source, and what is read of it, is still the same."""
    return _digest([name, _told(options), sync.key, sync.cursor])


def _digest(told: Any) -> str:
    form = orjson.dumps(told, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return blake2b(form, digest_size=8).hexdigest()


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
