"""Faults: what the client sees, and whether the twin acted."""

import pytest
import requests


def send(book, text="x"):
    return book.session.put(
        f"{book.url}/values/A1", params={"valueInputOption": "RAW"}, json={"values": [[text]]}
    )


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_an_answer_fault_refuses_in_the_services_shape(sandbox, book, status):
    sandbox.faults.add("sheets", "answer", status=status, retry_after=7)
    answer = send(book)

    assert answer.status_code == answer.json()["error"]["code"] == status
    assert answer.headers["Retry-After"] == "7"
    assert book.values() == []
    last = [e for e in sandbox.requests("sheets") if e.fault][-1]
    assert (last.fault, last.status, last.applied) == ("answer", status, False)


def test_a_lost_answer_was_applied(sandbox, book):
    sandbox.faults.add("sheets", "lose", status=502)

    assert send(book).status_code == 502
    assert book.values() == [["x"]]


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", []), ("reset_after", [["x"]])])
def test_a_reset_comes_before_or_after_applying(sandbox, book, kind, applied):
    sandbox.faults.add("sheets", kind)
    with pytest.raises(requests.ConnectionError, match="reset"):
        send(book)

    assert book.values() == applied
    assert [e.status for e in sandbox.requests("sheets") if e.fault == kind] == [None]


def test_a_truncated_answer_is_shorter_than_it_says(sandbox, book):
    sandbox.faults.add("sheets", "truncate")
    with pytest.raises(
        (requests.ConnectionError, requests.exceptions.ChunkedEncodingError), match="IncompleteRead"
    ):
        send(book)

    assert book.values() == [["x"]]


def test_garbage_is_no_json(sandbox, book):
    sandbox.faults.add("sheets", "garbage")
    answer = send(book)

    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert book.values() == [["x"]]


def test_latency_is_waited_for_and_combines(sandbox, book):
    sandbox.faults.add("sheets", "latency", seconds=0.05, times=None)
    sandbox.faults.add("sheets", "answer", status=500)

    assert send(book).status_code == 500
    last = sandbox.requests("sheets")[-1]
    assert last.fault == "latency+answer"
    assert last.seconds >= 0.05


def test_a_late_write_is_applied_on_release(sandbox, book):
    sandbox.faults.add("sheets", "late", method="PUT")
    with pytest.raises(requests.ConnectionError):
        send(book, "zombie")
    send(book, "newer")

    assert book.values() == [["newer"]]
    assert sandbox.faults.release() == 1
    assert book.values() == [["zombie"]]
    assert sandbox.faults.release() == 0


def test_a_late_write_is_applied_by_itself_after_its_time(sandbox, book):
    sandbox.faults.add("sheets", "late", seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        send(book, "zombie")
    for _ in range(2000):
        if book.values():
            break

    assert book.values() == [["zombie"]]


def test_times_skip_method_and_path_choose_the_requests(sandbox, book):
    sandbox.faults.add("sheets", "answer", times=2, skip=1, method="PUT", path="/values/A1")
    statuses = [send(book).status_code for _ in range(4)]

    assert statuses == [200, 503, 503, 200]
    assert book.values() == [["x"]]


def test_a_rate_is_drawn_from_a_seed(sandbox, book):
    def run():
        sandbox.faults.clear()
        sandbox.faults.add("sheets", "answer", times=None, rate=0.5, seed=3)
        return [send(book).status_code for _ in range(20)]

    first = run()
    assert first == run()
    assert set(first) == {200, 503}


def test_clear_disarms(sandbox, book):
    sandbox.faults.add("sheets", "answer", times=None)
    sandbox.faults.clear()

    assert send(book).status_code == 200


def test_unknown_twins_and_kinds_are_refused(sandbox):
    with pytest.raises(ValueError, match="no twin 'nope'; there are: sheets"):
        sandbox.faults.add("nope", "answer")
    with pytest.raises(ValueError, match="no fault 'nope'"):
        sandbox.faults.add("sheets", "nope")
