"""Salesforce as a destination: records of one object, by collections of 200 or Bulk API 2.0 jobs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Options:
    """Name the org and the object whose records are written, and who writes."""

    object: str = tailrace.option(
        help="The object's API name: `Account`, `Contact`, `Invoice__c` for a custom one."
    )
    instance_url: str | None = tailrace.option(
        None, help="The org's My Domain address: `https://acme.my.salesforce.com`."
    )
    base_url: str | None = tailrace.option(
        None, help="Where the API is instead; a loopback address for the sandbox."
    )
    external_id: str | None = tailrace.option(
        None,
        help="The field by which Salesforce finds a record; left out: the sync's key. Only an"
        " `append`, which needs no key, may name another.",
    )
    client_id: str | None = tailrace.option(
        None, help="The consumer key of a connected app or external client app."
    )
    username: str | None = tailrace.option(
        None, help="The user in whose name `private_key` signs (JWT bearer flow)."
    )
    private_key: tailrace.Secret | None = tailrace.option(
        None, help="The RSA private key, in PEM form, whose certificate the app has."
    )
    client_secret: tailrace.Secret | None = tailrace.option(
        None, help="The app's consumer secret (client credentials flow, or with `refresh_token`)."
    )
    refresh_token: tailrace.Secret | None = tailrace.option(
        None, help="A refresh token of the app (refresh token flow)."
    )
    token: tailrace.Secret | None = tailrace.option(
        None, help="An access token, for a try: nothing renews it when its session ends."
    )
    bulk: bool | int = tailrace.option(
        2_000,
        help="A batch of more rows than this goes as one Bulk API 2.0 job, smaller ones by calls of"
        " 200; true: all go as jobs, false: none.",
    )
    job_rows: int = tailrace.option(
        10_000, help="Rows of one job at most; unless `bulk` is false, batches are cut at it."
    )
    keep_calls: int = tailrace.option(
        10,
        help="Per cent of the org's calls of 24 hours that are left to others: when no more remain,"
        " the run stops.",
    )
    allow_duplicates: bool = tailrace.option(
        False,
        help="Save records that a duplicate rule would only warn of; jobs know no such thing.",
    )
    api_version: str = tailrace.option("62.0", help="The version of the API.")


@contextmanager
def open_salesforce(
    options: Options, *, http: tailrace.Http, mode: str, key: Sequence[str]
) -> Iterator[Any]:
    """Give the writer, once the org, the object's fields and the key are known to fit."""
    from tailrace_salesforce._opening import open_writer

    yield open_writer(options, http, mode, tuple(key))


@tailrace.hookimpl
def tailrace_destination(options: Options | None) -> tailrace.DestinationSpec:
    """Give the destination; where jobs are allowed, batches are as large as a job may be."""
    from tailrace_salesforce._opening import problems
    from tailrace_salesforce._values import weigh

    if options is not None and (found := problems(options)):
        raise tailrace.ConfigError(*found)
    return tailrace.DestinationSpec(
        options=Options,
        open=open_salesforce,
        modes={"append", "insert", "update", "upsert", "mirror"},
        batch_size=200 if options is not None and options.bulk is False else _rows(options),
        # What a job's results repeat has to come in one answer, of which 16 MiB are taken.
        max_bytes=15_000_000,
        weigh=weigh,
        # An org lets only 5 to 25 requests take longer than 20 seconds at a time.
        max_in_flight=5,
        # A record that may have been created is looked for by its external id, where it is unique.
        delivery={
            "append": "probe",
            "insert": "probe",
            "update": "idempotent",
            "upsert": "idempotent",
            "delete": "idempotent",
        },
    )


def _rows(options: Options | None) -> int:
    return 10_000 if options is None else options.job_rows
