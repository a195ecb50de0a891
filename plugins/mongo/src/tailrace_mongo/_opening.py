"""Opening: options that go together, and a client for as long as is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern

import tailrace
from tailrace.errors import SourceError
from tailrace_mongo._changes import Changes
from tailrace_mongo._documents import Documents, Selection
from tailrace_mongo._query import understood

if TYPE_CHECKING:
    from tailrace_mongo import Options

_WAIT = 1000
"""Milliseconds to wait for a first change; less where answers have to come sooner."""
_WRITES = ("$out", "$merge")
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    tzinfo=UTC,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    # A broken text must cost its record, which a destination refuses by name, not all others.
    unicode_decode_error_handler="surrogateescape",
)
_SHAPE = (
    "is no address of MongoDB: mongodb://USER:PASSWORD@HOST/ or mongodb+srv://...; in a password,"
    " the characters / : @ % are written as %2F %3A %40 %25"
)
_UNKNOWN = (
    "the uri leads nowhere: an SRV name has to be in the DNS, and options have to go together; look"
    " at the host and at what follows the ?"
)


@contextmanager
def open_reader(options: "Options", log: Any, since: Any) -> Iterator[Any]:
    """Give the reader of what the options name."""
    _check(options, since)
    selection = Selection(
        filter=_understood("filter", options.filter),
        projection=_projection(options),
        pipeline=_pipeline(options),
        cursor=options.cursor,
        since=since,
        hide_id=_hides_id(options),
    )
    client = _client(options)
    try:
        collection = _database(client, options).get_collection(
            options.collection,
            codec_options=_CODEC,
            read_concern=ReadConcern("majority") if options.changes else None,
        )
        documents = Documents(collection, selection, options.batch_size, log)
        wait = min(_WAIT, int(options.timeout * 500))
        yield Changes(collection, documents, wait) if options.changes else documents
    finally:
        client.close()


def _check(options: "Options", since: Any) -> None:
    problems = [
        (not options.collection, "collection", "is empty"),
        (options.batch_size < 1, "batch_size", "is a whole number above 0"),
        (not options.timeout > 0, "timeout", "is a number of seconds above 0"),
        (
            options.pipeline is not None and options.projection is not None,
            "projection",
            "goes with filter alone; in a pipeline it is a stage, $project",
        ),
        (
            options.changes and options.pipeline is not None,
            "pipeline",
            "its results are no documents that could change; leave out changes, or read a filter",
        ),
        (
            options.changes and (options.cursor is not None or since is not None),
            "changes",
            "the change stream has positions of its own; leave out the cursor",
        ),
        (
            options.changes and _hides_id(options),
            "projection",
            "leaves out _id, which alone tells what was deleted",
        ),
        (
            since is not None and options.cursor is None,
            "cursor",
            "the sync has a cursor; name its field here too, as MongoDB calls it",
        ),
        (
            options.cursor is not None and _leaves_out(options.projection or {}, options.cursor),
            "projection",
            f"leaves out {options.cursor!r}, which is the cursor",
        ),
    ]
    found = [tailrace.Problem(option, told) for wrong, option, told in problems if wrong]
    if found:
        raise tailrace.ConfigError(*found)


def _leaves_out(projection: Mapping[str, Any], field: str) -> bool:
    named = {name: bool(value) for name, value in projection.items() if name != "_id"}
    parts = field.split(".")
    for length in range(1, len(parts) + 1):
        path = ".".join(parts[:length])
        if path in named:
            return not named[path]
    return field != "_id" and any(named.values())


def _hides_id(options: "Options") -> bool:
    return options.projection is not None and options.projection.get("_id", 1) in (0, False)


def _projection(options: "Options") -> Any:
    """Give the projection, always with the `_id`, by which reading goes on."""
    told = _understood("projection", options.projection or {})
    return {name: value for name, value in told.items() if name != "_id" or value} or None


def _pipeline(options: "Options") -> Any:
    if options.pipeline is None:
        return None
    stages = [_understood("pipeline", each) for each in options.pipeline]
    for stage in stages:
        for name in _WRITES:
            if name in stage:
                told = f"{name} writes, and a source only reads"
                raise tailrace.ConfigError(tailrace.Problem("pipeline", told))
    return stages


def _understood(option: str, given: Any) -> Any:
    try:
        return understood(given)
    except Exception as error:  # noqa: BLE001  # bson raises what it likes for what is no Extended JSON
        told = f"is no query: {error}"
        raise tailrace.ConfigError(tailrace.Problem(option, told)) from None


def _client(options: "Options") -> MongoClient[dict[str, Any]]:
    milliseconds = int(options.timeout * 1000)
    try:
        return MongoClient(
            options.uri.reveal(),
            appname="tailrace",
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        )
    # What pymongo says may hold a part of the password, if that was not written as it has to be.
    except (PyMongoError, ValueError, TypeError) as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, InvalidURI):
            raise SourceError(f"{options.collection}: {_UNKNOWN}") from None
        raise tailrace.ConfigError(tailrace.Problem("uri", _SHAPE)) from None


def _database(client: MongoClient[dict[str, Any]], options: "Options") -> Any:
    try:
        if options.database is None:
            return client.get_default_database()
        return client.get_database(options.database)
    except PyMongoError as error:
        told = "missing, and the uri names none" if options.database is None else str(error)
        raise tailrace.ConfigError(tailrace.Problem("database", told)) from None
