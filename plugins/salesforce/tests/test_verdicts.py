"""What Salesforce says of a record, in both of its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailrace
from tailrace_salesforce._api import _results
from tailrace_salesforce._verdicts import Verdict


@pytest.mark.parametrize(
    ("line", "code", "said", "fields"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
            True,
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: Ext__c duplicates value on record with id: 003:--",
            "DUPLICATE_VALUE",
            "duplicate value found: Ext__c duplicates value on record with id: 003",
            False,
        ),
        ("A_CODE:said:A__c,B__c --", "A_CODE", "said", True),
        ("A_CODE:at 12:30 --", "A_CODE", "at 12:30", False),
        ("A_CODE:", "A_CODE", "A_CODE:", False),
        ("A_CODE", "A_CODE", "A_CODE", False),
        ("", "REFUSED", "no reason given", False),
    ],
)
def test_a_jobs_error_is_code_message_and_fields(line, code, said, fields):
    assert Verdict(None, code, said, fields) == Verdict.of_line(line)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ({"id": "003", "success": True, "errors": []}, Verdict("003")),
        ({"success": False, "errors": []}, Verdict(None, "REFUSED", "REFUSED")),
        ({"success": False}, Verdict(None, "REFUSED", "REFUSED")),
        ({"success": "true", "id": "003"}, Verdict(None, "REFUSED", "REFUSED")),
        (
            {"success": False, "errors": [{"statusCode": "X", "message": "m", "fields": ["A"]}]},
            Verdict(None, "X", "m", True),
        ),
    ],
)
def test_a_result_that_does_not_say_success_is_a_refusal(result, verdict):
    assert verdict == Verdict.of(result)


@pytest.mark.parametrize(
    ("action", "code", "fields", "status"),
    [
        ("update", "INVALID_CROSS_REFERENCE_KEY", False, "skipped"),
        ("update", "INVALID_CROSS_REFERENCE_KEY", True, "rejected"),
        ("update", "ENTITY_IS_DELETED", False, "skipped"),
        ("delete", "ENTITY_IS_DELETED", False, "delivered"),
        ("upsert", "ENTITY_IS_DELETED", False, "rejected"),
        ("upsert", "UNABLE_TO_LOCK_ROW", False, "failed"),
        ("upsert", "DUPLICATES_DETECTED", False, "rejected"),
        ("upsert", "A_CODE_OF_TOMORROW", False, "rejected"),
    ],
)
def test_what_is_gone_is_no_refusal_unless_it_is_what_a_field_names(action, code, fields, status):
    record = tailrace.Record("a", {})
    batch = tailrace.Batch("b", tailrace.Action(action), tailrace.Schema(), records=[record])

    assert status == Verdict(None, code, "said", fields).outcome(batch, record).status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["id", "success", "errors", "statusCode", "message", "fields"])
RESULTS = st.dictionaries(FIELDS, JSON | st.lists(st.dictionaries(FIELDS, JSON), max_size=3))


@given(RESULTS)
def test_whatever_a_result_is_it_is_read_and_only_success_is_one(result):
    verdict = Verdict.of(result)

    assert (not verdict.code) == (result.get("success") is True)
    assert verdict.said or not verdict.code


@given(st.text())
def test_whatever_a_jobs_error_is_it_is_a_refusal(line):
    assert Verdict.of_line(line).code
    assert Verdict.of_line(line).said


@given(st.lists(JSON, max_size=3) | JSON, st.integers(0, 3))
def test_an_answer_that_does_not_tell_of_each_record_tells_nothing(told, count):
    whole = isinstance(told, list) and len(told) == count
    if whole and all(isinstance(each, dict) for each in told):
        assert told == _results(told, count)
        return
    with pytest.raises(tailrace.UnansweredError):
        _results(told, count)
