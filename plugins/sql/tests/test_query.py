"""The text of a query: what is a parameter in it, and where an error lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace_sql._query import Query, quoted

SAID = st.lists(
    st.sampled_from(
        ["SELECT", " ", "\n", ":a", ":b", "'it''s :a'", '":b"', "-- :a\n", "/* :b */", "x::int",
         "$$ :a $$", "$t$ :a $$ :b $t$", "E'\\' :a'", "12", "é", "%", "$1", "[1:b]"]
    ),
    max_size=12,
)  # fmt: skip


@given(SAID, SAID)
def test_an_error_is_told_where_it_lies_in_the_users_text(before, after):
    text = "(:a, :b) " + "".join(before) + "WRONG " + "".join(after) + " end"
    query = Query.of(text, {"a": 1, "b": 2})
    wrapped = query.since('"id"', 5)
    lines = text[: text.index("WRONG")].split("\n")
    told = f" (line {len(lines)}, column {len(lines[-1]) + 1} of the query: "

    for each in (query, wrapped):
        assert each.place(each.numbered.index("WRONG") + 1).startswith(told)


@given(SAID)
def test_a_query_without_values_is_left_as_it_is(parts):
    text = "".join(parts) + "x"

    assert text == Query.of(text, {}).spelled("<{}>".format)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("a = :a", "a = <a>"),
        ("a = :a::int AND b=:a", "a = <a>::int AND b=<a>"),
        ("':a' || :a", "':a' || <a>"),
        ("'it''s :a' || :a", "'it''s :a' || <a>"),
        (r"E'\':a' || :a", r"E'\':a' || <a>"),
        ('":a" = :a', '":a" = <a>'),
        ("`:a` = :a", "`:a` = <a>"),
        ("-- :a\n:a", "-- :a\n<a>"),
        ("/* :a\n*/ :a", "/* :a\n*/ <a>"),
        ("$x$:a$x$ :a", "$x$:a$x$ <a>"),
        ("x::a = :a", "x::a = <a>"),
        (":ab = :a", ":ab = <a>"),
    ],
)
def test_what_stands_in_quotes_or_comments_is_no_parameter(text, spelled):
    assert spelled == Query.of(text, {"a": 1}).spelled("<{}>".format)


def test_values_are_not_shown():
    assert "hunter2" not in repr(Query.of("SELECT :a", {"a": "hunter2"}))


def test_what_is_wrapped_is_the_query_without_its_last_semicolon():
    query = Query.of("SELECT 1 AS a -- one\n ; ", {}).since(quoted('a"b'), 5)

    assert (
        "SELECT * FROM (\nSELECT 1 AS a -- one\n) AS tailrace_rows"
        ' WHERE "a""b" >= <tailrace_cursor>'
    ) == query.spelled("<{}>".format)
