"""The Notion twin: what it answers to plain requests, and to a client that others wrote."""

import logging
from datetime import UTC, datetime

import pytest
import requests

from tailrace_sandbox import Sandbox
from tailrace_sandbox.notion.workspace import PEOPLE, PEOPLE_DATABASE

PARENT = {"type": "data_source_id", "data_source_id": PEOPLE}
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def call(sandbox):
    session = requests.Session()
    session.trust_env = False

    def send(method, path, body=None, *, version="2025-09-03", **how):
        headers = {} if version is None else {"Notion-Version": version}
        url = f"{sandbox.url('notion')}/v1/{path}"
        return session.request(method, url, json=body, timeout=5, headers=headers, **how)

    yield send
    session.close()


@pytest.fixture
def add(call):
    """Make a page of the data source that is there to start with."""

    def make(name="n", **values):
        title = {"title": [{"text": {"content": name}}]}
        return call("POST", "pages", {"parent": PARENT, "properties": {"Name": title, **values}})

    return make


def found(call, body, **params):
    answer = call("POST", f"data_sources/{PEOPLE}/query", body, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(told):
    return [each["properties"]["Name"]["title"][0]["plain_text"] for each in told["results"]]


def test_a_page_is_made_changed_put_into_the_trash_and_restored(call, add, sandbox):
    made = add("Ada", Score={"number": 1}).json()
    path = f"pages/{made['id']}"
    changed = call("PATCH", path, {"properties": {"Score": {"number": 2}}}).json()
    call("PATCH", path, {"in_trash": True})
    frozen = call("PATCH", path, {"properties": {}})
    trash = sandbox.notion.pages(PEOPLE, trash=True)
    restored = call("PATCH", path, {"in_trash": False}).json()

    assert 2 == changed["properties"]["Score"]["number"]
    assert (400, "validation_error") == (frozen.status_code, frozen.json()["code"])
    assert "You must unarchive the block" in frozen.json()["message"]
    assert [made["id"]] == [each["id"] for each in trash]
    assert (False, False) == (restored["in_trash"], restored["archived"])
    assert ["Ada"] == [each["Name"] for each in sandbox.notion.pages(PEOPLE)]


def test_the_newer_version_knows_no_archived(call, add):
    page = add().json()["id"]
    new = call("PATCH", f"pages/{page}", {"archived": True}, version="2026-03-11")
    old = call("PATCH", f"pages/{page}", {"archived": True})

    assert 400 == new.status_code
    assert old.json()["in_trash"]
    assert "archived" not in call("GET", f"pages/{page}", version="2026-03-11").json()


@pytest.mark.parametrize(
    ("version", "code"), [(None, "missing_version"), ("2022-06-28", "validation_error")]
)
def test_a_version_is_needed_and_databases_without_data_sources_are_gone(call, version, code):
    answer = call("GET", "users/me", version=version)

    assert (400, code) == (answer.status_code, answer.json()["code"])


def test_properties_may_be_named_by_their_ids_which_survive_a_new_name(call, add, sandbox):
    told = call("GET", f"data_sources/{PEOPLE}").json()["properties"]
    call("PATCH", f"data_sources/{PEOPLE}", {"properties": {"Score": {"name": "Points"}}})
    answer = add("Ada", **{told["Score"]["id"]: {"number": 7}})

    assert 200 == answer.status_code
    assert 7 == sandbox.notion.pages(PEOPLE)[0]["Points"]
    assert ["Name"] == list(found(call, {}, filter_properties="title")["results"][0]["properties"])


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"Shoe": {"number": 41}}, "Shoe is not a property that exists"),
        ({"Score": {"number": "1"}}, "body.properties.Score.number should be a number"),
        ({"Score": {"email": "a"}}, "body.properties.Score.number should be defined"),
        ({"Made": {"created_time": "2026-01-01"}}, "cannot be written"),
        ({"Site": {"url": ""}}, "should be a valid URL or `null`"),
        ({"Site": {"url": "h" * 2001}}, "Site.url.length should be \u2264 `2000`"),
        ({"Email": {"email": "a" * 201}}, "Email.email.length should be \u2264 `200`"),
        ({"Notes": {"rich_text": [{"text": {"content": "\U0001f600" * 1001}}]}}, "was `2002`"),
        ({"Notes": {"rich_text": [{"text": {"content": "a"}}] * 101}}, "was `101`"),
        (
            {"Notes": {"rich_text": [{"text": {"content": "a", "link": {"url": "js:1"}}}]}},
            "Invalid URL for link",
        ),
        ({"Status": {"status": {"name": "Gone"}}}, 'Status option "Gone" does not exist'),
        ({"Plan": {"select": {"name": "a,b"}}}, "commas not allowed"),
        ({"Since": {"date": {"start": "May"}}}, "should be a valid ISO 8601 date string"),
        ({"Active": {"checkbox": None}}, "should be a boolean"),
    ],
)
def test_values_that_are_not_taken_are_refused_with_their_place(add, sandbox, values, why):
    answer = add(**values)

    assert (400, "validation_error") == (answer.status_code, answer.json()["code"])
    assert why in answer.json()["message"]
    assert [] == sandbox.notion.pages(PEOPLE)


def test_a_request_may_be_only_so_large(add):
    text = [{"text": {"content": "\u00e4" * 2000}}] * 100

    answer = add(Notes={"rich_text": text}, Name={"title": text})

    assert 400 == answer.status_code


def test_unknown_options_of_selects_are_made(call, add):
    add(Plan={"select": {"name": "new"}}, Tags={"multi_select": [{"name": "a"}, {"name": "b"}]})
    told = call("GET", f"data_sources/{PEOPLE}").json()["properties"]

    assert ["free", "team", "new"] == [e["name"] for e in told["Plan"]["select"]["options"]]
    assert ["a", "b"] == [e["name"] for e in told["Tags"]["multi_select"]["options"]]


def test_queries_filter_and_give_pages_of_pages(call, add):
    for n in range(7):
        add(f"n{n}", Score={"number": n}, Plan={"select": {"name": "free" if n % 2 else "team"}})
    team = {"property": "Plan", "select": {"equals": "team"}}
    high = {"property": "Score", "number": {"does_not_equal": 0}}
    either = [{"property": "Name", "title": {"equals": each}} for each in ("N1", "n5", "x")]
    body = {"filter": {"and": [team, high]}, "page_size": 2}
    first = found(call, body)
    second = found(call, {**body, "start_cursor": first["next_cursor"]})
    newest = [{"timestamp": "created_time", "direction": "descending"}]

    assert (["n2", "n4"], True) == (names(first), first["has_more"])
    assert (["n6"], False, None) == (names(second), second["has_more"], second["next_cursor"])
    assert ["n1", "n5"] == names(found(call, {"filter": {"or": either}}))
    assert "n6" == names(found(call, {"sorts": newest}))[0]
    assert 7 == len(
        found(call, {"filter": {"property": "Name", "title": {"contains": "N"}}})["results"]
    )
    assert (
        []
        == found(call, {"filter": {"property": "Email", "email": {"is_not_empty": True}}})[
            "results"
        ]
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"filter": {"property": "Shoe", "number": {"equals": 1}}}, "Shoe is not a property"),
        ({"filter": {"property": "Score", "rich_text": {"equals": "a"}}}, "body.filter.number"),
        ({"filter": {"or": [{"property": "Name", "title": {"equals": "a"}}] * 101}}, "was `101`"),
        ({"page_size": 101}, "body.page_size"),
        ({"start_cursor": MISSING}, "start_cursor provided is invalid"),
    ],
)
def test_queries_that_are_none_are_refused(call, body, why):
    answer = call("POST", f"data_sources/{PEOPLE}/query", body)

    assert 400 == answer.status_code
    assert why in answer.json()["message"]


def test_beyond_its_most_a_query_breaks_off_and_says_so_in_one_place(call, add, sandbox):
    sandbox.notion.most_found = 3
    for n in range(5):
        add(f"n{n}")
    told = found(call, {"page_size": 2})
    rest = found(call, {"page_size": 2, "start_cursor": told["next_cursor"]})

    assert (["n2"], False) == (names(rest), rest["has_more"])
    assert {"type": "incomplete"} == rest["request_status"]


def test_times_are_those_of_the_minute_and_can_be_asked_for(call, add, sandbox):
    sandbox.notion.now = lambda: datetime(2026, 1, 31, 12, 0, 59, tzinfo=UTC)
    made = add().json()
    after = {"timestamp": "created_time", "created_time": {"after": "2026-01-31T12:00:00Z"}}
    since = {"timestamp": "created_time", "created_time": {"on_or_after": "2026-01-31T12:00:00Z"}}

    assert "2026-01-31T12:00:00.000Z" == made["created_time"]
    assert [] == found(call, {"filter": after})["results"]
    assert 1 == len(found(call, {"filter": since})["results"])


def test_a_new_page_may_be_found_late(call, add, sandbox):
    sandbox.notion.lag = 1
    add()

    assert [0, 1] == [len(found(call, {})["results"]) for _ in range(2)]


def test_what_is_not_shared_is_not_there(call, add, sandbox):
    page = add().json()["id"]
    sandbox.notion.hide(page)
    hidden = call("GET", f"pages/{page}")
    sandbox.notion.hide(PEOPLE_DATABASE)

    assert [404, 404, 404] == [
        each.status_code for each in (hidden, call("GET", f"data_sources/{PEOPLE}"), add())
    ]
    assert f"Could not find page with ID: {page}." in hidden.json()["message"]
    assert [] == call("POST", "search", {}).json()["results"]


def test_what_an_integration_may_not_do_is_a_403(add, sandbox):
    sandbox.notion.forbid("/v1/pages", "POST")
    answer = add()

    assert (403, "restricted_resource") == (answer.status_code, answer.json()["code"])


def test_relations_and_people_have_to_be_there_and_a_page_shows_25_of_them(call, sandbox):
    source = sandbox.notion.add_database(
        "Tied", {"Name": {"title": {}}, "To": {"relation": {}}, "Who": {"people": {}}}
    )
    parent = {"type": "data_source_id", "data_source_id": source}
    ids = [call("POST", "pages", {"parent": parent}).json()["id"] for _ in range(30)]
    tied = {"To": {"relation": [{"id": each} for each in ids]}}
    made = call("POST", "pages", {"parent": parent, "properties": tied}).json()
    column = made["properties"]["To"]
    whole = call("GET", f"pages/{made['id']}/properties/{column['id']}").json()
    missing = {"Who": {"people": [{"id": MISSING}]}}
    refused = call("POST", "pages", {"parent": parent, "properties": missing})

    assert (25, True) == (len(column["relation"]), column["has_more"])
    assert 30 == len(whole["results"])
    assert 404 == refused.status_code
    assert f"Could not find user with ID: {MISSING}." in refused.json()["message"]


def test_a_database_may_have_several_data_sources(call):
    body = {"parent": {"type": "page_id", "page_id": MISSING}, "title": []}
    made = call("POST", "databases", body).json()
    more = {"parent": {"type": "database_id", "database_id": made["id"]}}
    other = call("POST", "data_sources", {**more, "properties": {"T": {"title": {}}}}).json()
    told = call("GET", f"databases/{made['id'].replace('-', '')}").json()

    assert 1 == len(made["data_sources"])
    assert other["id"] == told["data_sources"][1]["id"]


def test_errors_of_the_edge_are_html(call, sandbox):
    for status in (502, 504, 529):
        sandbox.faults.add("notion", "answer", status=status)
    answers = [call("GET", "users/me") for _ in range(3)]

    assert ["text/html", "text/html"] == [each.headers["Content-Type"] for each in answers[:2]]
    assert "service_overload" == answers[2].json()["code"]


def test_quotas_of_a_connection_and_of_the_workspace_say_how_long_to_wait():
    headers = {"Notion-Version": "2025-09-03"}
    with Sandbox(quotas=True) as sandbox, requests.Session() as session:
        session.trust_env = False
        url = f"{sandbox.url('notion')}/v1/users/me"
        mine = [session.get(url, headers=headers, timeout=5) for _ in range(4)]
        others = [
            session.get(url, headers={**headers, "Authorization": f"Bearer {n}"}, timeout=5)
            for n in range(598)
        ]

    assert [200, 200, 200, 429] == [each.status_code for each in mine]
    assert ("1", "connection") == said(mine[3])
    assert [200, 429] == [each.status_code for each in others[-2:]]
    assert ("60", "workspace") == said(others[-1])


def said(answer):
    return answer.headers["Retry-After"], answer.json()["additional_data"]["rate_limit_reason"]


def test_the_page_shows_pages_as_a_grid(add, sandbox):
    add("Ada", Tags={"multi_select": [{"name": "a"}, {"name": "b"}]}, Active={"checkbox": True})
    state = requests.get(f"{sandbox.url()}page/state", timeout=5).json()
    notion = next(each for each in state["twins"] if each["name"] == "notion")
    thing = notion["things"][0]
    url = f"{sandbox.url()}page/look/notion/{thing['id']}/{thing['parts'][0]['id']}"
    head, row = requests.get(url, timeout=5).json()["rows"]
    shown = {name: text for (name, _), (text, _) in zip(head, row, strict=True)}

    assert ("Ada", "a, b", "True", "") == tuple(
        shown[name] for name in ("Name", "Tags", "Active", "Score")
    )


@pytest.fixture
def client(sandbox):
    httpx = pytest.importorskip("httpx")
    notion = pytest.importorskip("notion_client")
    with httpx.Client(trust_env=False) as inner:
        yield notion.Client(
            auth="ntn_x",
            base_url=sandbox.url("notion"),
            retry=False,
            client=inner,
            logger=logging.getLogger("quiet"),
        )


def test_a_client_that_others_wrote_does_its_daily_work(client, sandbox):
    (source,) = client.search(filter={"property": "object", "value": "data_source"})["results"]
    title = [{"type": "text", "text": {"content": "Ada"}}]
    made = client.pages.create(parent=PARENT, properties={"Name": {"title": title}})
    client.pages.update(made["id"], properties={"Since": {"date": {"start": "2026-01-31"}}})
    asked = {"property": "Since", "date": {"equals": "2026-01-31"}}
    told = client.data_sources.query(source["id"], filter=asked, filter_properties=["title"])
    people = client.users.list()["results"]
    client.pages.update(made["id"], in_trash=True)

    assert PEOPLE == source["id"]
    assert ["Ada"] == names(told)
    assert ["person"] * 4 + ["bot"] == [each["type"] for each in people]
    assert client.users.me()["id"] == people[-1]["id"] == made["created_by"]["id"]
    assert [] == sandbox.notion.pages(PEOPLE)


def test_a_client_that_others_wrote_reads_errors(client):
    from notion_client import APIErrorCode, APIResponseError

    with pytest.raises(APIResponseError) as told:
        client.pages.retrieve(MISSING)

    assert APIErrorCode.ObjectNotFound == told.value.code
    assert 404 == told.value.status
