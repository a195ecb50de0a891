"""The built-in source `file`: CSV, JSON lines and Parquet, also several by a pattern, also gzipped.

No value is damaged: a column of a CSV file becomes numbers, dates or booleans only if every one of
its texts is the plain spelling of one (so `0123` stays text), which all rows decide, not a sample.
"""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from tailrace.components import SourceSpec
from tailrace.errors import ConfigError, Problem
from tailrace.hookspecs import hookimpl
from tailrace.options import option

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@attrs.frozen(kw_only=True)
class Options:
    """Name the files and say how to read them."""

    path: Path = option(help="A file, or a pattern such as `exports/*.csv`.")
    format: Literal["csv", "json", "parquet"] | None = option(
        None, help="What the files hold; told by their names when left out."
    )
    delimiter: str | None = option(
        None, help="What stands between the values of a CSV file; told by its header when left out."
    )
    infer: bool = option(
        True, help="Find numbers, booleans and dates in CSV, and dates in JSON; else text is text."
    )


@contextmanager
def open_files(options: Options) -> Iterator[Any]:
    """Open the files as one source."""
    from tailrace.files import _csv, _json, _parquet

    paths = _paths(options.path)
    formats = {options.format} if options.format else {_format(path) for path in paths}
    if len(formats) > 1:
        several = " and ".join(sorted(map(str, formats)))
        raise ConfigError(Problem("path", f"{options.path} matches {several} files; read one kind"))
    format_ = formats.pop()
    _check_delimiter(options.delimiter)
    if format_ == "csv":
        yield _csv.scan_csv(paths, options.delimiter, options.infer)
    elif format_ == "json":
        yield _json.read_json(paths, options.infer)
    else:
        yield _parquet.scan_parquet(paths)


@hookimpl
def tailrace_source() -> SourceSpec:
    """Give the source's spec."""
    return SourceSpec(options=Options, open=open_files)


def _check_delimiter(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ConfigError(Problem("delimiter", f"{delimiter!r} is no single separating character"))


def _paths(pattern: Path) -> list[Path]:
    if pattern.is_file():
        return [pattern]
    found = sorted(Path(each) for each in glob.glob(str(pattern), recursive=True))  # noqa: PTH207  # an absolute pattern
    files = [each for each in found if each.is_file()]
    if not files:
        what = "is a folder; name its files, as in data/*.csv" if found else "there is no such file"
        raise ConfigError(Problem("path", f"{pattern}: {what}"))
    return files


def _format(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    known = _FORMATS.get(Path(name).suffix.lower())
    if known is None:
        raise ConfigError(
            Problem("format", f"{path.name} does not tell what it holds; say csv, json or parquet")
        )
    return known
