"""The inbox: a SQLite file in which requests lie from before they are answered until they are settled."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

import attrs

from tailrace_webhook._schemes import Id

_PAGE_BYTES = 4 << 20
"""Bytes of bodies that are read at once."""
_PAGE = 500
"""Requests that are read at once."""


class Full(Exception):  # noqa: N818  # an answer, not a failure
    """Tell that the inbox takes nothing until something is settled."""


@attrs.frozen(kw_only=True)
class Kept:
    """Hold a request that was verified, as it is kept.

    rows_at: where its rows stand. ids: the request's own, or one for each row; None where nothing
    tells. chosen: which of its rows count; None: all.
    """

    endpoint: str
    received: float
    kind: str
    body: bytes
    rows: int
    rows_at: str | None = None
    ids: Id | Sequence[Id] | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    chosen: Sequence[int] | None = None
    number: int = 0


@attrs.frozen
class Inbox:
    """Keep and give requests; used by one thread at a time."""

    path: Path
    id: str
    _connection: sqlite3.Connection

    def store(self, requests: Sequence[Kept], remember: float, most: int) -> list[int]:
        """Keep requests in one commit; tell how many rows of each are new.

        What was kept within `remember` seconds is not kept again. Raises Full, and then keeps none.
        """
        with self._transaction():
            if self._size() >= most:
                raise Full(self._blame(requests[0].endpoint))
            now = requests[0].received
            self._connection.execute("DELETE FROM known WHERE until < ?", (now,))
            return [self._store(each, each.received + remember) for each in requests]

    def _store(self, request: Kept, until: float) -> int:
        kept = self._unknown(request, until)
        if kept is None:
            return 0
        told = {
            "rows_at": kept.rows_at,
            "ids": kept.ids,
            "headers": kept.headers,
            "chosen": kept.chosen,
        }
        self._connection.execute(
            "INSERT INTO request (endpoint, received, kind, rows, told, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (kept.endpoint, kept.received, kept.kind, kept.rows, json.dumps(told), kept.body),
        )
        return kept.rows

    def _unknown(self, request: Kept, until: float) -> Kept | None:
        """Give a request with those of its rows that are new; None where none is."""
        if request.ids is None:
            return request
        if isinstance(request.ids, Id):
            return request if self._know(request.endpoint, request.ids, until) else None
        new = [
            at for at, each in enumerate(request.ids) if self._know(request.endpoint, each, until)
        ]
        if len(new) == request.rows:
            return request
        return attrs.evolve(request, chosen=new, rows=len(new)) if new else None

    def _know(self, endpoint: str, told: Id, until: float) -> bool:
        """Remember an id; tell whether it is new."""
        text = f"{len(endpoint)} {endpoint} {told!r}".encode("utf-8", "surrogatepass")
        name = blake2b(text, digest_size=16).digest()
        done = self._connection.execute("INSERT OR IGNORE INTO known VALUES (?, ?)", (name, until))
        return bool(done.rowcount)

    def _size(self) -> int:
        count, free, size = (
            self._connection.execute(f"PRAGMA {each}").fetchone()[0]
            for each in ("page_count", "freelist_count", "page_size")
        )
        return int((count - free) * size)

    def waiting(self) -> dict[str, int]:
        """Count the rows of each endpoint that lie here."""
        told = "SELECT endpoint, sum(rows) FROM request GROUP BY endpoint"
        return dict(self._connection.execute(told).fetchall())

    def _blame(self, endpoint: str) -> str:
        """Say that it is full, and which of the syncs that read an endpoint has settled least."""
        told = "SELECT sync FROM reader WHERE endpoint = ? ORDER BY settled LIMIT 1"
        found = self._connection.execute(told, (endpoint,)).fetchone()
        return "it is full" + (f"; the sync {found[0]} has settled least" if found else "")

    @property
    def last(self) -> int:
        """Give the number of the last request that ever was kept."""
        told = "SELECT seq FROM sqlite_sequence WHERE name = 'request'"
        found = self._connection.execute(told).fetchone()
        return 0 if found is None else int(found[0])

    def settle(
        self, endpoint: str, syncs: Sequence[str], number: int, forget: Sequence[str]
    ) -> None:
        """Note that syncs have settled all up to a number; drop what all that read have settled."""
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO reader VALUES (?, ?, ?)"
                " ON CONFLICT (endpoint, sync) DO UPDATE SET settled = excluded.settled",
                [(endpoint, each, number) for each in syncs],
            )
            self._connection.executemany(
                "DELETE FROM reader WHERE endpoint = ? AND sync = ?",
                [(endpoint, each) for each in forget if each not in syncs],
            )
            dropped = self._connection.execute(
                "DELETE FROM request WHERE endpoint = ? AND number <="
                " (SELECT min(settled) FROM reader WHERE endpoint = ?)",
                (endpoint, endpoint),
            ).rowcount
        if dropped:
            # What was overwritten is not to stay in the log beside the file.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def pages(self, endpoint: str, after: int) -> Iterator[list[Kept]]:
        """Give an endpoint's requests after a number, in their order, but none that come meanwhile."""
        last = self.last
        while page := self._page(endpoint, after, last):
            yield page
            after = page[-1].number

    def _page(self, endpoint: str, after: int, last: int) -> list[Kept]:
        page, size = [], 0
        with closing(
            self._connection.execute(
                "SELECT number, received, kind, rows, told, body FROM request"
                " WHERE endpoint = ? AND number > ? AND number <= ? ORDER BY number LIMIT ?",
                (endpoint, after, last, _PAGE),
            )
        ) as found:
            for number, received, kind, rows, told, body in found:
                page.append(
                    Kept(
                        endpoint=endpoint,
                        received=received,
                        kind=kind,
                        body=body,
                        rows=rows,
                        number=number,
                        **json.loads(told),
                    )
                )
                size += len(body)
                if size > _PAGE_BYTES:
                    break
        return page

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
