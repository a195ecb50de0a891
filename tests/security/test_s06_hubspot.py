"""S6: in HubSpot, a value of a row is shown as the text that it is."""

import html
import json
import urllib.request

import pytest

from tailrace.errors import ConfigError

from ..destinations.on_hubspot import HubSpot
from ..destinations.on_sheets import OPENER
from .corpus import FORMULAS, HEADERS, MARKUP, MENTIONS

TEXTS = [*MARKUP, *MENTIONS, *HEADERS, *FORMULAS]


@pytest.fixture
def hubspot(sandbox, tmp_path):
    """An account with a property that HubSpot shows as HTML."""
    rich = {"name": "about", "label": "About", "type": "string", "fieldType": "html"}
    request = urllib.request.Request(
        sandbox.url("hubspot") + "/crm/v3/properties/contacts",
        json.dumps({**rich, "groupName": "contactinformation"}).encode(),
        {"Content-Type": "application/json"},
    )
    with OPENER.open(request) as answer:
        assert 201 == answer.status
    return HubSpot(sandbox, tmp_path)


def rows(field):
    return [{"email": f"p{n}@x.example", field: text} for n, text in enumerate(TEXTS)]


def held(hubspot, field):
    return {each["email"]: each.get(field) for each in hubspot.sandbox.hubspot.records("contacts")}


def test_no_value_becomes_html(hubspot):
    report = hubspot.run(rows("about"))
    found = held(hubspot, "about")

    assert len(TEXTS) == report.delivered
    assert [] == [text for text in found.values() if "<" in text or ">" in text]
    assert [html.escape(text, quote=False) for text in TEXTS] == list(found.values())


def test_other_texts_are_what_the_rows_hold(hubspot):
    report = hubspot.run(rows("firstname"))

    assert len(TEXTS) == report.delivered
    assert TEXTS == list(held(hubspot, "firstname").values())


def test_html_of_ones_own_has_to_be_named(hubspot):
    row = {"email": "a@x.example", "about": "<p>&amp;</p>"}
    report = hubspot.run([row], html=["about"])

    assert 1 == report.delivered
    assert {"a@x.example": "<p>&amp;</p>"} == held(hubspot, "about")


@pytest.mark.parametrize("name", ["firstname", "nothing"])
def test_only_what_is_html_can_be_named(hubspot, name):
    told = f"html: {name!r} is no rich-text property of contacts"

    with pytest.raises(ConfigError, match=told):
        hubspot.run([{"email": "a@x.example"}], html=[name])
