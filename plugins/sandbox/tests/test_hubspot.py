"""The HubSpot twin: what it answers to plain requests, and to HubSpot's own client."""

import pytest
import requests

from tailrace_sandbox import Sandbox

CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture
def call(sandbox):
    session = requests.Session()
    session.trust_env = False

    def send(method, path, body=None, **how):
        url = sandbox.url("hubspot") + path
        return session.request(method, url, json=body, timeout=5, **how)

    yield send
    session.close()


def inputs(*several, **each):
    return {"inputs": [{**one, **each} for one in several]}


def contact(name, **properties):
    return {"id": name, "idProperty": "email", "properties": properties}


def test_a_batch_is_upserted_and_answered_in_another_order(call, sandbox):
    people = [contact(f"P{n}@x.example", firstname=str(n)) for n in range(10)]
    first = call("POST", f"{CONTACTS}/batch/upsert", inputs(*people))
    again = call("POST", f"{CONTACTS}/batch/upsert", inputs(*people))
    emails = [each["properties"]["email"] for each in first.json()["results"]]

    assert (200, 200) == (first.status_code, again.status_code)
    assert [f"p{n}@x.example" for n in range(10)] == sorted(emails) != emails
    assert [{True}, {False}] == [
        {each["new"] for each in answer.json()["results"]} for answer in (first, again)
    ]
    assert 10 == len(sandbox.hubspot.records("contacts"))


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("partly", [True, False])
def test_a_bad_input_is_refused_alone_only_with_trace_ids(call, sandbox, partly, traced):
    sandbox.hubspot.partly = partly
    people = [contact("a@x.example"), contact("b@x.example", lifecyclestage="guru")]
    if traced:
        people = [{**each, "objectWriteTraceId": str(n)} for n, each in enumerate(people)]
    answer = call("POST", f"{CONTACTS}/batch/upsert", inputs(*people))
    told = answer.json()

    if partly and traced:
        assert 207 == answer.status_code
        assert ["0"] == [each["objectWriteTraceId"] for each in told["results"]]
        assert {"objectWriteTraceId": ["1"]} == told["errors"][0]["context"]
        assert 1 == told["numErrors"]
    else:
        assert (400, "VALIDATION_ERROR") == (answer.status_code, told["category"])
        assert "INVALID_OPTION" in told["message"]
        assert [] == sandbox.hubspot.records("contacts")


@pytest.mark.parametrize(
    ("what", "people", "why"),
    [
        ("upsert", [contact("a@x.example"), contact("A@x.example")], "Duplicate IDs"),
        ("upsert", [{"id": "a@x.example", "properties": {}}], "idProperty is needed"),
        ("upsert", [{**contact("a"), "idProperty": "firstname"}], "non-unique 0-1 property"),
        ("upsert", [contact("a@x.example", shoe="41")], "does not exist"),
        ("upsert", [contact("a@x.example", createdate="1")], "read only"),
        ("upsert", [contact("a")], "Email address a is invalid"),
        ("create", [{"properties": {}}] * 101, "1 to 100 inputs"),
        ("create", [], "1 to 100 inputs"),
    ],
)
def test_what_refuses_a_batch(call, sandbox, what, people, why):
    answer = call("POST", f"{CONTACTS}/batch/{what}", inputs(*people))

    assert 400 == answer.status_code
    assert why in answer.json()["message"]
    assert [] == sandbox.hubspot.records("contacts")


def test_what_is_there_cannot_be_created(call):
    body = {"properties": {"email": "a@x.example"}, "associations": []}
    made = call("POST", CONTACTS, body)
    again = call("POST", CONTACTS, body)

    assert (201, 409) == (made.status_code, again.status_code)
    assert f"Contact already exists. Existing ID: {made.json()['id']}" == again.json()["message"]


def test_what_is_not_there_is_named_by_its_id(call):
    call("POST", f"{CONTACTS}/batch/upsert", inputs(contact("a@x.example")))
    body = inputs({"id": "a@x.example"}, {"id": "b@x.example"})
    read = call("POST", f"{CONTACTS}/batch/read", {**body, "idProperty": "email"})
    missing = inputs({"id": "999", "properties": {}})
    update = call("POST", f"{CONTACTS}/batch/update", missing)

    assert (207, 207) == (read.status_code, update.status_code)
    assert ["a@x.example"] == [each["properties"]["email"] for each in read.json()["results"]]
    assert [{"ids": ["b@x.example"]}, {"ids": ["999"]}] == [
        each.json()["errors"][0]["context"] for each in (read, update)
    ]


def test_what_is_archived_is_gone_and_its_email_is_free(call, sandbox):
    made = call("POST", CONTACTS, {"properties": {"email": "a@x.example"}}).json()
    for _ in range(2):
        gone = call("POST", f"{CONTACTS}/batch/archive", inputs({"id": made["id"]}))
        assert (204, b"") == (gone.status_code, gone.content)
    again = call("POST", CONTACTS, {"properties": {"email": "a@x.example"}})

    assert 404 == call("GET", f"{CONTACTS}/{made['id']}").status_code
    assert made["id"] != again.json()["id"]
    assert 1 == len(sandbox.hubspot.records("contacts"))


def test_values_are_kept_in_hubspots_forms(call, sandbox):
    properties = {"closedate": "1430438400000", "amount": "7.50", "dealstage": "closedwon"}
    call("POST", "/crm/v3/objects/deals", {"properties": {"dealname": "d", **properties}})
    kept = sandbox.hubspot.records("deals")[0]
    call("PATCH", f"/crm/v3/objects/deals/{kept['hs_object_id']}", {"properties": {"amount": ""}})

    assert ("2015-05-01T00:00:00.000Z", "7.50") == (kept["closedate"], kept["amount"])
    assert "" == sandbox.hubspot.records("deals")[0]["amount"]


def test_search_filters_sorts_and_pages(call):
    people = [contact(f"p{n}@x.example", city="Rome" if n % 2 else "Oslo") for n in range(9)]
    call("POST", f"{CONTACTS}/batch/upsert", inputs(*people))
    rome = {"propertyName": "city", "operator": "EQ", "value": "rome"}
    body = {
        "filterGroups": [{"filters": [rome]}],
        "sorts": [{"propertyName": "email", "direction": "DESCENDING"}],
        "properties": ["email"],
        "limit": 3,
    }
    first = call("POST", f"{CONTACTS}/search", body).json()
    rest = call("POST", f"{CONTACTS}/search", {**body, "after": first["paging"]["next"]["after"]})
    emails = [each["properties"]["email"] for each in [*first["results"], *rest.json()["results"]]]

    assert 4 == first["total"]
    assert [f"p{n}@x.example" for n in (7, 5, 3, 1)] == emails


def test_properties_can_be_made_changed_and_taken_away(call):
    of = "/crm/v3/properties/contacts"
    option = {"label": "A", "value": "a", "displayOrder": 0, "hidden": False}
    made = {"name": "plan", "label": "Plan", "type": "enumeration", "fieldType": "select"}
    answer = call("POST", of, {**made, "groupName": "contactinformation", "options": [option]})
    call("PATCH", f"{of}/plan", {"options": [option, {**option, "value": "b"}]})
    seen = call("GET", f"{of}/plan").json()

    assert 201 == answer.status_code
    assert ["a", "b"] == [each["value"] for each in seen["options"]]
    assert 409 == call("POST", of, {**made, "options": [option]}).status_code
    assert 204 == call("DELETE", f"{of}/plan").status_code
    assert 404 == call("GET", f"{of}/plan").status_code


def test_what_no_endpoint_is_gets_html_as_from_hubspot(call):
    answer = call("GET", "/crm/v9/nothing")

    assert 404 == answer.status_code
    assert answer.headers["Content-Type"].startswith("text/html")


def test_quotas_are_told_and_enforced():
    with Sandbox(quotas=True) as sandbox, requests.Session() as session:
        session.trust_env = False
        url = f"{sandbox.url('hubspot')}/account-info/v3/details"
        answers = [session.get(url, timeout=5) for _ in range(101)]

    assert ["99", "98"] == [e.headers["X-HubSpot-RateLimit-Remaining"] for e in answers[:2]]
    assert (200, 429) == (answers[99].status_code, answers[100].status_code)
    assert "TEN_SECONDLY_ROLLING" == answers[100].json()["policyName"]


def test_the_page_shows_records_as_a_grid(call, sandbox):
    call("POST", CONTACTS, {"properties": {"email": "a@x.example", "firstname": "Ada"}})
    state = requests.get(f"{sandbox.url()}page/state", timeout=5).json()
    hubspot = next(each for each in state["twins"] if each["name"] == "hubspot")
    thing = hubspot["things"][0]["id"]
    seen = requests.get(f"{sandbox.url()}page/look/hubspot/{thing}/contacts", timeout=5).json()

    assert [["email", "s"], ["firstname", "s"]] == seen["rows"][0][:2]
    assert [["a@x.example", "s"], ["Ada", "s"]] == seen["rows"][1][:2]
    assert 2 == seen["filled"]


@pytest.fixture
def client(sandbox):
    hubspot = pytest.importorskip("hubspot")
    return hubspot.Client.create(access_token="x", host=sandbox.url("hubspot"))


def test_hubspots_own_client_upserts_reads_searches_and_archives(client, sandbox):
    batches = client.crm.objects.batch_api
    people = [contact(f"p{n}@x.example", firstname=f"n{n}") for n in range(5)]
    made = batches.upsert("contacts", inputs(*people))
    names = {"idProperty": "email", "properties": ["firstname"], "propertiesWithHistory": []}
    read = batches.read("contacts", {**inputs({"id": "p3@x.example"}), **names})
    found = client.crm.contacts.search_api.do_search({"query": "", "limit": 10})
    batches.archive("contacts", inputs(*({"id": each.id} for each in made.results[:4])))

    assert ("COMPLETE", 5) == (made.status, len(made.results))
    assert ["n3"] == [each.properties["firstname"] for each in read.results]
    assert 5 == found.total
    assert 1 == len(sandbox.hubspot.records("contacts"))


def test_hubspots_own_client_sees_what_was_refused(client):
    from hubspot.crm.contacts.exceptions import ApiException

    contacts = client.crm.contacts
    people = [
        {**contact("a@x.example"), "objectWriteTraceId": "1"},
        {**contact("b@x.example", lifecyclestage="guru"), "objectWriteTraceId": "2"},
    ]
    partly = contacts.batch_api.upsert(inputs(*people))
    with pytest.raises(ApiException) as told:
        contacts.basic_api.create({"properties": {"email": "a@x.example"}, "associations": []})

    assert 1 == partly.num_errors
    assert {"objectWriteTraceId": ["2"]} == partly.errors[0].context
    assert 409 == told.value.status


def test_hubspots_own_client_reads_properties_schemas_and_associations(client, sandbox):
    firm = client.crm.companies.basic_api.create({"properties": {"name": "c"}, "associations": []})
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    ties = [{"to": {"id": firm.id}, "types": types}]
    ada = client.crm.contacts.basic_api.create(
        {"properties": {"email": "a@x.example"}, "associations": ties}
    )
    properties = client.crm.properties.core_api.get_all("contacts").results
    labels = client.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies")

    assert "email" in [each.name for each in properties]
    assert {279: None, 1: "Primary"} == {each.type_id: each.label for each in labels.results}
    assert {firm.id: [279]} == sandbox.hubspot.associations("contacts", ada.id, "companies")
    assert {ada.id: [280]} == sandbox.hubspot.associations("companies", firm.id, "contacts")
