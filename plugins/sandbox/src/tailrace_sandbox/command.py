"""`tailrace sandbox`: serve the twins until told to stop."""

from __future__ import annotations

import errno
import secrets
import signal
import threading
from types import FrameType

import click
import orjson

from tailrace_sandbox.sandbox import Sandbox

DEFAULT_PORT = 8765
EXIT_CONFIG = 2
SPREADSHEET = "sandbox"
"""The id of the spreadsheet that the command makes, so that there is one to write to."""


@click.command(name="sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port to serve on; 0 takes a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the base URLs as one JSON object.")
@click.option("--quotas", is_flag=True, help="Enforce the services' rate limits.")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    default=None,
    metavar="SECONDS",
    help="Stop after this many seconds.",
)
def sandbox(*, port: int, as_json: bool, quotas: bool, seconds: float | None) -> None:
    """Serve local twins of services, and a page that shows what arrives in them.

    A twin answers like the service it is named after, and keeps what is written to it in memory
    until it is stopped with Ctrl-C.
    """
    box = Sandbox(port, quotas=quotas)
    try:
        box.start()
    except OSError as error:
        click.echo(f"Error: {_why(error, port)}", err=True)
        raise SystemExit(EXIT_CONFIG) from None
    # What a sync remembers of an earlier sandbox is not true of this one, which begins empty.
    box.sheets.add(SPREADSHEET, "Sandbox", 1 + secrets.randbelow(2**31 - 1))
    done = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        done.set()

    try:
        for number in before:
            signal.signal(number, stop)
        urls = {"url": box.url()} | {name: box.url(name) for name in box.twins}
        if as_json:
            click.echo(orjson.dumps(urls))
        else:
            _tell(urls)
        done.wait(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        box.stop()


def _why(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken, perhaps by another sandbox. "
            "Choose another with --port, or --port 0 for any free one."
        )
    return f"the sandbox cannot serve on port {port}: {error.strerror}."


def _tell(urls: dict[str, str]) -> None:
    width = max(len(name) for name in urls)
    click.echo("The sandbox is running. Nothing that you send it leaves this machine.\n")
    for name, url in urls.items():
        label = "page" if name == "url" else name
        click.echo(f"  {label:<{width}}  {url}")
    click.echo(f"\nThe spreadsheet {SPREADSHEET!r} is there to start with. Stop with Ctrl-C.")
