"""Tables as a database's catalogue describes them."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Column:
    """Describe one column.

    sql: its type as a cast names it, without a length, which a cast would cut to. full: the type as
    a new table names it. low, high: the integers it holds. scale: decimal places. zoned: whether its
    times have a zone; None keeps
    both kinds. native: whether lists and mappings go as they are, and not as JSON.
    """

    name: str
    type: tailrace.FieldType
    sql: str = ""
    full: str = ""
    nullable: bool = True
    default: str | None = None
    filled: bool = False
    """Whether the database has a value where a new row has none."""
    read_only: bool = False
    max_length: int | None = None
    options: tuple[str, ...] | None = None
    low: int | None = None
    high: int | None = None
    scale: int | None = None
    zoned: bool | None = False
    native: bool = False
    uuid: bool = False


@attrs.frozen
class Table:
    """Hold a table's columns, and the sets of columns that are unique in it."""

    columns: Mapping[str, Column]
    uniques: frozenset[frozenset[str]] = frozenset()

    def schema(self, *, whole: bool) -> tailrace.Schema:
        """Give its fields; `whole` says that rows are new and need all that has no default."""
        return tailrace.Schema(
            [
                tailrace.Field(
                    each.name,
                    each.type,
                    nullable=each.nullable,
                    required=whole and not (each.nullable or each.filled or each.read_only),
                    max_length=each.max_length,
                    options=each.options,
                    read_only=each.read_only,
                    unique=frozenset({each.name}) in self.uniques,
                )
                for each in self.columns.values()
            ]
        )

    def unfit_key(self, key: Iterable[str], *, unique: bool) -> str | None:
        """Say why some columns cannot be a key, or give None."""
        names = tuple(key)
        for name in names:
            column = self.columns.get(name)
            if column is None:
                return f"it has no column {name!r}"
            if column.type is tailrace.FieldType.JSON:
                return f"the column {name!r} holds lists or mappings, and they are no key"
        if unique and frozenset(names) not in self.uniques:
            told = ", ".join(names)
            return f"nothing says that ({told}) is unique in it: add a primary key or unique index"
        return None


def bits(count: int, *, signed: bool = True) -> dict[str, int]:
    """Give the least and the greatest integer of some bits."""
    half = 2 ** (count - 1)
    return {"low": -half, "high": half - 1} if signed else {"low": 0, "high": 2 * half - 1}


def of_kind(kind: Any) -> dict[str, Any]:
    """Tell what SQLAlchemy's type of a column says of its values."""
    from sqlalchemy import types

    word = tailrace.FieldType
    # The first that fits counts: an Enum is a String there, and a Float may be a Numeric.
    kinds: tuple[tuple[type, tailrace.FieldType, Mapping[str, Any]], ...] = (
        (types.Enum, word.STRING, {"options": tuple(getattr(kind, "enums", None) or ())}),
        (types.Uuid, word.STRING, {"uuid": True}),
        (types.ARRAY, word.JSON, {"native": True}),
        (types.JSON, word.JSON, {}),
        (types.Boolean, word.BOOLEAN, {}),
        (types.SmallInteger, word.INTEGER, bits(16)),
        (types.BigInteger, word.INTEGER, bits(64)),
        (types.Integer, word.INTEGER, bits(32)),
        (types.Float, word.NUMBER, {}),
        (types.Numeric, word.DECIMAL, {"scale": getattr(kind, "scale", None)}),
        (types.String, word.STRING, {"max_length": getattr(kind, "length", None)}),
        (types.DateTime, word.DATETIME, {"zoned": getattr(kind, "timezone", False)}),
        (types.Date, word.DATE, {}),
        (types.Time, word.TIME, {"zoned": getattr(kind, "timezone", False)}),
        (types.LargeBinary, word.BYTES, {}),
    )
    found = next((each for each in kinds if isinstance(kind, each[0])), None)
    return {"type": word.ANY} if found is None else {"type": found[1], **found[2]}
