"""The engine's HTTP client against a real service: what every answer means."""

import gzip
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from tailrace._engine.http import Client
from tailrace._engine.ratelimit import Pace
from tailrace._engine.retry import ATTEMPTS
from tailrace._engine.wire import MAX_ANSWER
from tailrace.components import Rate
from tailrace.errors import (
    ConfigError,
    FatalError,
    RejectedError,
    UnansweredError,
    UnsentError,
)
from tailrace.options import Secret
from tailrace.testing import FakeClock

from .conftest import CLOSE, RESET, Say


class Caller:
    """A client on a clock that stands, with the service as its base."""

    def __init__(self, url, *rates):
        self.clock = FakeClock()
        self.client = Client(Pace(self.clock, rates), self.clock)
        self.http = self.client.http().using(base_url=url)
        self.attempt = None

    def post(self, delivery="at_most_once", http=None, **how):
        """Post as a writer of that delivery class does, as `keyed` with a key."""
        if delivery == "keyed":
            how.setdefault("idempotency_key", "key-1")
        with self.client.attempt(delivery) as self.attempt:
            return (http or self.http).post("/things", json={"a": 1}, **how)


@pytest.fixture
def caller(service):
    made = Caller(service.url)
    yield made
    made.client.close()


CUT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"
GARBLED = Say(200, '{"a": ')

UNCLEAR = {
    "reset": RESET,
    "close": CLOSE,
    "truncated": CUT,
    "truncated chunk": CHUNK,
    "no HTTP": b"hello\r\n\r\n",
    "half a line": b"HTTP/1.1 200",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n",
    "garbled": GARBLED,
    "408": Say(408),
    "425": Say(425),
    "500": Say(500),
    "502": Say(502, "<html>bad gateway</html>"),
    "503": Say(503),
    "504": Say(504),
}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "at_most_once"])
def test_what_went_well_is_given(service, caller, status, delivery):
    service.say(Say(status, "" if status == 204 else '{"ok": true}'))
    answer = caller.post(delivery)

    assert (status, 1, 1) == (answer.status, len(service.seen), caller.attempt.begun)
    assert b'{"a":1}' == service.seen[0].body


@pytest.mark.parametrize("what", UNCLEAR)
@pytest.mark.parametrize("delivery", ["at_most_once", "probe"])
def test_an_unclear_answer_is_never_sent_again_where_that_could_double(
    service, caller, what, delivery
):
    service.say(UNCLEAR[what])

    with pytest.raises(UnansweredError) as told:
        caller.post(delivery)
    assert (1, 1, False) == (len(service.seen), caller.attempt.begun, told.value.spent)
    assert [] == caller.clock.sleeps


@pytest.mark.parametrize("what", UNCLEAR)
@pytest.mark.parametrize("delivery", ["idempotent", "keyed"])
def test_an_unclear_answer_is_sent_again_where_that_does_no_harm(service, caller, what, delivery):
    service.say(UNCLEAR[what], UNCLEAR[what], Say(200, {"ok": True}))
    answer = caller.post(delivery)

    assert ({"ok": True}, 3) == (answer.json(), len(service.seen))
    assert 1 == len({(seen.body, seen.headers.get("Idempotency-Key")) for seen in service.seen})
    assert (3, 2, 0) == (
        caller.client.counters.requests,
        caller.client.counters.retries,
        caller.client.counters.throttled,
    )


@pytest.mark.parametrize("delivery", ["idempotent", "keyed"])
def test_all_attempts_end_in_an_unclear_answer_that_is_spent(service, caller, delivery):
    service.usual = Say(500, {"error": {"message": "down"}})

    with pytest.raises(UnansweredError, match="500: down") as told:
        caller.post(delivery)
    assert (ATTEMPTS, True, 500) == (len(service.seen), told.value.spent, told.value.status)
    assert caller.clock.sleeps == sorted(caller.clock.sleeps)


def test_a_keyed_class_without_a_key_is_not_repeated(service, caller):
    service.say(Say(500))

    with pytest.raises(UnansweredError):
        caller.post("keyed", idempotency_key=None)
    assert 1 == len(service.seen)


@pytest.mark.parametrize(
    ("delivery", "how", "count"),
    [("at_most_once", {"repeat": True}, 2), ("idempotent", {"repeat": False}, 1)],
)
def test_a_request_may_say_itself_whether_a_repeat_does_harm(service, caller, delivery, how, count):
    service.say(RESET)
    try:
        caller.post(delivery, **how)
    except UnansweredError:
        assert 1 == count
    assert count == len(service.seen)


def test_a_lost_answer_stays_noted_when_the_next_attempt_is_never_sent(service, caller):
    def gone(seen):
        service.refuse()
        return RESET

    service.say(gone)

    with pytest.raises(UnsentError):
        caller.post("keyed")
    assert (1, 1) == (len(service.seen), caller.attempt.begun)


def test_a_stop_ends_the_repeats(service, caller):
    service.say(lambda seen: caller.clock.stop() or Say(500))

    with pytest.raises(UnansweredError):
        caller.post("idempotent")
    assert 1 == len(service.seen)


def test_nothing_new_is_sent_after_a_stop(service, caller):
    caller.clock.stop()

    with pytest.raises(UnsentError, match="asked to stop"):
        caller.post("idempotent")
    assert ([], 0) == (service.seen, caller.attempt.begun)


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 422])
@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "probe", "at_most_once"])
def test_any_other_4xx_refuses_the_batch(service, caller, status, delivery):
    service.say(Say(status, {"errors": [], "message": "no such field"}))

    with pytest.raises(RejectedError, match=f"{status}: no such field") as told:
        caller.post(delivery)
    assert (1, f"http_{status}", status) == (
        len(service.seen),
        told.value.reason,
        told.value.status,
    )


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("delivery", ["idempotent", "at_most_once"])
def test_a_bad_login_or_an_empty_purse_stops_the_run(service, caller, status, delivery):
    service.say(Say(status, {"error": "nope"}))

    with pytest.raises(FatalError, match=f"{status}: nope"):
        caller.post(delivery)
    assert (1, 0) == (len(service.seen), caller.attempt.begun)


@pytest.mark.parametrize(("status", "begun"), [(301, 0), (302, 1), (303, 1), (307, 0), (308, 0)])
def test_redirects_are_not_followed(service, caller, status, begun):
    service.say(Say(status, "", {"Location": f"{service.url}/elsewhere"}))

    with pytest.raises(FatalError, match="redirects are not followed"):
        caller.post("idempotent")
    assert (["/things"], begun) == ([seen.path for seen in service.seen], caller.attempt.begun)


@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "probe", "at_most_once"])
@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": formatdate(30, usegmt=True), "Date": formatdate(10, usegmt=True)}, 20.0),
        ({}, 0.25),
        ({"Retry-After": "0"}, 0.25),
        ({"Retry-After": "-3"}, 0.25),
        ({"Retry-After": "soon"}, 0.25),
    ],
    ids=["seconds", "date", "none", "zero", "negative", "garbage"],
)
def test_a_429_waits_as_long_as_asked_and_is_sent_again(service, caller, delivery, headers, waited):
    service.say(Say(429, "", headers), Say(200))
    began = caller.clock.monotonic()
    caller.post(delivery)

    assert 2 == len(service.seen)
    assert waited <= caller.clock.monotonic() - began < waited * 1.1 + 0.3
    assert (1, 1, 1) == (
        caller.client.counters.throttled,
        caller.client.counters.retries,
        caller.attempt.throttled,
    )


def test_a_service_that_keeps_asking_to_slow_down_is_left_after_an_hour(service, caller):
    service.usual = Say(429, "", {"Retry-After": "0"})

    with pytest.raises(FatalError, match="slow down for an hour"):
        caller.post()
    assert len(service.seen) < 100
    assert 3000 < caller.clock.monotonic() - 1000 < 4000


def test_a_wish_beyond_patience_stops_the_run_and_says_when(service, caller):
    service.say(Say(429, "", {"Retry-After": "7200"}))

    with pytest.raises(FatalError, match="asks to wait 120 minutes"):
        caller.post()
    assert 1 == len(service.seen)


def test_a_stop_ends_the_waiting_for_a_429(service, caller):
    service.usual = lambda seen: caller.clock.stop() or Say(429, "", {"Retry-After": "5"})

    with pytest.raises(UnsentError):
        caller.post()
    with pytest.raises(UnsentError):
        caller.http.get("/things")
    assert 2 == len(service.seen)


def test_a_429_holds_its_scope_and_no_other(service, caller):
    service.say(Say(429, "", {"Retry-After": "60"}), Say(), Say())
    caller.client.pace.pause("other", 1000.0)
    caller.post(scope="mine")
    assert caller.clock.monotonic() < 1100

    caller.post(scope="other")
    assert 2000 <= caller.clock.monotonic()


def test_a_plugin_may_say_what_a_refusal_means(service, caller):
    def daily(answer):
        if b"daily" in answer.content:
            raise FatalError("the day's share is used up", status=answer.status)

    http = caller.http.using(refusal=daily)
    service.say(Say(429, "slow down"), Say(429, "daily"))
    with pytest.raises(FatalError, match="the day's share is used up"):
        caller.post(http=http)

    assert 0 == caller.attempt.begun
    assert 2 == caller.client.counters.requests


def test_only_refusals_are_shown_to_a_plugin(service, caller):
    shown = []
    http = caller.http.using(refusal=lambda answer: shown.append(answer.status))
    service.say(Say(200, "{}"), Say(500), Say(422))
    caller.post(http=http)
    with pytest.raises(UnansweredError):
        caller.post(http=http)
    with pytest.raises(RejectedError, match="422"):
        caller.post(http=http)

    assert [422] == shown


def test_what_a_service_calls_not_executed_is_sent_again_whatever_it_is(service, caller):
    service.say(Say(503), Say(503, "", {"Retry-After": "9"}), Say())
    caller.post("at_most_once", caller.http.using(not_executed=(503,)))

    assert (3, 1) == (len(service.seen), caller.attempt.begun)
    assert 9 <= caller.clock.monotonic() - 1000


def test_what_is_never_executed_was_not_sent(service, caller):
    service.usual = Say(503)

    with pytest.raises(UnsentError, match="503"):
        caller.post("at_most_once", caller.http.using(not_executed=(503,)))
    assert (ATTEMPTS, 0) == (len(service.seen), caller.attempt.begun)


@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "probe", "at_most_once"])
def test_a_connection_that_is_refused_sent_nothing(nobody, delivery):
    caller = Caller(nobody)

    with pytest.raises(UnsentError, match="no connection$"):
        caller.post(delivery)
    assert (0, ATTEMPTS - 1) == (caller.attempt.begun, len(caller.clock.sleeps))


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://[bad/x?token=s3cret-token",
        "http://a b/?token=s3cret-token",
        "http://a:port/",
        "ftp://a/",
    ],
)
def test_an_address_that_is_none_is_told_of_at_once(url):
    caller = Caller(url)

    with pytest.raises(ConfigError, match="is no http or https URL") as told:
        caller.post()
    assert "s3cret" not in str(told.value)
    assert [] == caller.clock.sleeps


class Renewing:
    """A login that can be renewed a few times."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.refreshes = 0

    def headers(self):
        return {"authorization": f"Bearer {self.tokens[0]}"}

    def refresh(self):
        self.refreshes += 1
        del self.tokens[:1]
        return bool(self.tokens)


def test_a_401_is_signed_anew_once(service, caller):
    auth = Renewing(["old", "new", "newer"])
    service.say(Say(401), Say())
    caller.post(http=caller.http.using(auth=auth))

    assert ["Bearer old", "Bearer new"] == [seen.headers["Authorization"] for seen in service.seen]


def test_a_second_401_stops_the_run(service, caller):
    auth = Renewing(["old", "new", "newer"])
    service.usual = Say(401)

    with pytest.raises(FatalError):
        caller.post(http=caller.http.using(auth=auth))
    assert (1, 2) == (auth.refreshes, len(service.seen))


def test_a_login_that_cannot_be_renewed_stops_the_run_at_once(service, caller):
    service.usual = Say(401)

    with pytest.raises(FatalError):
        caller.post(http=caller.http.using(bearer=Secret("fixed")))
    assert 1 == len(service.seen)


def test_a_token_with_a_line_break_is_told_of_and_not_shown(service, caller):
    with pytest.raises(ConfigError, match="header 'Authorization'") as told:
        caller.post(http=caller.http.using(bearer=Secret("s3cret-token\nX-Evil: 1")))

    assert "s3cret" not in str(told.value)
    assert [] == service.seen


def test_connections_are_kept_and_reused(service, caller):
    for _ in range(5):
        caller.post()
        caller.http.get("/things")

    assert (10, 1) == (len(service.seen), service.connections)


def test_a_connection_that_the_service_closed_while_idle_is_not_used_again(service, caller):
    service.say(Say(200, "{}", {"Connection": "close"}), Say())
    caller.post()
    caller.post()

    assert (2, 2) == (len(service.seen), service.connections)


def test_a_connection_is_not_used_again_after_a_broken_answer(service, caller):
    service.say(CUT, Say(200, {"ok": 1}))
    with pytest.raises(UnansweredError):
        caller.post()

    assert {"ok": 1} == caller.post().json()


def test_a_large_answer_is_taken_up_to_the_cap(service, caller):
    service.say(Say(200, b"x" * (MAX_ANSWER - 1), {"Content-Type": "text/plain"}))

    assert MAX_ANSWER - 1 == len(caller.post().content)


@pytest.mark.parametrize(
    "answer",
    [
        Say(200, b"x" * (MAX_ANSWER + 1), {"Content-Type": "text/plain"}),
        Say(200, gzip.compress(b"\0" * (8 * MAX_ANSWER)), {"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "bomb"],
)
def test_an_answer_above_the_cap_is_unclear(service, caller, answer):
    service.say(answer, Say())

    with pytest.raises(UnansweredError, match="too long"):
        caller.post()
    assert 200 == caller.post().status


def test_a_compressed_answer_is_unpacked_and_a_broken_one_is_unclear(service, caller):
    packed = gzip.compress(b'{"a": 1}')
    service.say(
        Say(200, packed, {"Content-Encoding": "gzip"}),
        Say(200, packed[:-9] + b"x" * 9, {"Content-Encoding": "gzip"}),
    )

    assert {"a": 1} == caller.post().json()
    with pytest.raises(UnansweredError):
        caller.post()


def test_endless_headers_are_unclear(service, caller):
    service.say(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 + b"\r\n")

    with pytest.raises(UnansweredError):
        caller.post()
    assert 1 == len(service.seen)


@pytest.mark.parametrize(
    "echoed",
    ["{0}", "you sent {0}!", '{{"error": {{"message": "bad {0}"}}}}', "\x1b[31m{0}", "Bearer {0}"],
)
def test_a_login_that_the_service_repeats_is_shown_nowhere(service, caller, caplog, echoed):
    caplog.set_level(logging.DEBUG, "tailrace")
    token = 's3cret/token"+='
    service.usual = Say(500, echoed.format(token))
    http = caller.http.using(bearer=Secret(token), headers={"X-Api-Key": "s3cret-key"})

    with pytest.raises(UnansweredError) as told:
        caller.post("idempotent", http)
    service.usual = Say(400, echoed.format("s3cret-key"))
    with pytest.raises(RejectedError) as refused:
        caller.post("idempotent", http)

    assert "s3cret" not in str(told.value) + str(refused.value) + caplog.text
    assert "***" in str(told.value)


@pytest.mark.parametrize(
    ("headers", "params", "echoed"),
    [
        ({"Authorization": "Basic dXNlcjpzM2NyZXQtcGFzcw=="}, {}, "no user with s3cret-pass"),
        ({"X-Key": "s3cret key/äö"}, {}, "bad: s3cret%20key%2F%C3%A4%C3%B6"),
        ({"X-Key": 's3cret"quoted"'}, {}, '{"oops": "s3cret\\"quoted\\""}'),
        ({}, {"token": "s3cret-token"}, "GET /things?token=s3cret-token"),
    ],
)
def test_a_login_is_not_shown_in_other_spellings_either(service, caller, headers, params, echoed):
    service.say(Say(400, echoed))

    with pytest.raises(RejectedError) as told:
        caller.post(headers=headers, params=params)
    assert "s3cret" not in str(told.value)


def test_what_a_service_says_is_cut_and_cannot_steer_a_terminal(service, caller):
    service.say(Say(400, "\x1b[2J" + "x" * 10_000))

    with pytest.raises(RejectedError) as told:
        caller.post()
    assert len(str(told.value)) < 600
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"code": 400, "message": "deep"}}, "deep"),
        ({"error": "flat", "error_description": "longer"}, "longer"),
        ([{"message": "listed", "errorCode": "X"}], "listed"),
        ({"errors": ["a"]}, "errors.*a"),
        ("<html>no</html>", "400$"),
        ("", "400$"),
        ("plain words", "plain words"),
    ],
)
def test_the_services_own_words_are_found(service, caller, body, said):
    service.say(Say(400, body))

    with pytest.raises(RejectedError, match=f"{said}"):
        caller.post()


def test_a_query_and_a_password_in_an_address_are_not_shown(service, caller):
    service.say(Say(404))
    address = service.url.replace("http://", "http://user:s3cret@")

    with pytest.raises(RejectedError) as told:
        caller.http.using(base_url=address).post("/a?token=s3cret", params={"key": "s3cret"})
    assert "s3cret" not in str(told.value)
    assert "/a" in str(told.value)


def test_an_answer_is_given_as_it_is_when_it_is_not_judged(service, caller):
    service.say(Say(500), Say(429), Say(200, "{"), RESET)

    assert [500, 429, 200] == [caller.http.send("POST", "/x").status for _ in range(3)]
    with pytest.raises(UnansweredError):
        caller.http.send("GET", "/x")
    assert 4 == len(service.seen)


def test_a_safe_request_is_repeated_and_puts_nothing_in_doubt(service, caller):
    service.say(RESET, Say(500), Say())
    caller.post("at_most_once", safe=True)

    assert (3, 0) == (len(service.seen), caller.attempt.begun)


def test_reading_is_safe(service, caller):
    service.say(RESET, GARBLED, Say(200, {"a": 1}))

    assert {"a": 1} == caller.http.get("/things").json()


def test_requests_keep_to_the_rate(service):
    caller = Caller(service.url, Rate(2, 10.0))
    for _ in range(5):
        caller.http.get("/")

    assert caller.clock.monotonic() == pytest.approx(1020.2)


def test_threads_share_connections_counters_and_rates(service):
    caller = Caller(service.url, Rate(10, 1.0))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: caller.http.get("/").status, range(40)))
    caller.client.close()

    assert [200] * 40 == answers
    assert (40, 40) == (len(service.seen), caller.client.counters.requests)
    assert service.connections <= 4
    assert caller.clock.monotonic() - 1000 >= 3 - 1e-6


def test_no_proxy_of_the_environment_is_used(service, caller, nobody, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, nobody)

    assert 200 == caller.post().status


def test_attempts_of_one_thread_stand_apart(service, caller):
    with caller.client.attempt("idempotent") as outer:
        caller.http.post("/x")
        with caller.client.attempt("at_most_once") as inner:
            caller.http.post("/x")
            caller.http.post("/x")
        caller.http.post("/x")

    assert (2, 2) == (outer.begun, inner.begun)
