"""What MongoDB's errors mean, and what to do about them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bson.errors import InvalidBSON
from pymongo.errors import (
    AutoReconnect,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from tailrace.errors import SourceError

_REFUSED = "the login is refused; look at the user, the password and authSource in the uri"
_LOST = (
    "the changes since the last run are gone: the server's oplog reaches less far back; run once"
    " with --restart to read all anew, then more often, or give the oplog more room"
)
_CURES: Mapping[int, str] = {
    13: "the user may not read this; give it the role `read` on the database",
    18: _REFUSED,
    8000: _REFUSED,  # Atlas
    50: "the query took longer than it may; an index on what it asks for would help",
    280: _LOST,
    286: _LOST,
    292: "a sort needs more memory than it may have; an index in its order would do without",
    40573: "this server has no change streams: they need a replica set, as Atlas has; or leave out"
    " changes",
}


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Raise what goes wrong with MongoDB in here as SourceErrors; a lost cursor is not judged."""
    try:
        yield
    except CursorNotFound:
        raise
    except ServerSelectionTimeoutError as error:
        said = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
        told = "cannot reach MongoDB; look at the uri and the network, and in Atlas at the IP access list"
        raise SourceError(f"{where}: {told} ({said})") from None
    except OperationFailure as error:
        said = (error.details or {}).get("errmsg") or str(error)
        cure = _CURES.get(error.code or 0, "MongoDB refuses the query")
        raise SourceError(f"{where}: {cure} (MongoDB says: {said}, code {error.code})") from None
    except AutoReconnect as error:
        said = str(error).partition(" (configured timeouts")[0]
        told = "the connection broke off; run again, and if it was slow raise timeout"
        raise SourceError(f"{where}: {told} ({said})") from None
    except InvalidBSON as error:
        raise SourceError(f"{where}: a document is no valid BSON: {error}") from None
    except PyMongoError as error:
        raise SourceError(f"{where}: {type(error).__name__}: {error}") from None
