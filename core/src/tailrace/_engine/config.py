"""Config: the project file's envelope; what is inside a plugin's table is the plugin's to read."""

import difflib
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tailrace.errors import ConfigError, Problem, several

SECRETS = "secrets.toml"

_TOP = ("state", "sync", "source")
_SYNC: Mapping[str, tuple[type, ...]] = {
    "mode": (str,),
    "key": (str, list),
    "source": (str, dict),
    "destination": (dict,),
    "mapping": (dict,),
    "cursor": (str,),
    "limits": (dict,),
    "max_delete": (int, float, dict),
    "observers": (list,),
}
_WORDS = {str: "text", list: "a list", dict: "a table", int: "a number", float: "a number"}


def read(path: Path) -> list[dict[str, Any]]:
    """Give the fields of each sync in the file, in its order."""
    document = _toml(path)
    files = [path.name]
    secrets = path.with_name(SECRETS)
    if secrets.exists():
        _private(secrets)
        document = _merged(document, _toml(secrets))
    files.append(SECRETS)
    problems = _unknown(document, _TOP, "")
    syncs = _table(document.get("sync", {}), "sync", problems)
    sources = _table(document.get("source", {}), "source", problems)
    shared = {name: _plugin(table, f"source.{name}", problems) for name, table in sources.items()}
    if not isinstance(document.get("state", ""), str):
        problems.append(Problem("state", "is the path of a folder"))
    if not syncs and not problems:
        problems.append(Problem("sync", f"{path.name} has no [sync.NAME] table"))
    read_syncs = [
        _sync(name, table, shared, problems)
        | {
            "state": path.parent / str(document.get("state", ".tailrace")),
            "files": tuple(files),
            "folder": path.parent,
        }
        for name, table in syncs.items()
    ]
    several(problems)
    return read_syncs


def _sync(
    name: str,
    table: Mapping[str, Any],
    sources: Mapping[str, tuple[str, dict[str, Any]]],
    problems: list[Problem],
) -> dict[str, Any]:
    """Give a sync's fields; those of one source hold the same options, which tells that it is one."""
    path = f"sync.{name}"
    problems += _unknown(table, _SYNC, f"{path}.")
    for each, kinds in _SYNC.items():
        if each in table and (type(table[each]) not in kinds):
            words = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
            problems.append(Problem(f"{path}.{each}", f"is {words}"))
    source, place = table.get("source"), f"{path}.source"
    if isinstance(source, str):
        plugin, options = sources.get(source, ("", {}))
        if source not in sources:
            near = difflib.get_close_matches(source, list(sources), 1)
            there = f"there are: {', '.join(sources) or 'none'}"
            hint = f"did you mean {near[0]!r}?" if near else there
            problems.append(Problem(place, f"there is no [source.{source}]; {hint}"))
        place = f"source.{source}"
    else:
        plugin, options = _plugin(source, place, problems)
    destination, given = _plugin(table.get("destination"), f"{path}.destination", problems)
    rest = {each: table[each] for each in table if each in _SYNC}
    return rest | {
        "name": name,
        "path": path,
        "source": plugin,
        "source_options": options,
        "source_path": place,
        "destination": destination,
        "options": given,
    }


def _plugin(table: Any, path: str, problems: list[Problem]) -> tuple[str, dict[str, Any]]:
    if table is None:
        problems.append(Problem(path, 'missing: { plugin = "NAME", ... }'))
        return "", {}
    if not isinstance(table, Mapping):
        return "", {}
    name = table.get("plugin")
    if not isinstance(name, str):
        problems.append(Problem(f"{path}.plugin", "missing: the name of an installed plugin"))
    return str(name), {each: value for each, value in table.items() if each != "plugin"}


def _table(value: Any, path: str, problems: list[Problem]) -> dict[str, Mapping[str, Any]]:
    if isinstance(value, Mapping) and all(isinstance(each, Mapping) for each in value.values()):
        return dict(value)
    problems.append(Problem(path, f"is made of tables, each headed [{path}.NAME]"))
    return {}


def _unknown(table: Mapping[str, Any], known: Iterable[str], path: str) -> list[Problem]:
    problems = []
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            problems.append(Problem(f"{path}{name}", f"is not known here; {hint}"))
    return problems


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no {path}; `tailrace init` writes one, --config names another"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None


def _private(path: Path) -> None:
    """Refuse secrets that other users of the machine may read."""
    if os.name != "posix":
        return
    found = path.stat()
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            f"{path} can be read by other users (mode {stat.S_IMODE(found.st_mode):o}); do:"
            f" chmod 600 {path}"
        )


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        mine = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(mine, Mapping)
        merged[name] = _merged(mine, value) if both else value  # type: ignore[arg-type]  # both are tables
    return merged
