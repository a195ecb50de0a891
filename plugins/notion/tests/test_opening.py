"""What is found out before anything is sent."""

import pytest

import tailrace
from tailrace.errors import ConfigError
from tailrace_notion import Options, tailrace_destination
from tailrace_sandbox.notion.workspace import PEOPLE, PEOPLE_DATABASE

from .conftest import asked, statuses, writes

ROWS = [{"Key": "k", "Name": "n"}]


def told(deliver, rows=ROWS, **how):
    try:
        return deliver(rows, **how).problem
    except ConfigError as error:
        return str(error)


def test_a_database_stands_for_its_one_data_source(deliver, sandbox):
    report = deliver([{"Name": "Ada"}], key="Name", database=PEOPLE_DATABASE)

    assert {"delivered": 1} == statuses(report)
    assert ["Ada"] == [each["Name"] for each in sandbox.notion.pages(PEOPLE)]


@pytest.mark.parametrize(
    "text",
    [
        PEOPLE_DATABASE,
        PEOPLE_DATABASE.replace("-", "").upper(),
        f"collection://{PEOPLE_DATABASE}",
        f"https://www.notion.so/team/All-the-People-{PEOPLE_DATABASE.replace('-', '')}?v=0123#4",
    ],
)
def test_a_database_is_named_by_its_id_or_its_address(deliver, sandbox, text):
    assert {"delivered": 1} == statuses(deliver([{"Name": "Ada"}], key="Name", database=text))


def test_a_database_of_several_data_sources_names_them(deliver, sandbox, source, call):
    home = call("GET", f"data_sources/{source}")["parent"]["database_id"]
    body = {"parent": {"type": "database_id", "database_id": home}}
    text = [{"type": "text", "text": {"content": "Others"}}]
    other = call(
        "POST", "data_sources", {**body, "title": text, "properties": {"Name": {"title": {}}}}
    )
    why = told(deliver, database=home)

    assert "database: it has 2 data sources; give one as the option data_source" in why
    assert f"{source} (Everything), {other['id']} (Others)" in why


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"data_source": "0" * 32}, "share the page it is on with the integration"),
        ({"data_source": PEOPLE_DATABASE}, "give it as the option database"),
        ({"database": "0" * 32}, "share the page it is on with the integration"),
        ({"data_source": "people"}, "'people' holds no id"),
        ({"data_source": None}, "give one of them"),
        ({"database": PEOPLE_DATABASE, "data_source": PEOPLE}, "give one of them"),
        ({"per_second": 0.0}, "per_second: is a number above 0"),
        ({"base_url": "http://api.notion.com"}, "neither https nor a loopback address"),
        ({"base_url": "ftp://127.0.0.1"}, "neither https nor a loopback address"),
        ({"base_url": "https://notion.example"}, "the secret of an internal integration"),
    ],
)
def test_options_that_cannot_be_say_why(deliver, sandbox, options, why):
    assert why in told(deliver, **options)
    assert 0 == writes(sandbox)


def test_what_is_not_shared_is_explained(deliver, sandbox, source):
    sandbox.notion.hide(source)

    assert "share the page it is on with the integration" in told(deliver)


@pytest.mark.parametrize("mode", ["insert", "update", "upsert", "mirror"])
@pytest.mark.parametrize("key", ["Select", ("Key", "Name"), "Made", "Check"])
def test_a_key_that_pages_cannot_be_found_by_names_those_that_can(deliver, sandbox, mode, key):
    names = [key] if isinstance(key, str) else key
    why = told(deliver, [dict.fromkeys(names, "a")], mode=mode, key=key)

    assert f"key: the mode {mode} needs a key of one property of the types title," in why
    assert "Key, Name, Text, Number, Url, Email, Phone" in why
    assert 0 == writes(sandbox)


@pytest.mark.parametrize("name", ["Formula", "Made", "Number of it"])
def test_properties_that_cannot_be_written_stop_the_run_before_it_writes(deliver, sandbox, name):
    why = told(deliver, [{"Key": "k", name: "v"}])

    assert f"{name}: the destination does not let this field be written" in why
    assert 0 == writes(sandbox)


def test_an_unknown_property_stops_the_run_before_it_writes(deliver, sandbox):
    assert "Shoe: the destination has no such field" in told(deliver, [{"Key": "k", "Shoe": 41}])
    assert 0 == writes(sandbox)


def test_another_workspace_is_noticed_before_anything_is_sent(deliver, sandbox):
    deliver(ROWS, state=True)
    before = writes(sandbox)
    sandbox.notion.move()
    report = deliver([{**ROWS[0], "Name": "new"}], state=True)

    assert 3 == report.exit_code
    assert "Notion workspace" in report.problem
    assert before == writes(sandbox)


def test_another_data_source_is_noticed(deliver, sandbox):
    deliver(ROWS, state=True)
    report = deliver([{"Name": "n"}], key="Name", state=True, data_source=PEOPLE)

    assert 3 == report.exit_code
    assert [] == sandbox.notion.pages(PEOPLE)


def test_a_new_integration_in_the_same_workspace_is_no_other_account(deliver):
    deliver(ROWS, state=True, token=tailrace.Secret("ntn_one"))
    report = deliver(ROWS, state=True, token=tailrace.Secret("ntn_two"))

    assert {"skipped": 1} == statuses(report)


def rates(**options):
    given = Options(data_source=PEOPLE, **options)
    return [(each.count, each.per) for each in tailrace_destination(given).rate]


def test_the_pace_is_three_a_second_unless_it_is_said_or_stays_on_this_machine():
    assert [(3.0, 1.0)] == rates()
    assert [(10.0, 1.0)] == rates(per_second=10.0)
    assert [] == rates(base_url="http://127.0.0.1:8765/notion")
    assert [(2.0, 1.0)] == rates(base_url="http://127.0.0.1:8765/notion", per_second=2.0)


def test_a_run_that_has_nothing_to_send_asks_for_two_things_only(deliver, sandbox):
    deliver([])

    assert ["GET users", "GET data_sources"] == asked(sandbox)
