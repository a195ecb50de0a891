"""Documents: those of a query in a lasting order, or the results of a pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

import attrs
from pymongo.errors import CursorNotFound, PyMongoError

from tailrace import Page
from tailrace.errors import SourceError
from tailrace_mongo._errors import telling
from tailrace_mongo._query import Query, after, at, both, kept, since, taken
from tailrace_mongo._values import plain

Row = dict[str, Any]


@attrs.frozen(kw_only=True)
class Selection:
    """Say which documents are read, and what of them.

    since: the value of the cursor's field to read on from, that one included.
    """

    filter: Query
    projection: Mapping[str, Any] | None
    pipeline: Sequence[Mapping[str, Any]] | None
    cursor: str | None
    since: Any
    hide_id: bool


@attrs.frozen
class Documents:
    """Read the documents that are there."""

    collection: Any
    selection: Selection
    size: int
    log: Any = attrs.field(repr=False)
    session: Any = attrs.field(default=None, repr=False, kw_only=True)

    @property
    def name(self) -> str:
        """Name the collection as MongoDB does."""
        return str(self.collection.full_name)

    def read(self, position: Any) -> Iterator[Page]:
        """Read in pages; with a cursor, each has the position behind it."""
        field = self.selection.cursor
        query: Query = {}
        if field is not None and isinstance(position, Mapping) and position.get("cursor") == field:
            query = after(field, *taken(position["after"]))
        elif field is not None and self.selection.since is not None:
            query = since(field, self.selection.since)
        if self.selection.pipeline is not None:
            documents = self._results(query)
        elif field is not None:
            documents = self.find(both(query, self._up_to_now(field)))
        else:
            documents = self.find({})
        while some := list(islice(documents, self.size)):
            yield Page([self.row(each) for each in some], self._place(field, some[-1]))

    def find(self, query: Query) -> Iterator[Row]:
        """Find what fits the selection and a query, in the order of the cursor, then of `_id`."""
        field = self.selection.cursor or "_id"
        order = [(field, 1), ("_id", 1)] if field != "_id" else [("_id", 1)]
        further, last = query, None
        while True:
            found = self.collection.find(
                both(self.selection.filter, further),
                self.selection.projection,
                batch_size=self.size,
                allow_disk_use=True,
                session=self.session,
            ).sort(order)
            last = None
            try:
                with telling(self.name), found:
                    for document in found:
                        last = document
                        yield document
            except CursorNotFound as error:
                # A server forgets a cursor that was left alone for ten minutes, as a slow
                # destination may leave it: each new one goes on after the last document.
                if last is None:
                    raise SourceError(f"{self.name}: {error}") from None
                further = both(query, after(field, at(last, field), last["_id"]))
            else:
                if last is None and not query:
                    self._warn_if_unknown()
                return

    def _up_to_now(self, field: str) -> Query:
        """Ask for nothing that comes after what is the last document by now.

        One that is changed while it is read moves behind that: it would come a second time, and
        differ. It is read by the next run.
        """
        backwards = [(field, -1), ("_id", -1)]
        with telling(self.name):
            last = self.collection.find_one(self.selection.filter, {field: 1}, sort=backwards)
        return {} if last is None else {"$nor": [after(field, at(last, field), last["_id"])]}

    def row(self, document: Row) -> Row:
        """Give a document as a row."""
        row = {name: plain(value) for name, value in document.items()}
        if self.selection.hide_id:
            row.pop("_id", None)
        return row

    def _results(self, query: Query) -> Iterator[Row]:
        stages = list(self.selection.pipeline or ())
        if self.selection.filter:
            stages.insert(0, {"$match": self.selection.filter})
        if query:
            stages.append({"$match": query})
        if self.selection.cursor is not None:
            stages.append({"$sort": {self.selection.cursor: 1, "_id": 1}})
        with telling(self.name):
            try:
                with self.collection.aggregate(
                    stages, batchSize=self.size, allowDiskUse=True
                ) as found:
                    yield from found
            except CursorNotFound as error:
                told = (
                    "MongoDB forgot the results, which were left alone for ten minutes; write them"
                    " into a collection ($merge) and read that, or take mode upsert, which reads"
                    " all before it writes"
                )
                raise SourceError(f"{self.name}: {told} ({error})") from None

    def _place(self, field: str | None, last: Row) -> Any:
        if field is None:
            return None
        if "_id" not in last:
            told = (
                "the results of the pipeline have no _id, which tells equal values apart; keep it"
            )
            raise SourceError(f"{self.name}: {told}")
        return {"cursor": field, "after": kept([at(last, field), last["_id"]])}

    def _warn_if_unknown(self) -> None:
        """Say so where nothing was found since there is no such collection; a right may be missing."""
        try:
            known = self.collection.database.list_collection_names(authorizedCollections=True)
        except PyMongoError:
            return
        name = self.collection.name
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            database = self.collection.database.name
            self.log.warning("the database %r has no collection %r%s", database, name, hint)
