"""Associations: written with their records, found by a unique property or by id."""

import pytest

from tailrace.errors import ConfigError

from .conftest import paths, refusals, statuses


@pytest.fixture
def companies(sandbox, call):
    """Make companies with a unique number, and give their ids by it."""
    definition = {"name": "number", "label": "Number", "type": "string", "fieldType": "text"}
    more = {"hasUniqueValue": True, "groupName": "information"}
    call("POST", "/crm/v3/properties/companies", {**definition, **more})
    for n in range(3):
        call("POST", "/crm/v3/objects/companies", {"properties": {"name": "c", "number": f"n{n}"}})
    return {each["number"]: each["hs_object_id"] for each in sandbox.hubspot.records("companies")}


BY_NUMBER = {"object": "companies", "field": "works_at", "by": "number"}
ROWS = [{"email": f"p{n}@x.example", "works_at": f"n{n % 3}"} for n in range(9)]


def tied(sandbox, of="contacts", to="companies"):
    return {
        each.get("email") or each.get("dealname"): sandbox.hubspot.associations(
            of, each["hs_object_id"], to
        )
        for each in sandbox.hubspot.records(of)
    }


@pytest.mark.parametrize("mode", ["upsert", "insert", "append", "mirror"])
def test_records_are_associated_with_what_a_field_names(deliver, sandbox, companies, mode):
    report = deliver(ROWS, mode=mode, associations=[BY_NUMBER])

    assert {"delivered": 9} == statuses(report)
    assert {each["email"]: {companies[each["works_at"]]: [279]} for each in ROWS} == tied(sandbox)


def test_a_label_and_a_list_of_ids(deliver, sandbox, companies):
    ids = list(companies.values())
    rows = [{"email": "a@x.example", "firms": ids}, {"email": "b@x.example", "firms": int(ids[0])}]
    link = {"object": "companies", "field": "firms", "label": "Primary"}
    deliver(rows, associations=[link])

    assert {
        "a@x.example": {each: [1] for each in ids},
        "b@x.example": {ids[0]: [1]},
    } == tied(sandbox)


def test_a_record_that_belongs_nowhere_is_refused_before_it_is_written(deliver, sandbox, companies):
    rows = [{**ROWS[0], "works_at": "n77"}, {**ROWS[1], "works_at": None}, ROWS[2]]
    report = deliver(rows, associations=[BY_NUMBER])

    assert {"p0@x.example": "no_record"} == refusals(report)
    assert "companies has no record whose number is 'n77'" in report.rejections[0].message
    assert {"p1@x.example": {}, "p2@x.example": {companies["n2"]: [279]}} == tied(sandbox)


def test_a_record_whose_id_is_not_there_is_refused_alone(deliver, sandbox, companies):
    link = {"object": "companies", "field": "firm"}
    rows = [{"email": f"p{n}@x.example", "firm": companies["n0"]} for n in range(4)]
    rows[2]["firm"] = 999_999
    report = deliver(rows, associations=[link])

    assert {"p2@x.example": "association_object_not_found"} == refusals(report)
    assert "it was written, but not associated" in report.rejections[0].message
    assert {"delivered": 3, "rejected": 1} == statuses(report)


def test_what_is_lost_on_the_way_is_associated_again(deliver, sandbox, companies):
    sandbox.faults.add("hubspot", "reset_after", path="/crm/v4/associations", method="POST")
    report = deliver(ROWS, associations=[BY_NUMBER])

    assert {"delivered": 9} == statuses(report)
    assert all(tied(sandbox).values())
    assert 1 == paths(sandbox).count("upsert")


def test_a_custom_object_has_associations_too(deliver, sandbox, pets, call):
    owner = call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "a@x.example"}})
    link = {"object": "contacts", "field": "owner", "by": "email"}
    rows = [{"tag": "t", "owner": "A@x.example"}]
    deliver(rows, object=pets, key="tag", associations=[link])
    pet = sandbox.hubspot.records("pets")[0]["hs_object_id"]

    assert [owner["id"]] == list(sandbox.hubspot.associations("pets", pet, "contacts"))


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ({"object": "companies", "field": "city"}, "'city' is a property of contacts"),
        ({"object": "unicorns", "field": "u"}, "HubSpot has no 'unicorns'"),
        ({"object": "companies", "field": "u", "label": "Boss"}, "labels there are: 'Primary'"),
    ],
)
def test_an_association_that_cannot_be_says_so(deliver, link, why):
    try:
        told = deliver(ROWS[:1], associations=[link]).problem
    except ConfigError as error:
        told = str(error)

    assert why in told
