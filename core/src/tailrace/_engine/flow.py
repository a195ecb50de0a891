"""What flows from stage to stage."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import attrs

from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch, Record, Row
from tailrace.schema import Field, Schema

Refuse = Callable[..., None]
"""Note a refused record: its key or number, the reason, the message, and its row where it has one."""


@attrs.frozen
class Rows:
    """Hold rows and their numbers in the read, counted from 1, with the schema known so far."""

    numbers: Sequence[int]
    rows: list[Row]
    schema: Schema


class Picked(list[Row]):
    """Hold a page of rows that are not all that was read: with their numbers, and the count so far."""

    def __init__(self, rows: Iterable[Row], numbers: Sequence[int], read: int) -> None:
        super().__init__(rows)
        self.numbers = numbers
        self.read = read


@attrs.frozen(eq=False)
class Handed:
    """Be a source that somebody else reads and hands on, in pages of rows that are nobody else's.

    pages: gives them; is told how to see that nobody wants more, and gives an empty page then.
    ended: tells whether the source was read to its end; reached: the position that it has there.
    """

    schema: Schema | None
    pages: Callable[[Callable[[], bool]], Generator[Sequence[Any], None, None]]
    ended: Callable[[], bool]
    expected: int | None = None
    reached: Callable[[], Any] = lambda: None

    @property
    def complete(self) -> bool:
        """Tell whether the source was read to its end."""
        return self.ended()

    @property
    def position(self) -> Any:
        """Give the position that the source has at its end."""
        return self.reached()


@attrs.frozen
class Records:
    """Hold rows as the destination sees them, with what names them and the schema so far.

    cursors: the cursor's value of each, where the sync has one. lines: each as it stands in the
    plan, where it came out of one; changed, remotes: what the snapshot knows of each. late: the
    moment before which they are not to be sent.
    """

    keys: Sequence[Any]
    rows: list[Row]
    schema: Schema
    numbers: Sequence[int] = ()
    cursors: Sequence[Any] = ()
    lines: Sequence[bytes] = ()
    changed: Sequence[frozenset[str] | None] = ()
    remotes: Sequence[str | None] = ()
    late: float = 0.0


@attrs.frozen(eq=False)
class Parcel:
    """Hold a batch and where its records stand in the plan.

    body: the lines of its records there, one after another. read, prefix: the records of the source up to its last
    one and their running digest, where the source is delivered while it is read. late: the moment
    before which it is not to be sent. tried: a run before made it. tried_at: that run may have sent
    it then, and died. split: the parts of it that were refused whole by then. more: another one
    comes right behind it, without a wait for the source.
    """

    batch: Batch
    numbers: Sequence[int]
    body: bytes = b""
    file: str = ""
    offset: int = 0
    read: int = 0
    prefix: str = ""
    late: float = 0.0
    tried: bool = False
    tried_at: float | None = None
    split: frozenset[str] = frozenset()
    more: bool = False

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def lines(self) -> list[bytes]:
        """Give its records as they stand in the plan."""
        return self.body.splitlines(keepends=True)


@attrs.frozen(eq=False)
class AllDelivered(Sequence[Outcome]):
    """Be the outcomes of a batch that arrived whole, of which the service told nothing more."""

    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Outcome]:
        return (Outcome(record.key, Status.DELIVERED) for record in self.records)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...

    @overload
    def __getitem__(self, place: slice) -> "AllDelivered": ...

    def __getitem__(self, place: int | slice) -> "Outcome | AllDelivered":
        if isinstance(place, slice):
            return AllDelivered(self.records[place])
        return Outcome(self.records[place].key, Status.DELIVERED)


def schema_as_json(schema: Schema) -> Mapping[str, Any]:
    """Give a schema's names and types as JSON."""
    return {"fields": [[each.name, each.type] for each in schema], "key": list(schema.key)}


def schema_of_json(form: Mapping[str, Any]) -> Schema:
    """Give back the schema of its JSON."""
    return Schema([Field(name, kind) for name, kind in form["fields"]], form["key"])


def paged(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Cut an iterator into lists."""
    page: list[Any] = []
    for item in items:
        page.append(item)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
