"""Any HTTP endpoint as a destination: one row or many a request, in the shape that it wants."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Signature:
    """Say how the bytes of a body are signed."""

    secret: tailrace.Secret = tailrace.option(help="The key of the signature.")
    scheme: Literal["standard-webhooks", "hmac"] = tailrace.option(
        "standard-webhooks", help="The standard's three headers, or one header of your own."
    )
    header: str = tailrace.option("X-Signature", help="The header of the scheme `hmac`.")
    prefix: str = tailrace.option("sha256=", help="What stands before the signature there.")
    encoding: Literal["hex", "base64"] = tailrace.option("hex", help="How it is written there.")


@attrs.frozen(kw_only=True)
class OAuth:
    """Say where a token is got by client credentials."""

    token_url: str = tailrace.option(help="Where tokens are given out.")
    client_id: str = tailrace.option(help="Who asks for one.")
    client_secret: tailrace.Secret = tailrace.option(help="The secret of who asks.")
    scope: str = tailrace.option("", help="What is asked for, where the service wants to know.")


@attrs.frozen(kw_only=True)
class Results:
    """Say where an answer tells what became of each record; places are names with dots between."""

    success: str | None = tailrace.option(
        None, help="Where something stands that is true if the request as a whole was taken."
    )
    error: str | None = tailrace.option(None, help="Where the reason stands if it was not.")
    items: str | None = tailrace.option(
        None, help="Where the list of single results stands; `.` if it is the answer itself."
    )
    key: str | None = tailrace.option(
        None, help="Where a result has its record's key; left out, they are in the records' order."
    )
    ok: str | None = tailrace.option(
        None,
        help="Where a result tells whether the record was taken; left out, those in the list were not.",
    )
    message: str | None = tailrace.option(None, help="Where a result has the reason of a refusal.")
    remote_id: str | None = tailrace.option(
        None, help="Where a result has the service's own name for the record."
    )


@attrs.frozen(kw_only=True)
class Options:
    """Say what is sent where, who sends it, and what answers mean."""

    url: str = tailrace.option(
        help="Where requests go; `{field}` in its path or query stands for the row's value."
    )
    base_url: str = tailrace.option("", help="What goes before addresses that are only a path.")
    method: Literal["POST", "PUT", "PATCH"] = tailrace.option("POST", help="How they are sent.")
    rows: int = tailrace.option(1, help="Rows of one request, at most.")
    max_bytes: int = tailrace.option(1_000_000, help="Bytes of the rows of one request, at most.")
    body: Any = tailrace.option(
        None,
        help="The body's shape, in which `{field}` stands for a value, `{row}` for the row and"
        " `{rows}` for the list of all; left out: the row, or the list where `rows` is above 1.",
    )
    format: Literal["json", "lines", "form"] = tailrace.option(
        "json", help="How the body is written: JSON, JSON lines, or a form."
    )
    headers: Mapping[str, str] = tailrace.option(
        factory=dict, help="Headers; `{field}` in a value stands for the row's."
    )
    token: tailrace.Secret | None = tailrace.option(None, help="A bearer token.")
    username: str | None = tailrace.option(None, help="Who logs in with a password.")
    password: tailrace.Secret | None = tailrace.option(None, help="The password.")
    secret_headers: Mapping[str, tailrace.Secret] = tailrace.option(
        factory=dict, help="Headers with secret values, an API key for one."
    )
    oauth: OAuth | None = tailrace.option(None, help="A login by client credentials.")
    signature: Signature | None = tailrace.option(None, help="How bodies are signed.")
    idempotent: bool = tailrace.option(
        False, help="Whether a request that is sent twice does no harm."
    )
    idempotency_header: str | None = tailrace.option(
        None, help="The header by which the service knows a request that comes again."
    )
    lookup_url: str | None = tailrace.option(
        None, help="Where a GET tells by its status whether a record is there; with `{field}`s."
    )
    delete_url: str | None = tailrace.option(
        None, help="Where a record is deleted, for the mode mirror; with `{field}`s of the key."
    )
    delete_method: Literal["DELETE", "POST"] = tailrace.option("DELETE", help="How.")
    skip_statuses: tuple[int, ...] = tailrace.option(
        (), help="Statuses that say that there was nothing to do, 409 for one."
    )
    results: Results | None = tailrace.option(
        None, help="Where an answer tells what became of each record."
    )
    allow_private: tuple[str, ...] = tailrace.option(
        (), help="Hosts that may be on this machine or its network, and without https."
    )


@contextmanager
def open_endpoint(options: Options, *, http: tailrace.Http, key: Sequence[str]) -> Iterator[Any]:
    """Give the writer, once all that the options say goes together."""
    from tailrace_http._endpoint import endpoint

    yield endpoint(options, http, tuple(key))


@tailrace.hookimpl
def tailrace_destination(options: Options | None) -> tailrace.DestinationSpec:
    """Give the destination; what a repeat does is for whoever knows the service to say."""
    modes = {"append", "insert", "update", "upsert"}
    if options is None:
        return tailrace.DestinationSpec(
            options=Options, open=open_endpoint, modes=modes | {"mirror"}
        )
    small = [name for name in ("rows", "max_bytes") if getattr(options, name) < 1]
    if small:
        raise tailrace.ConfigError(
            *(tailrace.Problem(name, "is a whole number above 0") for name in small)
        )
    again = _again(options)
    harmless = options.idempotent or options.delete_method == "DELETE"
    return tailrace.DestinationSpec(
        options=Options,
        open=open_endpoint,
        modes=modes | ({"mirror"} if options.delete_url is not None else set()),
        batch_size=options.rows,
        max_bytes=options.max_bytes,
        delivery={
            **dict.fromkeys(("append", "insert", "update", "upsert"), again),
            "delete": "idempotent" if harmless else again,
        },
    )


def _again(options: Options) -> str:
    if options.idempotent:
        return "idempotent"
    if options.idempotency_header is not None:
        return "keyed"
    return "probe" if options.lookup_url is not None else "at_most_once"
