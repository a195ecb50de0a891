"""Opening: from options to a reader whose stream is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger
from pathlib import Path
from typing import Any

import tailrace
from tailrace_singer import Options
from tailrace_singer._catalog import Stream, choose, uncatalogued
from tailrace_singer._config import compose, hiding, read_json
from tailrace_singer._environment import checked, install, name_of
from tailrace_singer._folder import folder
from tailrace_singer._messages import parse
from tailrace_singer._process import Tap, found
from tailrace_singer._reader import TapReader


@contextmanager
def opened(options: Options, log: Logger) -> Iterator[TapReader]:
    """Give the reader; the files that the tap is given last as long as the block."""
    if not options.timeout > 0:
        raise tailrace.ConfigError(tailrace.Problem("timeout", "is a number above 0"))
    config = compose(options)
    start = None if options.start is None else read_json(options.start, "start")
    command = _command(options, log)
    with folder() as made:
        tap = Tap(command, made, hiding(config), log, options.timeout)
        if isinstance(options.config, Path) and not options.secrets:
            # Some taps write new tokens into it, which have to outlast the run.
            given = str(options.config.absolute())
        else:
            given = tap.lay("config.json", config)
        yield TapReader(tap, _stream(options, tap, given), given, start)


def _command(options: Options, log: Logger) -> list[str]:
    requirements = checked(options.pip)
    if not requirements:
        if not options.tap:
            raise tailrace.MissingOption("tap", "missing; give the tap's command, or its package")
        return found(options.tap)
    name = options.tap or name_of(requirements[0])
    commands = install(requirements, options.environments, log)
    return found(str(commands / name))


def _stream(options: Options, tap: Tap, config: str) -> Stream:
    if options.catalog is not None:
        return choose(read_json(options.catalog, "catalog"), options)
    if not options.discover:
        return uncatalogued(options)
    return choose(_discovered(tap, config), options)


def _discovered(tap: Tap, config: str) -> Any:
    """Ask the tap for its catalog."""
    lines: list[bytes] = []
    with tap.started("--config", config, "--discover") as process:
        lines.extend(line for line in process.lines() if line is not None)
        try:
            process.finish()
        except tailrace.SourceError as error:
            told = f"{error}. It was asked for its catalog; if it has none: discover = false"
            raise tailrace.SourceError(told) from None
    try:
        return parse(b"\n".join(lines))
    except ValueError:
        told = f"{tap.name} --discover wrote no catalog; if it has none: discover = false"
        raise tailrace.SourceError(told) from None
