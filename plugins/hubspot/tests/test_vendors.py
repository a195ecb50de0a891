"""What the plugin sends, and what the twin answers, is what HubSpot describes."""

import pytest

from .conftest import paths
from .openapi import FOLDER, problems

ROWS = [{"email": f"p{n}@x.example", "firstname": f"n{n}", "firm": None} for n in range(120)]


@pytest.mark.skipif(FOLDER is None, reason="VENDOR_SPECS names no folder of descriptions")
def test_every_request_and_answer_fits_hubspots_descriptions(deliver, sandbox, call):
    firm = call("POST", "/crm/v3/objects/companies", {"properties": {"name": "c"}})["id"]
    link = {"object": "companies", "field": "firm"}
    rows = [{**each, "firm": firm} if n % 3 else each for n, each in enumerate(ROWS)]
    deliver(rows[:30], mode="append", associations=[link])
    deliver(rows[:60], mode="insert", associations=[link])
    deliver([*rows, {"email": "nobody"}], mode="update", associations=[link])
    deliver([*rows, {"email": "nobody"}], mode="mirror", associations=[link])
    deliver(rows[:110], mode="mirror", associations=[link])
    seen = sandbox.requests("hubspot")

    assert {"create", "read", "update", "upsert", "archive", "labels", "details"} <= {
        *paths(sandbox)
    }
    assert {200, 201, 204, 207} <= {each.status for each in seen}
    assert [told for each in seen for told in problems(each)] == []


@pytest.mark.skipif(FOLDER is None, reason="VENDOR_SPECS names no folder of descriptions")
def test_the_check_finds_what_does_not_fit(deliver, sandbox):
    import attrs

    deliver(ROWS[:1], associations=[{"object": "companies", "field": "firm"}])
    upsert = sandbox.requests("hubspot")[-1]
    wrong = [
        attrs.evolve(upsert, body=upsert.body.replace(b'"n0"', b"0")),
        attrs.evolve(upsert, body=upsert.body.replace(b'"idProperty"', b'"idproperty"')),
        attrs.evolve(upsert, answer=upsert.answer.replace(b'"new"', b'"fresh"')),
    ]

    assert [] == problems(upsert)
    assert all(problems(each) for each in wrong)
