"""Making a table for the rows that come: their types, and the key as its primary key."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any

import tailrace
from tailrace_sql._statements import Form

_WORDS = tailrace.FieldType
_POSTGRES = {
    _WORDS.BOOLEAN: "boolean",
    _WORDS.INTEGER: "bigint",
    _WORDS.NUMBER: "double precision",
    _WORDS.DECIMAL: "numeric",
    _WORDS.DATE: "date",
    _WORDS.DATETIME: "timestamp",
    _WORDS.TIME: "time",
    _WORDS.BYTES: "bytea",
    _WORDS.JSON: "jsonb",
}
_SQLITE = {
    _WORDS.BOOLEAN: "BOOLEAN",
    _WORDS.INTEGER: "INTEGER",
    _WORDS.NUMBER: "REAL",
    _WORDS.DATE: "DATE",
    _WORDS.DATETIME: "TIMESTAMP",
    _WORDS.TIME: "TIME",
    _WORDS.BYTES: "BLOB",
    _WORDS.JSON: "JSON",
}
_DUCKDB = {
    _WORDS.BOOLEAN: "BOOLEAN",
    _WORDS.INTEGER: "BIGINT",
    _WORDS.NUMBER: "DOUBLE",
    _WORDS.DECIMAL: "DECIMAL(38, 10)",
    _WORDS.DATE: "DATE",
    _WORDS.DATETIME: "TIMESTAMP",
    _WORDS.TIME: "TIME",
    _WORDS.BYTES: "BLOB",
    _WORDS.JSON: "JSON",
}
_TYPES: Mapping[str, Mapping[tailrace.FieldType, str]] = {
    "postgresql": _POSTGRES,
    "sqlite": _SQLITE,
    "duckdb": _DUCKDB,
}
_WIDE = {"postgresql": "numeric", "sqlite": "TEXT", "duckdb": "HUGEINT"}
_ZONED = {
    "postgresql": " with time zone",
    "sqlite": "",
    "duckdb": " WITH TIME ZONE",
}


def definition(kind: str, form: Form, place: str, batch: tailrace.Batch) -> str:
    """Write the statement that makes a table for a batch and those like it."""
    rows, key = batch.rows(), batch.schema.key
    parts = []
    for field in batch.schema:
        values = [row[field.name] for row in rows if row.get(field.name) is not None]
        needed = " NOT NULL" if field.name in key else ""
        parts.append(f"{form.quote(field.name)} {_type(kind, field.type, values)}{needed}")
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(form.quote, key))})")
    return f"CREATE TABLE IF NOT EXISTS {place} ({', '.join(parts)})"


def _type(kind: str, word: tailrace.FieldType, values: Iterable[Any]) -> str:
    """Name the type for a field; some values need one that is wider."""
    plain = _TYPES[kind].get(word, "TEXT")
    if word is _WORDS.INTEGER and any(not -(2**63) <= each < 2**63 for each in values):
        return _WIDE[kind]
    if word is _WORDS.DATETIME and any(
        isinstance(each, datetime) and each.tzinfo is not None for each in values
    ):
        return plain + _ZONED[kind]
    zoned = any(isinstance(each, time) and each.tzinfo is not None for each in values)
    if word is _WORDS.TIME and zoned:
        return "time with time zone" if kind == "postgresql" else "TEXT"
    return plain
