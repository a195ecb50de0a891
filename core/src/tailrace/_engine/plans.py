"""Plans: what a run is going to send, as a file that does not change once it is sealed."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from tailrace._engine.arrow import PAGE
from tailrace._engine.disk import create
from tailrace._engine.flow import Records
from tailrace._engine.known import Late
from tailrace._engine.lines import Change, read, stripped, version_of, write
from tailrace.schema import Schema


def lay(path: Path, changes: Iterable[Change]) -> int:
    """Write changes into a new file; give their count."""
    count = 0
    with create(path) as file:
        for change in changes:
            file.write(write(change))
            count += 1
    return count


def pages(
    path: Path, schema: Schema, offset: int = 0, late: Mapping[str, Late] | None = None
) -> Iterator[Records]:
    """Read a plan page by page, from a place in it; records that have to wait come apart."""
    with path.open("rb") as file:
        file.seek(offset)
        while lines := list(islice(file, PAGE)):
            yield from _parted(lines, schema, late or {})


def records(changes: Iterable[Change], schema: Schema) -> Iterator[Records]:
    """Give changes as pages without laying them down."""
    iterator = iter(changes)
    while page := list(islice(iterator, PAGE)):
        yield _page(page, (), schema, 0.0)


def _parted(lines: list[bytes], schema: Schema, late: Mapping[str, Late]) -> Iterator[Records]:
    changes = [read(line) for line in lines]
    waits = [each.name in late and late[each.name].waits(each.version) for each in changes]
    at = waits.index(True) if any(waits) else len(changes)
    if at:
        yield _page(changes[:at], lines[:at], schema, 0.0)
    if at < len(changes):
        until = max(late[each.name].until for each in changes[at:] if each.name in late)
        yield _page(changes[at:], lines[at:], schema, until)


def _page(
    changes: list[Change], lines: list[bytes] | tuple[bytes, ...], schema: Schema, late: float
) -> Records:
    rows = []
    for change in changes:
        laid = change.values
        # A line has its names sorted; a person who sees the row expects the source's order.
        rows.append({name: laid[name] for name in schema.names if name in laid} | laid)
    return Records(
        keys=[change.key for change in changes],
        rows=rows,
        schema=schema,
        numbers=[change.number for change in changes],
        lines=lines,
        changed=[change.changed for change in changes],
        remotes=[change.remote for change in changes],
        late=late,
    )


def read_slice(path: Path, offset: int, length: int) -> list[bytes]:
    """Give the lines of one batch."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length).splitlines(keepends=True)


def strip(path: Path, into: Path) -> int:
    """Write a plan anew without its values; give its rows."""
    count = 0
    with path.open("rb") as file, create(into) as out:
        while lines := file.readlines(1 << 20):
            out.write(stripped(lines))
            count += len(lines)
    return count


def names_in(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Give the name and the version of each line's record."""
    for line in lines:
        _, action, name, _, hash_, _ = line.split(b"\t", 5)
        yield name.decode(), version_of(action.decode(), hash_.decode())


def blank(lines: Iterable[bytes], into: Path, names: set[str]) -> None:
    """Write lines anew, those of some names without anything that tells of them."""
    with create(into) as out:
        for line in lines:
            number, action, name, _ = line.split(b"\t", 3)
            if name.decode() in names:
                out.write(b'%b\t%b\t""%b\n' % (number, action, b"\t" * 8))
            else:
                out.write(line)
