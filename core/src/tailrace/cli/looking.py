"""What commands that look at a state have in common."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrace.cli.project import chosen
from tailrace.text import plain, shown

if TYPE_CHECKING:
    from tailrace._engine.state import State


def states(config: Path, names: Sequence[str]) -> "Iterator[tuple[str, State | None]]":
    """Give the state of each sync that is named, or of all; None where there is none yet."""
    from tailrace._engine.state import read_state
    from tailrace.errors import ConfigError

    for sync in chosen(config, names):
        name = sync.name or ""
        if sync.state is None:
            raise ConfigError(f"{name} keeps no state")
        with read_state(Path(sync.state), name) as state:
            yield name, state


def moment(seconds: float | None) -> str:
    """Give a moment as a person reads it, in this machine's time."""
    if seconds is None:
        return "-"
    then = datetime.fromtimestamp(seconds, UTC).astimezone()
    return f"{then:%Y-%m-%d %H:%M:%S}"


def said(value: Any, width: int = 300) -> str:
    """Give a value of a row so that it can do a terminal no harm."""
    return plain(shown(value), width)


def form(value: Any) -> str:
    """Give the machine's form."""
    return json.dumps(value, default=str)
