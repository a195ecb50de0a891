"""The catalog that a tap is given names one stream, and its fields."""

import json

import pytest

from .conftest import record, schema, state, stream

FIELDS = {"id": {"type": "integer"}, "name": {"type": "string"}, "note": {"type": "string"}}


def metadata(**inclusions):
    fields = [
        {"breadcrumb": ["properties", name], "metadata": facts}
        for name, facts in inclusions.items()
    ]
    return [{"breadcrumb": [], "metadata": {"inclusion": "available"}}, *fields]


def given(tap, name="people", at=-1):
    """What the tap was told of a stream: of itself, and of each field."""
    entries = tap.seen[at]["catalog"]["streams"]
    entry = next(each for each in entries if each["tap_stream_id"] == name)
    told = {tuple(each["breadcrumb"]): each["metadata"] for each in entry["metadata"]}
    return entry, told.pop(()), {path[1]: facts["selected"] for path, facts in told.items()}


def test_one_stream_is_selected_and_no_other(tap, run):
    tap.writes(schema(), record(id=1), catalog=[stream("pets"), stream(), stream("toys")])
    run(tap, stream="people")

    assert [given(tap, name)[1]["selected"] for name in ("pets", "people", "toys")] == [
        False,
        True,
        False,
    ]


def test_the_only_stream_needs_no_name(tap, run):
    report, _ = run(tap.writes(schema(), record(id=1)))

    assert report.delivered == 1


@pytest.mark.parametrize(
    ("catalog", "name", "why"),
    [
        ([stream(), stream("pets")], None, "stream: missing; the tap has people, pets"),
        ([stream(), stream("pets")], "peple", "no stream 'peple'; did you mean 'people'?"),
        ([stream()], "zebras", "stream: no stream 'zebras' in people"),
        ([], None, "stream: the tap has no stream"),
        ([{"stream": "people"}], None, "it is no catalog"),
    ],
)
def test_a_stream_that_is_not_there_is_told(tap, refused, catalog, name, why):
    assert why in refused(tap.writes(catalog=catalog), stream=name)


def test_the_only_stream_that_is_selected_needs_no_name(tap, run, tmp_path):
    facts = [{"breadcrumb": [], "metadata": {"selected": True}}]
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"streams": [stream("pets"), stream(metadata=facts), stream("toys")]})
    )
    report, _ = run(tap.writes(schema(), record(id=1)), catalog=path)

    assert report.delivered == 1


def test_a_stream_may_be_named_as_its_messages_do(tap, run):
    entry = stream("people", tap_stream_id="main-public-people")
    tap.writes(
        schema("public-people"), record("public-people", id=1), catalog=[entry, stream("pets")]
    )
    report, _ = run(tap, stream="people")

    assert report.delivered == 1


def test_a_stream_that_is_another_is_not_taken_for_it(tap, run):
    catalog = [
        stream("people", tap_stream_id="crm-people"),
        stream("pets", tap_stream_id="crm-pets"),
    ]
    catalog[0]["stream"] = "crm_people"
    catalog[1]["stream_alias"] = "people"
    tap.writes(schema("people"), record("people", id=1), catalog=catalog)
    report, _ = run(tap, stream="crm-people")

    assert report.read == 0


def test_without_a_selection_the_catalogs_own_holds(tap, run):
    facts = metadata(
        id={"inclusion": "automatic"},
        name={"inclusion": "available", "selected": True},
        note={"inclusion": "available", "selected-by-default": False},
        blob={"inclusion": "unsupported"},
    )
    fields = {**FIELDS, "blob": {}}
    tap.writes(schema(), record(id=1), catalog=[stream(properties=fields, metadata=facts)])
    run(tap)
    report, _ = run(tap, mapping={"n": "note"})

    assert given(tap, at=1)[2] == {"id": True, "name": True, "note": False, "blob": False}
    assert "the source has no field 'note'" in report.problem


def test_selected_fields_are_read_with_those_that_always_come(tap, run):
    facts = metadata(
        id={"inclusion": "automatic"}, name={"inclusion": "available", "selected": False}
    )
    tap.writes(
        schema(properties=FIELDS),
        record(id=1, name="Ada", note="deaf to selections", other=1),
        catalog=[stream(properties=FIELDS, metadata=facts)],
    )
    _, destination = run(tap, select=["name"])

    assert given(tap)[2] == {"id": True, "name": True, "note": False}
    assert destination.rows == [{"id": 1, "name": "Ada"}]
    assert destination.writes[0].schema.names == ("id", "name")


@pytest.mark.parametrize(
    ("select", "why"),
    [
        (["nmae"], "select: no field 'nmae'; did you mean 'name'?"),
        (["xyz"], "select: no field 'xyz'; there are: id, name, note"),
        (["note"], "select: the tap cannot give the field 'note'"),
    ],
)
def test_a_field_that_cannot_be_selected_is_told(tap, refused, select, why):
    facts = metadata(note={"inclusion": "unsupported"})
    tap.writes(catalog=[stream(properties=FIELDS, metadata=facts)])

    assert why in refused(tap, select=select)


def test_how_it_is_replicated_is_said_in_both_places(tap, run):
    tap.writes(schema(), record(id=1))
    run(tap, replication_method="INCREMENTAL", replication_key="id")
    entry, facts, _ = given(tap)

    assert (facts["replication-method"], facts["replication-key"]) == ("INCREMENTAL", "id")
    assert (entry["replication_method"], entry["replication_key"]) == ("INCREMENTAL", "id")


def test_a_catalog_of_the_old_kind_is_marked_in_its_schema(tap, run):
    entry = stream()
    del entry["metadata"]
    tap.writes(schema(), record(id=1), catalog=[entry])
    run(tap)

    assert given(tap)[0]["schema"]["selected"] is True


def test_a_catalog_file_spares_the_question(tap, run, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"streams": [stream()], "version": 7}))
    report, _ = run(tap.writes(schema(), record(id=1), catalog=None), catalog=path)

    assert report.delivered == 1
    assert [each["arguments"][::2] for each in tap.seen] == [["--config", "--catalog"]]
    assert tap.seen[-1]["catalog"]["version"] == 7


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "cannot be read: No such file"), ("{\n,", "is no JSON"), ("[]", "no catalog")],
)
def test_a_catalog_file_that_cannot_be_read_is_told(tap, refused, tmp_path, text, why):
    path = tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    told = refused(tap.writes(), catalog=path)

    assert told.startswith("source_options.catalog: ")
    assert why in told


def test_a_tap_that_cannot_tell_its_catalog_says_what_to_do(tap, run):
    report, _ = run(tap.writes(schema(), catalog=None))

    assert "it said: this tap cannot tell. It was asked for its catalog" in report.problem
    assert "discover = false" in report.problem


def test_a_tap_that_answers_with_something_else_says_what_to_do(tap, run):
    tap.writes()
    (tap.folder / "catalog.json").write_text("usage: tap-made")
    report, _ = run(tap)

    assert (
        "tap-made --discover wrote no catalog; if it has none: discover = false" in report.problem
    )


def test_a_tap_without_a_catalog_is_run_without_one(tap, run):
    tap.writes(schema(), record(id=1, x=2), state({"at": 1}), catalog=None)
    report, destination = run(tap, discover=False, select=["name"])

    assert report.exit_code == 0
    assert destination.rows == [{"id": 1}]
    assert [each["arguments"][::2] for each in tap.seen] == [["--config"]]


def test_without_a_catalog_a_second_stream_needs_a_choice(tap, run):
    tap.writes(schema(), record(id=1), schema("pets"), record("pets", id=2), catalog=None)
    report, _ = run(tap, discover=False)
    chosen, destination = run(tap, discover=False, stream="pets")

    assert "it has the streams 'people' and 'pets'; name one: stream" in report.problem
    assert (chosen.exit_code, destination.rows) == (0, [{"id": 2}])


def test_a_refused_option_is_told_before_anything_runs(tap, refused):
    told = refused(tap.writes(), replication_method="SOMETIMES")

    assert told.startswith("source_options.replication_method: 'SOMETIMES' is not one of")
