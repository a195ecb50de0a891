"""A tap's messages: lines of JSON, with all digits of all numbers."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

import tailrace

_MANY_DIGITS = re.compile(rb"\d[\d.]{15}")


def parse(line: bytes) -> Any:
    """Read a line of JSON, or raise ValueError; NaN and infinities count as numbers, as taps write."""
    if not _MANY_DIGITS.search(line):
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            pass
    try:
        return _exact(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def batched(message: Mapping[str, Any], name: str) -> Iterator[tuple[Any, int]]:
    """Read the records of a BATCH message's files, each with its length in bytes."""
    encoding = message.get("encoding") or {}
    form, packed = encoding.get("format"), encoding.get("compression")
    if form != "jsonl" or packed not in (None, "none", "gzip"):
        told = f"batches of {form}, {packed or 'not compressed'}, are not read; have it write jsonl"
        raise tailrace.SourceError(f"{name}: {told}")
    for address in message.get("manifest") or ():
        parts = urlsplit(str(address))
        if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
            told = f"a batch lies at {parts.scheme}://{parts.netloc}; only files here are read"
            raise tailrace.SourceError(f"{name}: {told}")
        yield from _of_file(Path(unquote(parts.path)), packed == "gzip", name)


def _of_file(path: Path, packed: bool, name: str) -> Iterator[tuple[Any, int]]:
    number = 0
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007  # it tells where a file breaks off
                if not line.isspace():
                    yield parse(line), len(line)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
    except ValueError as error:
        why = f"this is no JSON: {error}"
    else:
        return
    raise tailrace.SourceError(f"{name}: the batch {path}, after line {number}: {why}")


def _number(text: str) -> float | Decimal:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)


_exact = partial(json.loads, parse_float=_number)
