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
_NAMES: list[Mapping[str, Any]] = [{"$project": {"documentKey": 1, "operationType": 1}}]
_ENDS = frozenset({"drop", "rename", "dropDatabase", "invalidate"})


@attrs.frozen
class Changes:
    """Read a collection's changes; a position is the stream's resume token.

    The stream only names documents. They are looked up with the query, once for each run: so a
    filter and a projection mean the same as for `find`, and what has left the query is gone.

    wait: milliseconds for which the server looks for changes before it says that there are none.
    """

    collection: Any
    documents: Documents
    wait: int

    def read(self, position: Any) -> Iterator[Page]:
        """Read all documents, or those that were changed since a position."""
        # What is looked up must not be older than the change that it is looked up for, also where
        # another member of the replica set is asked.
        with self.collection.database.client.start_session(causal_consistency=True) as session:
            documents = attrs.evolve(self.documents, session=session)
            if isinstance(position, Mapping) and "changes" in position:
                yield from self._changed(taken(position["changes"]), documents)
            else:
                yield from self._all(documents)

    def _all(self, documents: Documents) -> Iterator[Page]:
        # What changes while all is read is read again next time.
        begun = self._named(None, {}, documents.session)
        for page in documents.read(None):
            yield Page([{**row, DELETED: False} for row in page.rows])
        yield Page((), begun)

    def _changed(self, token: Any, documents: Documents) -> Iterator[Page]:
        keys: dict[bytes, Row] = {}
        reached = self._named(token, keys, documents.session)
        names = iter(keys.values())
        while some := list(islice(names, documents.size)):
            yield Page(list(_looked_up(some, documents)))
        yield Page((), reached)

    def _named(self, token: Any, keys: dict[bytes, Row], session: Any) -> Any:
        """Collect the keys of what changed since a token, and give the position behind it."""
        name = self.documents.name
        with (
            telling(name),
            self.collection.watch(
                _NAMES, resume_after=token, max_await_time_ms=self.wait, session=session
            ) as stream,
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


def _looked_up(keys: list[Row], documents: Documents) -> Iterator[Row]:
    """Give the documents of some keys as they are by now, in order; what is not found was deleted."""
    found = {
        bson.encode({"": document["_id"]}): documents.row(document)
        for document in documents.find({"_id": {"$in": [key["_id"] for key in keys]}})
    }
    for key in keys:
        row = found.get(bson.encode({"": key["_id"]}))
        if row is None:
            yield {**{name: plain(value) for name, value in key.items()}, DELETED: True}
        else:
            yield {**row, DELETED: False}
