"""No value of a row changes the form of what it goes into."""

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailrace
from tailrace_http._template import Address, Text, build, header

VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["..", ".", "/", "../../etc", "?a=b", "#x", "@evil.example", "a\r\nX: y", "%2e%2e"]
    ),
    st.integers(),
    st.booleans(),
)
SHAPE = {"a": "{x}", "b": ["{y}", {"c": "row {x}"}], "d": "{{x}}", "e": 1}


def address(text, base=""):
    return Address.of("url", base, text)


@given(VALUES, VALUES)
def test_host_and_depth_of_an_address_are_the_templates(x, y):
    there = address("https://a.example/v1/{x}/rows/{y}?z={x}")
    try:
        parts = urlsplit(there.fill({"x": x, "y": y}))
    except tailrace.RejectedError:
        return

    assert ("https", "a.example", "") == (parts.scheme, parts.netloc, parts.fragment)
    path = parts.path.split("/")
    assert ["", "v1", "rows"] == [path[0], path[1], path[3]]
    assert 5 == len(path)
    assert not {".", ".."} & set(path)
    assert 1 == parts.query.count("=")
    text = {True: "true", False: "false"}.get(x, str(x)) if isinstance(x, bool) else str(x)
    assert text == unquote(path[2])


@given(VALUES, VALUES)
def test_a_body_has_the_form_of_its_shape(x, y):
    made = json.loads(json.dumps(build(SHAPE, {"x": x, "y": y})))

    assert ["a", "b", "d", "e"] == list(made)
    assert (x, y) == (made["a"], made["b"][0])
    assert ["c"] == list(made["b"][1])
    assert "{x}" == made["d"]


@given(VALUES)
def test_a_header_stays_one_line(x):
    try:
        value = header(Text("row {x}"), "X", {"x": x})
    except tailrace.RejectedError as error:
        assert error.reason == "header"
        assert any(each in "\r\n\0" or ord(each) > 255 for each in str(x))
        return

    assert not set(value) & set("\r\n\0")


def test_what_is_unset_is_left_out_of_a_body():
    assert {"b": [{"c": "row 1"}], "d": "{x}", "e": 1} | {"a": 1} == build(SHAPE, {"x": 1})


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, b"x", "", ".", ".."])
def test_what_no_path_can_hold_is_refused(value):
    with pytest.raises(tailrace.RejectedError):
        address("https://a.example/{x}/rows").fill({"x": value})


def test_a_value_that_is_not_there_is_told_by_its_name():
    with pytest.raises(tailrace.RejectedError, match="needs 'x', which has no value"):
        address("https://a.example/{x}").fill({})


def test_a_path_goes_after_the_base():
    assert "https://a.example/v1/p/7" == address("/p/{x}", "https://a.example/v1/").fill({"x": 7})
