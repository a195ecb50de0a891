"""Known: what of keys is known before a read is compared, and who takes the answers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs


class Verdicts(Protocol):
    """Take the answers for records that are not sent."""

    def refuse(self, key: Any, reason: str, message: str) -> None:
        """Note a record that cannot be sent."""

    def skip(self, key: Any, reason: str, message: str) -> None:
        """Note a record that need not be sent."""

    @property
    def skips(self) -> Path | None:
        """Give where to put the names of what `skip_many` counts, if they are to be kept."""

    def skip_many(self, count: int, reason: str) -> None:
        """Note so many of them."""

    def doubt(self, key: Any, message: str) -> None:
        """Note a record that must not be sent before somebody knows what became of the last one."""


@attrs.frozen
class Refused:
    """Hold what the ledger knows of a refusal; `due` asks for another try.

    action is empty where it was refused before it came to that; config is what it was refused by.
    """

    hash: str
    action: str
    config: str
    due: bool
    message: str
    first_seen: float = 0.0
    attempts: int = 0

    def stands(self, hash_: str, action: str, config: str) -> bool:
        """Tell whether it would only be refused again."""
        return not self.due and (self.hash, self.action, self.config) == (hash_, action, config)


@attrs.frozen
class Late:
    """Hold until when older versions of a key may still arrive, and what they were."""

    until: float
    versions: frozenset[str]

    def waits(self, version: str) -> bool:
        """Tell whether what is sent now could be overtaken by another version."""
        return self.versions != {version}


@attrs.frozen
class Known:
    """Hold what the ledger knows of keys, by name, and what their refusals went by.

    late: until when a key may not be sent in a newer version. field: gives a field's number.
    """

    field: Callable[[str], int]
    names: Mapping[int, str]
    doubts: Mapping[str, str] = attrs.field(factory=dict)
    refusals: Mapping[str, Refused] = attrs.field(factory=dict)
    late: Mapping[str, Late] = attrs.field(factory=dict)
    config: str = ""

    @property
    def special(self) -> set[str]:
        """Name the keys that are looked at even if nothing has changed."""
        return {*self.doubts, *self.refusals}
