"""Bulk API 2.0: one upload a job, whatever happens; each row's fate by its key."""

import csv
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from .conftest import KEY, asked, by_key, held, people, refusals, statuses

PEOPLE = people(30)
BULK = {"bulk": 5}


def uploads(sandbox):
    return [
        list(csv.DictReader(StringIO(each.body.decode())))
        for each in sandbox.requests("salesforce")
        if each.method == "PUT"
    ]


@pytest.mark.parametrize("mode", ["append", "insert", "upsert", "mirror"])
def test_a_large_batch_goes_as_one_job_and_a_small_one_by_calls(deliver, sandbox, mode):
    first = deliver(PEOPLE, mode=mode, state=True, **BULK)
    second = deliver(
        [*PEOPLE, *people(33)[30:]], mode="upsert", state=None, **BULK, limits={"batch_size": 30}
    )

    assert ({"delivered": 30}, {"delivered": 33}) == (statuses(first), statuses(second))
    assert [30, 30] == [len(each) for each in uploads(sandbox)]
    assert 1 == len(asked(sandbox, "PATCH", "composite"))
    assert by_key(people(33)) == held(sandbox)


def test_jobs_are_waited_for_by_the_engines_clock(deliver, sandbox, clock):
    report = deliver(PEOPLE, **BULK)
    polls = [
        each
        for each in asked(sandbox, "GET")
        if each.startswith("jobs/ingest/750") and "Results" not in each
    ]

    assert {"delivered": 30} == statuses(report)
    assert 60 <= sum(clock.sleeps) < 120
    assert len(polls) <= len(clock.sleeps) + 2
    assert 0 == report.retries


@pytest.mark.parametrize(("bulk", "jobs"), [(False, 0), (True, 1), (30, 0), (29, 1), (0, 1)])
def test_the_threshold_is_an_option(deliver, sandbox, bulk, jobs):
    report = deliver(PEOPLE, bulk=bulk)

    assert {"delivered": 30} == statuses(report)
    assert jobs == len(sandbox.salesforce.jobs())


def test_jobs_are_cut_at_their_size(deliver, sandbox):
    report = deliver(PEOPLE, **BULK, job_rows=12)

    assert {"delivered": 30} == statuses(report)
    assert [6, 12, 12] == sorted(map(len, uploads(sandbox)))


def test_what_a_job_cannot_match_or_name_goes_by_calls(deliver, sandbox):
    deals = [{"Name": f"d{n}", "StageName": "x", "CloseDate": "2026-01-31"} for n in range(20)]
    append = deliver(deals, mode="append", key=None, object="Opportunity", **BULK)
    deliver(PEOPLE, bulk=False)
    update = deliver([{**e, "LastName": "new"} for e in PEOPLE], mode="update", **BULK)

    assert ({"delivered": 20}, {"delivered": 30}) == (statuses(append), statuses(update))
    assert [] == sandbox.salesforce.jobs()


def test_an_update_by_record_ids_goes_as_a_job(deliver, sandbox):
    deliver(PEOPLE, bulk=False)
    ids = [each["Id"] for each in sandbox.salesforce.records("Contact")]
    rows = [{"Id": each, "LastName": "new"} for each in [*ids, "003xx0000000099AAA"]]
    report = deliver(rows, mode="update", key="Id", **BULK)

    assert {"delivered": 30, "skipped": 1} == statuses(report)
    assert {"new"} == {each["LastName"] for each in held(sandbox).values()}
    assert 1 == len(sandbox.salesforce.jobs())


def test_null_clears_and_what_is_unset_is_left_alone(deliver, sandbox):
    deliver(people(30, FirstName="Ada", Title="Dr", Active__c=True), bulk=False)
    rows = [
        {**e, "FirstName": None, **({"Title": "Prof"} if n % 2 else {})}
        for n, e in enumerate(PEOPLE)
    ]
    report = deliver(rows, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert ["Dr", "Prof"] * 15 == [each["Title"] for each in held(sandbox).values()]
    assert all("FirstName" not in each for each in held(sandbox).values())
    assert {True} == {each["Active__c"] for each in sandbox.salesforce.records("Contact")}
    assert {"#N/A"} == {each["FirstName"] for each in uploads(sandbox)[0]}


NASTY = [
    "#N/A",
    'a "quoted", text',
    "two\nlines\r\nand more",
    "=1+1",
    "ünïcödé \U0001f600",
    "x" * 32_001,
]


def test_every_text_arrives_as_it_is_also_what_a_file_could_not_say(deliver, sandbox):
    texts = [*NASTY[:-1], "x" * 31_999]
    rows = [{**each, "Description": texts[n % len(texts)]} for n, each in enumerate(PEOPLE)]
    report = deliver(rows, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert [each["Description"] for each in rows] == [
        held(sandbox)[each[KEY]]["Description"] for each in rows
    ]
    assert 25 == len(uploads(sandbox)[0])


def test_rows_of_one_parent_stand_together(deliver, sandbox):
    accounts = [{KEY: f"a-{n}", "Name": f"a{n}"} for n in range(3)]
    deliver(accounts, object="Account")
    rows = [{**each, "Account.External_Id__c": f"a-{n % 3}"} for n, each in enumerate(PEOPLE)]
    report = deliver(rows, **BULK)
    parents = [each["Account.External_Id__c"] for each in uploads(sandbox)[0]]

    assert {"delivered": 30} == statuses(report)
    assert sorted(parents) == parents
    ids = {each["Id"]: each[KEY] for each in sandbox.salesforce.records("Account")}
    assert {each[KEY]: each["Account.External_Id__c"] for each in rows} == {
        key: ids[each["AccountId"]] for key, each in held(sandbox).items()
    }


def test_a_part_that_failed_is_refused_by_name_and_the_rest_arrives(deliver, sandbox):
    sandbox.salesforce.fail("Contact", "FIELD_CUSTOM_VALIDATION_EXCEPTION", value="p-3")
    rows = [
        {**each, "Email": "none" if n == 5 else f"p{n}@x.example"} for n, each in enumerate(PEOPLE)
    ]
    report = deliver(rows, **BULK)

    assert {"delivered": 28, "rejected": 2} == statuses(report)
    assert {
        "p-3": "field_custom_validation_exception",
        "p-5": "invalid_email_address",
    } == refusals(report)
    assert "Email: invalid email address: none" == next(
        each.message for each in report.rejections if each.key == "p-5"
    )
    assert 28 == len(held(sandbox))


def test_rows_that_stayed_locked_go_by_calls(deliver, sandbox):
    sandbox.salesforce.fail("Contact", "UNABLE_TO_LOCK_ROW", value="p-3")
    report = deliver(PEOPLE, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert (1, 1) == (len(uploads(sandbox)), len(asked(sandbox, "PATCH", "composite")))
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("mode", ["insert", "upsert"])
def test_what_a_job_that_broke_off_has_not_done_goes_by_calls(deliver, sandbox, mode):
    sandbox.salesforce.break_job(after=11)
    report = deliver(PEOPLE, mode=mode, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert 1 == len(uploads(sandbox))
    assert by_key(PEOPLE) == held(sandbox)


def test_an_insert_knows_what_is_there(deliver, sandbox):
    deliver([{**each, "LastName": "old"} for each in PEOPLE[:10]], bulk=False)
    report = deliver(PEOPLE, mode="insert", **BULK)

    assert {"delivered": 20, "skipped": 10} == statuses(report)
    assert 10 == sum(each["LastName"] == "old" for each in held(sandbox).values())


@pytest.mark.parametrize("mode", ["append", "insert", "upsert"])
@pytest.mark.parametrize("kind", ["lose", "reset_after", "reset_before", "truncate", "garbage"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "jobs"),
        ("PUT", "batches"),
        ("PATCH", "jobs"),
        ("GET", "jobs"),
        ("GET", "successfulResults"),
        ("GET", "failedResults"),
    ],
)
def test_no_loss_makes_a_second_upload_or_a_second_record(
    deliver, sandbox, mode, kind, method, path
):
    sandbox.faults.add("salesforce", kind, method=method, path=path, times=2)
    report = deliver(PEOPLE, mode=mode, **BULK)
    done = [each for each in sandbox.salesforce.jobs() if each["state"] != "Open"]

    assert {"delivered": 30} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)
    assert 1 == len(done)


def test_rows_of_one_external_id_that_are_all_appended_go_by_calls(deliver, sandbox):
    rows = [*PEOPLE[:10], {**PEOPLE[3], "LastName": "twin"}, {"LastName": "nameless"}]
    report = deliver(rows, mode="append", key=None, external_id=KEY, **BULK)

    assert {"delivered": 11, "rejected": 1} == statuses(report)
    assert ["duplicate_value"] == list(refusals(report).values())
    assert [9] == [len(each) for each in uploads(sandbox)]
    assert 11 == len(sandbox.salesforce.records("Contact"))


@pytest.mark.parametrize("mode", ["append", "insert", "upsert"])
def test_reasons_that_do_not_come_are_asked_for_by_calls(deliver, sandbox, mode):
    sandbox.faults.add("salesforce", "answer", status=503, path="failedResults", times=None)
    rows = [{**e, "Email": "none" if n == 5 else f"p{n}@x.example"} for n, e in enumerate(PEOPLE)]
    report = deliver(rows, mode=mode, **BULK)

    assert {"delivered": 29, "rejected": 1} == statuses(report)
    assert {"p-5": "invalid_email_address"} == refusals(report)
    assert 29 == len(held(sandbox))


def test_results_that_repeat_long_rows_come_in_one_answer(deliver, sandbox):
    rows = [{**each, "Description": 'ü"' * 15_000} for each in people(400)]
    report = deliver(rows, bulk=100)
    longest = max(len(each.answer) for each in sandbox.requests("salesforce"))

    assert {"delivered": 400} == statuses(report)
    assert 2 == len(sandbox.salesforce.jobs())
    assert 10_000_000 < longest < 16 * 1024 * 1024


def test_an_org_that_takes_no_jobs_gets_calls(deliver, sandbox):
    sandbox.faults.add("salesforce", "answer", status=400, path="jobs/ingest", times=None)
    report = deliver(PEOPLE, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("kind", ["lose", "reset_after", "truncate"])
def test_an_upload_whose_answer_was_lost_is_still_the_jobs(deliver, sandbox, kind):
    sandbox.faults.add("salesforce", kind, method="PUT")
    report = deliver(PEOPLE, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert ["JobComplete"] == [each["state"] for each in sandbox.salesforce.jobs()]
    assert [] == asked(sandbox, "PATCH", "composite")


def crash(sandbox, tmp_path, mode, when, method, skip=0):
    script = Path(__file__).with_name("crashing.py")
    state = str(tmp_path / "state")
    told = [sandbox.url("salesforce"), state, mode, when, method, str(skip)]
    done = subprocess.run([sys.executable, script, *told], check=False, timeout=60)
    assert 9 == done.returncode


@pytest.mark.parametrize("mode", ["append", "mirror"])
@pytest.mark.parametrize(
    ("when", "method", "skip", "before"),
    [
        ("after", "POST", 0, 0),
        ("before", "PUT", 0, 0),
        ("after", "PUT", 0, 1),
        ("before", "PATCH", 0, 1),
        ("after", "PATCH", 0, 1),
        ("before", "GET", 1, 1),
        ("before", "GET", 2, 1),
    ],
)
def test_a_run_that_dies_is_finished_by_its_job_without_a_second_upload(
    deliver, sandbox, tmp_path, mode, when, method, skip, before
):
    crash(sandbox, tmp_path, mode, when, method, skip)
    assert before == len(uploads(sandbox))
    report = deliver(PEOPLE, mode=mode, state=True, **BULK)
    every = [*report.earlier, report]
    used = [each for each in sandbox.salesforce.jobs() if each["state"] != "Open"]

    assert report.ok
    assert all(each.ok for each in every)
    assert 30 == sum(each.delivered for each in every)
    assert by_key(PEOPLE) == held(sandbox)
    assert 1 == len(used)
    assert 30 == used[0]["numberRecordsProcessed"]


@pytest.mark.parametrize("mode", ["append", "mirror"])
def test_a_job_that_cannot_be_asked_for_at_once_waits_for_a_run_that_can(
    deliver, sandbox, tmp_path, mode
):
    crash(sandbox, tmp_path, mode, "after", "PATCH")
    sandbox.faults.add("salesforce", "answer", status=403, path="jobs/ingest/750", times=None)
    deliver(PEOPLE, mode=mode, state=True, **BULK)
    sandbox.faults.clear()
    last = deliver(PEOPLE, mode=mode, state=True, **BULK)

    assert last.ok
    assert 0 == sum(each.rejected for each in [*last.earlier, last])
    assert by_key(PEOPLE) == held(sandbox)
    assert mode == "mirror" or 1 == len(uploads(sandbox))


def test_a_run_that_has_to_stop_leaves_its_job_to_the_next_one(deliver, sandbox):
    sandbox.faults.add(
        "salesforce", "answer", status=401, path="jobs/ingest/750", skip=4, times=None
    )
    first = deliver(PEOPLE, mode="insert", state=True, **BULK)
    sandbox.faults.clear()
    second = deliver(PEOPLE, mode="insert", state=True, **BULK)

    assert (4, {"in_doubt": 30}) == (first.exit_code, statuses(first))
    assert {"delivered": 30} == statuses(second.earlier[0])
    assert {"skipped": 30} == statuses(second)
    assert 1 == len(uploads(sandbox))
    assert by_key(PEOPLE) == held(sandbox)


@pytest.mark.parametrize("mode", ["append", "insert", "upsert"])
def test_a_job_that_somebody_deletes_costs_no_record_its_answer(
    deliver, sandbox, clock, mode, call
):
    clock.then = lambda: [
        call("DELETE", f"jobs/ingest/{each['id']}")
        for each in sandbox.salesforce.jobs()
        if each["state"] == "JobComplete"
    ]
    report = deliver(PEOPLE, mode=mode, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert by_key(PEOPLE) == held(sandbox)


def test_a_job_that_takes_no_rows_is_dropped_for_calls(deliver, sandbox):
    sandbox.faults.add("salesforce", "answer", status=400, method="PUT")
    report = deliver(PEOPLE, **BULK)

    assert {"delivered": 30} == statuses(report)
    assert ["Aborted"] == [each["state"] for each in sandbox.salesforce.jobs()]
    assert by_key(PEOPLE) == held(sandbox)
