"""Whole runs into the sandbox's endpoint: shapes, modes, answers, faults, logins."""

import hmac
import json
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest

import tailrace
from tailrace.errors import ConfigError

from .conftest import statuses

PEOPLE = [{"id": n, "name": f"name {n}", "score": n / 2} for n in range(10)]


def sent(sandbox, number=0):
    return [each for each in sandbox.requests("http") if each.method != "GET"][number]


def test_a_row_is_a_request(deliver, sandbox):
    report = deliver(PEOPLE, url="/people")

    assert {"delivered": 10} == statuses(report)
    assert 10 == report.requests
    assert PEOPLE == sorted(sandbox.http.records("people"), key=lambda each: each["id"])


def test_many_rows_are_one_request(deliver, sandbox):
    report = deliver(PEOPLE, url="/people", rows=4)

    assert ({"delivered": 10}, 3) == (statuses(report), report.requests)
    assert PEOPLE == sorted(sandbox.http.records("people"), key=lambda each: each["id"])


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("kind", ["json", "lines"])
def test_each_format_arrives(deliver, sandbox, kind, rows):
    report = deliver(PEOPLE, url="/people", rows=rows, format=kind)

    assert {"delivered": 10} == statuses(report)
    assert PEOPLE == sorted(sandbox.http.records("people"), key=lambda each: each["id"])


def test_a_form_arrives(deliver, sandbox):
    report = deliver([{"id": "a", "name": "Ada & Co", "none": None}], url="/people", format="form")

    assert {"delivered": 1} == statuses(report)
    assert [{"id": "a", "name": "Ada & Co"}] == sandbox.http.records("people")


def test_a_row_goes_where_and_as_its_values_say(deliver, sandbox):
    report = deliver(
        [{"id": "a/b", "name": 'Ada "x"', "score": 7, "city": "Rome"}],
        url="/people/{id}?city={city}",
        method="PUT",
        headers={"X-Name": "row {id}"},
        body={"who": "{name}", "score": "{score}", "text": "{{{score} points}}", "gone": "{none}"},
    )
    request = sent(sandbox)

    assert {"delivered": 1} == statuses(report)
    assert ("PUT", "/people/a%2Fb") == (request.method, request.target)
    assert {"city": ["Rome"]} == request.query
    assert "row a/b" == request.headers["x-name"]
    assert {"who": 'Ada "x"', "score": 7, "text": "{7 points}"} == json.loads(request.body)


def test_an_upsert_sends_what_changed_and_a_mirror_deletes_what_is_gone(deliver, sandbox):
    how = {
        "key": "id",
        "state": True,
        "url": "/people/{id}",
        "method": "PUT",
        "idempotent": True,
        "delete_url": "/people/{id}",
    }
    deliver(PEOPLE, mode="mirror", **how)
    changed = [{**PEOPLE[0], "name": "new"}, *PEOPLE[1:8]]
    report = deliver(changed, mode="mirror", **how)

    assert {"delivered": 3, "skipped": 7} == statuses(report)
    assert 3 == report.requests
    assert changed == sorted(sandbox.http.records("people"), key=lambda each: each["id"])


def test_a_deletion_of_what_is_gone_already_is_skipped(deliver, sandbox):
    how = {"key": "id", "state": True, "url": "/people", "delete_url": "/people/{id}"}
    deliver(PEOPLE, mode="mirror", rows=10, **how)
    sandbox.http.reset()
    report = deliver(PEOPLE[1:], mode="mirror", rows=10, **how)

    assert {"skipped": 10} == statuses(report)


def test_statuses_that_say_that_there_was_nothing_to_do_skip(deliver, sandbox):
    sandbox.faults.add("http", "answer", status=409, times=1)
    report = deliver(PEOPLE[:2], url="/people", skip_statuses=(409,))

    assert {"delivered": 1, "skipped": 1} == statuses(report)


def test_results_by_key_refuse_records_by_name(deliver, sandbox):
    rows = [*PEOPLE[:3], {"id": 77, "refuse": "no such plan"}]
    results = {"items": "results", "key": "id", "ok": "ok", "message": "message"}
    report = deliver(rows, key="id", url="/people", rows=10, results=results)

    assert {"delivered": 3, "rejected": 1} == statuses(report)
    assert [(77, "refused", "no such plan")] == [tuple(each) for each in rejections(report)]


def test_results_in_order_refuse_records_by_place(deliver, sandbox):
    rows = [{"name": "Ada"}, {"name": "Grace", "refuse": "too late"}, {"name": "Kim"}]
    results = {"items": "results", "ok": "ok", "message": "message"}
    report = deliver(rows, url="/people", rows=10, results=results)

    assert {"delivered": 2, "rejected": 1} == statuses(report)
    assert [(2, "refused", "too late")] == [tuple(each) for each in rejections(report)]


def rejections(report):
    return [(each.key, each.reason, each.message) for each in report.rejections]


@pytest.mark.parametrize(
    ("idempotent", "counts"), [(True, {"failed": 2}), (False, {"in_doubt": 2})]
)
def test_an_answer_that_is_not_as_it_was_said_tells_nothing(deliver, idempotent, counts):
    results = {"items": "nowhere", "ok": "ok"}
    report = deliver(PEOPLE[:2], url="/people", rows=10, results=results, idempotent=idempotent)

    assert counts == statuses(report)


def test_an_answer_that_says_no_refuses_although_its_status_is_200(deliver):
    results = {"success": "done", "error": "received"}
    report = deliver(PEOPLE[:1], url="/people", results=results)

    assert {"rejected": 1} == statuses(report)


def test_a_refused_request_is_split_until_only_bad_records_are_refused(deliver, sandbox):
    rows = [dict(each) for each in PEOPLE]
    rows[3]["refuse"] = "no such plan"
    report = deliver(rows, key="id", url="/people?strict=1", rows=10, idempotent=True)

    assert {"delivered": 9, "rejected": 1} == statuses(report)
    assert [3] == [each.key for each in report.rejections]
    assert "no such plan" in report.rejections[0].message
    assert {each["id"] for each in rows} - {3} == {
        each["id"] for each in sandbox.http.records("people")
    }


@pytest.mark.parametrize("kind", ["lose", "reset_after", "truncate", "garbage"])
@pytest.mark.parametrize(
    "said",
    [
        {"idempotent": True, "url": "/people/{id}", "method": "PUT"},
        {"idempotency_header": "Idempotency-Key", "url": "/events"},
        {"lookup_url": "/people/{id}", "url": "/people"},
    ],
    ids=["idempotent", "keyed", "probe"],
)
def test_a_lost_answer_loses_and_doubles_nothing(deliver, sandbox, kind, said):
    sandbox.faults.add("http", kind, times=3, skip=2, method=said.get("method", "POST"))
    rows = [{"id": n} for n in range(8)]
    expect = {"success": "received"}  # so that an answer that is no JSON is noticed
    report = deliver(rows, key="id", results=expect, **said)
    name = said["url"].split("/")[1]

    assert {"delivered": 8} == statuses(report)
    assert rows == sorted(sandbox.http.records(name), key=lambda each: each["id"])


def test_without_a_word_on_repeats_a_lost_answer_leaves_a_doubt(deliver, sandbox):
    sandbox.faults.add("http", "reset_after", times=1, skip=2)
    report = deliver(PEOPLE, url="/people")

    assert {"delivered": 9, "in_doubt": 1} == statuses(report)
    assert 10 == len(sandbox.http.records("people"))


@pytest.mark.parametrize("kind", ["reset_before", "answer"])
def test_what_was_surely_not_done_is_sent_again_or_told(deliver, sandbox, kind):
    sandbox.faults.add("http", kind, times=2, status=429, retry_after=3)
    report = deliver(PEOPLE, url="/people", idempotent=True)

    assert {"delivered": 10} == statuses(report)
    assert 10 == len(sandbox.http.records("people"))


def test_a_key_of_another_name_is_the_same_on_each_repeat(deliver, sandbox):
    sandbox.faults.add("http", "lose", times=1)
    deliver(PEOPLE[:1], url="/people", idempotency_header="X-Request-Id")
    one, two = (each.headers["x-request-id"] for each in sandbox.requests("http"))

    assert one == two
    assert one.endswith("-000001")


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"token": "t0ken-of-mine"}, "authorization", "Bearer t0ken-of-mine"),
        (
            {"username": "me", "password": "s3cret-word"},
            "authorization",
            "Basic " + b64encode(b"me:s3cret-word").decode(),
        ),
        ({"secret_headers": {"X-Api-Key": "k3y-of-mine"}}, "x-api-key", "k3y-of-mine"),
    ],
)
def test_logins(deliver, endpoint, options, name, value):
    report = deliver(PEOPLE[:1], url=f"{endpoint.url}/people", **options)

    assert {"delivered": 1} == statuses(report)
    assert value == endpoint.seen[0].headers[name]


def test_a_token_is_got_once_and_anew_when_it_is_not_taken(deliver, endpoint):
    endpoint.tokens = ["one", "two"]
    endpoint.refused = {"Bearer one"}
    oauth = {"token_url": f"{endpoint.url}/token", "client_id": "me", "client_secret": "s3cret"}
    report = deliver(PEOPLE[:3], url=f"{endpoint.url}/people", rows=1, oauth=oauth)
    asked = [each for each in endpoint.seen if each.path == "/token"]
    rows = [json.loads(each.body) for each in endpoint.seen if each.path == "/people"]

    assert {"delivered": 3} == statuses(report)
    assert 2 == len(asked)
    assert "Basic " + b64encode(b"me:s3cret").decode() == asked[0].headers["authorization"]
    assert b"grant_type=client_credentials" == asked[0].body
    assert {row["id"] for row in rows} == {0, 1, 2}


def test_a_standard_signature_is_that_of_the_bytes_that_were_sent(deliver, endpoint):
    endpoint.statuses = [503]
    key = b"a key of twenty-four byt"
    secret = "whsec_" + b64encode(key).decode()
    report = deliver(
        [{"id": 1, "name": "é"}],
        url=f"{endpoint.url}/hook",
        signature={"secret": secret},
        idempotent=True,
    )
    first, second = endpoint.seen

    assert {"delivered": 1} == statuses(report)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for request in endpoint.seen:
        name, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        content = f"{name}.{moment}.".encode() + request.body
        version, _, signature = request.headers["webhook-signature"].partition(",")
        assert ("v1", hmac.digest(key, content, sha256)) == (version, b64decode(signature))


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_plain_signature_is_that_of_the_bytes_that_were_sent(deliver, endpoint, encoding):
    signature = {"secret": "k3y", "scheme": "hmac", "header": "X-Sign", "encoding": encoding}
    deliver(PEOPLE[:1], url=f"{endpoint.url}/hook", signature=signature)
    found = hmac.digest(b"k3y", endpoint.seen[0].body, sha256)
    text = found.hex() if encoding == "hex" else b64encode(found).decode()

    assert f"sha256={text}" == endpoint.seen[0].headers["x-sign"]


def test_no_secret_is_in_a_message(deliver, endpoint, tmp_path):
    endpoint.statuses = [400] * 9
    endpoint.echoes = True
    report = deliver(
        PEOPLE[:1],
        url=f"{endpoint.url}/people",
        token="t0ken-of-mine",
        secret_headers={"X-Api-Key": "k3y-of-mine"},
        signature={"secret": "sign-of-mine", "scheme": "hmac"},
        state=True,
    )
    files = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())

    assert {"rejected": 1} == statuses(report)
    for secret in ("t0ken-of-mine", "k3y-of-mine", "sign-of-mine"):
        assert secret not in repr(report) + str(report.rejections)
        assert secret.encode() not in files


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://a.example/x"}, "is not https; for a host of yours: allow_private"),
        ({"url": "https://{host}.example/x"}, "is no address with a host of its own"),
        ({"url": "https://a.example:{port}/x"}, "is no address with a host of its own"),
        ({"url": "ftp://a.example/x", "base_url": ""}, "is no address with a host of its own"),
        ({"url": "https://a.example/../x"}, "goes up with dots"),
        ({"url": "https://me:pw@a.example/x"}, "no place for a fragment or a login"),
        ({"url": "https://a.example/#x"}, "no place for a fragment or a login"),
        ({"url": "/p/{id}", "rows": 2}, "url: has a value of one row"),
        ({"url": "/p", "rows": 2, "body": {"a": "{id}"}}, "body: has a value of one row"),
        ({"url": "/p", "rows": 2, "headers": {"A": "{id}"}}, "headers: has a value of one row"),
        ({"url": "/p", "rows": 0}, r"options\.rows: is a whole number above 0"),
        ({"url": "/p", "max_bytes": 0}, r"options\.max_bytes: is a whole number above 0"),
        ({"url": "/p", "token": "t", "username": "u", "password": "p"}, "one way to log in"),
        ({"url": "/p", "username": "u"}, "goes together with password"),
        ({"url": "/p", "delete_url": "https://b.example/{id}"}, "goes to another host"),
        ({"url": "/p", "signature": {"secret": "whsec_?"}}, "is whsec_ and base64"),
        ({"url": "/p", "methd": "PUT"}, "did you mean 'method'"),
        ({"url": "/p", "method": "GET"}, "method"),
    ],
)
def test_options_that_do_not_go_together_are_told_and_nothing_is_sent(
    deliver, sandbox, options, said
):
    with pytest.raises(ConfigError, match=said) as told:
        report = deliver(PEOPLE, **options)
        raise ConfigError(report.problem)  # what is found out as the destination is opened

    assert 2 == told.value.exit_code
    assert [] == sandbox.requests("http")


def test_a_deletion_needs_the_key_alone(deliver):
    with pytest.raises(ConfigError, match="of a deleted record only its key is known"):
        report = deliver(
            PEOPLE, mode="mirror", key="id", state=True, url="/p", delete_url="/p/{name}"
        )
        raise ConfigError(report.problem)


def test_a_private_address_gets_no_byte(deliver, sandbox):
    port = sandbox.url().rstrip("/").rpartition(":")[2]
    report = deliver(PEOPLE, url=f"https://localhost:{port}/x", base_url="", allow_private=())

    assert {"failed": 10} == statuses(report)
    assert "is not a public one" in report.problem
    assert [] == sandbox.requests("http")


def test_a_redirect_is_not_followed(deliver, endpoint):
    endpoint.statuses = [307]
    report = deliver(PEOPLE[:1], url=f"{endpoint.url}/people")

    assert {"failed": 1} == statuses(report)
    assert "redirects are not followed" in report.problem
    assert 1 == len(endpoint.seen)


def test_a_401_stops_the_run(deliver, endpoint):
    endpoint.statuses = [401] * 99
    report = deliver(PEOPLE, url=f"{endpoint.url}/people", token="t0ken-of-mine")

    assert {"failed": 10} == statuses(report)
    assert 3 == report.exit_code or 9 == report.exit_code


def test_it_is_a_destination_like_any_other(sandbox):
    report = tailrace.run(
        PEOPLE,
        "http",
        name="like-any",
        options={"url": f"{sandbox.url('http')}/p", "allow_private": ["127.0.0.1"], "rows": 5},
        state=None,
    )

    assert report.ok
    assert 10 == len(sandbox.http.records("p"))


def test_a_large_table_takes_no_more_requests_than_it_must(deliver, sandbox):
    rows = [{"id": n, "name": f"name {n}"} for n in range(10_000)]
    how = {"mode": "mirror", "key": "id", "state": True, "url": "/people", "rows": 100}
    how |= {"idempotent": True, "delete_url": "/people/{id}"}
    first = deliver(rows, **how)
    rows = [{**row, "name": "new"} if row["id"] % 100 == 7 else row for row in rows]
    rows = [row for row in rows if row["id"] % 100 != 8]
    second = deliver(rows, **how)
    held = sandbox.http.records("people")

    assert ({"delivered": 10_000}, 100) == (statuses(first), first.requests)
    assert {"delivered": 200, "skipped": 9_800} == statuses(second)
    assert second.requests <= 1.1 * (1 + 100) + 10
    assert rows == sorted(held, key=lambda each: each["id"])


def test_one_per_cent_of_bad_rows_is_refused_by_name(deliver, sandbox):
    rows = [{"id": n, **({"refuse": "bad"} if n % 100 == 50 else {})} for n in range(2_000)]
    report = deliver(rows, key="id", url="/people?strict=1", rows=100, idempotent=True)

    assert {"delivered": 1_980, "rejected": 20} == statuses(report)
    assert {n for n in range(2_000) if n % 100 == 50} == {each.key for each in report.rejections}
    assert 1_980 == len(sandbox.http.records("people"))
