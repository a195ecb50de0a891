"""Sources that have to be asked or awaited, and rows of other kinds than mappings."""

import asyncio
import dataclasses
import threading
from decimal import Decimal
from typing import NamedTuple

import attrs
import pytest
import sqlalchemy

import tailrace
from tailrace.testing import MemoryDestination


def read(source):
    """Give the rows that arrive, and the report."""
    destination = MemoryDestination()
    report = tailrace.run(source, destination.spec, state=None)
    return destination.rows, report


def alive():
    return [each for each in threading.enumerate() if each.name == "tailrace-async"]


@dataclasses.dataclass
class Inner:
    amount: Decimal


@dataclasses.dataclass
class Plain:
    id: int
    inner: Inner | None = None


@attrs.frozen
class Frozen:
    id: int
    inner: Plain | None = None


class Named(NamedTuple):
    id: int
    name: str | None = None


ROWS = [
    (Plain(1, Inner(Decimal("1.10"))), {"id": 1, "inner": {"amount": Decimal("1.10")}}),
    (Frozen(1), {"id": 1, "inner": None}),
    (Named(1, "x"), {"id": 1, "name": "x"}),
]


@pytest.mark.parametrize(("row", "told"), ROWS, ids=["dataclass", "attrs", "named tuple"])
def test_a_row_of_another_kind_is_the_mapping_that_it_holds(row, told):
    assert read([row, row])[0] == [told, told]


def test_a_pydantic_model_is_a_row():
    pydantic = pytest.importorskip("pydantic")

    class Person(pydantic.BaseModel):
        id: int
        amount: Decimal

    assert read([Person(id=1, amount="1.10")])[0] == [{"id": 1, "amount": Decimal("1.10")}]


def test_rows_of_sqlalchemy_are_rows():
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        result = connection.execute(sqlalchemy.text("SELECT 1 AS id, 'x' AS name"))
        assert read(result)[0] == [{"id": 1, "name": "x"}]


def test_a_lazy_frame_is_collected_once():
    polars = pytest.importorskip("polars")
    collected = []

    def seen(frame):
        collected.append(len(frame))
        return frame

    frame = polars.DataFrame({"id": [1, 2], "name": ["x", None]}).lazy()
    frame = frame.map_batches(seen, streamable=True)

    assert read(frame)[0] == [{"id": 1, "name": "x"}, {"id": 2, "name": None}]
    assert sum(collected) == 2


def test_an_expression_is_run_once():
    pyarrow = pytest.importorskip("pyarrow")
    runs = []

    class Expression:
        """As ibis has them: its schema is a method, and each stream a run of the query."""

        columns = ("id",)

        def schema(self):
            raise AssertionError("nobody needs it")

        def __arrow_c_stream__(self, requested_schema=None):
            runs.append(1)
            return pyarrow.table({"id": [1, 2]}).__arrow_c_stream__(requested_schema)

    assert read(Expression())[0] == [{"id": 1}, {"id": 2}]
    assert runs == [1]


async def numbers(count=3):
    for n in range(count):
        await asyncio.sleep(0)
        yield {"id": n}


async def some():
    await asyncio.sleep(0)
    return [{"id": 0}, {"id": 1}, {"id": 2}]


async def inner():
    await asyncio.sleep(0)
    return numbers()


@tailrace.source
async def decorated(*, count: int = 3):
    for n in range(count):
        yield {"id": n}


@pytest.mark.parametrize(
    "source",
    [numbers(), numbers, some(), some, inner, decorated],
    ids=["generator", "function", "coroutine", "coroutine function", "of a coroutine", "decorated"],
)
def test_what_is_asynchronous_is_awaited(source):
    assert read(source)[0] == [{"id": 0}, {"id": 1}, {"id": 2}]
    assert alive() == []


def test_it_is_awaited_where_a_loop_runs_too():
    async def main():
        return read(numbers)[0]

    assert asyncio.run(main()) == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_more_rows_than_are_read_ahead_arrive_in_order():
    rows, report = read(numbers(5_000))

    assert [row["id"] for row in rows] == list(range(5_000))
    assert (report.read, report.exit_code) == (5_000, 0)


def test_an_asynchronous_source_that_breaks_off_is_told():
    async def broken():
        yield {"id": 1}
        raise TimeoutError("the queue is gone")

    rows, report = read(broken)

    assert rows == [{"id": 1}]
    assert "after 1 record: TimeoutError: the queue is gone" in report.problem
    assert alive() == []


def test_a_coroutine_that_fails_is_told():
    async def broken():
        raise LookupError("no such queue")

    rows, report = read(broken)

    assert (rows, report.exit_code) == ([], 3)
    assert "LookupError: no such queue" in report.problem
    assert alive() == []


def test_one_that_is_not_read_to_its_end_is_closed():
    closed = []

    async def endless():
        try:
            n = 0
            while True:
                yield {"id": n}
                n += 1
        finally:
            closed.append(True)

    destination = MemoryDestination([None, tailrace.FatalError("shut")], batch_size=10)
    report = tailrace.run(endless, destination.spec, state=None)

    assert report.exit_code == 9
    assert closed == [True]
    assert alive() == []


def test_what_holds_no_row_is_refused_as_before():
    rows, report = read([7, Named, {"id": 1}])

    assert rows == [{"id": 1}]
    assert [each.reason for each in report.rejections] == ["no_mapping"] * 2
