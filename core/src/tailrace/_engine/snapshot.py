"""Snapshot: what the destination was last confirmed to hold, by key, in files that never change.

A small one is lines of text, which Python reads as fast as it could read anything; a large one is
Parquet, which DuckDB reads and joins. The first file is the base, each later one holds what a run
changed of it; the ledger names them in their order.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import orjson

from tailrace._engine.arrow import PAGE, connect, file_literal, literal
from tailrace._engine.codec import decode_value, encode_value
from tailrace._engine.disk import create
from tailrace._engine.lines import NO_HASH

IN_MEMORY = 20_000
"""Records of a read, or of a snapshot, that are kept in memory; some tens of megabytes."""

HELD = "held"
EXISTS = "exists"
"""An insert found that it was there; what it holds is not known."""
ABSENT = "absent"
"""An update found that it was not there."""
GONE = "gone"
"""It was deleted."""

_COLUMNS = ("name", "key", "hash", "fields", "state", "owned", "remote", "run")
_WRITTEN = {"hash": "unhex(hash) AS hash_bytes", "fields": "from_base64(fields) AS fields_bytes"}
_READ = {"hash": "lower(hex(hash_bytes)) AS hash", "fields": "to_base64(fields_bytes) AS fields"}
"""Hashes are bytes in Parquet, which nothing compresses: as text they cost most of what reading does."""
_LINE = 16_000_000
"""Bytes of the longest line; DuckDB would read 16 times as much at once, all its memory."""
_DELTAS = 8
"""Files beside the base before all become one; or a fifth of the base's rows, if that is sooner."""


@attrs.frozen
class Held:
    """Hold what the snapshot says of one key; `run` delivered it, by its number."""

    name: str
    key: Any
    hash: str = NO_HASH
    fields: str = ""
    state: str = HELD
    owned: bool = False
    remote: str | None = None
    run: int = 0


@attrs.frozen
class Segment:
    """Name one file of a snapshot."""

    path: Path
    rows: int

    @property
    def parquet(self) -> bool:
        """Tell whether DuckDB reads it, or Python; also before its ending `.new` is taken away."""
        return ".parquet" in self.path.suffixes


@attrs.frozen
class Snapshot:
    """Hold the files of a snapshot, the base first; `temporary` is where DuckDB may spill."""

    segments: Sequence[Segment] = ()
    temporary: Path | None = None

    @property
    def rows(self) -> int:
        """Give at most as many rows as there are keys in it."""
        return sum(each.rows for each in self.segments)

    @property
    def small(self) -> bool:
        """Tell whether it is read into memory."""
        return self.rows <= IN_MEMORY and not any(each.parquet for each in self.segments)

    def load(self) -> dict[str, Held]:
        """Give a small snapshot by name."""
        held: dict[str, Held] = {}
        for segment in self.segments:
            with segment.path.open("rb") as file:
                held.update((each.name, each) for each in map(read_held, file))
        return {name: each for name, each in held.items() if each.state != GONE}

    def find(self, name: str) -> Held | None:
        """Give what is known of one key."""
        if self.small:
            return self.load().get(name)
        with closing(self.connect()) as connection:
            found = connection.execute("SELECT * FROM held WHERE name = ?", [name]).fetchall()
        return held_of(found[0]) if found else None

    def each(self) -> Iterator[Held]:
        """Give all of it, in no order."""
        if self.small:
            yield from self.load().values()
            return
        with closing(self.connect()) as connection:
            connection.execute("FROM held")
            while rows := connection.fetchmany(PAGE):
                yield from map(held_of, rows)

    def connect(self) -> Any:
        """Open DuckDB with a view `held` of the rows that count."""
        connection = connect(self.temporary)
        for age, each in enumerate(reversed(self.segments[1:])):
            # The newest first, so that what is older only fills in: an aggregate over all of them
            # holds its texts in memory, where a join can lay them down.
            rows = _from(connection, each)
            connection.execute(
                f"CREATE TEMP TABLE deltas AS {rows}"
                if not age
                else f"INSERT INTO deltas SELECT * FROM ({rows}) o WHERE NOT EXISTS"  # noqa: S608
                " (FROM deltas d WHERE d.name = o.name)"
            )
        connection.execute(f"CREATE TEMP VIEW held AS {self.held(connection)}")
        return connection

    def held(self, connection: Any, among: str = "") -> str:
        """Give the query of the rows that count; `among` is a table of the only names wanted.

        The view of all would have each row's hashes written out before the names are compared.
        """
        base, deltas = self.segments[:1], self.segments[1:]
        wanted = f"WHERE name IN (SELECT name FROM {among})" if among else ""  # noqa: S608
        query = _from(connection, base[0], wanted) if base else f"SELECT {_nothing()} WHERE false"
        if deltas:
            query = (
                f"SELECT * FROM ({query}) b WHERE NOT EXISTS"  # noqa: S608  # our own words
                f" (FROM deltas d WHERE d.name = b.name) UNION ALL (FROM deltas {wanted})"
            )
        return f"SELECT * FROM ({query}) WHERE state <> '{GONE}'"  # noqa: S608  # our own words


def _nothing() -> str:
    return ", ".join(f"'' AS {each}" for each in _COLUMNS)


def _from(connection: Any, segment: Segment, wanted: str = "") -> str:
    """Give the query of a file's rows; `wanted` chooses some of them."""
    if not segment.parquet:
        return f"FROM ({table_of(segment.path, _COLUMNS)}) {wanted}"
    rows = f"FROM read_parquet({file_literal(segment.path)})"
    names = [each[0] for each in connection.execute(f"DESCRIBE {rows}").fetchall()]
    # Older files hold them as text.
    columns = [_READ.get(each, each) if "hash_bytes" in names else each for each in _COLUMNS]
    return f"SELECT {', '.join(columns)} FROM ({rows} {wanted})"  # noqa: S608  # our own words


def table_of(path: Path, columns: Sequence[str]) -> str:
    """Give the query that reads a file of lines; an empty column is an empty text."""
    told = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in columns)
    chosen = ", ".join(f"coalesce({each}, '') AS {each}" for each in columns)
    return (
        f"SELECT {chosen} FROM read_csv({file_literal(path)}, delim = '\t', quote = '',"  # noqa: S608
        f" escape = '', header = false, auto_detect = false, columns = {{{told}}},"
        f" max_line_size = {_LINE}, buffer_size = {_LINE}, parallel = true)"
    )


def write_held(held: Held) -> bytes:
    """Give a row of a snapshot as a line, its end with it."""
    key = encode_value(held.key)
    columns = (
        held.name,
        "" if key == held.name else key,
        held.hash,
        held.fields,
        held.state,
        "1" if held.owned else "",
        "" if held.remote is None else orjson.dumps(held.remote).decode(),
        str(held.run),
    )
    return ("\t".join(columns) + "\n").encode()


def read_held(line: bytes) -> Held:
    """Give back the row of a line."""
    return held_of(line.decode().rstrip("\n").split("\t"))


def held_of(columns: Sequence[str]) -> Held:
    """Give back the row of its columns."""
    name, key, hash_, fields, state, owned, remote, run = columns
    return Held(
        name,
        decode_value(key or name),
        hash_,
        fields,
        state,
        owned == "1",
        orjson.loads(remote) if remote else None,
        int(run or 0),
    )


def advance(snapshot: Snapshot, delta: Iterable[Held], folder: Path, stem: str) -> list[Segment]:
    """Write what a run changed; give the segments of the next snapshot.

    A file of it that is new has the ending `.new`, which the caller takes away when it is sealed.
    """
    path = folder / f"{stem}.lines.new"
    count = _write(path, delta)
    if not count:
        path.unlink()
        return list(snapshot.segments)
    added = Segment(path, count)
    if snapshot.small and snapshot.rows + count <= IN_MEMORY:
        if snapshot.segments:
            merged = Snapshot([*snapshot.segments, added]).load()
            _write(folder / f"{stem}.merged", merged.values())
            (folder / f"{stem}.merged").replace(path)
            return [Segment(path, len(merged))]
        return [added]
    following = Snapshot([*snapshot.segments, added], snapshot.temporary)
    base, deltas = following.segments[0], following.segments[1:]
    few = sum(each.rows for each in deltas) * 5 <= base.rows and len(deltas) <= _DELTAS
    if few and base.parquet and count <= IN_MEMORY:
        return list(following.segments)
    whole = folder / f"{stem}.parquet.new"
    rows = _copy(following, whole)
    path.unlink()
    return [Segment(whole, rows)]


def rewrite(snapshot: Snapshot, delta: Iterable[Held], folder: Path, stem: str) -> list[Segment]:
    """Write the whole snapshot anew with a delta on top, so that nothing older stays in any file."""
    path = folder / f"{stem}.lines.new"
    following = Snapshot([*snapshot.segments, Segment(path, _write(path, delta))], folder)
    if snapshot.small:
        merged = following.load()
        _write(path, merged.values())
        return [Segment(path, len(merged))]
    whole = folder / f"{stem}.parquet.new"
    rows = _copy(following, whole)
    path.unlink()
    return [Segment(whole, rows)]


def _write(path: Path, rows: Iterable[Held]) -> int:
    count = 0
    with create(path) as file:
        for row in rows:
            file.write(write_held(row))
            count += 1
    return count


def _copy(snapshot: Snapshot, path: Path) -> int:
    """Make one Parquet file of all segments."""
    create(path).close()
    with closing(snapshot.connect()) as connection:
        columns = ", ".join(_WRITTEN.get(each, each) for each in _COLUMNS)
        query = f"COPY (SELECT {columns} FROM held) TO {literal(str(path))}"  # noqa: S608
        told = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy, USE_TMP_FILE false"
        (count,) = connection.execute(f"{query} ({told})").fetchone()
    return int(count)
