"""Changes: all documents once, then those that the change stream names, as they are by now."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
import bson

from tailrace import Page
from tailrace.errors import SourceError
from tailrace_mongo._documents import Documents, Row
from tailrace_mongo._errors import telling
from tailrace_mongo._query import kept, taken
from tailrace_mongo._values import plain

DELETED = "_deleted"
_WAIT = 1000
"""Milliseconds for which the server looks for further changes before it says that there are none."""
_NAMES: list[Mapping[str, Any]] = [{"$project": {"documentKey": 1, "operationType": 1}}]
_ENDS = frozenset({"drop", "rename", "dropDatabase", "invalidate"})


@attrs.frozen
class Changes:
    """Read a collection's changes; a position is the stream's resume token.

    The stream only names documents. They are looked up with the query, once for each run: so a
    filter and a projection mean the same as for `find`, and what has left the query is gone.
    """

    collection: Any
    documents: Documents

    def read(self, position: Any) -> Iterator[Page]:
        """Read all documents, or those that were changed since a position."""
        if not isinstance(position, Mapping) or "changes" not in position:
            # What changes while all is read is read again next time.
            begun = self._named(None, {})
            for page in self.documents.read(None):
                yield Page([{**row, DELETED: False} for row in page.rows])
            yield Page((), begun)
            return
        keys: dict[bytes, Row] = {}
        reached = self._named(taken(position["changes"]), keys)
        names = iter(keys.values())
        while some := list(islice(names, self.documents.size)):
            yield Page(list(self._looked_up(some)))
        yield Page((), reached)

    def _named(self, token: Any, keys: dict[bytes, Row]) -> Any:
        """Collect the keys of what changed since a token, and give the position behind it."""
        name = self.documents.name
        with (
            telling(name),
            self.collection.watch(_NAMES, resume_after=token, max_await_time_ms=_WAIT) as stream,
        ):
            while token is not None and (event := stream.try_next()) is not None:
                kind = event["operationType"]
                if kind in _ENDS:
                    told = f"the collection was dropped or renamed ({kind}), which ends its changes"
                    raise SourceError(f"{name}: {told}; run once with --restart to read it anew")
                if "documentKey" in event:
                    key = event["documentKey"]
                    keys[bson.encode({"": key["_id"]})] = key
            reached = stream.resume_token
        if reached is None:
            raise SourceError(
                f"{name}: the server tells no resume token; it is too old for changes"
            )
        return {"changes": kept(reached)}

    def _looked_up(self, keys: list[Row]) -> Iterator[Row]:
        wanted = {bson.encode({"": key["_id"]}): key for key in keys}
        for document in self.documents.find({"_id": {"$in": [key["_id"] for key in keys]}}):
            wanted.pop(bson.encode({"": document["_id"]}), None)
            yield {**self.documents.row(document), DELETED: False}
        for key in wanted.values():
            yield {**{name: plain(value) for name, value in key.items()}, DELETED: True}
