"""Receiving: what is answered with 2xx lies in the inbox, once; everything else says why not."""

import json
import logging
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from socket import create_server

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailrace
from tailrace_webhook._app import App
from tailrace_webhook._bodies import parse, rows_of
from tailrace_webhook._schemes import Refused

from .conftest import listening_to, options
from .senders import OTHER, SECRET, sign

SCHEMES = ("standard", "stripe", "github", "slack", "hubspot", "typeform")


@contextmanager
def changed(path):
    with closing(sqlite3.connect(path)) as database, database:
        yield database


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signed_request_is_kept_and_its_repeat_is_taken_but_not_kept_again(listen, scheme):
    event = {"id": "evt_1", "event_id": "Ev1", "eventId": 7, "name": "Ada"}
    body = json.dumps(event).encode()
    headers = sign(scheme, body)
    with listen(scheme=scheme) as endpoint:
        first, again, later = (
            endpoint.post(body, each)[0] for each in (headers, headers, sign(scheme, body))
        )

        assert (first, again, later) == (200, 200, 200)
        assert endpoint.rows == [event]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_forged_request_is_refused_and_leaves_nothing(listen, scheme):
    body = b'{"id": "evt_1", "event_id": "Ev1"}'
    with listen(scheme=scheme) as endpoint:
        forged = endpoint.post(body, sign(scheme, body, secret=OTHER))
        unsigned = endpoint.post(body)
        changed = endpoint.post(body + b" ", sign(scheme, body))

        assert [forged[0], unsigned[0], changed[0]] == [401, 401, 401]
        assert endpoint.rows == []
        assert any("refused with 401: the signature does not fit" in each for each in endpoint.log)


def test_the_log_tells_of_a_kind_of_refusal_once_and_never_shows_a_secret_or_a_body(listen):
    body = b'{"card": "4242"}'
    with listen() as endpoint:
        for _ in range(5):
            endpoint.post(body, sign("standard", body, secret=OTHER))

        assert endpoint.log == ["/in: refused with 401: the signature does not fit"]


def test_a_refusal_that_goes_on_is_counted_and_told_once_a_minute():
    lines, clock = [], iter([0, 1, 59, 61, 62, 200])
    log = logging.Logger("it")  # noqa: LOG001  # nobody else's
    log.warning = lambda text, *given: lines.append(text % given)
    app = App({"/in": None}, log, elapsed=lambda: next(clock))
    for _ in range(6):
        app._note("/in", 401, "no")
    app._note("/elsewhere", 404, "no")

    assert lines == [
        "/in: refused with 401: no",
        "/in: refused with 401: no (2 more since the last such line)",
        "/in: refused with 401: no (1 more since the last such line)",
    ]


def test_an_event_is_remembered_after_it_was_delivered_and_for_as_long_as_is_said(tmp_path):
    with listening_to(options(tmp_path, remember=600.0)) as (endpoint,):
        assert endpoint.send({"n": 1}) == 200
        _, position = endpoint.read()
        assert endpoint.read(position)[0] == []
        assert endpoint.send({"n": 1}) == 200
        assert endpoint.read(position)[0] == []
        with changed(tmp_path / "inbox.sqlite") as database:
            (until,) = database.execute("SELECT until FROM known").fetchone()
            assert 590 < until - time.time() <= 600
            database.execute("UPDATE known SET until = until - 601")
        assert endpoint.send({"n": 1}) == 200
        assert endpoint.read(position)[0] == [{"n": 1}]


def test_equal_bodies_are_two_events_where_nothing_says_that_they_are_one(listen):
    with listen(scheme="none") as endpoint:
        for _ in range(2):
            assert endpoint.post(b'{"n": 1}')[0] == 200

        assert endpoint.rows == [{"n": 1}] * 2


def test_a_list_gives_a_row_each_and_of_a_batch_only_what_is_new_is_kept(listen):
    event = {"eventId": 1, "subscriptionId": 2, "objectId": 3, "occurredAt": 4}
    others = [{**event, "objectId": n} for n in (5, 6)]
    with listen(scheme="hubspot") as endpoint:
        assert endpoint.send([event, others[0]]) == 200
        assert endpoint.send([{**event, "attemptNumber": 1}, others[1], others[1]]) == 200
        assert endpoint.send([{**others[0], "attemptNumber": 1}]) == 200

        assert endpoint.rows == [event, *others]


def test_rows_may_lie_deeper_and_ids_be_theirs(listen):
    with listen(scheme="none", rows="data.people", id_field="no") as endpoint:
        assert endpoint.post(b'{"data": {"people": [{"no": 1}, {"no": 2}]}}')[0] == 200
        assert endpoint.post(b'{"data": {"people": [{"no": "2"}, {"no": 2}]}}')[0] == 200
        assert endpoint.post(b'{"data": {"people": {}}}')[0] == 422

        assert endpoint.rows == [{"no": 1}, {"no": 2}, {"no": "2"}]


def test_fields_are_added_and_what_a_request_lacks_stays_absent(listen):
    fields = {"at": "received_at", "id": "id", "kind": "header:X-Kind", "none": "header:X-None"}
    before = datetime.now(UTC)
    body = b'{"id": "from the body"}'
    with listen(fields=fields) as endpoint:
        endpoint.post(body, {**sign("standard", body, id="m1"), "X-Kind": "push"})
        (row,) = endpoint.rows

    assert before <= row.pop("at") <= datetime.now(UTC)
    assert row == {"id": "m1", "kind": "push"}


def test_a_form_gives_a_row_of_texts(listen):
    with listen(scheme="none") as endpoint:
        assert endpoint.post("name=Ada+L&plan=a&plan=b&note=&n=01&%C3%A9=%C3%A9", FORM)[0] == 200

        assert endpoint.rows == [
            {"name": "Ada L", "plan": ["a", "b"], "note": "", "n": "01", "é": "é"}
        ]


@pytest.mark.parametrize(
    ("scheme", "row"),
    [
        ("slack", {"type": "block_actions"}),
        ("github", {"type": "block_actions"}),
        ("standard", {"payload": '{"type":"block_actions"}'}),
    ],
)
def test_a_form_of_one_payload_is_the_json_in_it_where_the_service_sends_such(listen, scheme, row):
    body = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
    with listen(scheme=scheme) as endpoint:
        assert endpoint.post(body, {**sign(scheme, body), **FORM})[0] == 200

        assert endpoint.rows == [row]


def test_while_a_sender_changes_its_secret_both_count_and_then_the_new_one_only(tmp_path):
    secrets = [tailrace.Secret(each) for each in (SECRET, OTHER)]
    both = options(tmp_path, secret=secrets[1], old_secrets=(secrets[0],))
    with listening_to(both) as (endpoint,):
        assert endpoint.send({"n": 1}, id="a", secret=SECRET) == 200
        assert endpoint.send({"n": 2}, id="b", secret=OTHER) == 200
    with listening_to(options(tmp_path, secret=secrets[1])) as (endpoint,):
        assert endpoint.send({"n": 3}, id="c", secret=SECRET) == 401
        assert endpoint.send({"n": 1}, id="a", secret=OTHER) == 200

        assert endpoint.rows == [{"n": 1}, {"n": 2}]


def test_a_bug_while_rows_are_kept_is_an_answer_too(listen, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    with listen(scheme="none") as endpoint:
        with monkeypatch.context() as patched:
            patched.setattr("tailrace_webhook._inbox.Inbox.store", broken)
            assert endpoint.post(b"{}")[::2] == (500, "tailrace failed\n")
        assert endpoint.post(b"{}")[0] == 200


def test_an_id_of_odd_characters_is_an_id(listen):
    with listen(scheme="none", id_field="id") as endpoint:
        for _ in range(2):
            assert endpoint.post(b'{"id": "\\ud800\\u0000"}')[0] == 200

        assert endpoint.rows == [{"id": "\ud800\0"}]


def test_rows_that_nobody_serves_any_more_are_told_of(tmp_path):
    with listening_to(options(tmp_path, path="/old")) as (endpoint,):
        endpoint.send([{"n": 1}, {"n": 2}])
    with listening_to(options(tmp_path, path="/new")) as (endpoint,):
        assert endpoint.log == [
            f"{tmp_path / 'inbox.sqlite'}: 2 rows of /old lie there, which nobody serves"
        ]


def test_slacks_question_whether_somebody_is_there_is_answered_and_not_kept(listen):
    body = b'{"type": "url_verification", "challenge": "3eZb"}'
    with listen(scheme="slack") as endpoint:
        status, headers, text = endpoint.post(body, sign("slack", body))

        assert (status, text, headers["content-type"]) == (200, "3eZb", "text/plain; charset=utf-8")
        assert endpoint.post(body, sign("slack", body, secret=OTHER))[0] == 401
        assert endpoint.rows == []


NUMBERS = (
    b'{"a": 0.1, "b": 0.1000000000000000055, "c": 12345678901234567890123, "d": 1e400, "e": -0.0}'
)


def test_no_number_loses_a_digit_and_null_is_none(listen):
    with listen(scheme="none") as endpoint:
        endpoint.post(NUMBERS)
        endpoint.post(b'{"none": null, "text": "\\u00e9\\ud83d\\ude00"}')
        first, second = endpoint.rows

    assert first == {
        "a": 0.1,
        "b": Decimal("0.1000000000000000055"),
        "c": 12345678901234567890123,
        "d": Decimal("1E+400"),
        "e": 0.0,
    }
    assert type(first["a"]) is float and str(first["e"]) == "-0.0"
    assert second == {"none": None, "text": "é😀"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b'{"a": NaN}', {}, 400),
        (b'{"a": 1e9999999999999999999999}', {}, 400),
        (b'{"a": ' + b"9" * 5_000 + b"}", {}, 400),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}, 400),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", {}, 400),
        (b'{"a": "\xff"}', {}, 400),
        ('{"a": 1}'.encode("utf-16"), {}, 400),
        (b"a=%ff", FORM, 400),
        (b"&".join(b"a%d=1" % n for n in range(1_001)), FORM, 400),
        (b'"text"', {}, 422),
        (b"[1]", {}, 422),
        (b'[{"a": 1}, null]', {}, 422),
        (b"{}", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
        (b'{"a": "' + b"x" * 2_000 + b'"}', {}, 413),
    ],
)
def test_a_body_that_is_no_rows_is_refused_with_what_is_wrong(listen, body, headers, status):
    most = 1_000 if status == 413 else 1 << 20
    with listen(scheme="none", max_body=most) as endpoint:
        told = endpoint.post(body, headers)

        assert told[0] == status
        assert told[2]
        assert endpoint.rows == []
        assert endpoint.post(b'{"a": 1}')[0] == 200


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=20,
    )
)
def test_what_json_says_is_what_the_row_holds(value):
    row = {"it": value}

    assert rows_of(parse("json", json.dumps(row).encode()), None) == [row]


@given(body=st.binary(max_size=300), kind=st.sampled_from(["json", "form"]))
def test_any_bytes_give_rows_or_a_refusal_and_nothing_else(body, kind):
    try:
        rows = rows_of(parse(kind, body), None)
    except Refused as refused:
        assert refused.status in (400, 422)
    else:
        assert all(type(row) is dict for row in rows)


def test_paths_and_methods_that_are_not_there_are_told(listen):
    with listen(scheme="none") as endpoint:
        elsewhere = endpoint.post(b"{}", path="/out")
        asked = endpoint.post(b"", method="GET")

    assert elsewhere[0] == 404
    assert (asked[0], asked[1]["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "evil.example:80"},
        {"host": "["},
        {"host": "127.0.0.1.evil.example"},
    ],
)
def test_without_signatures_no_web_page_of_elsewhere_gets_in(listen, headers):
    with listen(scheme="none") as endpoint:
        assert endpoint.post(b"{}", headers)[0] == 403
        assert endpoint.post(b"{}", {"origin": "http://localhost:3000"})[0] == 200


def test_endpoints_of_one_address_share_a_server_and_keep_apart_what_they_get(tmp_path):
    one = options(tmp_path, path="/one")
    two = options(tmp_path, path="/two", scheme="github", secret=tailrace.Secret(OTHER))
    with listening_to(one, two) as (first, second):
        assert first.place == second.place
        assert first.send({"n": 1}) == 200
        assert second.send({"n": 2}, secret=OTHER) == 200
        assert second.send({"n": 3}, secret=SECRET) == 401

        assert (first.rows, second.rows) == ([{"n": 1}], [{"n": 2}])


def test_a_localhost_that_others_can_reach_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tailrace_webhook._receiver.bind", lambda host, port: create_server(("0.0.0.0", port))
    )
    with (
        pytest.raises(tailrace.ConfigError, match="localhost is 0.0.0.0"),
        listening_to(options(tmp_path, scheme="none", host="localhost")),
    ):
        pass


def test_two_sources_of_one_place_are_refused(tmp_path):
    with (
        pytest.raises(tailrace.ConfigError, match="two sources have the path /in"),
        listening_to(options(tmp_path), options(tmp_path)),
    ):
        pass


def test_a_port_that_is_taken_is_told(tmp_path):
    with listening_to(options(tmp_path)) as (endpoint,):
        _, port = endpoint.place
        again = options(tmp_path, port=port, path="/other")
        with (
            pytest.raises(tailrace.ConfigError, match="port: 127.0.0.1:.* cannot be listened on"),
            listening_to(again),
        ):
            pass


def test_a_full_inbox_asks_senders_to_come_again_and_takes_what_it_has_room_for(listen):
    with listen(scheme="none", max_inbox=200_000) as endpoint:
        body = json.dumps({"a": "x" * 50_000}).encode()
        statuses = [endpoint.post(body)[0] for _ in range(6)]
        status, headers, _ = endpoint.post(body)
        taken = statuses.count(200)

        assert 1 < taken < 6
        assert (status, headers["retry-after"]) == (503, "30")
        rows, position = endpoint.read()
        assert len(rows) == taken
        assert endpoint.post(body)[0] == 503
        assert endpoint.log == [
            "/in: refused with 503: the inbox cannot take it: it is full",
            "/in: refused with 503: the inbox cannot take it: it is full;"
            " the sync it has settled least",
        ]
        endpoint.read(position)
        assert endpoint.post(body)[0] == 200


def test_an_inbox_that_cannot_be_written_is_no_2xx(listen, tmp_path):
    with listen(scheme="none") as endpoint:
        with changed(tmp_path / "inbox.sqlite") as database:
            database.execute("DROP TABLE request")
        status, headers, _ = endpoint.post(b"{}")

    assert (status, headers["retry-after"]) == (503, "30")
