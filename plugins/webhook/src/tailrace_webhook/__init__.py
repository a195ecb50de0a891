"""Webhooks as a source: verified, kept in an inbox before they are answered, then read as rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import Logger, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

import tailrace

if TYPE_CHECKING:
    from tailrace_webhook._receiver import Receiver

_log = getLogger("tailrace.webhook")


@attrs.frozen(kw_only=True)
class Options:
    """Say where an endpoint listens, how its requests are signed, and what becomes of them."""

    path: str = tailrace.option(help="The endpoint's path: `/form`.")
    scheme: Literal["standard", "stripe", "github", "slack", "hubspot", "typeform", "none"] = (
        tailrace.option(
            "standard",
            help="How requests are signed; `none`, on a loopback address only: not at all.",
        )
    )
    secret: tailrace.Secret | None = tailrace.option(
        None, help="The key of the signatures; needed by every scheme but `none`."
    )
    old_secrets: tuple[tailrace.Secret, ...] = tailrace.option(
        (), help="Keys that still count while the sender changes to a new one."
    )
    host: str = tailrace.option("127.0.0.1", help="The address to listen on.")
    port: int = tailrace.option(8787, help="The port; 0 takes any that is free.")
    public_url: str | None = tailrace.option(
        None,
        help="The address that HubSpot calls, which it signs; left out: https, the host of the request, and its path.",
    )
    rows: str | None = tailrace.option(
        None,
        help="Where the list of rows stands in a body, names with dots between; left out: a body is a row, or a list of rows.",
    )
    id_header: str | None = tailrace.option(
        None,
        help="The header with the request's id, where the scheme tells none or another counts.",
    )
    id_field: str | None = tailrace.option(
        None, help="Where a row has its id, names with dots between, likewise."
    )
    fields: Mapping[str, str] = tailrace.option(
        factory=dict,
        help="Fields that each row is given: a name, and `id`, `received_at` or `header:NAME`.",
    )
    inbox: Path = tailrace.option(
        Path(".tailrace/inbox.sqlite"),
        help="The file in which requests are kept until they are settled; endpoints may share it.",
    )
    max_inbox: int = tailrace.option(
        1 << 30, help="Bytes of that file from which on senders are told to come again."
    )
    remember: float = tailrace.option(
        7 * 86_400.0, help="Seconds for which an id is known again, 600 at least."
    )
    forget: tuple[str, ...] = tailrace.option(
        (), help="Syncs that have read here and no longer do: nothing is kept for them."
    )
    batch_size: int = tailrace.option(100, help="Rows that start a run at once.")
    max_wait: float = tailrace.option(
        1.0, help="Seconds that a row waits for others before a run starts."
    )
    max_body: int = tailrace.option(1 << 20, help="Bytes of a body, at most.")
    read_timeout: float = tailrace.option(
        10.0, help="Seconds in which a request's head, and then its body, must have come."
    )
    max_connections: int = tailrace.option(100, help="Connections at once, at most.")


@contextmanager
def open_inbox(options: Options, *, log: Logger, syncs: Sequence[str]) -> Iterator[Any]:
    """Give a reader of what an endpoint has received."""
    from tailrace_webhook._endpoint import check
    from tailrace_webhook._file import open_file
    from tailrace_webhook._reader import Reader

    check(options)
    with open_file(options.inbox) as inbox:
        yield Reader(inbox, options, tuple(syncs), log)


@contextmanager
def receive(options: Sequence[Options], *, log: Logger = _log) -> Iterator[Sequence["Receiver"]]:
    """Listen for all endpoints, and give a receiver for each; those of one address share a server."""
    from tailrace_webhook._receiver import listen

    with listen(options, log) as receivers:
        yield receivers


@tailrace.hookimpl
def tailrace_source() -> tailrace.SourceSpec:
    """Give the source."""
    return tailrace.SourceSpec(options=Options, open=open_inbox, serve=receive)
