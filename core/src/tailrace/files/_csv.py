"""CSV files through DuckDB, with types that all rows agree on."""

import csv
import gzip
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from tailrace._engine.arrow import Scan, connect, identifier, literal, scan
from tailrace.errors import SourceError

_INTEGER = "0|-?[1-9][0-9]*"
_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DATE + r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"

_LENGTHS = (
    "max(length(regexp_replace(COLUMN, '[^0-9]', '', 'g'))),"
    " max(length(split_part(COLUMN, '.', 2)))"
)
_TESTS = (
    f"regexp_full_match(COLUMN, '{_INTEGER}')",
    f"regexp_full_match(COLUMN, '{_NUMBER}')",
    "lower(COLUMN) IN ('true', 'false')",
    f"regexp_full_match(COLUMN, '{_DATE}') AND try_cast(COLUMN AS DATE) IS NOT NULL",
    f"regexp_full_match(COLUMN, '{_MOMENT}') AND try_cast(COLUMN AS TIMESTAMP) IS NOT NULL",
    f"regexp_full_match(COLUMN, '{_MOMENT}{_ZONE}') AND try_cast(COLUMN AS TIMESTAMPTZ) IS NOT NULL",
)
_PLAIN = ("BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ")


def scan_csv(paths: Sequence[Path], delimiter: str | None, infer: bool) -> Scan:
    """Start reading files as one; an empty value is null, a quoted empty one is text."""
    headers = [(path, *_header(path, delimiter)) for path in paths]
    parts = [
        _read(names, between, [path for path, *_ in group])
        for (names, between), group in groupby(headers, key=lambda each: each[1:])
    ]
    columns = list(dict.fromkeys(name for _, names, _ in headers for name in names))
    connection = connect()
    failed = _failed(paths)
    rows = f"({' UNION ALL BY NAME '.join(f'FROM {part}' for part in parts)})"
    types = (
        _infer(connection, rows, columns, failed) if infer else dict.fromkeys(columns, "VARCHAR")
    )
    chosen = ", ".join(
        f"CAST({identifier(name)} AS {types[name]}) AS {identifier(name)}" for name in columns
    )
    return scan(connection, f"(SELECT {chosen} FROM {rows})", failed)  # noqa: S608  # quoted names


def _read(names: tuple[str, ...], delimiter: str, paths: Sequence[Path]) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    files = ", ".join(literal(str(path)) for path in paths)
    return (
        f"read_csv([{files}], auto_detect = false, header = true, delim = {literal(delimiter)},"
        f" quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
        f" columns = {{{columns}}})"
    )


def _header(path: Path, delimiter: str | None) -> tuple[tuple[str, ...], str]:
    try:
        with _open(path) as file:
            first = file.readline()
            between = delimiter or max(",;\t|", key=first.count)
            names = next(
                csv.reader(
                    [first, *iter(file.readline, "")] if first.count('"') % 2 else [first],
                    delimiter=between,
                ),
                [],
            )
    except UnicodeDecodeError:
        raise SourceError(f"{path}, line 1: this is not UTF-8 text") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if not names:
        raise SourceError(f"{path}, line 1: there is no header")
    for place, name in enumerate(names, 1):
        if not name.strip():
            raise SourceError(f"{path}, line 1: column {place} has no name")
        if names.count(name) > 1:
            raise SourceError(f"{path}, line 1: the column {name!r} stands there twice")
    return tuple(names), between


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _infer(connection: Any, rows: str, columns: Sequence[str], failed: Any) -> dict[str, str]:
    import duckdb

    asked = []
    for name in columns:
        quoted = identifier(name)
        asked += [
            f"bool_and({test}) FILTER (WHERE COLUMN IS NOT NULL)".replace("COLUMN", quoted)
            for test in _TESTS
        ]
        asked.append(_LENGTHS.replace("COLUMN", quoted))
    try:
        found = connection.execute(f"SELECT {', '.join(asked)} FROM {rows}").fetchone()  # noqa: S608  # quoted names
    except duckdb.Error as error:
        connection.close()
        raise failed(error) from None
    width = len(_TESTS) + 2
    return {
        name: _type(*found[place * width : (place + 1) * width])
        for place, name in enumerate(columns)
    }


def _type(  # noqa: PLR0917  # one line a type
    integer: bool | None,
    number: bool | None,
    boolean: bool | None,
    date: bool | None,
    moment: bool | None,
    zoned: bool | None,
    digits: int | None,
    decimals: int | None,
) -> str:
    if digits is None or decimals is None:
        return "VARCHAR"
    if integer:
        return "BIGINT" if digits <= 18 else "HUGEINT" if digits <= 38 else "VARCHAR"
    if number:
        if digits <= 15:
            return "DOUBLE"
        return "VARCHAR" if digits + decimals > 38 else f"DECIMAL(38, {decimals})"
    for yes, name in zip((boolean, date, moment, zoned), _PLAIN, strict=True):
        if yes:
            return name
    return "VARCHAR"


def _failed(paths: Sequence[Path]) -> Callable[[Exception], SourceError]:
    def failed(error: Exception) -> SourceError:
        text = str(error)
        path = next((each for each in paths if str(each) in text), paths[0])
        line = re.search(r"Line: (\d+)", text)
        counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
        if counts:
            said = f"{counts[2]} values where the header has {counts[1]} columns"
        else:
            lines = [each for each in text.splitlines() if each and "CSV Error" not in each]
            said = next((each for each in lines if not each.startswith("Original Line")), text)
        return SourceError(f"{path}{f', line {line[1]}' if line else ''}: {said}")

    return failed
