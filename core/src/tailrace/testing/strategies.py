"""Hypothesis strategies that build valid things; importing this needs no hypothesis yet."""

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

from tailrace.records import Action, Batch, Record, Row
from tailrace.schema import Field, FieldType, Schema

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def values(*, plain: bool = False) -> "SearchStrategy[Any]":
    """Build any value that a row can hold, nested ones too.

    plain: only what JSON has a form for: no NaN, no lone surrogates, no names but text.
    """
    from hypothesis import strategies as st

    scalars = st.one_of(*(of_type(kind, plain=plain) for kind in _SCALAR))
    names: SearchStrategy[Any] = _text(plain)
    if not plain:
        names = names | st.integers(-3, 3) | _text(plain).map(lambda text: f"\0{text}")
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(names, inner, max_size=3)
            | (st.nothing() if plain else st.lists(inner, max_size=3).map(tuple))
        ),
        max_leaves=5,
    )


def of_type(kind: FieldType, *, plain: bool = False) -> "SearchStrategy[Any]":
    """Build values of one type, and never None but for the type null."""
    from hypothesis import strategies as st

    if kind is FieldType.ANY:
        return values(plain=plain).filter(lambda value: value is not None)
    if kind is FieldType.JSON:
        inner = st.none() | st.integers(-10, 10) | _text(plain)
        return st.lists(inner, max_size=3) | st.dictionaries(_text(plain), inner, max_size=3)
    wild = not plain
    zones = st.none() | st.integers(-1439, 1439).map(lambda at: timezone(timedelta(minutes=at)))
    strategies: dict[FieldType, SearchStrategy[Any]] = {
        FieldType.NULL: st.none(),
        FieldType.BOOLEAN: st.booleans(),
        FieldType.INTEGER: st.integers() | st.integers(-(2**63) - 2, 2**64 + 2),
        FieldType.NUMBER: st.floats(allow_nan=wild, allow_infinity=wild),
        FieldType.DECIMAL: st.decimals(allow_nan=wild, allow_infinity=wild),
        FieldType.STRING: _text(plain) | st.uuids(),
        FieldType.DATE: st.dates(),
        FieldType.DATETIME: st.datetimes(timezones=zones),
        FieldType.TIME: st.times(timezones=zones),
        FieldType.BYTES: st.binary(max_size=8),
    }
    return strategies[kind]


def rows(*, plain: bool = False, min_size: int = 0) -> "SearchStrategy[Row]":
    """Build rows of any shape."""
    from hypothesis import strategies as st

    return st.dictionaries(_text(plain), values(plain=plain), min_size=min_size, max_size=5)


def schemas(*, min_size: int = 1, max_size: int = 5, key: bool = False) -> "SearchStrategy[Schema]":
    """Build schemas of differently named fields; with a key of one field if asked."""
    from hypothesis import strategies as st

    kinds = st.sampled_from([each for each in FieldType if each is not FieldType.NULL])
    fields = st.lists(
        st.builds(Field, _text(True).filter(bool), kinds),
        min_size=min_size,
        max_size=max_size,
        unique_by=lambda field: field.name,
    )
    if not key:
        return st.builds(Schema, fields)
    return fields.map(
        lambda made: Schema(
            [Field(made[0].name, FieldType.INTEGER, nullable=False), *made[1:]], [made[0].name]
        )
    )


def records(schema: Schema) -> "SearchStrategy[Record]":
    """Build records that fit a schema, some fields of them unset."""
    from hypothesis import strategies as st

    needed = {field.name: _of_field(field) for field in schema if field.name in schema.key}
    others = {field.name: _of_field(field) for field in schema if field.name not in schema.key}
    made = st.fixed_dictionaries(needed, optional=others)
    if not schema.key:
        return st.builds(Record, st.integers(1, 10_000), made)
    return made.map(lambda row: Record(_key(row, schema.key), row))


def batches(
    schema: Schema | None = None, *, action: Action = Action.UPSERT, max_size: int = 10
) -> "SearchStrategy[Batch]":
    """Build batches of one schema, no key twice in one."""
    from hypothesis import strategies as st

    def batch(made: Schema) -> "SearchStrategy[Batch]":
        listed = st.lists(
            records(made), min_size=1, max_size=max_size, unique_by=lambda record: record.key
        )
        return listed.map(lambda held: Batch("test-000001", action, made, records=held))

    return (schemas(key=True) if schema is None else st.just(schema)).flatmap(batch)


_SCALAR = (
    FieldType.NULL,
    FieldType.BOOLEAN,
    FieldType.INTEGER,
    FieldType.NUMBER,
    FieldType.DECIMAL,
    FieldType.STRING,
    FieldType.DATE,
    FieldType.DATETIME,
    FieldType.TIME,
    FieldType.BYTES,
)


def _text(plain: bool) -> "SearchStrategy[str]":
    from hypothesis import strategies as st

    if plain:
        return st.text(max_size=8)
    return st.text(st.characters(), max_size=8)


def _of_field(field: Field) -> "SearchStrategy[Any]":
    from hypothesis import strategies as st

    made = of_type(field.type, plain=True)
    return st.none() | made if field.nullable else made


def _key(row: Row, names: tuple[str, ...]) -> Any:
    values = tuple(row[name] for name in names)
    return values[0] if len(values) == 1 else values
