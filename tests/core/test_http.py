"""The face that plugins see, and JSON."""

import json
from base64 import b64encode
from collections import UserDict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ConfigError, RejectedError, UnansweredError
from tailrace.http import Answer, Http, encode_json
from tailrace.options import Secret
from tailrace.testing.strategies import rows, values


class Sent:
    """An Http whose requests are kept and not sent."""

    def __init__(self, **using):
        self.requests = []
        self.http = Http(self._keep).using(**using)

    def _keep(self, request, judged):
        self.requests.append((request, judged))
        return Answer(200, {}, b"{}")

    @property
    def request(self):
        return self.requests[-1][0]


@pytest.mark.parametrize(
    ("base", "url", "whole"),
    [
        ("http://a.b/v1", "/x", "http://a.b/v1/x"),
        ("http://a.b/v1/", "x", "http://a.b/v1/x"),
        ("http://a.b/v1", "", "http://a.b/v1"),
        ("http://a.b/v1", "https://c.d/x", "https://c.d/x"),
        (None, "http://a.b/x", "http://a.b/x"),
    ],
)
def test_an_address_starts_from_the_base(base, url, whole):
    sent = Sent(base_url=base)
    sent.http.get(url)

    assert whole == sent.request.url


def test_an_address_without_a_base_is_refused():
    with pytest.raises(ConfigError, match="no http or https URL"):
        Sent().http.get("/x")


def test_parameters_are_quoted_and_what_is_none_is_left_out():
    sent = Sent(base_url="http://a")
    sent.http.get("/x?y=1", params={"q": "a b&c=d#é", "l": [1, 2], "n": None})
    sent.http.get("/x", params={"n": None})

    assert ["http://a/x?y=1&q=a+b%26c%3Dd%23%C3%A9&l=1&l=2", "http://a/x"] == [
        request.url for request, _ in sent.requests
    ]


@pytest.mark.parametrize(
    ("how", "body", "kind"),
    [
        ({"json": {"a": 1}}, b'{"a":1}', "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"data": {"a": "b c"}}, b"a=b+c", "application/x-www-form-urlencoded"),
        ({"data": "ä"}, "ä".encode(), None),
        ({"data": b"\0"}, b"\0", None),
        ({}, None, None),
        ({"json": 1, "headers": {"content-type": "x/y"}}, b"1", "x/y"),
    ],
    ids=repr,
)
def test_a_body_is_written_and_named(how, body, kind):
    sent = Sent()
    sent.http.post("http://a", **how)

    assert (body, kind) == (sent.request.body, sent.request.headers.get("Content-Type"))


def test_headers_mean_the_same_in_capitals_and_the_last_one_wins():
    sent = Sent(headers={"X-One": "1", "x-two": "2"})
    sent.http.using(headers={"x-ONE": "3"}).post("http://a", headers={"X-TWO": "4"})

    assert {"X-One": "3", "X-Two": "4"} == sent.request.headers


def test_a_login_is_taken_along_and_a_new_one_replaces_it():
    sent = Sent(bearer=Secret("one"))
    sent.http.using(base_url="http://a").get("/")
    first = sent.request.auth.headers()
    sent.http.using(bearer=Secret("two")).get("http://a")

    assert {"Authorization": "Bearer one"} == first
    assert {"Authorization": "Bearer two"} == sent.request.auth.headers()
    assert not sent.request.auth.refresh()


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "€"])
def test_a_header_cannot_smuggle_another(value):
    with pytest.raises(ConfigError) as told:
        Sent().http.post("http://a", headers={"X-Name": value})

    assert "header 'X-Name'" in str(told.value)
    assert value not in str(told.value)


@pytest.mark.parametrize("how", [{"idempotency_key": "a\nb"}, {"headers": {"a\nb": "c"}}])
def test_no_part_of_a_header_holds_a_line_break(how):
    with pytest.raises(ConfigError, match="line break"):
        Sent().http.post("http://a", **how)


def test_what_a_request_may_do_is_told():
    sent = Sent(not_executed=(503,))
    sent.http.post("http://a", idempotency_key="k", safe=True, repeat=False, scope="s")
    request = sent.request

    assert ("k", True, True, False, "s", {503}) == (
        request.headers["Idempotency-Key"],
        request.keyed,
        request.safe,
        request.repeat,
        request.scope,
        request.not_executed,
    )


def test_each_method_is_judged_and_send_is_not():
    sent = Sent(base_url="http://a")
    for call in (sent.http.get, sent.http.post, sent.http.put, sent.http.patch, sent.http.delete):
        call("/")
    sent.http.send("HEAD", "/")

    assert [
        ("GET", True, True),
        ("POST", False, True),
        ("PUT", False, True),
        ("PATCH", False, True),
        ("DELETE", False, True),
        ("HEAD", True, False),
    ] == [(request.method, request.safe, judged) for request, judged in sent.requests]


def test_no_login_and_no_body_is_in_a_repr():
    sent = Sent(bearer=Secret("s3cret-token"), headers={"X-Key": "s3cret-key"})
    sent.http.post("http://a", json={"password": "s3cret-value"})

    assert "s3cret" not in repr(sent.request) + repr(sent.http)
    assert "s3cret" not in repr(Answer(200, {"x": "s3cret"}, b"s3cret"))


def test_an_answer_that_is_no_json_tells_nothing():
    assert {"a": 1} == Answer(200, {}, b'{"a": 1}').json()
    assert "\ufffd" == Answer(200, {}, b"\xff").text
    with pytest.raises(UnansweredError, match="no JSON") as told:
        Answer(200, {}, b"<html>").json()
    assert 200 == told.value.status


@given(rows(plain=True))
def test_every_plain_row_has_a_form_in_json(row):
    assert set(row) == set(json.loads(encode_json(row)))


@given(st.recursive(st.none() | st.integers() | st.text() | st.booleans(), st.lists))
def test_what_json_knows_comes_back_as_it_was(value):
    assert value == json.loads(encode_json(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back_as_it_was(value):
    assert repr(value) == repr(json.loads(encode_json([value]))[0])


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_all_its_digits(value):
    written = json.loads(encode_json([value]))[0]

    assert value == (Decimal(written) if isinstance(written, str) else Decimal(repr(written)))


@given(rows())
def test_a_row_is_written_or_refused_and_never_written_wrong(row):
    try:
        body = encode_json(row)
    except RejectedError as error:
        assert "value" == error.reason
    else:
        assert set(row) == set(json.loads(body))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), '"2024-01-02T03:04:05+00:00"'),
        (datetime(2024, 1, 2), '"2024-01-02T00:00:00"'),
        (date(2024, 1, 2), '"2024-01-02"'),
        (time(1, 2, 3), '"01:02:03"'),
        (time(1, 2, 3, tzinfo=UTC), '"01:02:03+00:00"'),
        (Decimal("1.10"), "1.1"),
        (Decimal("0.1234567890123456789"), '"0.1234567890123456789"'),
        (2**53 + 1, str(2**53 + 1)),
        (10**30, str(10**30)),
        (b"\0\xff", json.dumps(b64encode(b"\0\xff").decode())),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (UserDict(a=1), '{"a":1}'),
        ((1, 2), "[1,2]"),
        ({1: 2}, '{"1":2}'),
        (None, "null"),
    ],
    ids=repr,
)
def test_a_value_has_one_form(value, text):
    assert text == encode_json(value).decode()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        [None, {"a": float("nan")}],
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("sNaN"),
        {1, 2},
        object(),
        "\ud800",
        {"\ud800": 1},
        10**5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(RejectedError, match="JSON cannot hold this") as told:
        encode_json({"value": value})
    assert "value" == told.value.reason


@given(values())
def test_nothing_but_a_refusal_comes_of_a_value_that_json_cannot_hold(value):
    try:
        encode_json(value)
    except RejectedError as error:
        assert str(error)


def test_a_login_goes_to_the_host_of_its_base_url_alone():
    seen = []

    def exchange(request, judged):
        seen.append((request.url, request.auth is not None))

    http = Http(exchange).using(base_url="https://api.example/v1", bearer=Secret("t"))
    for url in ("/a", "https://api.example/b", "https://evil.example/c", "http://api.example/d"):
        http.get(url)
    Http(exchange).using(bearer=Secret("t")).get("https://any.example/e")

    assert seen == [
        ("https://api.example/v1/a", True),
        ("https://api.example/b", True),
        ("https://evil.example/c", False),
        ("http://api.example/d", False),
        ("https://any.example/e", True),
    ]
