"""The tap's configuration: put together, written for it alone, and hidden in what it says."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import attrs
import orjson

import tailrace
from tailrace_singer import Options

_SOUNDS = re.compile(
    "pass|pwd|secret|token|credential|auth|dsn|(api|access|private|account).?key", re.IGNORECASE
)
"""What names of secrets sound like, for those that stand among the rest of a configuration."""
_LOGIN = re.compile(r"://[^/\s]*:[^/\s]*@")
_SHORTEST = 4
_UNSEEN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@attrs.frozen
class Hide:
    """Make lines of a tap fit to be shown: without secrets, and without what a terminal obeys."""

    texts: tuple[str, ...] = attrs.field(repr=False)

    def __call__(self, line: str) -> str:
        for text in self.texts:
            line = line.replace(text, "***")
        line = "".join(c if c.isprintable() else " " for c in _UNSEEN.sub("", line)).strip()
        return line if len(line) <= 300 else line[:299] + "…"


def compose(options: Options) -> dict[str, Any]:
    """Put the configuration together."""
    config = options.config
    made = _read(config) if isinstance(config, Path) else dict(config)
    problems = [
        tailrace.Problem(f"config.{name}", f"this is secret: put it under `secrets`, as {name!r}")
        for name in _references(made)
    ]
    if problems:
        raise tailrace.ConfigError(*problems)
    for name, secret in options.secrets.items():
        *tables, last = name.split(".")
        at = made
        for table in tables:
            inner = at.get(table, {})
            if not isinstance(inner, Mapping):
                told = f"{table!r} is no table in `config`, so that nothing can be put into it"
                raise tailrace.ConfigError(tailrace.Problem(f"secrets.{name}", told))
            at[table] = at = dict(inner)
        at[last] = secret
    return made


def encoded(value: Any) -> bytes:
    """Give a configuration, catalog or state as JSON, with secrets and all digits of numbers."""
    return orjson.dumps(value, _plain)


def hiding(config: Mapping[str, Any]) -> Hide:
    """Make what hides the secrets of a configuration, in each way that texts are often spelled."""
    found = {
        text
        for secret in _secrets(config, False)
        for text in (secret, *secret.splitlines())
        if len(text) >= _SHORTEST
    }
    spelled = {each for text in found for each in _spellings(text)}
    return Hide(tuple(sorted(spelled, key=len, reverse=True)))


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text, "")
    yield quote_plus(text)
    yield b64encode(text.encode()).decode()


def read_json(path: Path, option: str) -> Any:
    """Read a JSON file that an option names."""
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        told = f"the file {path} cannot be read: {error.strerror}"
    except orjson.JSONDecodeError as error:
        told = f"the file {path} is no JSON: {error.msg} in line {error.lineno}"
    raise tailrace.ConfigError(tailrace.Problem(option, told))


def _read(path: Path) -> dict[str, Any]:
    read = read_json(path, "config")
    if not isinstance(read, dict):
        raise tailrace.ConfigError(tailrace.Problem("config", f"the file {path} holds no table"))
    return read


def _references(config: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Find what looks like a reference to a secret, which the tap would get as it stands."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            if set(value) in ({"env"}, {"file"}) and isinstance(next(iter(value.values())), str):
                yield f"{path}{name}"
            else:
                yield from _references(value, f"{path}{name}.")


def _secrets(value: Any, sounds: bool) -> Iterator[str]:
    if isinstance(value, tailrace.Secret):
        yield value.reveal()
    elif isinstance(value, str):
        if sounds or _LOGIN.search(value):
            yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _secrets(each, sounds or bool(_SOUNDS.search(str(name))))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _secrets(each, sounds)


def _plain(value: Any) -> Any:
    if isinstance(value, tailrace.Secret):
        return value.reveal()
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError
