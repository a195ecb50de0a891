"""A batch that is refused whole is split until only its bad records are, in few requests."""

import json
import logging
import math
import os
import random
from contextlib import contextmanager
from types import SimpleNamespace

import attrs
import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace._engine.wire import Wire
from tailrace.errors import RejectedError
from tailrace.http import Answer
from tailrace.testing import FakeClock

from .ledgered import CLASSES, Service
from .states import DIED, FULL, in_child

CASES = 2000 if FULL else 150
MODES = ("append", "upsert", "insert")
STATUSES = ("delivered", "skipped", "rejected", "failed", "in_doubt")


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level(logging.CRITICAL, "tailrace")


@attrs.define(eq=False)
class Picky:
    """Refuse each batch that has a bad record; to one idempotency key, say the same for ever."""

    bad: set
    delivery: str = "idempotent"
    reason: object = lambda key: "bad"
    asked: list = attrs.field(factory=list)
    taken: list = attrs.field(factory=list)
    said: dict = attrs.field(factory=dict)

    def write(self, batch):
        self.asked.append(batch.id)
        known = self.said.get(batch.id) if self.delivery == "keyed" else None
        bad = [each.key for each in batch if each.key in self.bad] if known is None else known
        self.said[batch.id] = bad
        if bad:
            raise RejectedError(f"record {bad[0]} is bad", reason=self.reason(bad[0]))
        if known is None:
            self.taken += [each.key for each in batch]

    def spec(self, batch_size):
        @contextmanager
        def opened(options):
            yield SimpleNamespace(write=self.write)

        return tailrace.DestinationSpec(open=opened, **declared(self.delivery, batch_size))


def declared(delivery, batch_size):
    return {"modes": MODES, "delivery": delivery, "batch_size": batch_size, "max_in_flight": 1}


def run(destination, count, state=None, mode="upsert", turn=1):
    sync = tailrace.Sync(
        source=[{"id": each} for each in range(count)],
        destination=destination,
        name="case",
        mode=mode,
        key="id",
        state=state,
    )
    return execute(prepare(sync), FakeClock(now=1000.0 * turn))


def bound(size, bad):
    """Give the most requests that a batch with so many bad records may take."""
    return 2 * bad * math.ceil(math.log2(size)) + 1


def counts(report):
    return {name: getattr(report, name) for name in STATUSES if getattr(report, name)}


def arrived(size, bad):
    """Give the counts where all but the bad ones arrived."""
    told = {"delivered": size - len(bad), "rejected": len(bad)}
    return {name: count for name, count in told.items() if count}


@pytest.mark.parametrize("seed", range(CASES))
def test_exactly_the_bad_are_refused_and_the_good_arrive_once(seed, tmp_path):
    chance = random.Random(seed)
    size = chance.randint(1, 1000) if seed % 4 == 0 else int(1000 ** chance.random())
    bad = set(chance.sample(range(size), chance.randint(0, min(20, size))))
    desk = Picky(bad, chance.choice(CLASSES))
    state = tmp_path if chance.random() < 0.7 else None
    report = run(desk.spec(size), size, state, chance.choice(MODES))

    assert counts(report) == arrived(size, bad)
    assert sorted(each.key for each in report.rejections) == sorted(bad)
    assert sorted(desk.taken) == sorted(set(range(size)) - bad)
    assert len(desk.asked) <= bound(size, len(bad))
    assert len(set(desk.asked)) == len(desk.asked)
    assert report.exit_code == (8 if bad else 0)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, *([8, 9, 10] if FULL else [])])
def test_wherever_the_bad_ones_are_in_a_small_batch(size):
    for pattern in range(2**size):
        bad = {each for each in range(size) if pattern >> each & 1}
        desk = Picky(bad, CLASSES[pattern % 4])
        run(desk.spec(size), size)

        assert sorted(desk.taken) == sorted(set(range(size)) - bad)
        assert len(desk.asked) <= bound(size, len(bad))


@pytest.mark.parametrize("delivery", CLASSES)
def test_a_bad_batch_costs_the_batches_beside_it_no_request(delivery, tmp_path):
    desk = Picky({70, 75, 130}, delivery)
    report = run(desk.spec(64), 320, tmp_path)

    per_batch = [sum(f"-{place:06d}" in each for each in desk.asked) for place in range(1, 6)]
    assert counts(report) == {"delivered": 317, "rejected": 3}
    assert [per_batch[place] for place in (0, 3, 4)] == [1, 1, 1]
    assert 1 < per_batch[1] <= bound(64, 2)
    assert 1 < per_batch[2] <= bound(64, 1)


def test_what_was_refused_is_not_sent_again_and_the_rest_is_not_either(tmp_path):
    desk = Picky({3, 50}, "keyed")
    first = run(desk.spec(64), 64, tmp_path)
    asked = len(desk.asked)
    second = run(desk.spec(64), 64, tmp_path, turn=2)

    assert counts(first) == {"delivered": 62, "rejected": 2}
    assert counts(second) == {"skipped": 64}
    assert len(desk.asked) == asked


# Where so many are refused for one reason that the mapping must be wrong


@pytest.mark.parametrize(
    ("size", "bad", "stops"),
    [
        (20, 20, False),
        (21, 20, False),
        (21, 21, True),
        (40, 21, True),
        (100, 20, False),
        (100, 21, True),
        (104, 21, True),
        (105, 21, False),
        (105, 22, True),
        (500, 100, False),
        (500, 101, True),
        (1000, 200, False),
        (1000, 201, True),
        (1000, 1000, True),
    ],
)
@pytest.mark.parametrize("delivery", CLASSES)
def test_more_than_a_fifth_refused_for_one_reason_stops_the_run(
    size, bad, stops, delivery, tmp_path
):
    chosen = set(random.Random(size + bad).sample(range(size), bad))
    desk = Picky(chosen, delivery)
    report = run(desk.spec(size), size, tmp_path)

    enough = max(21, size // 5 + 1)
    refused = {each.key for each in report.rejections}
    assert report.rejected == len(refused) == (enough if stops else bad)
    assert refused <= chosen
    assert report.exit_code == (9 if stops else 8)
    assert ("mapping" in (report.problem or "")) is stops
    assert report.delivered == len(desk.taken) == len(set(desk.taken))
    assert report.failed == size - report.delivered - report.rejected
    assert stops or not report.failed
    assert len(desk.asked) <= bound(size, report.rejected)


def test_after_such_a_stop_the_next_batch_is_not_sent(tmp_path):
    desk = Picky(set(range(100)))
    report = run(desk.spec(100), 300, tmp_path)

    assert counts(report) == {"rejected": 21, "failed": 279}
    assert desk.taken == []
    assert {each.partition("/")[0] for each in desk.asked} == {desk.asked[0]}


@pytest.mark.parametrize("delivery", CLASSES)
def test_what_such_a_stop_left_arrives_once_when_the_mapping_is_right(delivery, tmp_path):
    bad = set(random.Random(7).sample(range(200), 90))
    desk = Picky(bad, delivery)
    first = run(desk.spec(200), 200, tmp_path)
    desk.bad = set()
    second = run(desk.spec(200), 200, tmp_path, turn=2)

    refused = {each.key for each in first.rejections}
    assert counts(second) == {"delivered": first.failed, "skipped": 200 - first.failed}
    assert sorted(desk.taken) == sorted(set(range(200)) - refused)


def test_refusals_of_several_kinds_do_not_stop_the_run(tmp_path):
    desk = Picky(set(range(40)), reason=lambda key: f"kind {key % 2}")
    report = run(desk.spec(100), 100, tmp_path)

    assert counts(report) == {"delivered": 60, "rejected": 40}
    assert len(desk.asked) <= bound(100, 40)


def test_refusals_are_counted_for_each_batch_alone(tmp_path):
    desk = Picky({each for each in range(240) if each % 60 < 15})
    report = run(desk.spec(60), 240, tmp_path)

    assert counts(report) == {"delivered": 180, "rejected": 60}


# Where a part of the batch was accepted before the refusal, or the run dies between two parts


@pytest.mark.parametrize("delivery", CLASSES)
@pytest.mark.parametrize("seed", range(60 if FULL else 6))
def test_what_was_accepted_before_a_refusal_is_doubled_only_where_that_is_harmless(
    delivery, seed, monkeypatch
):
    chance = random.Random(seed)
    size, step = chance.randint(2, 60), chance.randint(1, 20)
    bad = set(chance.sample(range(size), chance.randint(1, min(3, size))))
    taken = []

    def send(self, method, url, headers, body, private):
        keys = json.loads(body)
        if bad & set(keys):
            return Answer(422, {}, b"{}")
        taken.extend(keys)
        return Answer(200, {}, b"{}")

    def write(batch: tailrace.Batch, http: tailrace.Http):
        keys = [each.key for each in batch]
        for at in range(0, len(keys), step):
            http.post("https://service.example/rows", json=keys[at : at + step])

    monkeypatch.setattr(Wire, "send", send)
    report = run(tailrace.destination(**declared(delivery, size))(write), size)

    refused = {each.key for each in report.rejections}
    assert refused <= bad
    if delivery == "idempotent":
        assert counts(report) == arrived(size, bad)
        assert set(taken) == set(range(size)) - bad
    else:
        assert len(taken) == len(set(taken))
        assert report.delivered <= len(taken) <= report.delivered + report.in_doubt
        assert report.in_doubt == size - report.delivered - len(refused)


@pytest.mark.parametrize("delivery", CLASSES)
def test_a_run_that_dies_while_it_splits_loses_and_doubles_nothing(delivery, tmp_path):
    good, bad = {0, 2, 3, 5, 6}, {1, 4}
    died, last = True, 0
    while died:
        last += 1
        place = tmp_path / str(last)
        place.mkdir()
        died = dies_at(last, Service(place, delivery, poison=bad), place)
        service = Service(place, delivery, poison=bad)
        report = run(service.spec(7), 7, place / "state", turn=2)

        times = service.times()
        assert not times.keys() & bad
        assert delivery == "idempotent" or set(times.values()) <= {1}
        if died and delivery == "at_most_once":
            assert (report.in_doubt, report.exit_code) == (7, 4)
        else:
            assert times.keys() == good
            assert (report.skipped, report.exit_code) == (7, 0)
    assert last > 8


def dies_at(last, service, place):
    """Run in a process that dies at that step of the service; tell whether it had so many."""
    steps = iter(range(1, 1000))

    def step():
        if next(steps) == last:
            os._exit(DIED)

    service.step = step
    code = in_child(lambda: run(service.spec(7), 7, place / "state"))
    assert code in (0, DIED)
    return code == DIED
