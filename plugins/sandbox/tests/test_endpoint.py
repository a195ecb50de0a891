"""The HTTP twin: it keeps what it is sent, and answers for each record."""

import pytest
import requests


@pytest.fixture
def call(sandbox):
    session = requests.Session()
    session.trust_env = False
    base = sandbox.url("http")

    def send(method, path, **how):
        return session.request(method, base + path, timeout=5, **how)

    yield send
    session.close()


def test_records_are_kept_by_their_id(call, sandbox):
    call("POST", "/people", json=[{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
    call("POST", "/people", json={"id": 1, "name": "Ada L."})

    assert [{"id": 1, "name": "Ada L."}, {"id": 2, "name": "Grace"}] == sandbox.http.records(
        "people"
    )
    assert {"id": 2, "name": "Grace"} == call("GET", "/people/2").json()
    assert 404 == call("GET", "/people/3").status_code


def test_the_path_is_an_id_where_the_record_has_none(call):
    call("PUT", "/people/a%2Fb", json={"name": "Ada"})
    call("PATCH", "/people/a%2Fb", json={"city": "London"})

    assert [{"name": "Ada", "city": "London"}] == call("GET", "/people").json()
    assert 204 == call("DELETE", "/people/a%2Fb").status_code
    assert 404 == call("DELETE", "/people/a%2Fb").status_code


def test_what_has_no_id_is_added(call):
    for _ in range(2):
        call("POST", "/events", json={"kind": "login"})

    assert [{"kind": "login"}] * 2 == call("GET", "/events").json()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", '{"id": "1"}'),
        ("application/x-ndjson", '{"id": "1"}\n'),
        ("application/x-www-form-urlencoded", "id=1"),
    ],
)
def test_each_format_is_read(call, kind, body):
    answer = call("POST", "/people", data=body, headers={"Content-Type": kind})

    assert {"received": 1, "results": [{"id": "1", "ok": True}]} == answer.json()
    assert [{"id": "1"}] == call("GET", "/people").json()


@pytest.mark.parametrize("body", ["{", "[1]", '"text"', "null"])
def test_what_is_no_record_is_refused(call, body):
    answer = call("POST", "/people", data=body, headers={"Content-Type": "application/json"})

    assert 400 == answer.status_code
    assert [] == call("GET", "/people").json()


def test_records_that_ask_for_it_are_refused(call):
    rows = [{"id": 1}, {"id": 2, "refuse": "no such plan"}]
    lenient, strict = (call("POST", path, json=rows) for path in ("/a", "/b?strict=1"))

    assert [True, False] == [each["ok"] for each in lenient.json()["results"]]
    assert "no such plan" == lenient.json()["results"][1]["message"]
    assert (422, {"error": "no such plan"}) == (strict.status_code, strict.json())
    assert [{"id": 1}] == call("GET", "/a").json()
    assert [] == call("GET", "/b").json()


def test_a_key_that_came_before_gets_its_answer_again(call):
    for name in ("Ada", "Grace"):
        call("POST", "/people", json={"name": name}, headers={"Idempotency-Key": "k"})

    assert [{"name": "Ada"}] == call("GET", "/people").json()


def test_faults_strike_it_as_any_twin(call, sandbox):
    sandbox.faults.add("http", "lose", status=502)

    assert 502 == call("POST", "/people", json={"id": 1}).status_code
    assert [{"id": 1}] == sandbox.http.records("people")


def test_the_page_shows_it_as_a_grid(call, sandbox):
    call("POST", "/people", json={"id": 1, "name": "Ada", "member": True, "tags": ["a"]})
    base = sandbox.url()
    seen = requests.get(f"{base}page/look/http/people/records", timeout=5).json()

    assert [["id", "s"], ["name", "s"], ["member", "s"], ["tags", "s"]] == seen["rows"][0]
    assert [["1", "n"], ["Ada", "s"], ["TRUE", "b"], ['["a"]', "s"]] == seen["rows"][1]
    sandbox.reset()
    assert {"kind": "gone"} == requests.get(
        f"{base}page/look/http/people/records", timeout=5
    ).json()
