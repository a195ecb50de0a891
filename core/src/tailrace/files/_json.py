"""JSON lines, or one JSON array, with all digits of all numbers.

Read with orjson and not through DuckDB, which would give each field one type and each row all
fields: rows may be ragged, an absent field is not null, and one field may hold several types.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson

from tailrace.errors import SourceError

_MANY_DIGITS = re.compile(rb"\d[\d.]{15}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?")
_READERS = ((_DATE, date.fromisoformat), (_DATETIME, datetime.fromisoformat))


def read_json(paths: Sequence[Path], infer: bool) -> Iterator[Any]:
    """Read the values of all files in order; what is no object is left to the engine to refuse."""
    dated = _dated(_values(paths)) if infer else {}
    for value in _values(paths):
        if dated and isinstance(value, dict):
            for name in dated.keys() & value.keys():
                if value[name] is not None:
                    value[name] = dated[name](value[name])
        yield value


def _dated(values: Iterator[Any]) -> dict[str, Any]:
    """Find the fields whose every value is an ISO date, or every one an ISO date and time."""
    found: dict[str, Any] = {}
    for row in values:
        if not isinstance(row, dict):
            continue
        for name, value in row.items():
            if value is None or (name in found and found[name] is None):
                continue
            reader = _reader(value)
            found[name] = reader if found.get(name, reader) is reader else None
    return {name: reader for name, reader in found.items() if reader is not None}


def _reader(value: Any) -> Any:
    if type(value) is not str or len(value) < 10 or value[4] != "-":
        return None
    for pattern, reader in _READERS:
        if pattern.fullmatch(value):
            try:
                reader(value)
            except ValueError:
                return None
            return reader
    return None


def _values(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        try:
            with _open(path) as file:
                yield from _of_file(path, file)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]  # a GzipFile reads bytes


def _of_file(path: Path, file: IO[bytes]) -> Iterator[Any]:
    begun = False
    for number, line in enumerate(file, 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.isspace() or not text:
            continue
        if not begun and text.lstrip().startswith(b"["):
            yield from _parse(path, number, text + file.read())
            return
        begun = True
        yield _parse(path, number, text.rstrip())


def _parse(path: Path, number: int, text: bytes) -> Any:
    try:
        if _MANY_DIGITS.search(text):
            return _exact(text)
        return orjson.loads(text)
    except ValueError as error:
        line = number + getattr(error, "lineno", 1) - 1
        said = getattr(error, "msg", str(error)).split(": line")[0]
        if isinstance(error, UnicodeDecodeError):
            said = "it is not UTF-8"
        raise SourceError(f"{path}, line {line}: this is no JSON: {said}") from None


def _number(text: str) -> float | Decimal:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


_exact = partial(json.loads, parse_float=_number, parse_constant=_refused)
