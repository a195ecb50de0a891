"""What is refused, by whom, and that all the rest arrives."""

import pytest

from tailrace.errors import ConfigError

from .conftest import held, refusals, statuses


def people(count):
    return [{"email": f"p{n}@x.example", "firstname": f"n{n}"} for n in range(count)]


@pytest.mark.parametrize("partly", [True, False])
def test_one_bad_row_in_a_hundred_is_refused_by_name_and_the_rest_arrives(deliver, sandbox, partly):
    sandbox.hubspot.partly = partly
    rows = [{**each, "lifecyclestage": "lead"} for each in people(900)]
    wanted = {}
    for n in range(50, 900, 100):
        bad = ["no option", "no email", "a list"][n // 100 % 3]
        if bad == "no option":
            rows[n]["lifecyclestage"] = "guru"
        elif bad == "no email":
            rows[n]["email"] = f"p{n}"
        else:
            rows[n]["firstname"] = ["a"]
        reasons = {"no option": "no_option", "no email": "invalid_email", "a list": "value"}
        wanted[rows[n]["email"]] = reasons[bad]
    report = deliver(rows)

    assert {"delivered": 891, "rejected": 9} == statuses(report)
    assert wanted == refusals(report)
    assert {each["email"] for each in rows} - wanted.keys() == set(held(sandbox))
    assert any("Email address p150 is invalid" in each.message for each in report.rejections)


@pytest.mark.parametrize("partly", [True, False])
def test_what_a_record_needs_is_told_by_the_service(deliver, sandbox, partly):
    sandbox.hubspot.partly = partly
    rows = [{"subject": f"t{n}", "hs_pipeline_stage": "1"} for n in range(100)]
    rows[41]["hs_pipeline_stage"] = None
    report = deliver(rows, mode="append", key="subject", object="tickets")

    assert {"delivered": 99, "rejected": 1} == statuses(report)
    assert {"t41": "required_field"} == refusals(report)
    assert "Some required properties were not set" in report.rejections[0].message


def test_a_field_that_every_record_needs_is_missed_before_anything_is_sent(deliver, sandbox, pets):
    report = deliver([{"name": "Rex"}], mode="append", key=None, object=pets)

    assert 3 == report.exit_code
    assert "tag: the destination needs this field" in report.problem
    assert [] == sandbox.hubspot.records("pets")


@pytest.mark.parametrize(
    ("field", "why"),
    [("nickname", "no such field"), ("createdate", "does not let this field be written")],
)
def test_fields_that_cannot_be_written_stop_the_run(deliver, sandbox, field, why):
    report = deliver([{"email": "a@x.example", field: "x"}])

    assert 3 == report.exit_code
    assert why in report.problem
    assert [] == sandbox.hubspot.records("contacts")


@pytest.mark.parametrize(
    ("of", "key", "mode", "why"),
    [
        ("companies", "domain", "upsert", "of companies: none; make one"),
        ("contacts", "firstname", "mirror", "of contacts: email"),
        ("contacts", ("email", "firstname"), "upsert", "a key of one field"),
        ("contacts", "hs_object_id", "upsert", "update can"),
    ],
)
def test_a_key_that_hubspot_cannot_find_records_by_stops_the_run(deliver, of, key, mode, why):
    row = {"domain": "a.example", "firstname": "a", "email": "a@x.example", "hs_object_id": 1}
    report = deliver([row], mode=mode, key=key, object=of)

    assert 3 == report.exit_code
    assert why in report.problem


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"object": "unicorns"}, "HubSpot has no object 'unicorns'"),
        ({"object": ""}, "is empty"),
        ({"base_url": "http://api.example"}, "neither https nor a loopback address"),
        ({"base_url": "https://api.example"}, "the access token of a private app"),
    ],
)
def test_options_that_cannot_work_say_so(deliver, options, why):
    try:
        report = deliver(people(1), **options)
    except ConfigError as error:
        told = str(error)
    else:
        told = report.problem

    assert why in told


def test_duplicate_keys_that_differ_are_refused_and_equal_ones_are_one(deliver, sandbox):
    rows = [*people(3), {"email": "p0@x.example", "firstname": "another"}, people(2)[1]]
    report = deliver(rows)

    assert {"delivered": 2, "rejected": 2, "skipped": 1} == statuses(report)
    assert ["p1@x.example", "p2@x.example"] == sorted(held(sandbox))
