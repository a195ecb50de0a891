"""Delivery against limits in virtual time: told, guessed, of every kind, and shared by two."""

import pytest

from tailrace._engine.guess import Guess
from tailrace._engine.quota import open_quota
from tailrace.components import Rate

from .limiters import AtOnce, Bucket, Fixed, Sliding
from .simulated import Run, Service, World

KINDS = {"sliding": Sliding, "fixed": Fixed, "bucket": Bucket}


def limiter_of(kind, world, count, per=1.0):
    return Fixed(count, per, starts=world.now) if kind == "fixed" else KINDS[kind](count, per)


@pytest.mark.parametrize("asks", ["whole", "exact", None])
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_that_nobody_told_is_found(kind, asks):
    world = World()
    service = Service(world, limiter_of(kind, world, 50), asks=asks)
    run = Run(world, service, 2000)
    world.run()

    assert run.seconds <= 1.05 * 2000 / 50
    assert service.refused <= 0.02 * service.seen
    assert 0 == service.early


@pytest.mark.parametrize("ceiling", [None, 200])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("count", "per"), [(50, 1.0), (190, 10.0), (7, 1.0)])
def test_a_declared_limit_is_used_up_and_kept(kind, ceiling, count, per):
    world = World()
    requests = int(40 * count / per)
    service = Service(world, limiter_of(kind, world, count, per))
    run = Run(world, service, requests, rates=[Rate(count, per, "a")], ceiling=ceiling)
    world.run()

    assert run.seconds <= 1.03 * 40
    assert service.refused <= 0.001 * service.seen


@pytest.mark.parametrize(
    "headers",
    [
        lambda left: {"ratelimit-policy": "50;w=1"},
        lambda left: {"ratelimit": f"limit=50, remaining={left}, reset=1"},
        lambda left: {
            "x-ratelimit-limit": "50",
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": "1",
        },
        lambda left: {
            "x-hubspot-ratelimit-max": "50",
            "x-hubspot-ratelimit-interval-milliseconds": "1000",
            "x-hubspot-ratelimit-remaining": str(left),
        },
    ],
    ids=["policy", "ratelimit", "x-ratelimit", "hubspot"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_in_headers_is_used_up_and_kept(kind, headers):
    world = World()
    limiter = limiter_of(kind, world, 50)
    service = Service(world, limiter, tells=lambda now: headers(limiter.left(now)))
    run = Run(world, service, 2000)
    world.run()

    assert run.seconds <= 1.03 * 40
    assert service.refused <= 0.001 * service.seen


def test_at_most_so_many_at_once_are_found_after_a_while():
    world = World()
    service = Service(world, AtOnce(10), asks=None)
    Run(world, service, 6000)
    world.run(until=1060.0)
    before = len(service.passed)
    world.run(until=1090.0)

    # Ten at a time, each a little over a tenth of a second.
    assert len(service.passed) - before >= 0.75 * 30 * 10 / 0.107
    assert service.refused <= 0.02 * service.seen


def test_a_quota_of_the_day_waits_as_long_as_it_asks():
    world = World()
    service = Service(world, Fixed(300, 3600.0, starts=world.now))
    run = Run(world, service, 500)
    world.run()

    assert 3600 <= run.seconds <= 3640
    assert 0 == service.early


def test_a_pause_of_one_scope_holds_up_no_other():
    world = World()
    slow, free = Service(world, Fixed(5, 600.0, starts=world.now)), Service(world)
    held = Run(world, slow, 10, scope="slow")
    run = Run(world, free, 500, scope="free")
    run.pace = held.pace
    world.run()

    assert held.seconds > 600
    assert run.seconds < 3


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_share_what_is_declared(tmp_path, kind):
    world = World()
    service = Service(world, limiter_of(kind, world, 300))
    with open_quota(tmp_path) as one, open_quota(tmp_path) as two:
        runs = [
            Run(
                world,
                service,
                3000,
                rates=[Rate(300, 1.0, "a")],
                slots=lambda rate, each=each: each.shared(("crm",), rate),
            )
            for each in (one, two)
        ]
        world.run()

    seconds = max(run.seconds for run in runs)
    assert 285 <= 6000 / seconds <= 315
    assert service.refused <= 0.005 * service.seen
    assert 0.8 <= runs[0].seconds / runs[1].seconds <= 1.25


def test_one_refusal_in_many_lowers_little():
    guess = Guess()
    for at in range(250):
        if at == 50:
            guess.refused(11.0, 11.0, None, None)
        guess.passed(10.0 + at / 50 + (at >= 50))
    guess.refused(16.0, 16.0, None, None)

    assert 47 <= guess.base < 50


def test_what_left_before_a_refusal_came_back_lowers_once():
    guess = Guess()
    for at in range(20):
        guess.passed(10.0 + at / 100)
    for at in range(5):
        guess.refused(10.3 + at / 100, 10.4, None, None)

    assert 0.98 * 20 < guess.base < 20


@pytest.mark.parametrize("every", [0.7, 3.0, 600.0])
def test_the_first_refusal_of_few_requests_brings_them_to_no_standstill(every):
    guess = Guess()
    for n in range(10):
        guess.passed(n * every)
    guess.refused(10 * every, 10 * every, None, None)
    guess.take(10 * every)

    assert 10 * every < guess.earliest(10 * every, 10 * every) <= 10 * every + 1.1
