"""Plugins: from a name to a spec, importing only what was named."""

import difflib
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs
import pluggy

from tailrace import hookspecs
from tailrace.components import DestinationSpec, SourceSpec
from tailrace.errors import AmbiguousPlugin, BrokenPlugin, ConfigError, UnknownPlugin, WrongKind

COMMANDS = "tailrace.commands"
"""The entry-point group of commands that plugins bring."""


@attrs.frozen
class Installed:
    """Name a plugin as its package declares it; nothing of it was imported."""

    name: str
    package: str
    version: str
    module: str


@lru_cache(maxsize=4)
def _entries(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for entry in entry_points(group=group):
        package = entry.dist.name if entry.dist else ""
        found.setdefault(entry.name, {}).setdefault((package, entry.value), entry)
    return {name: tuple(entries.values()) for name, entries in sorted(found.items())}


def installed(group: str = hookspecs.GROUP) -> list[Installed]:
    """List what is installed, imported or not."""
    return [
        Installed(
            name,
            entry.dist.name if entry.dist else "",
            entry.dist.version if entry.dist else "",
            entry.value,
        )
        for name, entries in _entries(group).items()
        for entry in entries
    ]


def load(name: str, group: str = hookspecs.GROUP) -> Any:
    """Import the one entry point of that name."""
    entries = _entries(group)
    found = entries.get(name, ())
    if not found:
        near = difflib.get_close_matches(name, entries, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; try: pip install tailrace-{name}"
        known = ", ".join(entries) or "none"
        raise UnknownPlugin(
            f"no plugin {name!r}: no installed package has the entry point {name!r} in the group"
            f" {group!r}{hint} (installed: {known})"
        )
    if len(found) > 1:
        packages = " and ".join(sorted(entry.dist.name for entry in found if entry.dist))
        raise AmbiguousPlugin(
            f"plugin {name!r} is claimed by {packages}; uninstall all but one of them"
        )
    try:
        return found[0].load()
    except (Exception, SystemExit) as error:
        raise BrokenPlugin(
            f"plugin {name!r} ({found[0].value}) cannot be imported:"
            f" {type(error).__name__}: {error}"
        ) from error


def source_spec(plugin: Any, name: str) -> SourceSpec:
    """Ask a plugin, and no other, for its source."""
    return _ask(plugin, name, "tailrace_source", SourceSpec)  # type: ignore[no-any-return]  # checked there


def destination_spec(plugin: Any, name: str, options: Any = None) -> DestinationSpec:
    """Ask a plugin, and no other, for its destination, as it is with some options."""
    return _ask(plugin, name, "tailrace_destination", DestinationSpec, options=options)  # type: ignore[no-any-return]  # checked there


def kinds(plugin: Any, name: str) -> dict[str, Any]:
    """Give the specs that a plugin offers, by `source` and `destination`."""
    manager = _registered(plugin, name)
    given = {
        "source": _asked(manager, name, "tailrace_source"),
        "destination": _asked(manager, name, "tailrace_destination", options=None),
    }
    return {kind: spec for kind, spec in given.items() if spec is not None}


def observers(plugins: Mapping[str, Any]) -> pluggy.PluginManager:
    """Register observers, each under its name."""
    manager = _manager()
    for name, plugin in plugins.items():
        _register(manager, plugin, name)
    _check(manager, ", ".join(plugins))
    return manager


def _ask(plugin: Any, name: str, hook: str, kind: type, **told: Any) -> Any:
    spec = _asked(_registered(plugin, name), name, hook, **told)
    wanted = hook.removeprefix("tailrace_")
    if spec is None:
        raise WrongKind(f"plugin {name!r} is no {wanted}: it has no {hook}()")
    if not isinstance(spec, kind):
        raise BrokenPlugin(
            f"plugin {name!r}: its {hook}() gave a {type(spec).__name__}, not a {kind.__name__}"
        )
    return spec


def _asked(manager: pluggy.PluginManager, name: str, hook: str, **told: Any) -> Any:
    try:
        return getattr(manager.hook, hook)(**told)
    except Exception as error:
        if isinstance(error, ConfigError) and told.get("options") is not None:
            # They do not go together: a mistake of whoever gave them.
            raise
        raise BrokenPlugin(
            f"plugin {name!r}: its {hook}() failed: {type(error).__name__}: {error}"
        ) from error


def _registered(plugin: Any, name: str) -> pluggy.PluginManager:
    manager = _manager()
    _register(manager, plugin, name)
    _check(manager, name)
    return manager


def _register(manager: pluggy.PluginManager, plugin: Any, name: str) -> None:
    try:
        manager.register(plugin, name=name)
    except (pluggy.PluginValidationError, TypeError, ValueError) as error:
        raise BrokenPlugin(f"plugin {name!r} does not fit the contract: {error}") from error


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def _check(manager: pluggy.PluginManager, name: str) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise BrokenPlugin(f"plugin {name!r} has a hook that does not exist: {error}") from error
