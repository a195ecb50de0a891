"""CSV files through DuckDB, with types that all rows agree on."""

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import IO, Any

from tailrace._engine.arrow import Scan, connect, file_literal, literal, scan
from tailrace.errors import SourceError

_INTEGER = "0|-?[1-9][0-9]*"
_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]+)?"
_FIXED = r"-?(0|[1-9][0-9]*)\.[0-9]+"
_EXACT = r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?"
_NO_ZERO = "-[0.]+"
_DATE = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DATE + r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"

_TESTS = (
    f"regexp_full_match(COLUMN, '{_INTEGER}')",
    # The plain spelling of a double: what it would be written as again, or a whole number.
    f"regexp_full_match(COLUMN, '{_NUMBER}') AND COLUMN <> '-0' AND"
    " CAST(try_cast(COLUMN AS DOUBLE) AS VARCHAR) IN (COLUMN, COLUMN || '.0')",
    f"regexp_full_match(COLUMN, '{_FIXED}') AND NOT regexp_full_match(COLUMN, '{_NO_ZERO}')",
    f"regexp_full_match(COLUMN, '{_EXACT}') AND NOT regexp_full_match(COLUMN, '{_NO_ZERO}')",
    "lower(COLUMN) IN ('true', 'false')",
    f"regexp_full_match(COLUMN, '{_DATE}') AND try_cast(COLUMN AS DATE) IS NOT NULL",
    f"regexp_full_match(COLUMN, '{_MOMENT}') AND try_cast(COLUMN AS TIMESTAMP) IS NOT NULL",
    f"regexp_full_match(COLUMN, '{_MOMENT}{_ZONE}')"
    " AND try_cast(COLUMN AS TIMESTAMPTZ) < TIMESTAMPTZ '9999-12-31 23:59:59+00'",
)
_COUNTS = (
    "max(length(split_part(ltrim(COLUMN, '-'), '.', 1))),"
    " min(length(split_part(COLUMN, '.', 2))), max(length(split_part(COLUMN, '.', 2)))"
)
_QUOTED = re.compile('"[^"]*"')
_PLAIN = ("BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ")


def scan_csv(paths: Sequence[Path], delimiter: str | None, infer: bool) -> Scan:
    """Start reading files as one; an empty value is null, a quoted empty one is text."""
    headers = [(path, *_header(path, delimiter)) for path in paths]
    names = list(dict.fromkeys(name for _, header, _ in headers for name in header))
    # DuckDB takes two names that differ in case only for one; in here columns have numbers.
    columns = {name: f"c{place}" for place, name in enumerate(names)}
    parts = [
        _read([columns[name] for name in header], between, [path for path, *_ in group])
        for (header, between), group in groupby(headers, key=lambda each: each[1:])
    ]
    connection = connect()
    failed = _failed(paths)
    rows = f"({' UNION ALL BY NAME '.join(f'FROM {part}' for part in parts)})"
    numbered = list(columns.values())
    types = _infer(connection, rows, numbered, failed) if infer else {}
    chosen = ", ".join(
        f"CAST({column} AS {types.get(column, 'VARCHAR')}) AS {column}" for column in numbered
    )
    return scan(connection, f"(SELECT {chosen} FROM {rows})", failed, names)  # noqa: S608  # our own names


def _read(names: Sequence[str], delimiter: str, paths: Sequence[Path]) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    files = ", ".join(file_literal(path) for path in paths)
    return (
        f"read_csv([{files}], auto_detect = false, header = true, delim = {literal(delimiter)},"
        f" quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
        f" columns = {{{columns}}})"
    )


def _header(path: Path, delimiter: str | None) -> tuple[tuple[str, ...], str]:
    try:
        with _open(path) as file:
            first = file.readline()
            between = delimiter or max(",;\t|", key=_QUOTED.sub("", first).count)
            names = next(csv.reader(chain([first], file), delimiter=between, strict=True), [])
            "".join(names).encode()
    except UnicodeEncodeError:
        raise SourceError(f"{path}, line 1: this is not UTF-8 text") from None
    except csv.Error as error:
        raise SourceError(f"{path}, line 1: the header cannot be read: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
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
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _infer(connection: Any, rows: str, columns: Sequence[str], failed: Any) -> dict[str, str]:
    import duckdb

    asked = []
    for name in columns:
        asked += [
            f"bool_and({test}) FILTER (WHERE COLUMN IS NOT NULL)".replace("COLUMN", name)
            for test in _TESTS
        ]
        asked.append(_COUNTS.replace("COLUMN", name))
    try:
        found = connection.execute(f"SELECT {', '.join(asked)} FROM {rows}").fetchone()  # noqa: S608  # quoted names
    except duckdb.Error as error:
        connection.close()
        raise failed(error) from None
    width = len(_TESTS) + 3
    return {
        name: _type(*found[place * width : (place + 1) * width])
        for place, name in enumerate(columns)
    }


def _type(  # noqa: PLR0917  # one line a type
    integer: bool | None,
    double: bool | None,
    fixed: bool | None,
    exact: bool | None,
    boolean: bool | None,
    date: bool | None,
    moment: bool | None,
    zoned: bool | None,
    digits: int | None,
    least: int | None,
    decimals: int | None,
) -> str:
    if digits is None or decimals is None:
        return "VARCHAR"
    if integer:
        return "BIGINT" if digits <= 18 else "HUGEINT" if digits <= 38 else "VARCHAR"
    if double:
        return "DOUBLE"
    if exact or (fixed and least == decimals):
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
        if "state machine" in text:
            said = "it cannot be read as CSV; does it mix two kinds of line ends?"
        elif counts:
            said = f"{counts[2]} values where the header has {counts[1]} columns"
        else:
            lines = [each for each in text.splitlines() if each and "CSV Error" not in each]
            said = next((each for each in lines if not each.startswith("Original Line")), text)
        return SourceError(f"{path}{f', line {line[1]}' if line else ''}: {said}")

    return failed
