"""What flows from stage to stage."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from tailrace.records import Batch, Row
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

    lines: its records as they stand there. read, prefix: the records of the source up to its last
    one and their running digest, where the source is delivered while it is read. late: the moment
    before which it is not to be sent. tried: a run before made it. tried_at: that run may have sent
    it then, and died. split: the parts of it that were refused whole by then.
    """

    batch: Batch
    numbers: Sequence[int]
    lines: Sequence[bytes] = ()
    file: str = ""
    offset: int = 0
    read: int = 0
    prefix: str = ""
    late: float = 0.0
    tried: bool = False
    tried_at: float | None = None
    split: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def length(self) -> int:
        """Give the bytes that its lines take."""
        return sum(map(len, self.lines))


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
