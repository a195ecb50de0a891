"""What the plugin sends, and what the twin answers, is what Notion describes; so does a client."""

import logging

import attrs
import pytest

from .conftest import asked
from .openapi import FOLDER, problems

ROWS = [{"Key": f"k{n}", "Name": f"n{n}", "Number": n, "Select": "a"} for n in range(60)]


@pytest.mark.skipif(FOLDER is None, reason="VENDOR_SPECS names no folder of descriptions")
def test_every_request_and_answer_fits_notions_description(deliver, sandbox):
    deliver(ROWS[:10], mode="append")
    deliver(ROWS[10:30], mode="insert")
    deliver([*ROWS, {"Key": "nobody"}], mode="update")
    deliver([*ROWS[10:], {"Key": "odd", "Relation": "0" * 32}], mode="mirror")
    deliver(ROWS[11:55], mode="mirror")
    seen = sandbox.requests("notion")

    assert {
        "GET users",
        "GET data_sources",
        "POST data_sources/query",
        "POST pages",
        "PATCH pages",
    } == {*asked(sandbox)}
    assert {200, 404} == {each.status for each in seen}
    assert [told for each in seen for told in problems(each)] == []


@pytest.mark.skipif(FOLDER is None, reason="VENDOR_SPECS names no folder of descriptions")
def test_the_check_finds_what_does_not_fit(deliver, sandbox):
    deliver(ROWS[:1])
    query, create = sandbox.requests("notion")[-2:]
    wrong = [
        attrs.evolve(create, body=create.body.replace(b'"data_source_id"', b'"data_source"')),
        attrs.evolve(create, body=create.body.replace(b'"properties"', b'"property"', 1)),
        attrs.evolve(create, path="/v1/page"),
        attrs.evolve(query, body=query.body.replace(b'"page_size":100', b'"page_size":"100"')),
        attrs.evolve(query, query={"filter_property": ["title"]}),
    ]

    assert [] == problems(create) == problems(query)
    assert all(problems(each) for each in wrong)


@pytest.fixture
def client(sandbox):
    import httpx
    from notion_client import Client

    quiet = logging.getLogger("notion_client.quiet")
    with httpx.Client(trust_env=False) as inner:
        yield Client(
            auth="ntn_x", base_url=sandbox.url("notion"), retry=False, client=inner, logger=quiet
        )


def test_a_client_that_others_wrote_reads_what_the_plugin_wrote(deliver, client, source):
    deliver(ROWS)
    first = client.data_sources.query(source, page_size=50)
    second = client.data_sources.query(source, start_cursor=first["next_cursor"])
    pages = [*first["results"], *second["results"]]

    assert (True, False) == (first["has_more"], second["has_more"])
    assert {(each["Key"], each["Number"]) for each in ROWS} == {
        (
            each["properties"]["Key"]["rich_text"][0]["plain_text"],
            each["properties"]["Number"]["number"],
        )
        for each in pages
    }


def test_the_plugin_changes_what_that_client_wrote(deliver, client, sandbox, source):
    parent = {"type": "data_source_id", "data_source_id": source}
    text = [{"type": "text", "text": {"content": "k0"}, "annotations": {"bold": True}}]
    made = client.pages.create(parent=parent, properties={"Key": {"rich_text": text}})
    report = deliver(ROWS[:1])

    assert [made["id"]] == [each["id"] for each in sandbox.notion.pages(source)]
    assert 1 == report.delivered
    assert "a" == client.pages.retrieve(made["id"])["properties"]["Select"]["select"]["name"]
