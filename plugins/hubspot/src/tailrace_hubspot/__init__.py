"""HubSpot CRM as a destination: records are created, updated, kept by a unique property, or mirrored."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Association:
    """Say with which records of another object a record is associated."""

    object: str = tailrace.option(help="The other object: `companies`, for one.")
    field: str = tailrace.option(
        help="The field, none of HubSpot's, that names its record, or a list of several."
    )
    by: str | None = tailrace.option(
        None, help="The other object's unique property that the field holds; left out: record ids."
    )
    label: str | None = tailrace.option(
        None, help="The association's label; left out: the one without a label."
    )


@attrs.frozen(kw_only=True)
class Options:
    """Name the object whose records are written, and who writes."""

    object: str = tailrace.option(
        help="`contacts`, `companies`, `deals`, `tickets`, or a custom object's id (`2-1234567`) or"
        " full name (`p1234_pets`)."
    )
    token: tailrace.Secret | None = tailrace.option(
        None,
        help="A private app's access token, or an OAuth access token; may be left out for a loopback"
        " address.",
    )
    base_url: str = tailrace.option(
        "https://api.hubapi.com", help="Where the API is; a loopback address for the sandbox."
    )
    associations: tuple[Association, ...] = tailrace.option(
        (), help="What else a record is associated with."
    )
    html: tuple[str, ...] = tailrace.option(
        (),
        help="Rich-text properties whose values are HTML already; that of others is shown as text.",
    )


@contextmanager
def open_hubspot(
    options: Options, *, http: tailrace.Http, mode: str, key: Sequence[str]
) -> Iterator[Any]:
    """Give the writer, once the account, the object's properties and the key are known to fit."""
    from tailrace_hubspot._opening import open_writer

    yield open_writer(options, http, mode, tuple(key))


@tailrace.hookimpl
def tailrace_destination() -> tailrace.DestinationSpec:
    """Give the destination; HubSpot tells its rates in headers, and takes 100 records a call."""
    return tailrace.DestinationSpec(
        options=Options,
        open=open_hubspot,
        modes={"append", "insert", "update", "upsert", "mirror"},
        batch_size=100,
        # A record that may have been created is looked for by its unique property, where it has one.
        delivery={
            "append": "probe",
            "insert": "probe",
            "update": "idempotent",
            "upsert": "idempotent",
            "delete": "idempotent",
        },
    )
