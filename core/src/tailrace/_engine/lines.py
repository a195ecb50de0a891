"""Lines: one planned change as a line of text, which is what a plan's file is made of.

Its columns are parted by tabs, which JSON writes otherwise, so that no value needs quoting.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import attrs
import orjson

from tailrace._engine.codec import decode, decode_value, encode_value, value_bytes
from tailrace.records import Row

NO_HASH = ""
"""Stands in a snapshot for a record whose content at the destination is not known."""

GONE = "gone"
"""The version of a key that is deleted."""

_DIGEST = 5
_WIDTH = 2 + _DIGEST


@attrs.frozen(kw_only=True)
class Change:
    """Hold what a plan says of one record.

    number: its place in the read, which names it within its plan. name: its key as text. hash: of
    its mapped values. fields: a hash of each of these. changed: the fields that differ from what
    was delivered last, None where that is not known. owned: it was delivered before. cursor: the
    cursor's value, as JSON. line: its values, empty once they were settled.
    """

    number: int
    action: str
    name: str
    key: Any
    hash: str = NO_HASH
    fields: str = ""
    changed: frozenset[str] | None = None
    owned: bool = False
    remote: str | None = None
    cursor: str = ""
    line: bytes = b""

    @property
    def version(self) -> str:
        """Say what its key is to be: its hash, or that it is to be gone."""
        return version_of(self.action, self.hash)

    @property
    def values(self) -> Row:
        """Give the mapped row."""
        return decode(self.line) if self.line else {}


def version_of(action: str, hash_: str) -> str:
    """Give what a change with an action makes of a key."""
    return GONE if action == "delete" else hash_


def write(change: Change) -> bytes:
    """Give a change as a line, its end with it."""
    key = encode_value(change.key)
    head = "\t".join(
        (
            str(change.number),
            change.action,
            change.name,
            "" if key == change.name else key,
            change.hash,
            change.fields,
            "" if change.changed is None else orjson.dumps(sorted(change.changed)).decode(),
            "1" if change.owned else "",
            "" if change.remote is None else orjson.dumps(change.remote).decode(),
            change.cursor,
        )
    )
    return b"%b\t%b\n" % (head.encode(), change.line)


def write_all(action: str, numbers: Sequence[int], values: Sequence[bytes]) -> bytes:
    """Give the lines of records that have no key but their numbers."""
    form = b"%%d\t%b\t%%d\t\t\t\t\t\t\t\t%%b\n" % action.encode()
    return b"".join([form % each for each in zip(numbers, numbers, values, strict=True)])


def read(line: bytes) -> Change:
    """Give back the change of a line."""
    head, _, values = line.rstrip(b"\n").rpartition(b"\t")
    number, action, name, key, hash_, fields, changed, owned, remote, cursor = head.decode().split(
        "\t"
    )
    return Change(
        number=int(number),
        action=action,
        name=name,
        key=decode_value(key or name) if key or name else int(number),
        hash=hash_,
        fields=fields,
        changed=frozenset(orjson.loads(changed)) if changed else None,
        owned=owned == "1",
        remote=orjson.loads(remote) if remote else None,
        cursor=cursor,
        line=values,
    )


def stripped(lines: Iterable[bytes]) -> bytes:
    """Give lines without their values, that of the cursor among them."""
    heads = [line.rsplit(b"\t", 2)[0] for line in lines]
    return b"\t\t\n".join([*heads, b""])


def hash_fields(row: Mapping[str, Any], ids: Mapping[str, int]) -> str:
    """Give a hash of each value of a row, each under its field's number."""
    made = b"".join(
        ids[name].to_bytes(2, "big") + blake2b(value_bytes(value), digest_size=_DIGEST).digest()
        for name, value in row.items()
    )
    return b64encode(made).decode()


def differing(one: str, other: str, names: Mapping[int, str]) -> frozenset[str] | None:
    """Name the fields whose hashes differ; None where one side does not know its own."""
    if not one or not other:
        return None
    left, right = _parts(one), _parts(other)
    changed = {each for each in left.keys() | right.keys() if left.get(each) != right.get(each)}
    return frozenset(names[each] for each in changed if each in names)


def _parts(fields: str) -> dict[int, bytes]:
    raw = b64decode(fields)
    return {
        int.from_bytes(raw[at : at + 2], "big"): raw[at + 2 : at + _WIDTH]
        for at in range(0, len(raw), _WIDTH)
    }


def field_names(fields: str, names: Mapping[int, str]) -> list[str]:
    """Name the fields that a text of hashes knows."""
    return [names[each] for each in _parts(fields) if each in names]
