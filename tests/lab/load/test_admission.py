"""Who is turned away at the door of an instance: above its rate, and who is not critical when places run short."""

import numpy as np
import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Component, Estimate, RateLimit, System, replace_component

CONSTANT = load.Law("constant", 0)


def with_deployment(component: Component, **changes: object) -> Component:
    assert component.deployment is not None
    return structs.replace(component, deployment=structs.replace(component.deployment, **changes))


def limited(rate: float, limit: float, burst: float | None, replicas: int = 1) -> System:
    web = sketch.component("web", workers=100, replicas=replicas)
    web = with_deployment(web, rate_limit=RateLimit(rate_per_s=Estimate(limit), burst=None if burst is None else Estimate(burst)))
    return sketch.system([web], [sketch.operation("GET /", "web", sketch.work(1))], {"GET /": rate})


def test_a_rate_limit_lets_its_rate_through() -> None:
    for replicas in (1, 3):
        outcome = load.run(limited(100, 20, 5, replicas), load.Scenario(500, slice_s=100))
        assert outcome.goodput_per_s == pytest.approx(20 * replicas, rel=0.02)
        assert outcome.shed == outcome.offered - outcome.succeeded
        assert outcome.components[0].shed == outcome.shed


def test_a_rate_limit_lets_a_burst_through_at_once() -> None:
    system = limited(0.01, 10, 50)
    scenario = load.Scenario(60, arrivals=load.spike(100_000, 30, 1))
    succeeded = [round(each) for each in load.run(system, scenario).series.goodput_per_s]
    assert succeeded[30] == pytest.approx(60, abs=2), "fifty saved ones, and ten that come while the burst lasts"
    # One second's worth is saved where nobody says more.
    assert round(load.run(limited(0.01, 10, None), scenario).series.goodput_per_s[30]) == pytest.approx(20, abs=2)


def test_what_a_rate_limit_turns_away_is_what_a_token_bucket_of_its_own_counts() -> None:
    """Poisson requests, half of them above the limit, against the recursion written for one bucket."""
    random = np.random.default_rng(5)
    tokens, counted_at, passed, now = 3.0, 0.0, 0, 0.0
    for gap in random.exponential(1 / 40, 200_000):
        now += gap
        tokens = min(3.0, tokens + 40 * (now - counted_at))
        counted_at = now
        if tokens >= 1:
            tokens -= 1
            passed += 1
    outcome = load.run(limited(40, 40, 3), load.Scenario(5000, slice_s=1000))
    assert outcome.success_ratio == pytest.approx(passed / 200_000, abs=0.005)


def two_classes(critical_rate: float, other_rate: float, servers: int, reserved: float, queue: int = 0) -> System:
    web = with_deployment(sketch.component("web", workers=servers, queue_limit=queue), reserved=Estimate(reserved))
    operations = [
        sketch.operation("buy", "web", sketch.work(10)),
        structs.replace(sketch.operation("browse", "web", sketch.work(10)), critical=False),
    ]
    return sketch.system([web], operations, {"buy": critical_rate, "browse": other_rate})


def blocked(critical: float, other: float, places: int, open_to_all: int, servers: int) -> tuple[float, float]:
    """Return the shares of critical and other arrivals that are turned away, from the birth-death chain (trunk reservation)."""
    weights = [1.0]
    for state in range(places):
        arriving = critical + (other if state < open_to_all else 0.0)
        weights.append(weights[-1] * arriving * 10 / min(state + 1, servers))
    total = sum(weights)
    return weights[-1] / total, sum(weights[open_to_all:]) / total


@pytest.mark.parametrize(("servers", "queue", "reserved"), [(10, 0, 0.3), (8, 8, 0.25), (4, 0, 0.0)])
def test_places_are_kept_for_what_is_critical(servers: int, queue: int, reserved: float) -> None:
    exact = blocked(0.5, 0.6, servers + queue, round((1 - reserved) * (servers + queue)), servers)
    outcome = load.run(two_classes(500, 600, servers, reserved, queue), load.Scenario(500, slice_s=100))
    shares = {each.operation: each.shed / each.offered for each in outcome.entries}
    assert shares["buy"] == pytest.approx(exact[0], abs=0.006)
    assert shares["browse"] == pytest.approx(exact[1], abs=0.006)


def test_what_calls_for_something_not_critical_is_not_critical_either() -> None:
    system = two_classes(500, 600, 10, 0.3)
    front = [
        sketch.operation("POST /buy", "front", sketch.call("buy")),
        structs.replace(sketch.operation("GET /", "front", sketch.call("buy")), critical=False),
    ]
    whole = sketch.system(
        [system.component("web"), sketch.component("front")],
        [*system.operations, *front],
        {"POST /buy": 500, "GET /": 600},
    )
    failed = {each.operation: each.failed / each.offered for each in load.run(whole, load.Scenario(200, slice_s=50)).entries}
    exact = blocked(0.5, 0.6, 10, 7, 10)
    assert failed["POST /buy"] == pytest.approx(exact[0], abs=0.01)
    assert failed["GET /"] == pytest.approx(exact[1], abs=0.01)


def test_an_event_loop_keeps_a_share_of_its_backlog() -> None:
    system = two_classes(60, 90, 1, 0.5, 20)
    loop = with_deployment(system.component("web"), event_loop=True)
    outcome = load.run(replace_component(system, loop), load.Scenario(300, slice_s=50))
    shares = {each.operation: each.shed / each.offered for each in outcome.entries}
    assert shares["buy"] < 0.01
    assert shares["browse"] == pytest.approx(1 - 40 / 90, abs=0.03)
