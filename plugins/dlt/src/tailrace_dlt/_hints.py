"""What a resource's hints tell of its rows: the key, the types, and values of these types."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
import pendulum
from dlt.common.data_types import coerce_value
from dlt.extract import DltResource
from dlt.extract.exceptions import DataItemRequiredForDynamicTableHints

import tailrace
from tailrace import FieldType

TYPES: Mapping[str, FieldType] = {
    "text": FieldType.STRING,
    "bigint": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "decimal": FieldType.DECIMAL,
    "wei": FieldType.DECIMAL,
    "bool": FieldType.BOOLEAN,
    "timestamp": FieldType.DATETIME,
    "date": FieldType.DATE,
    "time": FieldType.TIME,
    "binary": FieldType.BYTES,
    "json": FieldType.JSON,
}
_CLOSED = frozenset({"freeze", "discard_row", "discard_value"})


@attrs.frozen
class Hints:
    """Hold a resource's table as dlt describes it."""

    table: Mapping[str, Any]

    @classmethod
    def of(cls, resource: DltResource) -> "Hints":
        """Take the hints of a resource; those that each row decides are left out."""
        try:
            return cls(resource.compute_table_schema())
        except DataItemRequiredForDynamicTableHints:
            return cls({"name": resource.name, "columns": {}})

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the columns that are hinted at."""
        columns: Mapping[str, Mapping[str, Any]] = self.table.get("columns") or {}
        return columns

    @property
    def key(self) -> tuple[str, ...]:
        """Name the columns of the primary key, or else of the merge key."""
        for hint in ("primary_key", "merge_key"):
            found = tuple(name for name, told in self.columns.items() if told.get(hint))
            if found:
                return found
        return ()

    @property
    def schema(self) -> tailrace.Schema | None:
        """Give the fields, where the resource's contract lets no others in; else None."""
        contract = self.table.get("schema_contract")
        closed = contract.get("columns") if isinstance(contract, Mapping) else contract
        if closed not in _CLOSED or not self.columns:
            return None
        fields = [
            tailrace.Field(name, TYPES.get(told.get("data_type") or "", FieldType.NULL))
            for name, told in self.columns.items()
        ]
        return tailrace.Schema(fields, self.key)

    def fit(self, row: dict[str, Any]) -> dict[str, Any]:
        """Bring values to the types that are hinted at, as dlt would, where nothing is lost by it."""
        for name, value in row.items():
            if type(value) not in _PLAIN:
                row[name] = _plain(value)
        for name, told in self.columns.items():
            kind = told.get("data_type")
            if kind in _READ and row.get(name) is not None:
                row[name] = _read(row[name], str(kind))
            # A moment that names no zone is one of UTC, unless its column has none.
            if kind == "timestamp" and told.get("timezone") is not False:
                row.update(_zoned(name, row.get(name)))
        return row


_PLAIN = frozenset({str, int, float, bool, type(None), Decimal, dict, list, datetime, date})
_READ = frozenset({"timestamp", "date", "time", "decimal", "wei"})


def _plain(value: Any) -> Any:
    """Give a moment as Python's own type has it."""
    if isinstance(value, pendulum.DateTime):
        # A moment is a day too, so that it is looked for first.
        return datetime(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            value.tzinfo,
            fold=value.fold,
        )
    if isinstance(value, pendulum.Date):
        return date(value.year, value.month, value.day)
    if isinstance(value, pendulum.Time):
        return time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    return value


def _zoned(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, datetime) and value.tzinfo is None:
        return {name: value.replace(tzinfo=UTC)}
    return {}


def _read(value: Any, kind: str) -> Any:
    """Read a text as the type that is meant, and whole numbers and floats as exact ones."""
    try:
        if kind in ("decimal", "wei"):
            given = repr(value) if type(value) is float else value
            return Decimal(given) if type(value) in (str, int, float) else value
        return _plain(coerce_value(kind, "text", value)) if type(value) is str else value  # type: ignore[arg-type]  # one of its types
    except (ValueError, InvalidOperation):
        return value
