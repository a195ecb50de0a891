"""Attempts and delivery: whatever a writer does, every record has exactly one outcome."""

import logging
import threading
from collections import Counter
from math import ceil, log2

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._engine.attempts import Attempts
from tailrace._engine.crew import Crew
from tailrace._engine.delivery import BUGS_IN_A_ROW, Delivery
from tailrace._engine.flow import Parcel
from tailrace._engine.gate import Gate
from tailrace._engine.http import Client
from tailrace._engine.ledger import Ledger
from tailrace._engine.ratelimit import Pace
from tailrace._engine.retry import ATTEMPTS, PATIENCE
from tailrace.errors import (
    ConfigError,
    FatalError,
    PendingError,
    PreflightError,
    RejectedError,
    RetryableError,
    UnansweredError,
    UnsentError,
)
from tailrace.outcomes import Outcome, Status
from tailrace.records import Action, Batch, Record
from tailrace.schema import Field, Schema
from tailrace.testing import FakeClock, MemoryDestination

from .conftest import RESET, Say

PLAIN = Schema([Field("id")])
KEYED = Schema([Field("id")], ["id"])


@pytest.fixture(autouse=True)
def silence(caplog):
    # Bugs of plugins are logged with their tracebacks; here they are wanted.
    caplog.set_level(logging.CRITICAL, "tailrace")


def make_batches(sizes, schema=PLAIN, action=Action.APPEND):
    key = 0
    batches = []
    for number, size in enumerate(sizes):
        records = [Record(key + at, {"id": key + at}) for at in range(size)]
        key += size
        batches.append(Batch(f"b-{number}", action, schema, records=records))
    return batches


def parcel(batch, more=False):
    return Parcel(batch, [record.key for record in batch], more=more)


@attrs.define(eq=False)
class Noting(Ledger):
    """A ledger that notes how many intents it was asked to keep at once."""

    intents: list[int] = attrs.field(factory=list)

    def intend(self, *parcels):
        self.intents.append(len(parcels))
        super().intend(*parcels)


class Delivered:
    """Batches that went through a delivery, and what the ledger holds of them."""

    def __init__(
        self,
        destination,
        batches,
        *,
        in_flight=1,
        takes_http=False,
        writer=None,
        clock=None,
        ready=False,
    ):
        self.clock = clock or FakeClock()
        self.ledger = Noting()
        self.client = Client(Pace(self.clock), self.clock)
        self.outcomes = {}
        self.batches = list(batches)
        writer = writer or destination
        self.delivery = Delivery(
            writer,
            Attempts(writer, destination.spec, self.client, self.clock, takes_http),
            self.ledger,
            self.clock,
            Gate(in_flight, in_flight),
            observe=self._observe,
        )
        more = [ready] * (len(self.batches) - 1) + [False]
        self.delivery.run(map(parcel, self.batches, more))
        self.client.close()
        self.ledger.check(sum(map(len, self.batches)))

    def _observe(self, batch, outcomes):
        for outcome in outcomes:
            assert outcome.key not in self.outcomes
            self.outcomes[outcome.key] = outcome

    @property
    def words(self):
        return [str(self.outcomes[key].status) for key in sorted(self.outcomes)]

    @property
    def counts(self):
        return {str(status): count for status, count in self.ledger.account.counts.items() if count}


def told(*statuses):
    """Answer for the first records of a batch with these statuses, and for the others not at all."""
    return lambda batch: [
        Outcome(record.key, status) for record, status in zip(batch, statuses, strict=False)
    ]


STEPS = st.one_of(
    st.none(),
    st.builds(RetryableError, st.just("later"), st.sampled_from([None, 0, 3, -1, "7", "x"])),
    st.builds(RetryableError, st.just("much later"), st.just(1e6)),
    st.builds(PendingError, st.just("at work"), st.sampled_from([None, 0, 3, "x"])),
    st.builds(RejectedError, st.just("refused")),
    st.builds(UnansweredError, st.just("lost"), spent=st.booleans()),
    st.builds(UnsentError, st.just("not sent")),
    st.builds(FatalError, st.just("no login")),
    st.builds(ValueError, st.just("a bug")),
    st.builds(ConfigError, st.just("misused")),
    st.lists(st.sampled_from(Status), max_size=4).map(lambda statuses: told(*statuses)),
    st.sampled_from(["text", 5, [None], [Outcome("strange", "delivered")], []]).map(
        lambda answer: lambda batch: answer
    ),
)
LOOKUPS = st.sampled_from(
    [
        None,
        lambda batch: [],
        lambda batch: None,
        lambda batch: 1 / 0,
        lambda batch: [Outcome(record.key, "delivered") for record in batch],
        lambda batch: [Outcome(batch.records[0].key, "failed")],
        lambda batch: [Outcome("strange", "delivered")],
    ]
)
CLASSES = st.sampled_from(["idempotent", "keyed", "probe", "at_most_once"])


@given(
    st.lists(st.integers(1, 4), max_size=8),
    st.lists(STEPS, max_size=12),
    CLASSES,
    LOOKUPS,
    st.integers(1, 4),
    st.booleans(),
)
def test_every_record_has_exactly_one_outcome_whatever_happens(
    sizes, script, delivery, lookup, in_flight, takes_http
):
    destination = MemoryDestination(script, delivery=delivery)
    if lookup is not None:
        destination.lookup = lookup
    delivered = Delivered(
        destination, make_batches(sizes), in_flight=in_flight, takes_http=takes_http
    )

    keys = [record.key for batch in delivered.batches for record in batch]
    assert sorted(keys) == sorted(delivered.outcomes)
    assert sum(sizes) == sum(delivered.ledger.account.counts.values())
    called = {key for key, each in delivered.outcomes.items() if each.status == "delivered"}
    if lookup is None:
        assert called <= set(destination.keys)


@given(
    st.lists(st.integers(1, 4), max_size=6),
    st.lists(STEPS.filter(lambda step: step is None or isinstance(step, Exception)), max_size=8),
    st.integers(1, 3),
)
def test_what_is_at_most_once_is_never_taken_twice(sizes, script, in_flight):
    destination = MemoryDestination(script)
    Delivered(destination, make_batches(sizes), in_flight=in_flight)

    assert not [key for key, count in Counter(destination.keys).items() if count > 1]


@given(st.integers(1, 64), st.data())
def test_a_refused_batch_is_split_until_only_the_bad_are_refused(size, data):
    bad = set(data.draw(st.lists(st.integers(0, size - 1), max_size=5)))
    destination = MemoryDestination(refuses=bad)
    delivered = Delivered(destination, make_batches([size]))

    assert set(range(size)) - bad == set(destination.keys)
    assert bad == {rejection.key for rejection in delivered.ledger.account.rejections}
    assert len(destination.writes) <= 2 * len(bad) * ceil(log2(size)) + 1
    assert sorted(destination.keys) == destination.keys


def test_each_part_of_a_split_batch_has_a_name_of_its_own():
    destination = MemoryDestination(refuses={1})
    Delivered(destination, make_batches([4]))

    assert ["b-0", "b-0/0", "b-0/0/0", "b-0/0/1", "b-0/1"] == [
        batch.id for batch in destination.writes
    ]


def test_a_refusal_keeps_its_reason():
    script = [RejectedError("no such field", reason="http_400"), RejectedError("bad")]
    delivered = Delivered(MemoryDestination(script), make_batches([1, 1]))

    assert [(0, "http_400", "no such field"), (1, "rejected", "bad")] == [
        tuple(each) for each in delivered.ledger.account.rejections
    ]


@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "probe", "at_most_once"])
def test_what_was_not_executed_is_sent_again_after_the_wait_that_was_asked_for(delivery):
    destination = MemoryDestination([RetryableError("later", 30.0)], delivery=delivery)
    delivered = Delivered(destination, make_batches([2]))

    assert ["delivered"] * 2 == delivered.words
    assert ([30.0], [0, 1]) == (delivered.clock.sleeps, destination.keys)
    assert ["b-0", "b-0"] == [batch.id for batch in destination.writes]


@pytest.mark.parametrize("delivery", ["idempotent", "keyed", "probe", "at_most_once"])
def test_what_a_service_is_at_work_on_is_asked_for_until_it_is_done(delivery):
    script = [PendingError("at work", 20.0)] * (3 * ATTEMPTS)
    destination = MemoryDestination(script, delivery=delivery)
    delivered = Delivered(destination, make_batches([2]))

    assert ["delivered"] * 2 == delivered.words
    assert [20.0] * (3 * ATTEMPTS) == delivered.clock.sleeps
    assert {"b-0"} == {batch.id for batch in destination.writes}
    assert 0 == delivered.client.counters.retries


@pytest.mark.parametrize(
    "end", [FatalError("no calls left"), UnansweredError("lost", spent=True), ValueError("a bug")]
)
@pytest.mark.parametrize("delivery", ["idempotent", "probe"])
def test_what_a_service_is_still_at_work_on_is_left_to_the_next_run(delivery, end):
    destination = MemoryDestination([PendingError("at work"), end], delivery=delivery)
    delivered = Delivered(destination, make_batches([2]))

    assert ["in_doubt"] * 2 == delivered.words
    assert delivered.ledger.left_open


def test_a_stop_leaves_what_a_service_is_at_work_on():
    clock = FakeClock()

    def stop(_):
        clock.stop()
        raise PendingError("at work")

    delivered = Delivered(
        MemoryDestination([stop], delivery="idempotent"), make_batches([2]), clock=clock
    )

    assert ["in_doubt"] * 2 == delivered.words
    assert delivered.ledger.left_open


def test_what_is_never_executed_fails_after_all_attempts():
    destination = MemoryDestination([RetryableError("later")] * ATTEMPTS)
    delivered = Delivered(destination, make_batches([1, 1]))

    assert ["failed", "delivered"] == delivered.words
    assert ATTEMPTS + 1 == len(destination.writes)
    assert delivered.clock.sleeps == sorted(delivered.clock.sleeps)


def test_a_wish_beyond_patience_stops_the_run():
    destination = MemoryDestination([RetryableError("quota", PATIENCE + 1)])
    delivered = Delivered(destination, make_batches([2, 2]))

    assert (["failed"] * 4, 1) == (delivered.words, len(destination.writes))
    assert "quota: it asks to wait 60 minutes" in delivered.delivery.halt.why


def test_after_a_fatal_error_nothing_more_is_sent():
    destination = MemoryDestination([None, FatalError("the login expired")])
    delivered = Delivered(destination, make_batches([1, 2, 1, 1]))

    assert ["delivered", "failed", "failed", "failed", "failed"] == delivered.words
    assert 2 == len(destination.writes)
    assert "not sent: the login expired" == delivered.outcomes[4].message
    assert "the login expired" == delivered.delivery.halt.why


def test_a_fatal_error_ends_the_splitting_of_a_batch():
    destination = MemoryDestination([RejectedError("bad"), FatalError("no login")])
    delivered = Delivered(destination, make_batches([4]))

    assert (["failed"] * 4, 2) == (delivered.words, len(destination.writes))


@pytest.mark.parametrize(
    ("delivery", "words", "writes"),
    [
        ("idempotent", ["delivered"] * 2, 2),
        ("keyed", ["in_doubt"] * 2, 1),
        ("probe", ["in_doubt"] * 2, 1),
        ("at_most_once", ["in_doubt"] * 2, 1),
    ],
)
def test_a_lost_answer_is_sent_again_only_where_that_does_no_harm(delivery, words, writes):
    destination = MemoryDestination([UnansweredError("lost")], delivery=delivery)
    delivered = Delivered(destination, make_batches([2]))

    assert (words, writes) == (delivered.words, len(destination.writes))


def test_an_answer_that_was_lost_often_enough_is_not_sent_again():
    destination = MemoryDestination([UnansweredError("lost", spent=True)], delivery="idempotent")
    delivered = Delivered(destination, make_batches([1]))

    assert (["failed"], 1) == (delivered.words, len(destination.writes))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["delivered", "delivered"], ["delivered", "delivered"]),
        (["delivered"], ["delivered", "in_doubt"]),
        ([], ["in_doubt", "in_doubt"]),
        (["in_doubt", "rejected"], ["in_doubt", "rejected"]),
        (["skipped", "delivered"], ["skipped", "delivered"]),
    ],
)
def test_a_record_without_an_answer_is_in_doubt(answer, words):
    delivered = Delivered(MemoryDestination([told(*answer)]), make_batches([2]))

    assert words == delivered.words


def test_a_record_in_doubt_is_sent_again_alone_where_that_does_no_harm():
    destination = MemoryDestination([told("delivered")], delivery="idempotent")
    delivered = Delivered(destination, make_batches([3]))

    assert ["delivered"] * 3 == delivered.words
    assert [[0, 1, 2], [1, 2]] == [[record.key for record in batch] for batch in destination.writes]


def test_answers_for_strangers_change_nothing():
    script = [[Outcome("who", "rejected"), Outcome(0, "delivered"), Outcome(1, "delivered")]]

    assert ["delivered"] * 2 == Delivered(MemoryDestination(script), make_batches([2])).words


def test_the_same_answer_twice_is_one_and_two_that_differ_are_a_doubt():
    script = [
        [
            Outcome(0, "delivered"),
            Outcome(0, "delivered"),
            Outcome(1, "delivered"),
            Outcome(1, "rejected"),
        ]
    ]
    delivered = Delivered(MemoryDestination(script), make_batches([2]))

    assert ["delivered", "in_doubt"] == delivered.words
    assert "two_outcomes" == delivered.outcomes[1].reason


def test_records_that_failed_alone_are_tried_again_alone():
    destination = MemoryDestination(
        [told("delivered", "failed", "rejected", "failed"), told("failed", "delivered")]
    )
    delivered = Delivered(destination, make_batches([4]))

    assert ["delivered", "delivered", "rejected", "delivered"] == delivered.words
    assert [[0, 1, 2, 3], [1, 3], [1]] == [
        [record.key for record in batch] for batch in destination.writes
    ]


@pytest.mark.parametrize(
    ("delivery", "takes_http", "word"),
    [
        ("at_most_once", False, "in_doubt"),
        ("at_most_once", True, "failed"),
        ("keyed", False, "in_doubt"),
        ("idempotent", False, "failed"),
    ],
)
def test_a_bug_is_in_doubt_unless_nothing_began_or_a_repeat_does_no_harm(
    delivery, takes_http, word
):
    destination = MemoryDestination([KeyError("x")], delivery=delivery)
    delivered = Delivered(destination, make_batches([2, 1]), takes_http=takes_http)

    assert [word, word, "delivered"] == delivered.words
    assert "KeyError: 'x'" == delivered.outcomes[0].message


def test_a_bug_after_a_request_is_in_doubt(service):
    def write(batch):
        delivered_http.post("/x", json=batch.rows())
        raise KeyError("x")

    clock = FakeClock()
    client = Client(Pace(clock), clock)
    delivered_http = client.http().using(base_url=service.url)
    destination = MemoryDestination([write])
    (batch,) = make_batches([1])
    outcomes, trouble = Attempts(destination, destination.spec, client, clock, True).deliver(batch)
    client.close()

    assert ["in_doubt"] == [outcome.status for outcome in outcomes]
    assert "KeyError: 'x'" == trouble.bug


@pytest.mark.parametrize(
    ("script", "delivery", "word", "requests"),
    [
        ([Say(200)], "at_most_once", "delivered", 1),
        ([Say(400)], "at_most_once", "rejected", 1),
        ([Say(500)], "at_most_once", "in_doubt", 1),
        ([RESET], "at_most_once", "in_doubt", 1),
        ([Say(500)] * 20, "idempotent", "failed", ATTEMPTS),
        ([Say(500)] * 20, "keyed", "in_doubt", ATTEMPTS),
        ([Say(401)], "at_most_once", "failed", 1),
        ([RESET, Say(401)], "keyed", "in_doubt", 2),
        ([Say(302)], "at_most_once", "in_doubt", 1),
        ([Say(429), Say(200)], "at_most_once", "delivered", 2),
    ],
)
def test_what_a_service_answers_becomes_the_outcome(service, script, delivery, word, requests):
    service.say(*script)
    clock = FakeClock()
    client = Client(Pace(clock), clock)
    http = client.http().using(base_url=service.url)
    destination = MemoryDestination(
        [lambda batch: http.post("/x", json=batch.rows(), idempotency_key=batch.id) and None],
        delivery=delivery,
    )
    (batch,) = make_batches([1])
    ((outcome,), _) = Attempts(destination, destination.spec, client, clock, True).deliver(batch)
    client.close()

    assert (word, requests) == (outcome.status, len(service.seen))


def test_a_few_bugs_in_a_row_stop_the_run():
    destination = MemoryDestination([KeyError("x")] * 10, delivery="idempotent")
    delivered = Delivered(destination, make_batches([1] * 10))

    assert BUGS_IN_A_ROW == len(destination.writes)
    assert "failed 3 times in a row: KeyError" in delivered.delivery.halt.why


def test_bugs_now_and_then_stop_nothing():
    destination = MemoryDestination([KeyError("x"), KeyError("x"), None] * 3)
    delivered = Delivered(destination, make_batches([1] * 9))

    assert {"in_doubt": 6, "delivered": 3} == delivered.counts


@pytest.mark.parametrize("answer", ["text", 5, {"a": 1}, iter([]), [None], ["delivered"]])
def test_an_answer_that_is_none_is_a_bug(answer):
    delivered = Delivered(MemoryDestination([lambda batch: answer]), make_batches([1]))

    assert ["in_doubt"] == delivered.words
    assert "TypeError: write() gave a" in delivered.outcomes[0].message


@pytest.mark.parametrize(
    ("lookup", "words"),
    [
        (lambda batch: [Outcome(0, "delivered"), Outcome(1, "failed")], ["delivered", "failed"]),
        (lambda batch: (each for each in [Outcome(0, "delivered")]), ["delivered", "in_doubt"]),
        (lambda batch: [], ["in_doubt", "in_doubt"]),
        (lambda batch: None, ["in_doubt", "in_doubt"]),
        (lambda batch: 1 / 0, ["in_doubt", "in_doubt"]),
        (lambda batch: [Outcome("who", "delivered")], ["in_doubt", "in_doubt"]),
    ],
    ids=["all", "some", "none", "nothing", "bug", "stranger"],
)
@pytest.mark.parametrize("step", [UnansweredError("lost"), KeyError("x")])
def test_what_is_in_doubt_is_looked_up(lookup, words, step):
    destination = MemoryDestination([step], delivery="probe")
    destination.lookup = lookup
    if isinstance(step, UnansweredError):
        # What is known to be missing is sent again at once; a bug is not repeated.
        words = [word.replace("failed", "delivered") for word in words]

    assert words == Delivered(destination, make_batches([2])).words


def test_what_a_lookup_finds_missing_after_a_whole_answer_is_sent_again():
    destination = MemoryDestination([told()], delivery="probe")
    destination.lookup = told("delivered", "failed")
    delivered = Delivered(destination, make_batches([2]))

    assert ["delivered"] * 2 == delivered.words
    assert [[0, 1], [1]] == [[record.key for record in batch] for batch in destination.writes]


def test_a_lookup_that_fails_leaves_the_doubt():
    def lookup(batch):
        raise UnansweredError("lost again")

    destination = MemoryDestination([UnansweredError("lost")], delivery="probe")
    destination.lookup = lookup

    assert ["in_doubt"] == Delivered(destination, make_batches([1])).words


def test_only_what_is_in_doubt_is_looked_up():
    asked = []
    destination = MemoryDestination([told("delivered")], delivery="probe")
    destination.lookup = lambda batch: asked.append((batch.id, [each.key for each in batch])) or []
    Delivered(destination, make_batches([2]))

    assert [("b-0", [1])] == asked


def test_nothing_is_looked_up_for_another_class():
    destination = MemoryDestination([UnansweredError("lost")])
    destination.lookup = lambda batch: [Outcome(0, "delivered")]

    assert ["in_doubt"] == Delivered(destination, make_batches([1])).words


@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_never_more_batches_are_in_flight_than_allowed(in_flight, monkeypatch):
    monkeypatch.setattr("tailrace._engine.crew._QUICK", 0.0)
    reached = threading.Barrier(in_flight)
    full = in_flight * 3

    def write(batch):
        reached.wait(10)

    destination = MemoryDestination([write] * full)
    delivered = Delivered(destination, make_batches([1] * full), in_flight=in_flight)

    assert in_flight == destination.most_in_flight
    assert {"delivered": full} == delivered.counts


def test_records_of_one_key_keep_their_order_with_many_batches_in_flight():
    batches = [
        Batch(f"b-{at}", Action.APPEND, KEYED, records=[Record(at % 3, {"id": at % 3, "v": at})])
        for at in range(60)
    ]
    destination = MemoryDestination()
    ledger, clock = Ledger(), FakeClock()
    client = Client(Pace(clock), clock)
    attempts = Attempts(destination, destination.spec, client, clock, False)
    Delivery(destination, attempts, ledger, clock, Gate(8, 8)).run(map(parcel, batches))
    ledger.check(60)

    for key in range(3):
        versions = [row["v"] for row in destination.rows if row["id"] == key]
        assert list(range(key, 60, 3)) == versions


def test_room_is_made_in_order_before_anything_is_sent():
    events = []

    class Writer(MemoryDestination):
        def reserve(self, batch):
            events.append(f"reserve {batch.id}")
            return [len(events)]

    destination = Writer([lambda batch: events.append(f"write {batch.id}")] * 3)
    delivered = Delivered(destination, make_batches([1, 1, 1]))

    assert ["reserve b-0", "write b-0", "reserve b-1", "write b-1", "reserve b-2", "write b-2"] == (
        events
    )
    assert [[1], [3], [5]] == [batch.reservation for batch in destination.writes]
    assert {"delivered": 3} == delivered.counts


@pytest.mark.parametrize(
    "error",
    [
        FatalError("no room"),
        RejectedError("no room"),
        UnansweredError("no room"),
        PreflightError("no room"),
        ConfigError("no room"),
        KeyError("no room"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_batch_that_finds_no_room_is_not_sent_and_nothing_after_it(error):
    class Writer(MemoryDestination):
        calls = 0

        def reserve(self, batch):
            self.calls += 1
            if self.calls == 2:
                raise error

    destination = Writer()
    delivered = Delivered(destination, make_batches([1, 2, 1]), in_flight=2)

    assert ["delivered", "failed", "failed", "failed"] == delivered.words
    assert (2, 1) == (destination.calls, len(destination.writes))
    assert "no room" in delivered.delivery.halt.why


def test_a_stop_lets_what_is_in_flight_end_and_sends_nothing_more():
    clock = FakeClock()
    destination = MemoryDestination([None, lambda batch: clock.stop()])
    delivered = Delivered(destination, make_batches([1, 1, 2]), clock=clock)

    assert ["delivered", "delivered", "failed", "failed"] == delivered.words
    assert "not sent: the run was asked to stop" == delivered.outcomes[3].message


def test_a_stop_ends_the_splitting_of_a_batch():
    clock = FakeClock()

    def refuse(batch):
        clock.stop()
        raise RejectedError("bad")

    destination = MemoryDestination([refuse])
    delivered = Delivered(destination, make_batches([4]), clock=clock)

    assert (["failed"] * 4, 1) == (delivered.words, len(destination.writes))


def test_a_stop_ends_the_repeats():
    clock = FakeClock()

    def later(batch):
        clock.stop()
        raise RetryableError("later", 5)

    destination = MemoryDestination([later])
    delivered = Delivered(destination, make_batches([1]), clock=clock)

    assert (["failed"], 1) == (delivered.words, len(destination.writes))


@pytest.mark.parametrize(
    ("delivery", "words", "paths"),
    [
        # A refusal after an accepted request: the halves would repeat what was accepted.
        ("at_most_once", ["in_doubt"] * 2, ["/0", "/1"]),
        ("idempotent", ["delivered", "rejected"], ["/0", "/1", "/0", "/1"]),
    ],
)
def test_a_refusal_after_an_accepted_request_splits_only_where_a_repeat_does_no_harm(
    service, delivery, words, paths
):
    service.usual = lambda seen: Say(400) if seen.path == "/1" else Say()
    clock = FakeClock()
    client = Client(Pace(clock), clock)
    http = client.http().using(base_url=service.url)

    def write(batch):
        for record in batch:
            http.post(f"/{record.key}", json=dict(record.values))

    destination = MemoryDestination([write] * 10, delivery=delivery)
    (batch,) = make_batches([2])
    outcomes, _ = Attempts(destination, destination.spec, client, clock, True).deliver(batch)
    client.close()

    assert words == [outcome.status for outcome in outcomes]
    assert paths == [seen.path for seen in service.seen]


@pytest.mark.parametrize("delivery", ["at_most_once", "keyed"])
def test_a_refusal_that_the_one_answer_tells_of_is_split(service, delivery):
    clock = FakeClock()
    client = Client(Pace(clock), clock)
    http = client.http().using(base_url=service.url)

    def write(batch):
        http.post("/all", json=batch.rows(), idempotency_key=batch.id)
        if any(record.key == 1 for record in batch):
            raise RejectedError("one of these is bad")

    destination = MemoryDestination([write] * 10, delivery=delivery)
    (batch,) = make_batches([4])
    outcomes, _ = Attempts(destination, destination.spec, client, clock, True).deliver(batch)
    client.close()

    assert [outcome.status for outcome in outcomes] == [
        "delivered",
        "rejected",
        "delivered",
        "delivered",
    ]


def test_a_plugin_that_exits_or_panics_costs_no_record_its_answer():
    delivered = Delivered(MemoryDestination([SystemExit(3)]), make_batches([2, 1]))

    assert {"in_doubt": 2, "delivered": 1} == delivered.counts


def test_what_has_come_back_is_heard_before_the_next_batch_goes(monkeypatch):
    class Inline(Crew):
        def give(self, task):
            result = self.work(task)
            self.claim(result)
            self.close(result)
            self.busy += 1
            self._put(result)

    monkeypatch.setattr("tailrace._engine.delivery.Crew", Inline)
    destination = MemoryDestination([FatalError("the key was revoked")])
    delivered = Delivered(destination, make_batches([1] * 5), in_flight=4)

    assert 1 == len(destination.writes)
    assert {"failed": 5} == delivered.counts


def test_an_interrupt_ends_the_waits_of_what_is_in_flight():
    def interrupted():
        yield from make_batches([1])
        raise KeyboardInterrupt

    clock = FakeClock()
    ledger = Ledger()
    client = Client(Pace(clock), clock)
    destination = MemoryDestination([RetryableError("later", 600)] * ATTEMPTS)
    attempts = Attempts(destination, destination.spec, client, clock, False)
    with pytest.raises(KeyboardInterrupt):
        Delivery(destination, attempts, ledger, clock, Gate(1, 1)).run(map(parcel, interrupted()))

    assert clock.stopping
    ledger.check(1)


@pytest.fixture
def quick(monkeypatch):
    """Call whatever a test's destination does quick, so that it is done on the spot."""

    class Quick(Crew):
        def __enter__(self):
            self._quick = True
            return super().__enter__()

    monkeypatch.setattr("tailrace._engine.crew._QUICK", 1e9)
    monkeypatch.setattr("tailrace._engine.delivery.Crew", Quick)


@pytest.mark.parametrize(("in_flight", "intents"), [(8, [8, 8]), (3, [3, 3, 3, 3, 3, 1])])
def test_intents_of_as_many_as_may_be_in_flight_are_kept_together(quick, in_flight, intents):
    batches = make_batches([2] * 16)
    delivered = Delivered(MemoryDestination(), batches, in_flight=in_flight, ready=True)

    assert intents == delivered.ledger.intents
    assert {"delivered": 32} == delivered.counts


def test_a_writer_that_makes_room_for_each_batch_has_each_intent_kept_alone(quick):
    class Roomy(MemoryDestination):
        def reserve(self, batch):
            return {"for": batch.id}

    delivered = Delivered(Roomy(), make_batches([1] * 5), in_flight=4, ready=True)

    assert [1] * 5 == delivered.ledger.intents


@pytest.mark.parametrize("in_flight", [1, 4, 20])
def test_what_is_ready_is_not_sent_after_a_fatal_answer(quick, in_flight):
    destination = MemoryDestination([None, None, FatalError("the key was revoked")])
    delivered = Delivered(destination, make_batches([1] * 20), in_flight=in_flight, ready=True)

    assert 3 == len(destination.writes)
    assert ["delivered"] * 2 + ["failed"] * 18 == delivered.words


def test_what_is_ready_is_not_sent_after_a_stop(quick):
    clock = FakeClock()

    def stop(_batch):
        clock.stop()

    destination = MemoryDestination([None, None, stop])
    delivered = Delivered(
        destination, make_batches([1] * 30), in_flight=10, ready=True, clock=clock
    )

    assert ["delivered"] * 3 + ["failed"] * 27 == delivered.words[:30]
    assert "not sent: the run was asked to stop" == delivered.outcomes[29].message


def test_what_is_ready_when_a_run_is_interrupted_was_not_sent(quick):
    clock, ledger, sent = FakeClock(), Noting(), []
    client = Client(Pace(clock), clock)

    def interrupt(batch):
        sent.append(batch.id)
        raise KeyboardInterrupt

    destination = MemoryDestination([None] * 8 + [interrupt])
    attempts = Attempts(destination, destination.spec, client, clock, False)
    parcels = [parcel(each, number % 8 < 7) for number, each in enumerate(make_batches([1] * 24))]
    with pytest.raises(KeyboardInterrupt):
        Delivery(destination, attempts, ledger, clock, Gate(8, 8)).run(parcels)
    ledger.check(16)

    assert ["b-8"] == sent
    assert [8, 8] == ledger.intents
    counts = {str(status): count for status, count in ledger.account.counts.items() if count}
    assert {"delivered": 8, "in_doubt": 1, "failed": 7} == counts
