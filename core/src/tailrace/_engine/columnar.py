"""Columnar: what DuckDB can tell of a source's rows, so that only those that need it come to Python.

Of each row DuckDB makes two numbers: a mark of its key, and a print of all that is read of it. Where
both are those of a row that the destination is known to hold as it is (`Settled`), there is nothing
to look at: such a row is passed. All others come as rows do from any source, with their numbers.
"""

import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs

from tailrace._engine import places
from tailrace._engine.arrow import (
    PAGE,
    Column,
    Scan,
    ended_when,
    file_literal,
    fixed,
    fixes,
    identifier,
    literal,
)
from tailrace._engine.codec import canary, decode_value
from tailrace._engine.disk import create
from tailrace._engine.flow import Picked
from tailrace._engine.snapshot import table_of

_MEMORY = "768MB"
"""What the one pass may take: of 10 million rows it keeps some 50 bytes each."""
_SHARE = 20
"""Where one row in so many was not passed, all are laid down anew for the next read."""
_COLUMNS = ("mark", "print", "name", "hash")

_SIZES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_INTEGERS = frozenset(f"{sign}{size}" for sign in ("", "U") for size in _SIZES)
_MOMENTS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
_PLAIN = _INTEGERS | {"BOOLEAN", "VARCHAR", "DATE", "TIME", "BLOB", *_MOMENTS}
"""Types of which DuckDB's hash() tells all values apart."""
_DECIMAL = re.compile(r"DECIMAL\((\d+),")
_WIDE = 18
"""Digits up to which a decimal number is no wider than a BIGINT."""
_FIRST, _LAST = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
_KEYS: Mapping[str, str] = {
    **dict.fromkeys((*_INTEGERS, "VARCHAR"), "{}"),
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "UUID"), "CAST({} AS VARCHAR)"),
    # What Python cannot tell apart may not have two marks: it has no infinite dates.
    "DATE": f"least(greatest({{}}, DATE '{_FIRST[:10]}'), DATE '{_LAST[:10]}')",
    "TIMESTAMP": f"least(greatest({{}}, TIMESTAMP '{_FIRST}'), TIMESTAMP '{_LAST}')",
}
"""Types that a key may have, and what its mark is made of: equal names must have equal marks."""

_CANARY = (
    "SELECT hash(1::BIGINT, 'tailrace', NULL, 1.5::DOUBLE, true, DATE '2024-02-29', 2::DECIMAL(9, 2)),"
    " hash('a text that does not fit into twelve bytes'), hash([1, 2]), hash(1::HUGEINT, '\\x00'::BLOB)"
)


@attrs.frozen
class Marks:
    """Say what DuckDB makes of the rows of a scan: `mark` of the key, `print` of all `columns`.

    tag: what both depend on; where it is another, none of them can be compared.
    """

    columns: Sequence[Column]
    keys: Sequence[Column]
    tag: str

    @property
    def mark(self) -> str:
        """Give the expression of a key's mark."""
        return _mark([(each.kind, identifier(each.own)) for each in self.keys])

    @property
    def print(self) -> str:
        """Give the expression of a row's print."""
        return f"hash({', '.join(part for each in self.columns for part in _printed(each))})"

    def named(self, connection: Any, table: str, names: Iterable[str]) -> None:
        """Make a table of the marks that records of these names have."""
        texts: list[list[str]] = [[] for _ in self.keys]
        for name in names:
            value = decode_value(name)
            values = value if isinstance(value, list) else [value]
            # A name of another shape is none that a row of this source could have.
            if len(values) == len(texts):
                for column, each in zip(texts, values, strict=True):
                    column.append(str(each))
        chosen = ", ".join(
            f"try_cast(unnest(?::VARCHAR[]) AS {each.kind}) AS k{at}"
            for at, each in enumerate(self.keys)
        )
        mark = _mark([(each.kind, f"k{at}") for at, each in enumerate(self.keys)])
        connection.execute(f"CREATE TEMP TABLE {table} (mark UBIGINT)")
        query = f"SELECT DISTINCT {mark} FROM (SELECT {chosen})"  # noqa: S608  # our own words
        connection.execute(f"INSERT INTO {table} {query}", texts)


def marks_of(
    scan: Scan, fields: Collection[str] | None, key: Sequence[str], told: object
) -> Marks | None:
    """Say how the rows of a scan are marked, or give None where that cannot be relied on.

    fields: those that are read, by the source's names; None for all. told: what else decides what
    becomes of a row.
    """
    named = {each.name: each for each in scan.columns}
    columns = [each for each in scan.columns if fields is None or each.name in {*fields, *key}]
    keys = [named[name] for name in key if name in named]
    if not key or len(keys) < len(key) or any(each.kind not in _KEYS for each in keys):
        return None
    import duckdb

    facts = [duckdb.__version__, _hashes(scan.connection), canary(), columns, keys, told]
    tag = blake2b(repr(facts).encode(), digest_size=16).hexdigest()
    marks = Marks(columns, keys, tag)
    try:
        scan.connection.execute(
            f"DESCRIBE SELECT {marks.mark}, {marks.print} FROM {scan.relation}"  # noqa: S608  # quoted names
        ).fetchall()
    except duckdb.Error:
        return None
    return marks


def _hashes(connection: Any) -> str:
    """Give what this DuckDB's hash() makes of some values."""
    return repr(connection.execute(_CANARY).fetchall())


def _mark(keys: Iterable[tuple[str, str]]) -> str:
    return f"hash({', '.join(_KEYS[kind].format(what) for kind, what in keys)})"


def _printed(column: Column) -> list[str]:
    """Give what a column adds to a print: all that the codec tells apart, or more."""
    quoted, kind = identifier(column.own), column.kind
    decimal = _DECIMAL.match(kind)
    if kind in _PLAIN or (decimal and int(decimal[1]) <= _WIDE):
        return [quoted]
    if kind in ("DOUBLE", "FLOAT"):
        # To hash(), -0.0 is 0.0.
        return [quoted, f"signbit({quoted})"]
    # The two halves of what has 16 bytes cancel each other out, so that -1 is 0; a text does not.
    text = f"CAST({quoted} AS VARCHAR)"
    return [text] if decimal or kind in _KEYS or kind.startswith("ENUM") else [text, quoted]


@attrs.frozen
class Settled:
    """Name a sealed file of rows that the destination holds as they are, and those that changed since.

    path: their marks, prints, names and the codec's hashes, each mark once. since: names of records
    that are not to be taken for settled.
    """

    path: Path
    rows: int
    since: Collection[str] = ()


@attrs.define(eq=False)
class Columnar:
    """Read a scan once; `passed` counts the rows that are settled, and need not be looked at.

    folder: where files may lie for the time of the run. stopped: tells that the pass is to end.
    """

    scan: Scan
    marks: Marks
    settled: Settled | None
    folder: Path
    stopped: Callable[[], bool]
    read: int = 0
    passed: int = 0
    doubles: Sequence[tuple[int, str, str]] = ()
    """Records that are settled, but whose key this read has twice: number, name and hash."""

    @property
    def anew(self) -> bool:
        """Tell whether the next read is better off with a new file."""
        return self.settled is None or (self.read - self.passed) * _SHARE > self.read

    def pages(self) -> Generator[Picked, None, None]:
        """Give the rows that are not passed, in their order, with their numbers."""
        with self.scan.reading() as connection:
            connection.execute(f"SET temp_directory = {literal(str(self.folder))}")
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            if self.settled is None:
                chosen = [each.selected for each in self.marks.columns]
                connection.execute(
                    f"SELECT row_number() OVER (), {self.marks.mark}, {self.marks.print},"  # noqa: S608
                    f" {', '.join(chosen)} FROM {self.scan.relation}"
                )
            else:
                with ended_when(connection, self.stopped) as ended:
                    self._stage(connection, self.settled)
                if ended:
                    # Who reads looks whether to stop before the next page.
                    yield Picked((), (), 0)
                    return
                chosen = [f"row[1].c{at}" for at in range(len(self.marks.columns))]
                connection.execute(
                    f"SELECT number, mark, row[1].print, {', '.join(chosen)} FROM staged"  # noqa: S608
                    " WHERE number IS NOT NULL AND row IS NOT NULL ORDER BY number"
                )
            yield from self._taken(connection)

    def _taken(self, connection: Any) -> Iterator[Picked]:
        fixes_ = fixes(self.marks.columns, 3)
        names = [each.name for each in self.marks.columns]
        total = self.read
        with create(self.folder / "marks") as file:
            while rows := connection.fetchmany(PAGE):
                file.write(
                    "".join([f"{each[0]}\t{each[1]}\t{each[2]}\n" for each in rows]).encode()
                )
                if fixes_:
                    rows = [fixed(row, fixes_) for row in rows]
                self.read = max(total, rows[-1][0])
                yield Picked(
                    (dict(zip(names, row[3:], strict=True)) for row in rows),
                    [row[0] for row in rows],
                    self.read,
                )
        if self.read == total:
            # Who reads learns the schema, and how many there were, from a page.
            yield Picked((), (), self.read)

    def _stage(self, connection: Any, settled: Settled) -> None:
        """Read all once: keep the values of those that are not settled, and which these are."""
        self.marks.named(connection, "since", settled.since)
        columns = ", ".join(
            f"{each.selected} AS c{at}" for at, each in enumerate(self.marks.columns)
        )
        read = (
            f"SELECT row_number() OVER () AS number, {self.marks.mark} AS mark,"  # noqa: S608
            f" {self.marks.print} AS print, {columns} FROM {self.scan.relation}"
        )
        values = ", ".join(f"c{at} := c{at}" for at in range(len(self.marks.columns)))
        row = f"struct_pack(print := r.print, {values})"
        if self._placed(connection, settled):
            aside = places.compared(connection, read, row, settled.path, settled.rows)
        else:
            aside = places.looked_up(connection, read, row, settled.path)
        rest, met, alike, lost = connection.execute(
            "SELECT count(number), count(number) FILTER (known), count(number) FILTER (row IS NULL),"
            " count(*) FILTER (number IS NULL) FROM staged"
        ).fetchone()
        self.read, alike, held = rest + aside.rows, alike + aside.rows, aside.held
        self.passed = alike
        connection.execute("CREATE TEMP TABLE doubled (mark UBIGINT)")
        if met != held - lost:
            connection.execute(
                "INSERT INTO doubled SELECT mark FROM staged WHERE number IS NOT NULL"
                " GROUP BY mark HAVING count(*) > 1"
            )
            self.doubles = connection.execute(
                "SELECT number, name, lower(hex(hash)) FROM staged JOIN doubled USING (mark) JOIN"  # noqa: S608
                f" read_parquet({file_literal(settled.path)}) USING (mark) WHERE row IS NULL"
            ).fetchall()
            self.passed -= len(self.doubles)
        create(self.others).close()
        connection.execute(
            "COPY (SELECT mark FROM staged WHERE number IS NULL OR row IS NOT NULL UNION FROM doubled"  # noqa: S608
            f" UNION FROM since) TO {literal(str(self.others))} (FORMAT parquet, USE_TMP_FILE false)"
        )
        if self.anew:
            create(self.moved).close()
            connection.execute(
                "COPY (SELECT mark, number AS place FROM staged WHERE number IS NOT NULL AND row IS NULL)"  # noqa: S608
                f" TO {literal(str(self.moved))} (FORMAT parquet, USE_TMP_FILE false)"
            )

    def _placed(self, connection: Any, settled: Settled) -> bool:
        """Tell whether rows are to be compared with those that stood in their places."""
        relation, mark = self.scan.relation, self.marks.mark
        return self.scan.again and places.kept(connection, relation, mark, settled.path)

    @property
    def others(self) -> Path:
        """Give the file of the marks that are not passed, whatever the settled rows say."""
        return self.folder / "others.parquet"

    @property
    def moved(self) -> Path:
        """Give the file of where rows stand that are passed, but for those in their old places."""
        return self.folder / "moved.parquet"

    def view(self, connection: Any) -> None:
        """Give a connection the view `passed`: the rows of the settled file that were read again."""
        if self.settled is None:
            query = (
                "SELECT 0::UBIGINT AS mark, 0::UBIGINT AS print, '' AS name, ''::BLOB AS hash,"
                " 0::BIGINT AS number WHERE false"
            )
        else:
            others = f"read_parquet({file_literal(self.others)})"
            columns = (*_COLUMNS, "file_row_number + 1 AS number")
            query = places.but(self.settled.path, others, columns)
        connection.execute(f"CREATE TEMP VIEW passed AS {query}")

    def listed(self, reason: str) -> str:
        """Give what is to be added to a list of names, so that `listed` finds those that were passed.

        They follow from the settled file and the marks of the others, unless that file is laid down
        anew; then they stand there themselves.
        """
        if self.settled is None or not self.passed:
            return ""
        told = literal(reason)
        if self.anew:
            return f"UNION ALL SELECT name, {told}, NULL, NULL FROM passed"  # noqa: S608  # our own words
        return (
            f"UNION ALL SELECT NULL, {told}, NULL, {literal(self.settled.path.name)}"  # noqa: S608
            f" UNION ALL SELECT NULL, NULL, mark, NULL FROM read_parquet({file_literal(self.others)})"
        )

    def write(self, connection: Any, into: Path) -> int:
        """Lay down what is settled once all that is planned has arrived; give how many rows.

        connection: has `staged` (number, name, hash), `passed`, and `special` with the names of
        records of which nothing is known.
        """
        create(into).close()
        told = table_of(self.folder / "marks", ("number", "mark", "print"))
        connection.execute(
            "CREATE TEMP TABLE marks AS SELECT m.number::BIGINT AS number, m.mark::UBIGINT AS mark,"  # noqa: S608
            f" m.print::UBIGINT AS print, s.name, unhex(s.hash) AS hash FROM ({told}) m LEFT JOIN"
            " (FROM staged WHERE name NOT IN (SELECT name FROM special)) s"
            " ON s.number = m.number::BIGINT"
        )
        columns = ", ".join(_COLUMNS)
        passed = f"SELECT number, {columns} FROM passed"  # noqa: S608  # our own words
        if self.settled is not None:
            passed = (
                f"SELECT coalesce(m.place, number) AS number, {columns} FROM passed LEFT JOIN"  # noqa: S608
                f" read_parquet({file_literal(self.moved)}) m USING (mark)"
            )
        # A row that is not settled keeps its place, so that those behind it are found in theirs.
        connection.execute(
            f"COPY (SELECT {columns} FROM ({passed} UNION ALL"  # noqa: S608
            f" SELECT number, {', '.join(f'if(good, {each}, NULL)' for each in _COLUMNS)} FROM"
            " (SELECT *, name IS NOT NULL AND mark NOT IN (SELECT mark FROM marks WHERE name IS NOT"
            " NULL GROUP BY mark HAVING count(*) > 1) AS good FROM marks)) ORDER BY number)"
            f" TO {literal(str(into))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
        (count,) = connection.execute(
            f"SELECT count(mark) FROM read_parquet({file_literal(into)})"  # noqa: S608  # our own words
        ).fetchone()
        return int(count)


def listed(connection: Any, path: Path) -> Iterator[tuple[str, str]]:
    """Give the names in a list, each with its reason, and then those that were passed."""
    where = f"read_parquet({file_literal(path)})"
    files = connection.execute(
        f"SELECT file, reason FROM {where} WHERE file IS NOT NULL"  # noqa: S608  # our own words
    ).fetchall()
    queries = [f"SELECT name, reason FROM {where} WHERE name IS NOT NULL"]  # noqa: S608
    for name, reason in files:
        settled = path.with_name(name)
        if settled.exists():
            columns = ("name", f"{literal(reason)} AS reason")
            queries.append(places.but(settled, f"{where} WHERE mark IS NOT NULL", columns))
    for query in queries:
        connection.execute(query)
        while rows := connection.fetchmany(PAGE):
            yield from rows
