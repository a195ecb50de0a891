"""The Salesforce twin: what it answers to plain requests, and to a client that others wrote."""

import csv
from io import StringIO

import pytest
import requests
from requests.adapters import HTTPAdapter

from tailrace_sandbox.salesforce.fields import Field

DATA = "/services/data/v62.0"
KEY = "External_Id__c"


@pytest.fixture
def call(sandbox):
    session = requests.Session()
    session.trust_env = False

    def send(method, path, body=None, **how):
        url = f"{sandbox.url('salesforce')}{'' if path[:9] == '/services' else DATA}{path}"
        return session.request(method, url, json=body, timeout=5, **how)

    yield send
    session.close()


def records(*several, of="Contact"):
    return {"allOrNone": False, "records": [{"attributes": {"type": of}, **e} for e in several]}


def contact(name, **fields):
    return {KEY: name, "LastName": f"name of {name}", **fields}


def upsert(call, *several):
    return call("PATCH", f"/composite/sobjects/Contact/{KEY}", records(*several))


def test_results_are_in_the_requests_order_and_each_record_has_its_own(call, sandbox):
    people = [contact("a"), {KEY: "b"}, contact("c", Email="none"), contact("d")]
    first = upsert(call, *people)
    again = upsert(call, *people)
    told = first.json()

    assert (200, 200) == (first.status_code, again.status_code)
    assert [True, False, False, True] == [each["success"] for each in told]
    assert [True, False] == [answer.json()[0]["created"] for answer in (first, again)]
    assert {
        "statusCode": "REQUIRED_FIELD_MISSING",
        "message": "Required fields are missing: [LastName]",
        "fields": ["LastName"],
    } == told[1]["errors"][0]
    assert "INVALID_EMAIL_ADDRESS" == told[2]["errors"][0]["statusCode"]
    assert [told[0]["id"], told[3]["id"]] == [
        each["Id"] for each in sandbox.salesforce.records("Contact")
    ]
    assert {18} == {len(each["Id"]) for each in sandbox.salesforce.records("Contact")}


def test_what_is_not_given_has_its_default(call, sandbox):
    call("POST", "/composite/sobjects", records({"LastName": "x", "Company": "y"}, of="Lead"))
    [kept] = sandbox.salesforce.records("Lead")
    [user] = sandbox.salesforce.records("User")

    assert ("Open", False, user["Id"]) == (kept["Status"], kept["Active__c"], kept["OwnerId"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Tier__c": "Platinum"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Segments__c": "web;none"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING"),
        ({"Shoe__c": 41}, "INVALID_FIELD"),
        ({"CreatedDate": "2026-01-31T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"AccountId": "001xx0000000009AAA"}, "MALFORMED_ID"),
        ({"Account": {KEY: "nobody"}}, "INVALID_FIELD"),
        ({"Score__c": 10**18}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Active__c": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
    ],
)
def test_what_refuses_a_record(call, sandbox, fields, code):
    [told] = call("POST", "/composite/sobjects", records(contact("a", **fields))).json()

    assert (False, code) == (told["success"], told["errors"][0]["statusCode"])
    assert [] == sandbox.salesforce.records("Contact")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/composite/sobjects", records(*[contact("a")] * 201), 400, "EXCEEDED_ID_LIMIT"),
        ("POST", "/composite/sobjects", records(), 400, "EXCEEDED_ID_LIMIT"),
        ("POST", "/composite/sobjects", {"records": [{"Name": "x"}]}, 400, "INVALID_TYPE"),
        (
            "PATCH",
            f"/composite/sobjects/Contact/{KEY}",
            records({"Name": "x"}, of="Account"),
            400,
            "INVALID_TYPE",
        ),
        (
            "PATCH",
            f"/composite/sobjects/Contact/{KEY}",
            records(contact("a", Id="003")),
            400,
            "INVALID_FIELD",
        ),
        ("PATCH", "/composite/sobjects/Contact/LastName", records(contact("a")), 404, "NOT_FOUND"),
        ("PATCH", f"/composite/sobjects/Nope/{KEY}", records(contact("a")), 404, "NOT_FOUND"),
        (
            "POST",
            "/composite/sobjects",
            records(contact("a", Score__c="x")),
            400,
            "JSON_PARSER_ERROR",
        ),
        (
            "POST",
            "/composite/sobjects",
            records(contact("a", Since__c=7)),
            400,
            "JSON_PARSER_ERROR",
        ),
        ("GET", "/sobjects/Nope/describe", None, 404, "NOT_FOUND"),
        ("GET", "/nothing", None, 404, "NOT_FOUND"),
        ("GET", "/query/?q=SELECT", None, 400, "MALFORMED_QUERY"),
        ("GET", "/query/?q=SELECT+Nope+FROM+Contact", None, 400, "INVALID_FIELD"),
    ],
)
def test_what_refuses_a_request(call, sandbox, method, path, body, status, code):
    answer = call(method, path, body)

    assert (status, code) == (answer.status_code, answer.json()[0]["errorCode"])
    assert [] == sandbox.salesforce.records("Contact")


def test_a_call_has_at_most_ten_runs_of_one_type(call):
    mixed = [
        records({"Name": "x", "LastName": "x"}, of=of)["records"][0]
        for of in ["Account", "Contact"] * 6
    ]
    answer = call("POST", "/composite/sobjects", {"records": mixed})

    assert (400, "LIMIT_EXCEEDED") == (answer.status_code, answer.json()[0]["errorCode"])


def test_the_same_external_id_twice_in_a_call_refuses_the_later(call):
    told = upsert(call, contact("a"), contact("A")).json()

    assert [True, False] == [each["success"] for each in told]
    assert "DUPLICATE_VALUE" == told[1]["errors"][0]["statusCode"]


def test_an_external_id_that_is_not_unique_may_name_several(call, sandbox):
    sandbox.salesforce.add_object("Contact", Field(name="Loose__c", external=True))
    call(
        "POST",
        "/composite/sobjects",
        records(contact("a", Loose__c="x"), contact("b", Loose__c="x")),
    )
    [told] = call(
        "PATCH", "/composite/sobjects/Contact/Loose__c", records({"Loose__c": "x"})
    ).json()
    one = call("PATCH", "/sobjects/Contact/Loose__c/x", {"LastName": "y"})

    assert "DUPLICATE_EXTERNAL_ID" == told["errors"][0]["statusCode"]
    assert (300, 2) == (one.status_code, len(one.json()))


def test_deleting_twice_says_so(call):
    ids = [each["id"] for each in upsert(call, contact("a"), contact("b")).json()]
    first = call("DELETE", f"/composite/sobjects?ids={','.join(ids)}").json()
    [second] = call("DELETE", f"/composite/sobjects?ids={ids[0]}").json()

    assert [True, True] == [each["success"] for each in first]
    assert "ENTITY_IS_DELETED" == second["errors"][0]["statusCode"]


def test_records_are_fetched_by_ids_long_and_short(call):
    [made] = upsert(call, contact("a")).json()
    body = {"ids": [made["id"][:15], made["id"], "003xx0000000099"], "fields": ["Id", KEY]}
    told = call("POST", "/composite/sobjects/Contact", body).json()

    assert ["a", "a", None] == [each and each[KEY] for each in told]


def test_queries_filter_page_and_count(call):
    for first in range(0, 2200, 200):
        upsert(call, *[contact(f"k{n}", Score__c=n) for n in range(first, first + 200)])

    def ask(text):
        return call("GET", "/query/", params={"q": text}).json()

    page = ask("SELECT Id FROM Contact ORDER BY Score__c")
    rest = call("GET", page["nextRecordsUrl"]).json()

    assert (2200, False, 2000) == (page["totalSize"], page["done"], len(page["records"]))
    assert (True, 200) == (rest["done"], len(rest["records"]))
    assert 2200 == ask("SELECT COUNT() FROM Contact")["totalSize"]
    found = ask(
        f"SELECT {KEY} FROM Contact WHERE {KEY} IN ('K7', 'none') OR (Score__c >= 3 AND Score__c < 5)"
    )
    assert ["k3", "k4", "k7"] == [each[KEY] for each in found["records"]]
    assert 1 == ask("SELECT Id FROM contact WHERE LastName != null LIMIT 1")["totalSize"]


def test_a_literal_is_no_more_than_a_value(call):
    upsert(call, contact("a'b\\c"), contact("d"))
    text = f"SELECT Id FROM Contact WHERE {KEY} = 'a\\'b\\\\c'"

    assert 1 == call("GET", "/query/", params={"q": text}).json()["totalSize"]


def test_a_session_that_has_ended_the_days_calls_and_long_requests_are_told(call, sandbox):
    signed = {"headers": {"Authorization": "Bearer a"}}
    first = call("GET", "/limits", **signed)
    sandbox.salesforce.expire()
    ended = call("GET", "/limits", **signed)
    sandbox.salesforce.crowd()
    crowded = call("GET", "/limits")
    sandbox.salesforce.spend_day()
    spent = call("GET", "/limits")

    assert "api-usage=1/100000" == first.headers["Sforce-Limit-Info"]
    assert (401, "INVALID_SESSION_ID") == (ended.status_code, ended.json()[0]["errorCode"])
    for answer, said in ((crowded, "ConcurrentPerOrgLongTxn"), (spent, "TotalRequests")):
        assert (403, "REQUEST_LIMIT_EXCEEDED") == (
            answer.status_code,
            answer.json()[0]["errorCode"],
        )
        assert said in answer.json()[0]["message"]


def test_a_job_takes_its_content_once_and_goes_on_by_the_twins_clock(call, sandbox):
    now = [0.0]
    sandbox.salesforce.clock, sandbox.salesforce.seconds = lambda: now[0], 10.0
    body = {"object": "Contact", "operation": "upsert", "externalIdFieldName": KEY}
    job = call("POST", "/jobs/ingest", body).json()
    url = f"/jobs/ingest/{job['id']}"
    rows = f"{KEY},LastName,FirstName,Email\na,Ada,#N/A,\nb,Bob,Bo,none\n"
    first = call("PUT", f"{url}/batches", data=rows.encode())
    second = call("PUT", f"{url}/batches", data=b"x")
    states = [call("PATCH", url, {"state": "UploadComplete"}).json()["state"]]
    again = call("PATCH", url, {"state": "UploadComplete"})
    for moment in (5.0, 10.0, 20.0):
        now[0] = moment
        states.append(call("GET", url).json()["state"])
    told = call("GET", url).json()
    good, bad, none = (
        list(csv.DictReader(StringIO(call("GET", f"{url}/{which}").text)))
        for which in ("successfulResults", "failedResults", "unprocessedrecords")
    )

    assert "Open" == job["state"]
    assert (201, 400, 400) == (first.status_code, second.status_code, again.status_code)
    assert ["UploadComplete", "UploadComplete", "InProgress", "JobComplete"] == states
    assert (2, 1) == (told["numberRecordsProcessed"], told["numberRecordsFailed"])
    assert [("a", "true")] == [(each[KEY], each["sf__Created"]) for each in good]
    assert (
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: none:Email --" == bad[0]["sf__Error"]
    )
    assert [] == none
    assert 204 == call("DELETE", url).status_code


def test_a_job_of_unknown_fields_fails_whole_and_one_that_breaks_off_fails_in_part(call, sandbox):
    sandbox.salesforce.seconds = 0.0
    made = []
    for rows in ("LastName,Shoe__c\na,41\n", "LastName\na\nb\nc\n"):
        job = call("POST", "/jobs/ingest", {"object": "Contact", "operation": "insert"}).json()
        made.append(f"/jobs/ingest/{job['id']}")
        call("PUT", f"{made[-1]}/batches", data=rows.encode())
        sandbox.salesforce.break_job(after=1)
        call("PATCH", made[-1], {"state": "UploadComplete"})
    told = [call("GET", each).json() for each in made]

    assert ["Failed", "Failed"] == [each["state"] for each in told]
    assert "Field name not found : Shoe__c" in told[0]["errorMessage"]
    assert '"LastName"\n"b"\n"c"\n' == call("GET", f"{made[1]}/unprocessedrecords").text
    assert ["a"] == [each["LastName"] for each in sandbox.salesforce.records("Contact")]


def test_the_page_shows_what_arrived(call, sandbox):
    assert [] == sandbox.salesforce.things()
    upsert(call, contact("a", Active__c=True, Score__c=2))
    [thing] = sandbox.salesforce.things()
    shown = sandbox.salesforce.look(thing.id, "Contact", 0, 50)
    names = [cell[0] for cell in shown["rows"][0]]
    row = dict(zip(names, shown["rows"][1], strict=True))

    assert ["Contact"] == [each.id for each in thing.parts]
    assert (["a", "s"], ["TRUE", "b"], ["2.0", "n"]) == (
        row[KEY],
        row["Active__c"],
        row["Score__c"],
    )
    assert sandbox.salesforce.look("00Dother", "Contact", 0, 50) is None


class Redirecting(HTTPAdapter):
    """Send what is meant for Salesforce to the sandbox."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def send(self, request, **how):
        request.url = request.url.replace("https://acme.my.salesforce.com", self.base)
        return super().send(request, **how)


@pytest.fixture
def client(sandbox):
    simple = pytest.importorskip("simple_salesforce")
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Redirecting(sandbox.url("salesforce")))
    yield simple.Salesforce(
        session_id="x",
        instance_url="https://acme.my.salesforce.com",
        session=session,
        version="62.0",
    )
    session.close()


def test_simple_salesforce_works_with_single_records(client):
    simple = pytest.importorskip("simple_salesforce")
    made = client.Contact.create({"LastName": "Lovelace", KEY: "a"})
    client.Contact.update(made["id"], {"FirstName": "Ada"})
    found = client.Contact.get(made["id"])

    assert "Ada Lovelace" == found["Name"]
    assert made["id"] == client.Contact.get_by_custom_id(KEY, "a")["Id"]
    assert 200 == client.Contact.upsert(f"{KEY}/a", {"LastName": "L"})
    assert 201 == client.Contact.upsert(f"{KEY}/b", {"LastName": "B"})
    assert 204 == client.Contact.delete(made["id"])
    with pytest.raises(simple.exceptions.SalesforceResourceNotFound):
        client.Contact.get(made["id"])
    with pytest.raises(simple.exceptions.SalesforceMalformedRequest, match="STRING_TOO_LONG"):
        client.Contact.create({"LastName": "x" * 81})


def test_simple_salesforce_describes_queries_and_knows_the_usage(client):
    for n in range(3):
        client.Account.create({"Name": f"a{n}", KEY: f"k{n}"})
    fields = {each["name"]: each for each in client.Account.describe()["fields"]}
    found = client.query_all(f"SELECT Id, Name FROM Account WHERE {KEY} IN ('k0', 'k2')")

    assert (True, True) == (fields[KEY]["externalId"], fields[KEY]["unique"])
    assert ["a0", "a2"] == [each["Name"] for each in found["records"]]
    assert "Account" in [each["name"] for each in client.describe()["sobjects"]]
    assert 100_000 == client.limits()["DailyApiRequests"]["Max"]
    assert 100_000 == client.api_usage["api-usage"].total


def test_simple_salesforce_runs_bulk_jobs(client, sandbox, monkeypatch):
    bulk2 = pytest.importorskip("simple_salesforce.bulk2")
    monkeypatch.setattr(bulk2, "sleep", lambda _: None)
    sandbox.salesforce.seconds = 0.0
    rows = [{KEY: f"k{n}", "LastName": f"n{n}"} for n in range(20)]
    [told] = client.bulk2.Contact.upsert(records=rows, external_id_field=KEY)

    assert (20, 0) == (told["numberRecordsProcessed"], told["numberRecordsFailed"])
    assert 20 == client.bulk2.Contact.get_successful_records(told["job_id"]).count("true")
    assert [each["LastName"] for each in rows] == [
        each["LastName"] for each in sandbox.salesforce.records("Contact")
    ]
