"""Batches in the form that a destination function has asked dlt for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pendulum
from dlt.common.json import json

import tailrace
from tailrace import FieldType
from tailrace_dlt._hints import TYPES

_HINTS: Mapping[FieldType, str] = {kind: hint for hint, kind in TYPES.items() if hint != "wei"}


def described(batch: tailrace.Batch, table: Mapping[str, Any]) -> dict[str, Any]:
    """Give the table that a function is told of: what is hinted at, and what the rows have."""
    hinted = table.get("columns") or {}
    columns = {}
    for field in batch.schema:
        column = {"name": field.name, "nullable": field.name not in batch.schema.key}
        if field.type in _HINTS:
            column["data_type"] = _HINTS[field.type]
        if field.name in batch.schema.key:
            column["primary_key"] = True
        columns[field.name] = {**column, **hinted.get(field.name, {})}
    merge = "append" if batch.action is tailrace.Action.APPEND else "merge"
    return {"write_disposition": merge, **table, "columns": columns}


@contextmanager
def items(batch: tailrace.Batch, parquet: bool, as_file: bool) -> Iterator[Any]:
    """Give a list of rows, a record batch, or the path of a file that lasts as long as the block."""
    rows = batch.rows()
    if not as_file:
        yield _columnar(batch, rows) if parquet else [_moments(row) for row in rows]
        return
    with TemporaryDirectory(prefix="tailrace-dlt-") as folder:
        path = Path(folder) / f"{batch.id}.{'parquet' if parquet else 'typed-jsonl'}"
        if parquet:
            import pyarrow as pa
            from pyarrow import parquet as files

            files.write_table(pa.Table.from_batches([_columnar(batch, rows)]), path)
        else:
            with path.open("wb") as file:
                for row in rows:
                    file.write(json.typed_dumpb(row) + b"\n")
        yield str(path)


def _moments(value: Any) -> Any:
    """Give moments as dlt reads them out of its files."""
    kind = type(value)
    if kind is dict:
        return {name: _moments(each) for name, each in value.items()}
    if kind is list:
        return [_moments(each) for each in value]
    if kind is datetime:
        return pendulum.instance(value, tz=None)
    return pendulum.Date(value.year, value.month, value.day) if kind is date else value


def _columnar(batch: tailrace.Batch, rows: list[dict[str, Any]]) -> Any:
    """Give rows as Arrow; what no column holds is refused, and so is found alone."""
    import pyarrow as pa

    kinds = {
        FieldType.BOOLEAN: pa.bool_(),
        FieldType.INTEGER: pa.int64(),
        FieldType.NUMBER: pa.float64(),
        FieldType.STRING: pa.string(),
        FieldType.DATE: pa.date32(),
        FieldType.TIME: pa.time64("us"),
        FieldType.BYTES: pa.binary(),
        FieldType.JSON: pa.string(),
    }
    arrays = []
    for field in batch.schema:
        values = [row.get(field.name) for row in rows]
        if field.type is FieldType.JSON:
            values = [None if each is None else json.dumps(each) for each in values]
        elif field.type is FieldType.STRING:
            values = [None if each is None else str(each) for each in values]
        kind = kinds.get(field.type)
        if field.type is FieldType.DATETIME:
            aware = any(each is not None and each.tzinfo is not None for each in values)
            kind = pa.timestamp("us", "UTC" if aware else None)
        try:
            arrays.append(pa.array(values, kind))
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            told = f"field {field.name!r}: no Arrow column holds its values: {error}"
            raise tailrace.RejectedError(told, reason="value") from None
    return pa.RecordBatch.from_arrays(arrays, names=list(batch.schema.names))
