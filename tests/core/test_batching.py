import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.batching import Batching
from tailrace._engine.flow import Records
from tailrace.http import encode_json
from tailrace.records import Action
from tailrace.schema import Field, Schema

from .conftest import schema_of


def pages(rows, keys, size=4, key=()):
    schema = Schema(schema_of(rows).fields, key)
    return [
        Records(keys[at : at + size], rows[at : at + size], schema)
        for at in range(0, len(rows), size)
    ]


def cut_of(batching, pages):
    return (parcel.batch for parcel in batching.cut(pages))


ROWS = st.lists(st.dictionaries(st.sampled_from("ab"), st.text(max_size=20) | st.integers()))


@given(ROWS, st.integers(1, 5), st.none() | st.integers(1, 60), st.booleans(), st.data())
def test_batches_obey_their_limits_and_lose_nothing(rows, batch_size, max_bytes, keyed, data):
    keys = list(range(1, len(rows) + 1))
    if keyed:
        keys = [data.draw(st.integers(0, 3)) for _ in rows]
    given_pages = pages(rows, keys, key=("k",) if keyed else ())
    batches = list(cut_of(Batching("run", Action.APPEND, batch_size, max_bytes), given_pages))

    sent = [(record.key, record.values) for batch in batches for record in batch]
    assert list(zip(keys, rows, strict=True)) == sent
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        assert len(batch) == len({record.key for record in batch})
        if max_bytes is not None and len(batch) > 1:
            assert (
                len(json.dumps(batch.rows(), separators=(",", ":"), ensure_ascii=False).encode())
                <= max_bytes
            )
            assert len(encode_json(batch.rows())) <= max_bytes


@given(ROWS, st.integers(1, 5))
def test_batches_are_as_full_as_they_may_be(rows, batch_size):
    keys = list(range(len(rows)))
    batches = list(cut_of(Batching("run", Action.APPEND, batch_size), pages(rows, keys)))

    assert -(-len(rows) // batch_size) == len(batches)


@given(st.lists(st.integers(1, 9)), st.integers(1, 20))
def test_a_destination_may_weigh_rows_itself(weights, max_bytes):
    rows = [{"w": weight} for weight in weights]
    cut = Batching("run", Action.UPSERT, 100, max_bytes, lambda row: row["w"])
    for batch in cut_of(cut, pages(rows, list(range(len(rows))))):
        assert len(batch) == 1 or sum(row["w"] for row in batch.rows()) <= max_bytes


def test_a_batch_has_a_name_an_action_and_the_schema_so_far():
    one, two = Schema([Field("a")]), Schema([Field("a"), Field("b")])
    cut = cut_of(
        Batching("run", Action.INSERT, 2),
        [Records([1, 2, 3], [{"a": 1}] * 3, one), Records([4], [{"b": 1}], two)],
    )

    assert [
        ("run-000001", "insert", one, 2),
        ("run-000002", "insert", two, 2),
    ] == [(batch.id, batch.action, batch.schema, len(batch)) for batch in cut]


def test_a_row_that_json_cannot_hold_is_left_for_the_destination_to_refuse():
    rows = [{"a": float("nan")}, {"a": object()}, {"a": Decimal("Infinity")}, {"a": 1}]
    batches = list(cut_of(Batching("run", Action.APPEND, 10, 100), pages(rows, [1, 2, 3, 4])))

    assert [rows] == [batch.rows() for batch in batches]


def test_nothing_makes_no_batch():
    assert [] == list(Batching("run", Action.APPEND, 10).cut([Records([], [], Schema())]))


def test_batches_are_cut_while_the_source_is_still_read():
    def source():
        yield Records([1, 2], [{}, {}], Schema())
        raise AssertionError("read too far ahead")

    assert 1 == len(next(Batching("run", Action.APPEND, 1).cut(source())))


def test_a_weigh_that_fails_leaves_the_measure_to_the_engine(caplog):
    def weigh(row):
        raise KeyError("x")

    records = Records([1, 2], [{"a": 1}, {"a": 2}], Schema())
    batches = list(cut_of(Batching("r", Action.APPEND, 10, 100, weigh), [records]))

    assert [len(batch) for batch in batches] == [2]
    assert "weigh() failed" in caplog.text


LINED = Records([1, 2, 3], [{}] * 3, Schema(), [11, 12, 13], lines=[b"a\n", b"bb\n", b"ccc\n"])


def test_a_parcel_knows_where_its_lines_stand():
    parcels = list(Batching("r", Action.APPEND, 2, after=7).cut([LINED], "plan", 100))

    assert [(each.batch.id, each.file, each.offset, len(each.body)) for each in parcels] == [
        ("r-000008", "plan", 100, 5),
        ("r-000009", "plan", 105, 4),
    ]
    assert [list(each.numbers) for each in parcels] == [[11, 12], [13]]


def test_records_that_have_to_wait_go_in_batches_of_their_own():
    late = Records([4], [{}], Schema(), [14], lines=[b"d\n"], late=9.0)
    parcels = list(Batching("r", Action.APPEND, 10).cut([LINED, late]))

    assert [(len(each), each.late) for each in parcels] == [(3, 0.0), (1, 9.0)]


def test_a_number_that_json_writers_differ_in_is_weighed_as_it_is_sent():
    rows = [{}, {"a": -100, "b": -(10**19)}]
    size = len(encode_json(rows))
    (whole,) = cut_of(Batching("run", Action.APPEND, 2, size), pages(rows, [1, 2]))

    assert b'[{},{"a":-100,"b":-10000000000000000000}]' == encode_json(whole.rows())
