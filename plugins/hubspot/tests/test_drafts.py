"""Which record an answer speaks of: in any order, with marks or without, named or only counted."""

from hypothesis import given
from hypothesis import strategies as st

import tailrace
from tailrace_hubspot._drafts import Draft, Match

SCHEMA = tailrace.Schema()
BAD = {"status": "error", "category": "VALIDATION_ERROR", "message": "bad"}


def batch_of(count, action="upsert"):
    records = [tailrace.Record(f"P{n}@x.example", {}) for n in range(count)]
    return tailrace.Batch("b", tailrace.Action(action), SCHEMA, records=records)


def match(batch, by="email"):
    drafts = [Draft(each, str(n), each.key, {}) for n, each in enumerate(batch)]
    return Match("contacts", by, drafts)


def written(n, *, marked=True, named=True):
    mark = {"objectWriteTraceId": str(n)} if marked else {}
    properties = {"email": f"p{n}@x.example"} if named else {}
    return {"id": str(1000 + n), "properties": properties, **mark}


def statuses(found):
    return {int(trace): str(outcome.status) for trace, outcome in found.items()}


@given(st.data())
def test_each_record_gets_its_own_fate_whatever_the_order_and_the_marks(data):
    count = data.draw(st.integers(1, 8))
    bad = data.draw(st.sets(st.integers(0, count - 1)))
    marks = data.draw(st.booleans())
    results = [written(n, marked=marks) for n in range(count) if n not in bad]
    contexts = [
        {"objectWriteTraceId": [str(n)]} if marks else {"ids": [f"p{n}@x.example"]} for n in bad
    ]
    answer = {
        "results": data.draw(st.permutations(results)),
        "errors": data.draw(st.permutations([{**BAD, "context": each} for each in contexts])),
    }
    found = match(batch_of(count)).outcomes(batch_of(count), answer)

    assert statuses(found) == {n: "rejected" if n in bad else "delivered" for n in range(count)}
    assert {n: str(1000 + n) for n in range(count) if n not in bad} == {
        int(trace): each.remote_id for trace, each in found.items() if each.remote_id
    }


def test_an_update_by_ids_is_matched_by_them():
    batch = batch_of(2, "update")
    drafts = [Draft(each, str(n), str(1000 + n), {}) for n, each in enumerate(batch)]
    answer = {"results": [written(1, marked=False), written(0, marked=False)]}
    found = Match("contacts", "", drafts).outcomes(batch, answer)

    assert {"0": "1000", "1": "1001"} == {trace: each.remote_id for trace, each in found.items()}


def test_as_many_results_as_records_say_that_all_arrived():
    answer = {"results": [written(n, marked=False, named=False) for n in range(3)]}

    assert dict.fromkeys(range(3), "delivered") == statuses(
        match(batch_of(3)).outcomes(batch_of(3), answer)
    )


def test_errors_that_name_nobody_are_those_of_the_rest():
    answer = {"results": [written(0)], "errors": [BAD, {**BAD, "message": "worse"}]}
    found = match(batch_of(3)).outcomes(batch_of(3), answer)

    assert {0: "delivered", 1: "rejected", 2: "rejected"} == statuses(found)
    assert "one of these: bad; worse" == found["1"].message


def test_what_cannot_be_told_is_in_doubt():
    for answer in (
        {"results": [written(0, marked=False, named=False)], "errors": [BAD]},
        {"results": [written(0)]},
        {},
    ):
        found = match(batch_of(3)).outcomes(batch_of(3), answer)
        assert "in_doubt" == statuses(found)[2]


def test_what_may_pass_is_tried_again():
    answer = {"results": [], "errors": [{**BAD, "category": "RATE_LIMITS", "context": {"id": "0"}}]}

    assert {0: "failed"} == statuses(match(batch_of(1)).outcomes(batch_of(1), answer))
