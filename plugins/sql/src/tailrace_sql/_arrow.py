"""PostgreSQL through ADBC: a whole read as a stream of Arrow batches, where no value suffers."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import tailrace
from tailrace_sql._rows import Stream

_PLAIN = frozenset({16, 17, 20, 21, 23, 25, 701, 1042, 1043, 1082, 1083, 1114, 1184, 2950})
"""Types that arrive as they do through psycopg: booleans, bytes, integers, text, doubles, dates,
times, moments and UUIDs; floats of 4 bytes, JSON, lists and all others do not."""
_NUMERIC, _DATE, _MOMENTS = 1700, 1082, (1114, 1184)
_WIDEST = 38
_LAST_DAY, _LAST_MOMENT = 2_932_896, 253_402_300_799_999_999
_FIRST_DAY, _FIRST_MOMENT = -719_162, -62_135_596_800_000_000
_VALUE = re.compile(': ".*', re.DOTALL)
_HINT, _BATCH = "adbc.postgresql.batch_size_hint_bytes", "1000000"
_BEFORE = (
    "SET TRANSACTION READ ONLY",
    # One statement is the whole read here, however long its rows wait to be taken.
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL timezone = 'UTC'",
)
_ELSE = "; arrow = false reads it"


def serves(columns: Sequence[Any]) -> bool:
    """Tell whether a driver is installed, and the columns are such that nothing is lost."""
    if find_spec("adbc_driver_postgresql") is None or find_spec("pyarrow") is None:
        return False
    import pyarrow as pa

    names = [each.name for each in columns]
    return (
        hasattr(pa, "uuid")
        and len(set(names)) == len(names)
        and all(each.type_code in _PLAIN or _is_exact(each) for each in columns)
    )


def _is_exact(column: Any) -> bool:
    """Tell whether it is a NUMERIC whose digits are told and fit."""
    if column.type_code != _NUMERIC or column.precision is None or column.scale is None:
        return False
    return bool(0 <= column.scale <= column.precision <= _WIDEST)


@contextmanager
def read(address: str, query: str, columns: Sequence[Any], patience: float) -> Iterator[Any]:
    """Give a stream of Arrow batches; the connection ends with the last of them.

    patience: seconds that it may wait for a lock.
    """
    import pyarrow as pa
    from adbc_driver_manager import AdbcConnection, AdbcStatement, Error
    from adbc_driver_postgresql import connect

    # Not through its module for cursors, which imports pandas and polars where they are installed.
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(AdbcConnection(stack.enter_context(connect(address))))
            connection.set_autocommit(False)
            for each in (*_BEFORE, f"SET LOCAL lock_timeout = '{patience:.0f}s'"):
                with AdbcStatement(connection) as statement:
                    statement.set_sql_query(each)
                    statement.execute_update()
            statement = stack.enter_context(AdbcStatement(connection))
            statement.set_options(**{_HINT: _BATCH})
            statement.set_sql_query(query)
            handle, _ = statement.execute_query()
            batches = pa.RecordBatchReader.from_stream(handle)
            del handle
            stack.callback(batches.close)

            def ended() -> None:
                with suppress(Error):
                    stack.close()

            schema = pa.schema(
                [
                    pa.field(column.name, _type(pa, column, field.type))
                    for column, field in zip(columns, batches.schema, strict=True)
                ]
            )
            yield Stream.of(schema, _exact(pa, batches, columns, schema, ended))
    except Error as error:
        raise tailrace.SourceError(_said(error)) from None


def _type(pa: Any, column: Any, given: Any) -> Any:
    if column.type_code == _NUMERIC:
        return pa.decimal128(column.precision, column.scale)
    return given


def _exact(pa: Any, batches: Any, columns: Sequence[Any], schema: Any, ended: Any) -> Iterator[Any]:
    while True:
        try:
            batch = batches.read_next_batch()
        except StopIteration:
            ended()
            return
        except (OSError, pa.ArrowException) as error:
            raise tailrace.SourceError(_said(error)) from None
        arrays = [
            _of(pa, column, array) for column, array in zip(columns, batch.columns, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _said(error: Exception) -> str:
    """Give what the server said, but for the values that it quotes."""
    told = " ".join(str(error).split())
    return f"PostgreSQL, read as Arrow: {_VALUE.sub('', told)}"


def _of(pa: Any, column: Any, array: Any) -> Any:
    import pyarrow.compute as pc

    if column.type_code == _NUMERIC:
        try:
            return getattr(array, "storage", array).cast(
                pa.decimal128(column.precision, column.scale)
            )
        except pa.ArrowInvalid:
            told = f"column {column.name!r} holds NaN or infinity, which Arrow has no decimal for"
            raise tailrace.SourceError(told + _ELSE) from None
    if column.type_code == _DATE:
        _within(pc, column, array.cast(pa.int32()), _FIRST_DAY, _LAST_DAY)
    elif column.type_code in _MOMENTS:
        _within(pc, column, array.cast(pa.int64()), _FIRST_MOMENT, _LAST_MOMENT)
    return array


def _within(pc: Any, column: Any, numbers: Any, first: int, last: int) -> None:
    least, most = pc.min_max(numbers).as_py().values()
    if least is not None and not first <= least <= most <= last:
        told = f"column {column.name!r} holds a day outside the years 1 to 9999"
        raise tailrace.SourceError(told + _ELSE)
